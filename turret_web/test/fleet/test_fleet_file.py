# SPDX-License-Identifier: Apache-2.0
"""``fleet.yaml`` is read only where it is valid and private."""

from __future__ import annotations

from pathlib import Path

import pytest

from turret_common.errors import TurretError
from turret_web.fleet.fleet_file import FleetEntry, load_fleet


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / 'fleet.yaml'
    path.write_text(text)
    path.chmod(mode)
    return path


def test_without_a_file_there_are_no_entries(tmp_path: Path) -> None:
    assert load_fleet(tmp_path / 'fleet.yaml') == []


def test_entries_have_a_name_an_address_and_maybe_a_token(tmp_path: Path) -> None:
    path = written(tmp_path, '''
turrets:
  - {name: hall, url: "https://10.0.0.5:8000/", token: secret, certificate: /etc/hall.pem}
  - {name: bench, url: "http://127.0.0.1:8001"}
''')
    assert load_fleet(path) == [
        FleetEntry('hall', 'https://10.0.0.5:8000', 'secret', '/etc/hall.pem'),
        FleetEntry('bench', 'http://127.0.0.1:8001')]


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TurretError, match='chmod 600'):
        load_fleet(written(tmp_path, 'turrets: []', 0o644))


@pytest.mark.parametrize('text', [
    '', '[]', 'turrets: 1', 'turrets: [1]', 'turrets: [{name: a}]', 'turrets: [{name: a, url: "ftp://b"}]',
    'turrets: [{url: "http://b"}]', 'turrets: [{name: a, url: "http://b", color: red}]', 'turrets: [{name: 1, url: 2}]',
    'turrets: [{name: /left, url: "http://b"}]',
    'turrets: [{name: a, url: "javascript:alert(1)"}]', 'turrets: [{name: a, url: "http://b/path"}]', '{',
    'turrets: [{name: a, url: "http://b"}, {name: a, url: "http://c"}]'])
def test_a_file_that_is_not_valid_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(TurretError, match=r'fleet\.yaml'):
        load_fleet(written(tmp_path, text))

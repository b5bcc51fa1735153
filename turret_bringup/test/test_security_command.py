# SPDX-License-Identifier: Apache-2.0
"""``./turret security`` calls ``ros2 security`` for each group; SROS2 itself comes with a distribution only."""

from __future__ import annotations

from pathlib import Path

import pytest

from turret_bringup import cli

#: Makes the files that SROS2 makes, as far as the command looks at them, and writes down how it was called.
_ROS2 = """#!/bin/sh
echo "$@" >> "$CALLS"
case $2 in
create_keystore) mkdir -p "$3/enclaves" ;;
create_enclave)
  [ ! -e "$3/broken" ] || { echo some; echo why; exit 1; }
  mkdir -p "$3/enclaves$4"; : > "$3/enclaves$4/key.pem" ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / 'bin' / 'ros2'
    program.parent.mkdir()
    program.write_text(_ROS2)
    program.chmod(0o755)
    monkeypatch.setenv('PATH', f'{program.parent}:/usr/bin:/bin')
    monkeypatch.setenv('CALLS', str(tmp_path / 'calls'))
    return tmp_path / 'calls'


def test_each_group_gets_an_enclave_once(calls: Path, tmp_path: Path) -> None:
    keys = tmp_path / 'keys'
    assert cli.main(['security', 'create', str(keys), '--namespace', 'left']) == 0
    groups = ('hardware', 'perception', 'control', 'operator')
    assert calls.read_text().splitlines() == [
        f'security create_keystore {keys}', *(f'security create_enclave {keys} /left/{group}' for group in groups)]
    assert cli.main(['security', 'create', str(keys), '--namespace', 'right']) == 0
    assert cli.main(['security', 'create', str(keys), '--namespace', 'left']) == 0
    assert len(calls.read_text().splitlines()) == 9


def test_why_it_failed_is_reported(calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / 'keys'
    (keys / 'enclaves').mkdir(parents=True)
    (keys / 'broken').touch()
    assert cli.main(['security', 'create', str(keys)]) == 2
    assert 'create_enclave failed: why' in capsys.readouterr().err
    assert len(calls.read_text().splitlines()) == 1


def test_without_a_distribution_it_says_what_is_missing(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv('PATH', str(tmp_path))
    assert cli.main(['security', 'create', str(tmp_path / 'keys')]) == 2
    assert 'distribution' in capsys.readouterr().err
    assert not (tmp_path / 'keys').exists()

# SPDX-License-Identifier: Apache-2.0
"""Saved JSON files: round trip, versions, and files that are damaged, unreadable or of a newer program."""

import json
from pathlib import Path
from typing import Any

import pytest

from turret_common.errors import TurretError
from turret_common.json_file import JsonFile
from turret_common.reason_codes import ReasonCode

DAMAGED = [b'', b'not json', b'\xff\xfe', b'null', b'[]', b'{}', b'{"version": 1}', b'{"version": 1, "data": "x"}',
           b'{"version": 1, "data": {"a": "x"}}', b'{"version": [], "data": {}}', b'[' * 100_000,
           b'{"version": 1, "data": {"a": 1' + b'0' * 400 + b'}}']


def parse(data: Any) -> dict[str, float]:
    return {name: float(value) for name, value in data.items()}


@pytest.fixture
def file(tmp_path: Path) -> JsonFile[dict[str, float]]:
    return JsonFile(tmp_path / 'state' / 'values.json', 1, parse, dict)


def write(file: JsonFile[Any], data: bytes) -> None:
    file.path.parent.mkdir(exist_ok=True)
    file.path.write_bytes(data)


def test_no_file_is_none_and_a_saved_value_is_read_again(file: JsonFile[dict[str, float]]) -> None:
    assert file.load() is None
    file.save({'a': 1.5})
    assert file.load() == {'a': 1.5}
    assert json.loads(file.path.read_bytes())['version'] == 1
    assert file.path.stat().st_mode & 0o777 == 0o600
    file.remove()
    file.remove()
    assert file.load() is None


@pytest.mark.parametrize('data', DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_refused_and_stays(file: JsonFile[dict[str, float]], data: bytes) -> None:
    write(file, data)
    with pytest.raises(TurretError, match=file.path.name) as error:
        file.load()
    assert error.value.code is ReasonCode.DAMAGED
    assert file.path.read_bytes() == data


def test_an_unreadable_file_is_refused(file: JsonFile[dict[str, float]]) -> None:
    file.path.mkdir(parents=True)
    with pytest.raises(TurretError, match=file.path.name) as error:
        file.load()
    assert error.value.code is ReasonCode.IO_ERROR
    with pytest.raises(TurretError) as error:
        file.save({})
    assert error.value.code is ReasonCode.IO_ERROR


def test_set_aside_means_renamed_and_reported(file: JsonFile[dict[str, float]]) -> None:
    reports: list[TurretError] = []
    for number in (1, 2):
        write(file, b'broken %d' % number)
        assert file.load_or_set_aside(reports.append) is None
        aside = file.path.with_name(f'values.json.unusable-{number}')
        assert aside.read_bytes() == b'broken %d' % number
        assert reports[-1].code is ReasonCode.DAMAGED
        assert aside.name in reports[-1].message
    assert not file.path.exists()
    file.save({'a': 1.0})
    assert file.load_or_set_aside(reports.append) == {'a': 1.0}
    assert len(reports) == 2


def test_older_versions_are_migrated_step_by_step_and_newer_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / 'values.json'
    JsonFile(path, 1, list, list).save(['a'])
    newest = JsonFile(
        path, 3, parse, dict, {1: lambda names: dict.fromkeys(names, 1), 2: lambda data: {**data, 'b': 2}})
    assert newest.load() == {'a': 1.0, 'b': 2.0}
    newest.save({'c': 3.0})
    with pytest.raises(TurretError, match='version 3') as error:
        JsonFile(path, 1, list, list).load()
    assert error.value.code is ReasonCode.NOT_SUPPORTED

# SPDX-License-Identifier: Apache-2.0
"""The stop on disk: kept over a restart, also on a full disk, and never lost quietly."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.safety.stop_file import NO_STOP, StopFile, StopRecord

RECORD = StopRecord(200 * 'ä', 7, 2)


@pytest.fixture
def file(tmp_path: Path) -> StopFile:
    return StopFile(tmp_path / 'stop.record', 'run 1')


@pytest.mark.parametrize('record', [NO_STOP, RECORD, StopRecord(None, 3, 1)])
def test_a_record_is_kept(file: StopFile, record: StopRecord) -> None:
    assert file.load() == NO_STOP
    file.save(RECORD)
    file.save(record)
    assert file.load() == record
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.stat().st_size == 4096


def test_a_turret_that_was_never_stopped_has_no_counts() -> None:
    assert NO_STOP == (None, 0, 0)


def test_a_record_is_on_the_disk_before_its_save_returns_and_its_file_is_closed(
        file: StopFile, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, int]] = []
    for name in ('fdatasync', 'close'):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, lambda fd, name=name, call=call: (calls.append((name, fd)), call(fd)))
    file.save(RECORD)
    monkeypatch.undo()
    assert [name for name, _ in calls] == ['fdatasync', 'close']
    assert calls[0][1] == calls[1][1]


def test_a_record_that_was_written_in_part_is_not_saved(file: StopFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.save(NO_STOP)
    monkeypatch.setattr(os, 'pwrite', lambda fd, data, offset: len(data) - 1)
    with pytest.raises(TurretError, match='in part only') as refusal:
        file.save(RECORD)
    assert refusal.value.code is ReasonCode.IO_ERROR


def test_the_counts_of_a_lost_record_are_a_million_beyond_the_seconds_since_the_start(file: StopFile) -> None:
    file.path.mkdir()
    before = time.monotonic()
    _, stops, estops = file.load()
    assert stops == estops
    assert before - 1.0 <= stops - 1_000_000 <= time.monotonic() + 1.0


def test_it_is_known_whether_this_run_had_a_record_before(file: StopFile) -> None:
    file.load()
    assert not file.found
    file.save(NO_STOP)
    other = StopFile(file.path, 'run 2')
    other.load()
    assert not other.found
    again = StopFile(file.path, 'run 1')
    assert not again.found
    again.load()
    assert again.found


def test_another_run_begins_to_count_again_and_keeps_the_stop(file: StopFile) -> None:
    file.save(RECORD)
    assert StopFile(file.path, 'run 2').load() == StopRecord(RECORD.reason)


def test_a_stop_needs_no_space_once_the_file_exists(file: StopFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.save(NO_STOP)
    before = file.path.stat()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr('tempfile.mkstemp', full)
    monkeypatch.setattr(os, 'ftruncate', full)
    file.save(RECORD)
    after = file.path.stat()
    assert (after.st_size, after.st_blocks, after.st_ino) == (before.st_size, before.st_blocks, before.st_ino)
    assert file.load() == RECORD


@pytest.mark.parametrize('damage', [
    lambda data: b'', lambda data: data[:100], lambda data: data.replace(b'"stops": 7', b'"stops": 8'),
    lambda data: b'x' + data[1:]])
def test_a_damaged_record_is_a_stop_with_counts_that_no_one_has_seen(file: StopFile, damage: object) -> None:
    file.save(StopRecord(None, 7, 2))
    file.path.write_bytes(damage(file.path.read_bytes()))  # type: ignore[operator]
    lost = file.load()
    assert lost.reason == 'the record of the stop is damaged'
    assert min(lost.stops, lost.estops) >= 1_000_000


def test_a_record_that_cannot_be_read_or_written_is_a_stop(file: StopFile) -> None:
    file.path.mkdir()
    assert 'cannot be read' in (file.load().reason or '')
    with pytest.raises(TurretError) as refusal:
        file.save(RECORD)
    assert refusal.value.code is ReasonCode.IO_ERROR

# SPDX-License-Identifier: Apache-2.0
"""Only segments whose owner is dead are cleared."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path

import pytest

from turret_bringup.run import shared_memory

NAME = 'fastrtps_0123456789abcdef'


def segment(folder: Path, name: str = NAME, age_s: float = 60.0, state: int = 2) -> Path:
    path, lock = folder / name, folder / f'{name}_el'
    path.write_bytes(state.to_bytes(4, sys.byteorder) + bytes(96))
    lock.touch()
    for file in (path, lock):
        os.utime(file, (time.time() - age_s,) * 2)
    return path


def test_a_segment_of_a_dead_process_is_cleared_with_its_lock(tmp_path: Path) -> None:
    path = segment(tmp_path)
    assert shared_memory.orphans(tmp_path) == [path]
    shared_memory.clear_orphans(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_locked_segment_is_left_alone(tmp_path: Path) -> None:
    path = segment(tmp_path)
    with (tmp_path / f'{NAME}_el').open() as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        shared_memory.clear_orphans(tmp_path)
        assert path.exists()
    assert shared_memory.orphans(tmp_path) == [path]


def test_a_segment_that_was_just_made_is_left_alone(tmp_path: Path) -> None:
    segment(tmp_path, age_s=0.0)
    assert not shared_memory.orphans(tmp_path)


@pytest.mark.parametrize('state', [0, 1, 3])
def test_the_segment_of_a_port_that_was_never_completed_is_cleared(state: int, tmp_path: Path) -> None:
    segment(tmp_path, 'fastrtps_port7411', state=state)
    young = segment(tmp_path, 'fastrtps_port7413', age_s=0.0, state=state)
    complete = segment(tmp_path, 'fastrtps_port7415')
    shared_memory.clear_orphans(tmp_path)
    assert {path for path in tmp_path.iterdir() if not path.name.endswith('_el')} == {young, complete}


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ('fastrtps_port7411', 'other', 'fastrtps_0123456789abcdeX', 'sem.fastrtps_port7411_mutex'):
        segment(tmp_path, name)
    assert not shared_memory.orphans(tmp_path)


def test_one_that_disappears_meanwhile_is_no_error(tmp_path: Path) -> None:
    (tmp_path / f'{NAME}_el').symlink_to(tmp_path / 'gone')
    assert not shared_memory.orphans(tmp_path)

# SPDX-License-Identifier: Apache-2.0
"""Only segments whose owner is dead are cleared."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from turret_bringup.run import shared_memory

NAME = 'fastrtps_0123456789abcdef'


def segment(folder: Path, name: str = NAME, age_s: float = 60.0) -> Path:
    path = folder / name
    path.write_bytes(bytes(100))
    lock = folder / f'{name}_el'
    lock.touch()
    os.utime(lock, (time.time() - age_s,) * 2)
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


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ('fastrtps_port7411', 'other', 'fastrtps_0123456789abcdeX', 'sem.fastrtps_port7411_mutex'):
        segment(tmp_path, name)
    assert not shared_memory.orphans(tmp_path)


def test_one_that_disappears_meanwhile_is_no_error(tmp_path: Path) -> None:
    (tmp_path / f'{NAME}_el').symlink_to(tmp_path / 'gone')
    assert not shared_memory.orphans(tmp_path)

# SPDX-License-Identifier: Apache-2.0
"""Only segments whose owner is dead are cleared."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
from collections.abc import Iterator
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


def is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        try:
            other.bind(('', port))
        except OSError:
            return True
    return False


@pytest.fixture
def ports() -> Iterator[int]:
    """Free ports for messages of participants, far from the domains in use."""
    return (port for port in range(7400 + 250 * 99 + 11, 7400 + 250 * 100, 2) if not is_taken(port - 1))


def listener(folder: Path, port: int, age_s: float = 60.0) -> Path:
    return segment(folder, f'fastrtps_port{port}', age_s).with_name(f'fastrtps_port{port}_el')


def test_the_ports_of_a_participant_that_dies_are_kept(tmp_path: Path, ports: Iterator[int]) -> None:
    earlier, dying, living, young = (next(ports) for _ in range(4))
    leftovers = shared_memory.Leftovers(tmp_path)
    listener(tmp_path, earlier)
    with listener(tmp_path, dying).open() as lock, listener(tmp_path, living).open() as other:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(other, fcntl.LOCK_EX)
        leftovers.clear()
        assert not is_taken(dying - 1)
        fcntl.flock(lock, fcntl.LOCK_UN)
        listener(tmp_path, young, age_s=0.0)
        leftovers.clear()
        assert [is_taken(port - 1) for port in (earlier, dying, living, young)] == [False, True, False, False]


def test_a_port_that_dies_again_is_kept(tmp_path: Path, ports: Iterator[int]) -> None:
    port = next(ports)
    leftovers = shared_memory.Leftovers(tmp_path)
    lock = listener(tmp_path, port)
    leftovers.clear()
    lock.rename(tmp_path / 'old')  # so that the new file has another inode
    listener(tmp_path, port)
    leftovers.clear()
    assert is_taken(port - 1)


def test_ports_that_are_not_for_messages_of_one_participant_are_not_kept(tmp_path: Path, ports: Iterator[int]) -> None:
    port = next(ports)
    leftovers = shared_memory.Leftovers(tmp_path)
    leftovers.clear()
    for other in (port - 1, 7401 + 250 * 99, 7021):
        listener(tmp_path, other)
    leftovers.clear()
    assert not any(is_taken(other - 1) for other in (port - 1, 7401 + 250 * 99, 7021))


def test_only_the_newest_ports_are_kept(tmp_path: Path, ports: Iterator[int]) -> None:
    dead = [next(ports) for _ in range(25)]
    leftovers = shared_memory.Leftovers(tmp_path)
    leftovers.clear()
    for port in dead:
        listener(tmp_path, port)
        leftovers.clear()
    assert [is_taken(port - 1) for port in dead] == [False] * 5 + [True] * 20

# SPDX-License-Identifier: Apache-2.0
"""Values that a thread of its own saves: the newest counts, a failing or hanging disk is seen, nothing is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from turret_common.testing.waiting import wait_until
from turret_common.threads.saver import Saver


class Disk:
    """Takes values.

    Attributes:
        saved: the values that were taken.
        problem: raised instead, while it is set.
        free: cleared while the disk hangs.
        asked: a value was given to it.
        on_saved: called before a value counts as saved.
        reports: problems that were reported.
    """

    def __init__(self) -> None:
        self.saved: list[int] = []
        self.problem = ''
        self.free = threading.Event()
        self.free.set()
        self.asked = threading.Event()
        self.on_saved: Callable[[int], None] = lambda value: None
        self.reports: list[str] = []
        self.saver: Saver[int] = Saver('test', self.save, self.reports.append, retry_s=0.01)

    def save(self, value: int) -> None:
        self.asked.set()
        self.free.wait()
        if self.problem:
            raise OSError(self.problem)
        self.on_saved(value)
        self.saved.append(value)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.free.set()
    disk.problem = ''
    disk.saver.close()


def test_what_is_saved_is_not_unsaved(disk: Disk) -> None:
    assert disk.saver.unsaved_s == 0.0
    for value in (1, 2):
        disk.saver.put(value)
        wait_until(lambda: disk.saver.unsaved_s == 0.0)
        assert disk.saved[-1] == value
    assert disk.reports == []


def test_a_full_disk_is_reported_once_and_tried_until_it_takes_the_newest_value(disk: Disk) -> None:
    disk.problem = 'full'
    disk.saver.put(1)
    wait_until(lambda: disk.saver.problem == 'OSError: full')
    disk.saver.put(2)
    wait_until(lambda: disk.saver.unsaved_s > 0.1)
    assert disk.reports == ['OSError: full']
    disk.problem = ''
    wait_until(lambda: disk.saver.unsaved_s == 0.0)
    assert (disk.saved, disk.saver.problem) == ([2], '')


def test_a_disk_that_hangs_shows_in_the_time_since_the_value(disk: Disk) -> None:
    disk.free.clear()
    disk.saver.put(1)
    assert disk.asked.wait(10.0)
    wait_until(lambda: disk.saver.unsaved_s > 0.2)
    disk.saver.put(2)  # never waits
    assert disk.saver.unsaved_s > 0.2, 'the first is not saved yet'
    disk.free.set()
    wait_until(lambda: disk.saver.unsaved_s == 0.0)
    assert disk.saved == [1, 2]


def test_a_newer_value_is_unsaved_since_it_was_put(disk: Disk) -> None:
    disk.free.clear()
    disk.saver.put(1)
    assert disk.asked.wait(10.0)
    wait_until(lambda: disk.saver.unsaved_s > 0.5)
    disk.saver.put(2)
    begun = time.monotonic()
    unsaved: list[tuple[float, float]] = []
    disk.on_saved = lambda value: unsaved.append((disk.saver.unsaved_s, time.monotonic() - begun))
    disk.free.set()
    wait_until(lambda: disk.saver.unsaved_s == 0.0)
    (first, _), (second, since) = unsaved
    assert first > 0.5, 'the first value'
    assert second <= since + 0.1, 'the second one, put later'


def test_the_end_waits_for_what_is_not_saved_yet(disk: Disk) -> None:
    disk.free.clear()
    disk.saver.put(1)
    assert disk.asked.wait(10.0)
    disk.saver.put(2)
    disk.free.set()
    disk.saver.close(10.0)
    assert disk.saved == [1, 2]

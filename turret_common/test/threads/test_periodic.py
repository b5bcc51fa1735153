# SPDX-License-Identifier: Apache-2.0
"""Work at deadlines, or early when its wait returns."""

from __future__ import annotations

import os
import threading

import pytest

from turret_common.threads.periodic import Periodic
from turret_common.threads.real_time import in_real_time

PERIOD_S = 1000.0


class Waits:
    """Waits that a test ends, and that remember how long they were to be."""

    def __init__(self, *ends: bool) -> None:
        self.asked: list[float] = []
        self._ends = iter(ends)
        self.over = threading.Event()

    def __call__(self, timeout_s: float) -> bool:
        self.asked.append(timeout_s)
        for end in self._ends:
            return end
        self.over.set()
        threading.Event().wait(0.001)
        return False


def test_deadlines_count_from_an_early_cycle() -> None:
    waits, ticks, errors = Waits(True, True), [], []
    thread = Periodic('test', PERIOD_S, lambda: ticks.append(0), errors.append, waits)
    thread.start()
    assert waits.over.wait(10.0)
    thread.stop()
    assert errors == []
    assert len(ticks) >= 3
    # Each wait begins a whole period before its deadline, though no deadline has passed yet.
    assert all(PERIOD_S - 1.0 < asked <= PERIOD_S for asked in waits.asked[:3])


def test_a_wait_that_returns_early_without_a_reason_shifts_no_deadline() -> None:
    waits, errors = Waits(False, False), []
    begun: list[float] = []
    thread = Periodic('test', PERIOD_S, lambda: begun.append(0.0), errors.append, waits)
    thread.start()
    assert waits.over.wait(10.0)
    thread.stop()
    assert errors == []
    first, second, third = waits.asked[:3]
    assert first > second > third


def test_an_exception_ends_the_thread_and_is_reported() -> None:
    errors: list[BaseException] = []
    notified = threading.Event()

    def fail() -> None:
        raise ValueError('no')

    def note(error: BaseException) -> None:
        errors.append(error)
        notified.set()
    thread = Periodic('test', PERIOD_S, fail, note)
    thread.start()
    assert notified.wait(10.0)
    thread.stop()
    assert [str(error) for error in errors] == ['no']


@pytest.mark.parametrize('real_time', [True, False])
def test_a_thread_in_real_time_has_the_priority_that_the_system_permits(real_time: bool) -> None:
    ticked, policies = threading.Event(), []

    def tick() -> None:
        policies.append(os.sched_getscheduler(0))
        ticked.set()
    thread = Periodic('test', PERIOD_S, tick, lambda error: None, real_time=real_time)
    thread.start()
    assert ticked.wait(10.0)
    thread.stop()
    assert policies[0] == (in_real_time(lambda: os.sched_getscheduler(0)) if real_time else os.SCHED_OTHER)

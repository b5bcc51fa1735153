# SPDX-License-Identifier: Apache-2.0
"""The way of messages from threads of ROS to the loop."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import deque
from typing import Any

import pytest

from turret_web.gateway.loop_queue import LoopQueue, MessageInlet


def test_everything_arrives_in_order_also_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    arrived: list[int] = []

    async def scenario() -> None:
        deadline = time.monotonic() + 20.0
        queue = LoopQueue(asyncio.get_running_loop())

        def take(value: int) -> None:
            if value % 100 == 7:
                raise ValueError(value)
            arrived.append(value)

        def send(numbers: range) -> None:
            for number in numbers:
                queue.put(take, number)
        threads = [threading.Thread(target=send, args=(range(start, start + 2000),)) for start in (0, 10_000)]
        for thread in threads:
            thread.start()
        while len(arrived) < 3960:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
        for thread in threads:
            thread.join()
    asyncio.run(scenario())
    for start in (0, 10_000):
        own = [value for value in arrived if start <= value < start + 2000]
        assert own == sorted(own)
    assert len([record for record in caplog.records if 'could not be handled' in record.getMessage()]) == 40


def test_threads_that_come_at_the_same_time_wake_the_loop() -> None:
    class Interrupted(deque[Any]):
        """Another thread gets in right behind the first thing that is put."""

        def append(self, work: Any) -> None:
            super().append(work)
            if len(self) == 1:
                queue.put(arrived.append, 'the other\'s')

    async def scenario() -> None:
        nonlocal queue
        deadline = time.monotonic() + 10.0
        queue = LoopQueue(asyncio.get_running_loop())
        queue._calls = Interrupted()  # noqa: SLF001  the race is between two statements of put()
        queue.put(arrived.append, 'one\'s')
        while len(arrived) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
    queue: Any = None
    arrived: list[str] = []
    asyncio.run(scenario())
    assert arrived == ['one\'s', 'the other\'s']


def test_a_flood_that_the_loop_cannot_keep_up_with_is_bounded_and_others_are_served() -> None:
    async def scenario() -> None:
        taken: list[bytes] = []

        def slow(data: bytes) -> None:
            time.sleep(0.001)
            taken.append(data)
        inlet = MessageInlet(LoopQueue(asyncio.get_running_loop()), slow, 100)
        ending = threading.Event()
        newest = b''

        def flood() -> None:
            nonlocal newest
            for number in itertools.count():
                newest = b'%d' % number
                inlet.put(newest)
                if ending.wait(0.00001):
                    return
        thread = threading.Thread(target=flood)
        thread.start()
        max_s = 0.0
        for _ in range(20):
            began = time.monotonic()
            await asyncio.sleep(0)
            max_s = max(max_s, time.monotonic() - began)
        ending.set()
        thread.join()
        assert max_s < 1.0
        assert len(inlet.waiting) <= 100
        deadline = time.monotonic() + 10.0
        while taken[-1:] != [newest]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
        assert taken == sorted(taken, key=int)
        inlet.close()
        inlet.put(b'late')
        await asyncio.sleep(0.01)
        assert taken[-1] == newest
    asyncio.run(scenario())

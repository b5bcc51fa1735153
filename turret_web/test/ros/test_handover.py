"""The way of messages from threads of ROS to the loop."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from turret_web.ros_gateway import _Handover


def test_everything_arrives_in_order_also_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    arrived: list[int] = []

    async def scenario() -> None:
        deadline = time.monotonic() + 20.0
        handover = _Handover(asyncio.get_running_loop())

        def take(value: int) -> None:
            if value % 100 == 7:
                raise ValueError(value)
            arrived.append(value)

        def send(numbers: range) -> None:
            for number in numbers:
                handover.put(take, number)
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

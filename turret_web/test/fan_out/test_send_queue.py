# SPDX-License-Identifier: Apache-2.0
"""What is written to the transport of one client, and when."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast
from unittest.mock import patch

from web_testing import on_loop

from turret_web.fan_out.send_queue import HIGH_WATER, SendQueue

FRAME = bytes(10_000)
FRAMES = 20  # several times HIGH_WATER
#: Iterations of the loop in which everything must be written.
ITERATIONS = 10


class FakeTransport:
    """Transport of a client that reads ``reads`` bytes of each write at once."""

    def __init__(self, reads: int) -> None:
        self.writes: list[bytes] = []
        self.unread = 0
        self._reads = reads

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        self.unread += max(0, len(data) - self._reads)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> str:
        return name

    def abort(self) -> None:
        raise AssertionError('nothing here stalls')

    @property
    def written(self) -> int:
        return sum(map(len, self.writes))


class Frames:
    """Source of some frames."""

    def __init__(self, count: int) -> None:
        self._frames = deque([FRAME] * count)

    def next_frame(self) -> bytes:
        return self._frames.popleft()

    def has_frames(self) -> bool:
        return bool(self._frames)


async def _iterate(transport: FakeTransport, source: Frames) -> None:
    """Run the loop without letting time pass for what waits for a later time."""
    queue = SendQueue(cast(Any, transport), 10.0)
    queue.wake(source)
    with patch.object(asyncio.get_running_loop(), 'call_later'):
        for _ in range(ITERATIONS):
            await asyncio.sleep(0)
    queue.close()


@on_loop
async def test_a_client_that_reads_at_once_never_waits() -> None:
    transport = FakeTransport(reads=len(FRAME) * FRAMES)
    await _iterate(transport, Frames(FRAMES))
    assert transport.written == FRAMES * len(FRAME)
    assert max(map(len, transport.writes)) < HIGH_WATER + len(FRAME)


@on_loop
async def test_a_full_transport_gets_no_more_until_the_client_has_read() -> None:
    transport = FakeTransport(reads=0)
    await _iterate(transport, Frames(FRAMES))
    assert len(transport.writes) == 1
    assert HIGH_WATER <= transport.written < HIGH_WATER + len(FRAME)

# SPDX-License-Identifier: Apache-2.0
"""Thread-safe queue of calls for the event loop: the only way from threads of ROS to the loop."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

#: Calls made in one iteration of the loop, so that other callbacks are not delayed.
_BATCH = 20


class LoopQueue:
    """Queues calls from any thread and makes them on the loop, waking the loop once per batch."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._announced = False

    def put(self, target: Callable[[Any], None], value: Any) -> None:
        """Have ``target(value)`` called on the loop."""
        self._calls.append((target, value))
        if not self._announced:  # two threads may both see this: the loop is woken twice rather than not at all
            self._announced = True
            self._loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        self._announced = False  # before reading the queue: a call that arrives from now on wakes the loop itself
        for _ in range(min(len(self._calls), _BATCH)):
            target, value = self._calls.popleft()
            try:
                target(value)
            except Exception:  # boundary: one call that fails must not stop the others
                log.exception('a message from ROS could not be handled')
        if self._calls and not self._announced:
            self._announced = True
            self._loop.call_soon(self._run)


class MessageInlet:
    """Bounded path of one subscription's messages to the loop. The oldest message is dropped when it is full.

    Each message queues one call, which delivers the oldest message that is still there, or nothing.

    Attributes:
        waiting: messages that the loop has not yet handled.
    """

    def __init__(self, queue: LoopQueue, deliver: Callable[[bytes], None], depth: int) -> None:
        self._queue = queue
        self._deliver = deliver
        self.waiting: deque[bytes] = deque(maxlen=depth)

    def put(self, data: bytes) -> None:
        """Add a message, from any thread."""
        self.waiting.append(data)
        self._queue.put(self._deliver_next, None)

    def close(self) -> None:
        """Deliver no further message."""
        self._deliver = lambda _: None

    def _deliver_next(self, _: None) -> None:
        if self.waiting:
            self._deliver(self.waiting.popleft())

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
        for _ in range(_BATCH):
            if not self._calls:
                break
            target, value = self._calls.popleft()
            try:
                target(value)
            except Exception:  # boundary: one call that fails must not stop the others
                log.exception('a message from ROS could not be handled')
        self._announced = False  # before looking at the queue: a call that arrives from now on wakes the loop itself
        if self._calls:
            self._announced = True
            self._loop.call_soon(self._run)


class MessageInlet:
    """Bounded path of one subscription's messages to the loop. The oldest message is dropped when it is full.

    At most one call is queued, which delivers one message: a flood of one topic delays nothing else in the queue.

    Attributes:
        waiting: messages that the loop has not yet handled.
    """

    def __init__(self, queue: LoopQueue, deliver: Callable[[bytes], None], depth: int) -> None:
        self._queue = queue
        self._deliver = deliver
        self._queued = False
        self.waiting: deque[bytes] = deque(maxlen=depth)

    @property
    def room(self) -> int:
        """Number of messages that can be added before the oldest is dropped."""
        return (self.waiting.maxlen or 0) - len(self.waiting)

    def put(self, data: bytes) -> None:
        """Add a message, from any thread."""
        self.waiting.append(data)
        self._queue_call()

    def close(self) -> None:
        """Deliver no further message."""
        self._deliver = lambda _: None

    def _queue_call(self) -> None:
        if not self._queued:  # two threads may both see this: two calls are queued rather than none
            self._queued = True
            self._queue.put(self._deliver_next, None)

    def _deliver_next(self, _: None) -> None:
        self._queued = False  # before looking at the messages: one that arrives from now on queues a call itself
        if self.waiting:
            data = self.waiting.popleft()
            if self.waiting:
                self._queue_call()
            self._deliver(data)

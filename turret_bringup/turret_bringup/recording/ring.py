# SPDX-License-Identifier: Apache-2.0
"""The last seconds of messages, in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

#: What one message costs beside its own bytes [bytes].
_OVERHEAD = 200


class Held(NamedTuple):
    """A message in the buffer: topic, when it was received [ns since 1970], serialized, and when it was sent."""

    topic: str
    stamp_ns: int
    data: bytes
    published_ns: int


class _Entry(NamedTuple):
    held: Held
    latched: bool
    arrived_s: float


class RingBuffer:
    """Keeps messages until they are too old or too many. It may be used from several threads.

    Ages are of the monotonic clock: a step of the wall clock changes nothing. Of a latched topic the newest message is
    kept however old it is, because the last seconds cannot be understood without it.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        """Make an empty one.

        Args:
            seconds: how far back it reaches.
            max_bytes: memory that it may take; latched messages come on top.
        """
        self._span_s = seconds
        self._max_bytes = max_bytes
        self._messages: deque[_Entry] = deque()
        self._bytes = 0
        self._latched: dict[str, Held] = {}
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Memory in use [bytes]."""
        return self._bytes

    @property
    def span_s(self) -> float:
        """Time from the oldest to the newest message [s]."""
        with self._lock:
            return self._messages[-1].arrived_s - self._messages[0].arrived_s if self._messages else 0.0

    def add(self, message: Held, now: float, latched: bool = False) -> None:
        """Take a message, and the time now on the monotonic clock [s]."""
        with self._lock:
            self._messages.append(_Entry(message, latched, now))
            self._bytes += len(message.data) + _OVERHEAD
            while self._bytes > self._max_bytes or self._messages[0].arrived_s < now - self._span_s:
                gone = self._messages.popleft()
                self._bytes -= len(gone.held.data) + _OVERHEAD
                if gone.latched:
                    self._latched[gone.held.topic] = gone.held
                if not self._messages:
                    break

    def last(self, seconds: float = 0.0) -> list[Held]:
        """Return the messages of the last seconds before the newest, oldest first; 0 = all.

        Latched messages from before come first, with the stamp of the oldest message.
        """
        with self._lock:
            if not self._messages:
                return []
            since = self._messages[-1].arrived_s - seconds if seconds else 0.0
            latched = dict(self._latched)
            found = []
            for entry in self._messages:
                if entry.arrived_s >= since:
                    found.append(entry.held)
                elif entry.latched:
                    latched[entry.held.topic] = entry.held
        begin_ns = found[0].stamp_ns
        return [message._replace(stamp_ns=begin_ns) for message in latched.values()] + found

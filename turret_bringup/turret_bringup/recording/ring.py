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


class RingBuffer:
    """Keeps messages until they are too old or too many. It may be used from several threads.

    Of a latched topic the newest message is kept however old it is: who looks at the last seconds needs it too.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        """Make an empty one.

        Args:
            seconds: how far back it reaches.
            max_bytes: memory that it may take; latched messages come on top.
        """
        self._span_ns = round(seconds * 1e9)
        self._max_bytes = max_bytes
        self._messages: deque[tuple[Held, bool]] = deque()
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
            return max(0.0, (self._messages[-1][0].stamp_ns - self._messages[0][0].stamp_ns) * 1e-9) if (
                self._messages) else 0.0

    def add(self, message: Held, latched: bool = False) -> None:
        """Take a message; stamps grow, except when the clock is stepped."""
        with self._lock:
            self._messages.append((message, latched))
            self._bytes += len(message.data) + _OVERHEAD
            oldest_ns = message.stamp_ns - self._span_ns
            while self._bytes > self._max_bytes or self._messages[0][0].stamp_ns < oldest_ns:
                gone, was_latched = self._messages.popleft()
                self._bytes -= len(gone.data) + _OVERHEAD
                if was_latched:
                    self._latched[gone.topic] = gone
                if not self._messages:
                    break

    def last(self, seconds: float = 0.0) -> list[Held]:
        """Return the messages of the last seconds before the newest, oldest first; 0 = all.

        Latched messages from before come first, with the stamp of the oldest message.
        """
        with self._lock:
            if not self._messages:
                return []
            newest_ns = self._messages[-1][0].stamp_ns
            since_ns = newest_ns - round(seconds * 1e9) if seconds else -1
            latched = dict(self._latched)
            found = []
            for message, is_latched in self._messages:
                if message.stamp_ns >= since_ns:
                    found.append(message)
                elif is_latched:
                    latched[message.topic] = message
        begin_ns = found[0].stamp_ns
        return [message._replace(stamp_ns=begin_ns) for message in latched.values()] + found

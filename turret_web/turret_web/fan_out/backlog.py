# SPDX-License-Identifier: Apache-2.0
"""Bounded queues of messages for slow clients. They are bounded in bytes, per queue, per connection and in total."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

#: Maximum size of the waiting messages of one queue, of one connection, and of all connections [bytes].
QUEUE_BYTES = 8 * 1024 * 1024
CONNECTION_BYTES = 16 * 1024 * 1024
TOTAL_BYTES = 128 * 1024 * 1024


class Sized(Protocol):
    """A message with a size."""

    @property
    def size(self) -> int:
        """Memory that the message takes [bytes]."""


ItemT = TypeVar('ItemT', bound=Sized)


class ByteBudget:
    """Counts the waiting bytes of several queues.

    It is called for each message and client.

    Attributes:
        limit: allowed waiting bytes.
        used: waiting bytes.
    """

    def __init__(self, limit: int, total: ByteBudget | None = None) -> None:
        self.limit = limit
        self._total = total
        self.used = 0

    def add(self, size: int) -> bool:
        """Count ``size`` more waiting bytes, negative for fewer; return whether more wait than allowed."""
        self.used += size
        total = self._total
        if total is None:
            return self.used > self.limit
        total.used += size
        return self.used > self.limit or total.used > total.limit


class Backlog(Generic[ItemT]):
    """Queue of messages that drops the oldest ones when it is full.

    The newest message always fits, unless the connection or all connections have used up their budget.

    Attributes:
        dropped: number of messages that were dropped.
    """

    def __init__(self, depth: Callable[[], int], budget: ByteBudget) -> None:
        """Create an empty queue.

        Args:
            depth: gives the maximum number of messages, at least 1; it may change.
            budget: budget of the connection.
        """
        self._depth = depth
        self._budget = budget
        self._items: deque[ItemT] = deque()
        self._bytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        """Return the number of waiting messages."""
        return len(self._items)

    def append(self, item: ItemT) -> bool:
        """Add a message; return whether it was kept."""
        items, size = self._items, item.size
        items.append(item)
        self._bytes += size
        exceeded = self._budget.add(size)
        if len(items) > 1:
            depth = self._depth()
            while len(items) > 1 and (len(items) > depth or self._bytes > QUEUE_BYTES or exceeded):
                exceeded = self._drop()
        if exceeded:
            self._drop()
        return bool(items)

    def _drop(self) -> bool:
        """Remove the oldest message; return whether still more bytes wait than allowed."""
        size = self._items.popleft().size
        self._bytes -= size
        self.dropped += 1
        return self._budget.add(-size)

    def popleft(self) -> ItemT:
        """Remove the oldest message and return it."""
        item = self._items.popleft()
        size = item.size
        self._bytes -= size
        self._budget.add(-size)
        return item

    def clear(self) -> None:
        """Remove all messages."""
        while self._items:
            self.popleft()

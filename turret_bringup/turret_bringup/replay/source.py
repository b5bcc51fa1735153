# SPDX-License-Identifier: Apache-2.0
"""Source of the messages of a bag, read ahead in a thread so that decompression does not delay the replay."""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Iterator

from turret_bringup.bags.reader import Bag, BagMessage
from turret_common.errors import TurretError

IMAGE_TYPES = frozenset({'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'})

_AHEAD = 100            # messages
_POLL_S = 0.1


class BagSource:
    """Gives the messages of a bag from any time on, read by a thread of its own. For one user at a time.

    Attributes:
        latched: names of topics whose newest message a late subscriber gets: latched ones and images.
    """

    def __init__(self, bag: Bag, names: Collection[str], end_ns: int) -> None:
        """Prepare for topics of a bag, which must stay open until :meth:`close`; nothing later than a time is given."""
        self._bag, self._names, self._end_ns = bag, frozenset(names), end_ns
        self.latched = frozenset(
            name for name in self._names if bag.topics[name].type in IMAGE_TYPES
            or any(qos.durability == 'transient_local' for qos in bag.topics[name].qos))
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def items(self, start_ns: int) -> Iterator[BagMessage]:
        """Give the newest message of each latched topic before a time, however old, and then everything from then on.

        What was given before must not be used any more.

        Raises:
            BagError: DAMAGED, from the iterator.
        """
        self.close()
        self._stopped = threading.Event()
        ahead: queue.Queue[BagMessage | TurretError | None] = queue.Queue(_AHEAD)
        self._thread = threading.Thread(
            target=self._read, args=(start_ns, ahead, self._stopped), name='read ahead', daemon=True)
        self._thread.start()
        return self._given(ahead)

    def close(self) -> None:
        """End the reading."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @staticmethod
    def _given(ahead: queue.Queue[BagMessage | TurretError | None]) -> Iterator[BagMessage]:
        while True:
            item = ahead.get()
            if item is None:
                return
            if isinstance(item, TurretError):
                raise item
            yield item

    def _read(
            self, start_ns: int, ahead: queue.Queue[BagMessage | TurretError | None], stopped: threading.Event) -> None:
        try:
            for message in self._messages(start_ns):
                if not _put(ahead, message, stopped):
                    return
        except TurretError as error:
            _put(ahead, error, stopped)
        _put(ahead, None, stopped)

    def _messages(self, start_ns: int) -> Iterator[BagMessage]:
        yield from self._bag.newest(self.latched, start_ns)
        yield from self._bag.messages(self._names, start_ns, self._end_ns + 1)


def _put(
        ahead: queue.Queue[BagMessage | TurretError | None], item: BagMessage | TurretError | None,
        stopped: threading.Event) -> bool:
    """Put an item into the queue; return False after the source was stopped."""
    while not stopped.is_set():
        try:
            ahead.put(item, timeout=_POLL_S)
            return True
        except queue.Full:
            continue
    return False

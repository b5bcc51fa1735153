# SPDX-License-Identifier: Apache-2.0
"""When each recorded message is due again: rate, pause, step, seek and loop. Pure: time comes as an argument.

Stamps are in ns since 1970, of when messages were recorded; ``now`` is in s on a steady clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

from turret_common.bench import percentile
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_range

RATE_RANGE = (0.01, 100.0)
STEP_LIMIT = 100_000
#: What a gap may be that is skipped [s].
GAP_RANGE_S = (1.0, 86400.0)
#: A replay that is held up longer than this continues from where it was instead of hurrying after.
_HELD_UP_S = 0.5
_LATENESS = 1000  # messages that the lateness is taken from
#: Maximum number of messages published in one update, so that requests are handled in between.
_AT_ONCE = 200


class Recorded(Protocol):
    """What is played: anything with a stamp."""

    @property
    def stamp_ns(self) -> int:
        """When it was recorded."""


ItemT = TypeVar('ItemT', bound=Recorded)
GivenT = TypeVar('GivenT', bound=Recorded, covariant=True)


class Source(Protocol[GivenT]):
    """Where recorded messages come from."""

    def items(self, start_ns: int) -> Iterator[GivenT]:
        """Give the older messages that a late subscriber needs at a time, and then everything from that time on."""


class Position(NamedTuple):
    """Where a replay is; fields as in ``ReplayState.msg``."""

    position_s: float
    duration_s: float
    rate: float
    min_gap_s: float
    silence_s: float
    paused: bool
    loop: bool
    ended: bool
    passes: int
    messages: int
    late_s: float


class Player(Generic[ItemT]):
    """Publishes what is due. Not for several threads at once."""

    def __init__(
            self, source: Source[ItemT], span_ns: tuple[int, int], publish: Callable[[ItemT], None],
            is_image: Callable[[ItemT], bool], now: float, *, rate: float = 1.0, loop: bool = False,
            paused: bool = False, start_s: float = 0.0, min_gap_s: float = 0.0) -> None:
        """Begin.

        Args:
            source: of the messages.
            span_ns: stamps of the first and the last message.
            publish: called with each message when it is due.
            is_image: which messages a step stops at: images.
            now: in s.
            rate: recorded seconds per second.
            loop: begin again at the end.
            paused: whether to wait.
            start_s: since the first message.
            min_gap_s: times without messages that are longer than this are skipped; 0 = none.

        Raises:
            TurretError: NOT_FINITE, OUT_OF_RANGE.
        """
        require_range('rate', rate, *RATE_RANGE)
        self._source, self._publish, self._is_image = source, publish, is_image
        self._start_ns, self._end_ns = span_ns
        self._loop, self._rate, self._paused = loop, rate, paused
        self._min_gap_s = min_gap_s
        self._ended = False
        self._passes = self._messages = 0
        self._late: deque[float] = deque(maxlen=_LATENESS)
        self._next: ItemT | None = None
        self.seek(start_s, now)

    # Requests

    def set_paused(self, paused: bool, now: float) -> None:
        """Hold, or continue; at the end continue from the beginning."""
        if self._ended and not paused:
            self.seek(0.0, now)
        self._anchor(self.position_ns(now), now)
        self._paused = paused

    def set_rate(self, rate: float, now: float) -> None:
        """Replay faster or slower. Raises TurretError: NOT_FINITE, OUT_OF_RANGE."""
        require_range('rate', rate, *RATE_RANGE)
        self._anchor(self.position_ns(now), now)
        self._rate = rate

    def set_min_gap(self, min_gap_s: float) -> None:
        """Skip times without messages that are longer than this; 0 = none.

        Raises:
            TurretError: NOT_FINITE, OUT_OF_RANGE.
        """
        if min_gap_s:
            require_range('min_gap_s', min_gap_s, *GAP_RANGE_S)
        self._min_gap_s = min_gap_s

    def seek(self, position_s: float, now: float) -> None:
        """Go to a time since the first message. Raises TurretError: NOT_FINITE, OUT_OF_RANGE."""
        require_range('position', position_s, 0.0, self._duration_s)
        place = self._start_ns + round(1e9 * position_s)
        self._items = self._source.items(place)
        self._ended = False
        self._joined_ns = place
        self._anchor(place, now)
        self._next = next(self._items, None)

    def step(self, count: int, now: float) -> None:
        """Publish the next messages of a paused replay: so many, or with 0 all up to and with the next image.

        Raises:
            TurretError: WRONG_MODE while it runs, OUT_OF_RANGE.
        """
        require_range('messages', count, 0, STEP_LIMIT)
        if not self._paused:
            raise TurretError(ReasonCode.WRONG_MODE, 'only a paused replay can be stepped')
        for done in range(1, (count or STEP_LIMIT) + 1):
            item = self._take()
            if item is None:
                break
            self._anchor(max(item.stamp_ns, self.position_ns(now)), now)
            self._publish(item)
            if done == count or (count == 0 and self._is_image(item)):
                break
        self._notice_end(now)

    # The loop

    def update(self, now: float) -> float:
        """Publish what is due; return the seconds until more is, infinity where a request must come first."""
        for _ in range(_AT_ONCE):
            item = self._next
            if item is None:
                self._notice_end(now)
                return 0.0 if self._next is not None else math.inf
            ahead_s = (item.stamp_ns - self.position_ns(now)) * 1e-9 / self._rate
            if 0.0 < self._min_gap_s < ahead_s * self._rate and not self._paused:
                self._anchor(item.stamp_ns, now)
                ahead_s = 0.0
            if ahead_s > 0.0:
                return math.inf if self._paused else ahead_s
            if item.stamp_ns > self._joined_ns:
                if -ahead_s > _HELD_UP_S:
                    self._anchor(item.stamp_ns, now)
                self._late.append(-ahead_s)
            self._take()
            self._publish(item)
        return 0.0

    def position_ns(self, now: float) -> int:
        """Return the stamp of what is due now."""
        if self._paused or self._ended:
            return self._place_ns
        return min(self._place_ns + round((now - self._since) * self._rate * 1e9), self._end_ns)

    def silence_s(self, now: float) -> float:
        """Return the recorded time until the next message."""
        return 0.0 if self._next is None else max(0.0, (self._next.stamp_ns - self.position_ns(now)) * 1e-9)

    @property
    def ended(self) -> bool:
        """Whether the end was reached, and nothing comes any more without a request."""
        return self._ended

    def position(self, now: float) -> Position:
        """Return where it is."""
        return Position(
            (self.position_ns(now) - self._start_ns) * 1e-9, self._duration_s, self._rate, self._min_gap_s,
            self.silence_s(now), self._paused, self._loop, self._ended, self._passes, self._messages,
            percentile(self._late, 0.95))

    @property
    def _duration_s(self) -> float:
        return (self._end_ns - self._start_ns) * 1e-9

    def _anchor(self, place_ns: int, now: float) -> None:
        self._place_ns, self._since = place_ns, now

    def _take(self) -> ItemT | None:
        item, self._next = self._next, next(self._items, None)
        self._messages += item is not None
        return item

    def _notice_end(self, now: float) -> None:
        if self._next is not None or self._ended:
            return
        self._passes += 1
        if self._loop:
            self.seek(0.0, now)
        else:
            self._anchor(self._end_ns, now)
            self._ended = True


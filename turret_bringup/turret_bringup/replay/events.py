# SPDX-License-Identifier: Apache-2.0
"""The events of a bag: what happened when, and which one is next. Times in s since the beginning of the bag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: While a replay runs, the event that it passed so recently is not the previous one [s].
_PASSED_S = 1.0


class Event(NamedTuple):
    """One event; fields as in ``ReplayEvent.msg``."""

    position_s: float
    level: int
    text: str


class Events:
    """Finds the event before or after a position."""

    def __init__(self, events: Sequence[Event]) -> None:
        """Take the events in the order of their positions."""
        self.all = tuple(events)

    def after(self, position_s: float) -> Event:
        """Return the next event. Raises TurretError, NOT_FOUND."""
        for event in self.all:
            if event.position_s > position_s:
                return event
        raise TurretError(ReasonCode.NOT_FOUND, 'the bag has no later event')

    def before(self, position_s: float, paused: bool) -> Event:
        """Return the previous event; of a running replay, one that it did not pass just now. Raises as above."""
        limit_s = position_s if paused else position_s - _PASSED_S
        for event in reversed(self.all):
            if event.position_s < limit_s:
                return event
        raise TurretError(ReasonCode.NOT_FOUND, 'the bag has no earlier event')

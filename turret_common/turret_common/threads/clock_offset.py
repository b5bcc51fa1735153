# SPDX-License-Identifier: Apache-2.0
"""Offset between the wall clocks of two hosts, estimated from requests that the other host answers with its time."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_KEPT = 16
#: Number of requests after which the estimate no longer changes much.
_SETTLED = 4


class ClockMeasurement(NamedTuple):
    """Clock of this host minus that of the other one.

    Attributes:
        offset_s: wrong by no more than half of the round trip [s].
        round_trip_s: shortest way there and shortest way back together [s].
        settled: whether it is made of several requests.
    """

    offset_s: float
    round_trip_s: float
    settled: bool

    def exceeds(self, limit_s: float) -> bool:
        """Return whether the clocks differ by more than a limit; while few requests were answered, only if certain."""
        return abs(self.offset_s) - (0.0 if self.settled else self.round_trip_s / 2.0) > limit_s


class ClockOffset:
    """Estimates the offset from the newest requests.

    The other host took its time between sending and receiving, so each answer limits the offset from both sides. The
    estimate is the middle of what all answers allow; that of a single one is off where its ways took different times.

    Attributes:
        estimate: None before the first measurement.
    """

    def __init__(self) -> None:
        self.estimate: ClockMeasurement | None = None
        self._limits: deque[tuple[int, int]] = deque(maxlen=_KEPT)

    def add(self, sent_ns: int, remote_ns: int, received_ns: int) -> None:
        """Add a request. An answer that contradicts the others shows a stepped clock and replaces them.

        Args:
            sent_ns: when it was sent, on the clock of this host.
            remote_ns: the answer, on the clock of the other host.
            received_ns: when the answer arrived, on the clock of this host.
        """
        if received_ns < sent_ns:  # this host's clock was stepped meanwhile
            return
        new = sent_ns - remote_ns, received_ns - remote_ns
        self._limits.append(new)
        lowest, highest = max(low for low, _ in self._limits), min(high for _, high in self._limits)
        if lowest > highest:
            self._limits.clear()
            self._limits.append(new)
            lowest, highest = new
        self.estimate = ClockMeasurement(
            1e-9 * (lowest + highest) / 2.0, 1e-9 * (highest - lowest), len(self._limits) >= _SETTLED)

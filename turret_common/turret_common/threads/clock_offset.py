# SPDX-License-Identifier: Apache-2.0
"""Offset between the wall clocks of two hosts, estimated from requests that the other host answers with its time."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_KEPT = 16


class ClockMeasurement(NamedTuple):
    """One request: clock of this host minus that of the other one [s], and the round trip [s].

    The offset is wrong by no more than half of the round trip.
    """

    offset_s: float
    round_trip_s: float


class ClockOffset:
    """Keeps the measurements of the newest requests; the one with the shortest round trip is the estimate.

    Attributes:
        estimate: None before the first measurement.
    """

    def __init__(self) -> None:
        self.estimate: ClockMeasurement | None = None
        self._measurements: deque[ClockMeasurement] = deque(maxlen=_KEPT)

    def add(self, sent_ns: int, remote_ns: int, received_ns: int) -> None:
        """Add a request. A measurement that contradicts the estimate shows a stepped clock and replaces all others.

        Args:
            sent_ns: when it was sent, on the clock of this host.
            remote_ns: the answer, on the clock of the other host.
            received_ns: when the answer arrived, on the clock of this host.
        """
        round_trip_s = 1e-9 * (received_ns - sent_ns)
        if round_trip_s < 0.0:  # this host's clock was stepped meanwhile
            return
        new = ClockMeasurement(1e-9 * ((sent_ns - remote_ns) + (received_ns - remote_ns)) / 2.0, round_trip_s)
        uncertainty_s = (new.round_trip_s + self.estimate.round_trip_s) / 2.0 if self.estimate else 0.0
        if self.estimate and abs(new.offset_s - self.estimate.offset_s) > uncertainty_s:
            self._measurements.clear()
        self._measurements.append(new)
        self.estimate = min(self._measurements, key=lambda measurement: measurement.round_trip_s)

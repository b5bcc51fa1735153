# SPDX-License-Identifier: Apache-2.0
"""Emission time within the last hour, which the class 2 profile limits. Times are CLOCK_MONOTONIC in ns."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

#: Maximum emission time in any hour under the class 2 profile.
HOURLY_NS = 900_000_000_000
_HOUR_NS = 3_600_000_000_000


class EmissionBudget:
    """Emission time within the last hour. A pulse counts until its end is an hour ago.

    Attributes:
        pulses: begin and end of each pulse.
        changes: number of pulses that were added.
    """

    def __init__(self, pulses: Iterable[tuple[int, int]] = ()) -> None:
        """Begin with earlier pulses."""
        self.pulses: deque[tuple[int, int]] = deque()
        self.changes = 0
        self._total_ns = 0
        for on_ns, off_ns in pulses:
            self.add(on_ns, off_ns)
        self.changes = 0

    def add(self, on_ns: int, off_ns: int) -> None:
        """Count a pulse."""
        self.pulses.append((on_ns, off_ns))
        self._total_ns += off_ns - on_ns
        self.changes += 1

    def left_ns(self, now_ns: int) -> int:
        """Return the emission time that is left."""
        while self.pulses and self.pulses[0][1] <= now_ns - _HOUR_NS:
            on_ns, off_ns = self.pulses.popleft()
            self._total_ns -= off_ns - on_ns
        return HOURLY_NS - self._total_ns

    def copy(self) -> EmissionBudget:
        """Return a copy for another thread."""
        return EmissionBudget(self.pulses)

    def dump(self) -> Any:
        """Return the content of a file."""
        return list(self.pulses)

    @classmethod
    def parse(cls, data: Any, now_ns: int) -> EmissionBudget:
        """Return the budget in a file; pulses in the future are from before the computer was started.

        Raises:
            ValueError, TypeError: the data is not valid.
        """
        pulses = [(int(on_ns), int(off_ns)) for on_ns, off_ns in data]
        return cls((on_ns, off_ns) for on_ns, off_ns in pulses if on_ns <= off_ns <= now_ns)

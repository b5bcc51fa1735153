"""How much light the laser gave in the last hour, which the class 2 profile limits. Times are CLOCK_MONOTONIC in ns."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: The class 2 profile gives so much light in any hour.
HOURLY_NS = 900_000_000_000
_HOUR_NS = 3_600_000_000_000


class EmissionBudget:
    """How much light there was within the last hour. A pulse counts until its end is an hour ago."""

    def __init__(self, pulses: Iterable[tuple[int, int]] = ()) -> None:
        """Begin with pulses from before, as their beginnings and ends in ns."""
        self.pulses: deque[tuple[int, int]] = deque()
        self._total_ns = 0
        for on_ns, off_ns in pulses:
            self.add(on_ns, off_ns)

    def add(self, on_ns: int, off_ns: int) -> None:
        """Count a pulse."""
        self.pulses.append((on_ns, off_ns))
        self._total_ns += off_ns - on_ns

    def left_ns(self, now_ns: int) -> int:
        """Return how much more there may be."""
        while self.pulses and self.pulses[0][1] <= now_ns - _HOUR_NS:
            on_ns, off_ns = self.pulses.popleft()
            self._total_ns -= off_ns - on_ns
        return HOURLY_NS - self._total_ns

    def to_json(self) -> bytes:
        """Return it as a file holds it."""
        return json.dumps(list(self.pulses)).encode()

    @classmethod
    def from_json(cls, data: bytes, now_ns: int) -> EmissionBudget:
        """Return what a file holds; pulses that have not ended yet are from before the computer was started.

        Raises:
            TurretError: INVALID_ARGUMENT when it is no such file.
        """
        try:
            pulses = [(int(on_ns), int(off_ns)) for on_ns, off_ns in json.loads(data)]
        except (ValueError, TypeError) as error:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'this is no file of pulses: {error}') from error
        return cls((on_ns, off_ns) for on_ns, off_ns in pulses if on_ns <= off_ns <= now_ns)

"""Bounds on what comes in."""

from __future__ import annotations

from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode


class Allowance:
    """A rate with room for bursts of one second's worth."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._left = rate_hz
        self._spent_at: float | None = None

    def spend(self, now_s: float) -> float:
        """Take one; return how long to wait before going on [s], 0 within the rate."""
        if self._spent_at is not None:
            self._left = min(self._rate_hz, self._left + (now_s - self._spent_at) * self._rate_hz)
        self._spent_at = now_s
        self._left -= 1.0
        return max(0.0, -self._left / self._rate_hz)


def check_depth(value: Any, limit: int) -> None:
    """Refuse JSON that is nested deeper than ``limit``.

    Raises:
        TurretError: TOO_LARGE.
    """
    level = [value]
    for _ in range(limit):
        level = [
            inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))]
        if not level:
            return
    raise TurretError(ReasonCode.TOO_LARGE, f'nested deeper than {limit}')

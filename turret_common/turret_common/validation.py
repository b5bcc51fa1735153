# SPDX-License-Identifier: Apache-2.0
"""Checks of numbers from outside: NaN and infinity are refused before any range check."""

from __future__ import annotations

import math

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode


def require_finite(**values: float) -> None:
    """Refuse NaN and infinity.

    Raises:
        TurretError: NOT_FINITE, naming the first such value.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise TurretError(ReasonCode.NOT_FINITE, f'{name} is {value}, not a finite number')


def require_range(name: str, value: float, lower: float, upper: float) -> None:
    """Refuse a number that is not finite or lies outside [lower, upper].

    Raises:
        TurretError: NOT_FINITE or OUT_OF_RANGE.
    """
    require_finite(**{name: value})
    if not lower <= value <= upper:
        raise TurretError(ReasonCode.OUT_OF_RANGE, f'{name} is {value:g}, outside {lower:g} to {upper:g}')

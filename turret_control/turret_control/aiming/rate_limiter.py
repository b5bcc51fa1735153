"""Limits in speed and acceleration that every rate passes last, and the rate at which a point can be approached."""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class AxisLimits:
    """What one axis may do.

    Attributes:
        lower, upper: soft limits in rad.
        rate: largest rate in rad/s.
        acceleration: largest acceleration in rad/s^2.
    """

    lower: float
    upper: float
    rate: float
    acceleration: float

    def clamp(self, position: float) -> float:
        """Return the nearest position within the soft limits, in rad."""
        return max(self.lower, min(self.upper, position))


def stopping_rate(distance: float, acceleration: float, dt: float) -> float:
    """Return the largest rate from which an axis still stops within a distance.

    It is the root of ``v dt + v^2 / (2 a) = distance``: one period at the rate, then constant deceleration.

    Args:
        distance: in rad; nothing is left when it is not positive.
        acceleration: in rad/s^2.
        dt: time until the rate can next be changed, in s.
    """
    if distance <= 0.0:
        return 0.0
    step = acceleration * dt
    return math.sqrt(step * step + 2.0 * acceleration * distance) - step


class RateLimiter:
    """Turns wanted rates of one axis into rates that it can follow.

    Attributes:
        rate: the newest rate given out, in rad/s.
    """

    def __init__(self) -> None:
        self.rate = 0.0

    def reset(self, rate: float = 0.0) -> None:
        """Start from the rate that the axis has now, in rad/s, so that a take-over does not bump."""
        self.rate = rate if math.isfinite(rate) else 0.0

    def step(self, wanted: float, position: float, limits: AxisLimits, dt: float) -> float:
        """Return the rate nearest to the wanted one that the limits allow.

        Speed and acceleration are limited, and a soft limit is approached only as fast as the axis can still stop
        before it. Beyond a soft limit only motion back is given. A rate or position that is not finite means stop.

        Args:
            wanted: in rad/s.
            position: where the axis will be when the rate takes effect, in rad.
            limits: of the axis.
            dt: time since the last step in s, > 0.
        """
        if not (math.isfinite(wanted) and math.isfinite(position)):
            wanted, position = 0.0, 0.5 * (limits.lower + limits.upper)
        change = limits.acceleration * dt
        rate = max(self.rate - change, min(self.rate + change, wanted))
        rate = max(-limits.rate, min(limits.rate, rate))
        up = stopping_rate(limits.upper - position, limits.acceleration, dt)
        down = stopping_rate(position - limits.lower, limits.acceleration, dt)
        self.rate = max(-down, min(up, rate))
        return self.rate

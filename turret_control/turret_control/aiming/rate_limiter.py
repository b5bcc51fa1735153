"""Velocity and acceleration limits applied to every commanded rate of an axis."""

from __future__ import annotations

import math

from turret_control.motion import AxisLimits, braking_speed


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
        change = limits.max_acceleration * dt
        rate = max(self.rate - change, min(self.rate + change, wanted))
        rate = max(-limits.max_velocity, min(limits.max_velocity, rate))
        up = braking_speed(limits.upper - position, limits.max_acceleration, dt)
        down = braking_speed(position - limits.lower, limits.max_acceleration, dt)
        self.rate = max(-down, min(up, rate))
        return self.rate

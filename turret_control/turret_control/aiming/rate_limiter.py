# SPDX-License-Identifier: Apache-2.0
"""Velocity and acceleration limits applied to every commanded rate of an axis."""

from __future__ import annotations

import math

from turret_control.motion import AxisLimits, braking_speed


class RateLimiter:
    """Limits the commanded rate of one axis in velocity, acceleration and position.

    Attributes:
        rate: newest output, in rad/s.
    """

    def __init__(self) -> None:
        self.rate = 0.0

    def reset(self, rate: float = 0.0) -> None:
        """Start from the present rate of the axis in rad/s, without a jump in the command."""
        self.rate = rate if math.isfinite(rate) else 0.0

    def step(self, requested: float, position: float, limits: AxisLimits, dt: float) -> float:
        """Return the allowed rate nearest to the requested one.

        A soft limit is approached only as fast as the axis can still stop before it; beyond a soft limit only motion
        back is allowed. A rate or position that is not finite is treated as a stop.

        Args:
            requested: rate in rad/s.
            position: position of the axis when the rate takes effect, in rad.
            limits: limits of the axis.
            dt: time since the last step in s, > 0.
        """
        if not (math.isfinite(requested) and math.isfinite(position)):
            requested, position = 0.0, 0.5 * (limits.lower + limits.upper)
        change = limits.max_acceleration * dt
        rate = max(self.rate - change, min(self.rate + change, requested))
        rate = max(-limits.max_velocity, min(limits.max_velocity, rate))
        up = braking_speed(limits.upper - position, limits.max_acceleration, dt)
        down = braking_speed(position - limits.lower, limits.max_acceleration, dt)
        self.rate = max(-down, min(up, rate))
        return self.rate

# SPDX-License-Identifier: Apache-2.0
"""The motion profile of one axis: within its speed and acceleration, and always able to stop in time.

Every driver that must shape its own motion (the simulated one, stepper and servo drivers) runs this profile, so a limit
that holds here holds in front of every kind of motor.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from turret_control.motion import braking_speed


class AxisMotion(NamedTuple):
    """Commanded motion of one axis: go to ``target`` [rad] at no more than ``speed`` [rad/s], and hold there.

    Speed changes by at most ``acceleration`` [rad/s^2]. Turning at a rate is a motion to the last allowed position in
    that direction, marked as ``turning``; standing still is a motion with speed 0.
    """

    target: float
    speed: float
    acceleration: float
    turning: bool = False


def stand_still(acceleration: float) -> AxisMotion:
    """Return the motion that brakes with ``acceleration`` [rad/s^2] and stays there."""
    return AxisMotion(0.0, 0.0, acceleration)


class MotionProfile:
    """Position and velocity of one axis that moves with a limited acceleration.

    Attributes:
        position: rad.
        velocity: rad/s.
    """

    def __init__(self, position: float = 0.0) -> None:
        """Start at rest at ``position`` [rad]."""
        self.position = position
        self.velocity = 0.0

    def advance(self, motion: AxisMotion, dt: float) -> None:
        """Move for ``dt`` [s]; the same from call to call, so that braking ends exactly on the target."""
        error = motion.target - self.position
        change = motion.acceleration * dt
        goal = math.copysign(min(motion.speed, braking_speed(abs(error), motion.acceleration, dt)), error)
        self.velocity += max(-change, min(change, goal - self.velocity))
        self.position += self.velocity * dt

# SPDX-License-Identifier: Apache-2.0
"""Shared types of motion: head commands, axis limits, and the braking law. Angles in rad from home, rates in rad/s."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple


class CommandMode(IntEnum):
    """Kinds of head command; the values are those of ``GimbalCommand.MODE_*``."""

    STOP = 0
    VELOCITY = 1
    POSITION = 2


class Command(NamedTuple):
    """One head command; the fields are those of ``GimbalCommand.msg``.

    Attributes:
        mode: one of :class:`CommandMode`; from a message it may be any integer.
        pan, tilt: target angles; used in mode POSITION.
        pan_rate, tilt_rate: rates in mode VELOCITY, maximum rates in mode POSITION (NaN = the axis limit).
        seq: sequence number, increasing by one per command within an epoch.
        epoch: CLOCK_MONOTONIC in ns at the start of the sender, which identifies a restart.
        monotonic_ns: when it was made; None = when the gimbal gets it, which a message never says.
    """

    mode: int
    pan: float = math.nan
    tilt: float = math.nan
    pan_rate: float = math.nan
    tilt_rate: float = math.nan
    seq: int = 0
    epoch: int = 0
    monotonic_ns: int | None = None


STOP = Command(CommandMode.STOP)


class AxisLimits(NamedTuple):
    """Limits of one axis.

    Attributes:
        lower, upper: soft limits in rad from home.
        max_velocity: in rad/s.
        max_acceleration: in rad/s^2.
    """

    lower: float
    upper: float
    max_velocity: float
    max_acceleration: float

    def clamp(self, position: float) -> float:
        """Return the nearest position within the soft limits, in rad."""
        return max(self.lower, min(self.upper, position))


class HeadLimits(NamedTuple):
    """Limits of both axes."""

    pan: AxisLimits
    tilt: AxisLimits


def braking_speed(distance: float, acceleration: float, dt: float) -> float:
    """Return the maximum speed from which an axis still stops within a distance.

    It is the root of ``v dt + v^2 / (2 a) = distance``: one period at the speed, then constant deceleration. The law
    holds for periods that vary; near the end it converges quadratically.

    Args:
        distance: travel left in rad; 0 is returned if it is not positive.
        acceleration: deceleration available in rad/s^2.
        dt: time until the speed can next be changed, in s.
    """
    if distance <= 0.0:
        return 0.0
    step = acceleration * dt
    return math.sqrt(step * step + 2.0 * acceleration * distance) - step

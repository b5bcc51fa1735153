# SPDX-License-Identifier: Apache-2.0
"""One axis of the gimbal: its state, its limits, and the motion that a command means for it."""

from __future__ import annotations

import enum
import math
from typing import Any, NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_finite, require_range
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.driver import AxisSample, Switch
from turret_control.gimbal.homing import Range
from turret_control.motion import AxisLimits, CommandMode

_MOVING = 1e-3      # rad/s; below it an axis stands still
_ARRIVED = 5e-4     # rad; nearer than this is there


class AxisCondition(enum.IntEnum):
    """Condition of an axis; the values are those of ``AxisState.STATE_*``."""

    UNKNOWN = 0
    DISABLED = 1
    HOLDING = 2
    MOVING = 3
    HOMING = 4
    CALIBRATING = 5
    LIMIT = 6
    FAULT = 7


def axis_motion(mode: int, name: str, target: float, rate: float, position: float, limits: AxisLimits) -> AxisMotion:
    """Return the motion of one axis that a command means, angles in rad from home.

    Args:
        mode: one of :class:`CommandMode`.
        name: "pan" or "tilt", for the message of a refusal.
        target: rad; used in mode POSITION.
        rate: rad/s; the velocity in mode VELOCITY; the maximum one in mode POSITION, NaN for the limit of the axis.
        position: where the axis is.
        limits: in force.

    Raises:
        TurretError: NOT_FINITE, OUT_OF_RANGE (velocity), SOFT_LIMIT (position) or UNKNOWN_NAME (mode).
    """
    still = stand_still(limits.max_acceleration)
    if mode == CommandMode.STOP:
        return still
    if mode == CommandMode.VELOCITY:
        require_range(f'{name}_rate', rate, -limits.max_velocity, limits.max_velocity)
        end = limits.upper if rate > 0.0 else limits.lower
        if rate == 0.0 or (end - position) * rate <= 0.0:
            return still
        return AxisMotion(end, abs(rate), limits.max_acceleration, turning=True)
    if mode == CommandMode.POSITION:
        require_finite(**{name: target})
        if not limits.lower <= target <= limits.upper:
            raise TurretError(
                ReasonCode.SOFT_LIMIT,
                f'{name} {target:.3f} rad is outside the soft limits {limits.lower:.3f} to {limits.upper:.3f}')
        rate = limits.max_velocity if math.isnan(rate) else rate
        require_range(f'{name}_rate', rate, 0.0, limits.max_velocity)
        return AxisMotion(target, rate, limits.max_acceleration)
    raise TurretError(ReasonCode.UNKNOWN_NAME, f'command mode {mode} does not exist')


def allowed_by_switches(motion: AxisMotion, sample: AxisSample) -> bool:
    """Return whether a motion in driver positions leads away from every switch that stops the axis."""
    if motion.speed == 0.0:
        return True
    ahead = sample.upper if motion.target > sample.position else sample.lower
    return not ahead.stops


class AxisView(NamedTuple):
    """One axis for a report: angles in rad from home, NaN where unknown; ``home`` as a driver position."""

    name: str
    condition: AxisCondition
    position: float
    velocity: float
    limits: AxisLimits
    enabled: bool
    moving: bool
    home: float
    calibrated: bool
    lower_switch: Switch
    upper_switch: Switch

    @property
    def homed(self) -> bool:
        """Whether it has a reference."""
        return not math.isnan(self.home)

    def lasting(self) -> tuple[Any, ...]:
        """Return what does not change from moment to moment."""
        return (self.condition, self.limits, self.enabled, self.homed, self.calibrated, self.lower_switch,
                self.upper_switch)


_NO_SAMPLE = AxisSample(math.nan, math.nan, Switch.UNKNOWN, Switch.UNKNOWN, Switch.UNKNOWN)


class Axis:
    """State of one axis."""

    def __init__(self, name: str, config: GimbalAxis, resolution: float) -> None:
        self.name = name
        self.config = config
        self.tolerance = max(_ARRIVED, resolution)
        self.forget()

    def forget(self) -> None:
        """Forget everything, as after power-up."""
        self.sample = _NO_SAMPLE
        self.home = math.nan                               # driver position of home; NaN = not homed
        self.measured: tuple[float, float] | None = None   # soft limits found by calibration, from home
        self.at_limit = False

    @property
    def homed(self) -> bool:
        return not math.isnan(self.home)

    @property
    def position(self) -> float:
        """Angle from home [rad]; NaN when not homed."""
        return self.sample.position - self.home

    @property
    def moving(self) -> bool:
        return abs(self.sample.velocity) > _MOVING

    def limits(self) -> AxisLimits:
        lower, upper = self.config.lower, self.config.upper
        if self.measured is not None:
            lower, upper = max(lower, self.measured[0]), min(upper, self.measured[1])
        return AxisLimits(lower, upper, self.config.max_velocity, self.config.max_acceleration)

    def still(self) -> AxisMotion:
        return stand_still(self.config.max_acceleration)

    def lose_home(self) -> None:
        """Forget home: nothing holds the axis where it was, so that its position is unknown, for every reference."""
        self.home = math.nan
        if self.config.reference == 'declared':  # the ends cannot be related to the next home
            self.measured = None

    def found_home(self, home: float) -> None:
        """Take a driver position for home. The ends stay where they are, and so does a switch that home is found by."""
        if self.measured is not None and self.config.reference == 'declared':
            self._shift_measured(home - self.home)
        self.home = home

    def adopt(self, found: Range) -> None:
        self.home = found.home
        self.measured = (
            found.lower_switch + self.config.margin - found.home, found.upper_switch - self.config.margin - found.home)

    def shifted(self) -> dict[str, float]:
        """Return the parameters, by name, that describe the same axis when its present position is home."""
        shift = self.position if self.homed else 0.0
        changes = {'lower': min(0.0, self.config.lower - shift), 'upper': max(0.0, self.config.upper - shift)}
        if self.config.reference != 'declared':
            changes['reference_angle'] = self.config.reference_angle - shift
        return {f'{self.name}.{key}': value for key, value in changes.items()}

    def set_home(self) -> None:
        """Make the present position home."""
        if self.measured is not None:
            self._shift_measured(self.position)
        self.home = self.sample.position

    def _shift_measured(self, shift: float) -> None:
        assert self.measured is not None
        self.measured = (self.measured[0] - shift, self.measured[1] - shift)

    def _switch_error(self) -> TurretError:
        """Return why a limit switch inside the soft limits ends the motion."""
        if Switch.UNREADABLE in (self.sample.lower, self.sample.upper):
            return TurretError(ReasonCode.SWITCH_UNREADABLE, f'a limit switch of {self.name} cannot be read')
        return TurretError(
            ReasonCode.LIMIT_SWITCH, f'{self.name} reached a limit switch inside its soft limits: home it again')

    def motion(self, mode: int, target: float, rate: float) -> AxisMotion:
        """Return the motion in driver positions that a command means, as limits and switches allow it.

        Raises:
            TurretError: as :func:`axis_motion`; LIMIT_SWITCH or SWITCH_UNREADABLE, and home is lost.
        """
        limits, position = self.limits(), self.position
        motion = axis_motion(mode, self.name, target, rate, position, limits)
        if mode == CommandMode.VELOCITY and rate != 0.0:
            end = limits.upper if rate > 0.0 else limits.lower
            self.at_limit = math.copysign(1.0, rate) * (end - position) <= self.tolerance
        motion = motion._replace(target=motion.target + self.home)
        if not allowed_by_switches(motion, self.sample):
            self.lose_home()
            raise self._switch_error()
        return motion

    def view(self, condition: AxisCondition, enabled: bool) -> AxisView:
        """Return the axis for a report."""
        return AxisView(
            self.name, condition, self.position, self.sample.velocity, self.limits(), enabled, self.moving, self.home,
            self.measured is not None, self.sample.lower, self.sample.upper)

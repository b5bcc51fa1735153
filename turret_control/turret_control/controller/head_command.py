# SPDX-License-Identifier: Apache-2.0
"""Head commands: pose, limits and readiness of the head, and the commands that respect them."""

from __future__ import annotations

import math
from typing import NamedTuple

from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_control.aiming.aiming import Aimer, Reference
from turret_control.aiming.backlash import BacklashModel
from turret_control.controller_parameters import ControllerParameters
from turret_control.motion import STOP, AxisLimits, Command, CommandMode, HeadLimits


class GimbalReadiness(NamedTuple):
    """Limits from ``gimbal/state``, and the reason why the head cannot move (OK = ready)."""

    limits: HeadLimits
    code: ReasonCode


class HeadCommander:
    """Computes head commands within the limits. Times in s on one steady clock, angles in rad.

    Attributes:
        parameters: parameters in force; may be replaced at any time.
        model: poses of motors and head.
        aimer: aim controller.
    """

    def __init__(self, parameters: ControllerParameters) -> None:
        self.parameters = parameters
        self.model = BacklashModel()
        self.aimer = Aimer()
        self._gimbal: GimbalReadiness | None = None
        self._following = False

    def observe_pose(self, stamp: float, pose: Pose, now: float) -> None:
        """Add a measured pose; ignored if not finite, not newer than the newest, or from the future.

        Unknown rates (NaN) are taken to be 0.
        """
        if math.isfinite(pose.pan) and math.isfinite(pose.tilt) and self.model.stamp < stamp <= now:
            aim = self.parameters.aim
            rates = (rate if math.isfinite(rate) else 0.0 for rate in pose[2:])
            self.model.update(stamp, Pose(pose.pan, pose.tilt, *rates), (aim.pan.backlash, aim.tilt.backlash))

    def observe_gimbal(self, readiness: GimbalReadiness) -> None:
        """Set the newest state of the gimbal."""
        self._gimbal = readiness

    def inhibition(self, now: float) -> ReasonCode:
        """Return the reason why the head cannot move, as far as the gimbal is concerned; OK when it can."""
        if self._gimbal is None or self.model.motor_pose is None:
            return ReasonCode.NOT_READY
        if self._gimbal.code is not ReasonCode.OK:
            return self._gimbal.code
        fresh = now - self.model.stamp <= self.parameters.joints_timeout_s
        return ReasonCode.OK if fresh else ReasonCode.STALE_INPUT

    @property
    def motor_pose(self) -> Pose:
        """Newest reported pose of the motors; there must be one."""
        assert self.model.motor_pose is not None
        return self.model.motor_pose

    @property
    def limits(self) -> HeadLimits:
        """Limits of both axes: the lower of those of the gimbal and of the controller."""
        assert self._gimbal is not None
        return HeadLimits(*(self._limited(axis) for axis in self._gimbal.limits))

    def _limited(self, axis: AxisLimits) -> AxisLimits:
        return axis._replace(
            max_velocity=min(axis.max_velocity, self.parameters.max_rate),
            max_acceleration=min(axis.max_acceleration, self.parameters.max_acceleration))

    def stop(self) -> Command:
        """Return the command to decelerate and stand still."""
        self._following = False
        return STOP

    def go_to(self, pan: float, tilt: float, pan_rate: float, tilt_rate: float) -> Command:
        """Return the command to go to a pose, with a maximum rate per axis."""
        self._following = False
        limits = self.limits
        return Command(
            CommandMode.POSITION, pan, tilt, min(pan_rate, limits.pan.max_velocity),
            min(tilt_rate, limits.tilt.max_velocity))

    def rotate(self, pan_rate: float, tilt_rate: float, now: float, dt: float) -> Command:
        """Return the command to move at these rates, as far as the limits allow."""
        self._take_over()
        return _velocity(*self.aimer.limit(
            pan_rate, tilt_rate, now, dt, self.model, self.limits, self.parameters.aim))

    def follow(self, reference: Reference, now: float, dt: float) -> Command:
        """Return the command that follows a moving reference, which must be for :meth:`lead_s` after now."""
        self._take_over()
        return _velocity(*self.aimer.step(reference, now, dt, self.model, self.limits, self.parameters.aim))

    def lead_s(self, dt: float) -> float:
        """Return the lead time of a reference in s: the delay of commands plus half the period ``dt``."""
        return self.parameters.aim.delay.command_s + 0.5 * dt

    def _take_over(self) -> None:
        if not self._following:
            self._following = True
            self.aimer.reset(self.motor_pose)


def _velocity(pan_rate: float, tilt_rate: float) -> Command:
    return Command(CommandMode.VELOCITY, pan_rate=pan_rate, tilt_rate=tilt_rate)

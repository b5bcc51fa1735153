"""The head as the controller sees and moves it: measured pose, limits, and four ways to command it."""

from __future__ import annotations

import math
from typing import NamedTuple

from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_control.aiming.aiming import Aimer, Reference
from turret_control.aiming.backlash import HeadModel
from turret_control.controller_parameters import ControllerParameters
from turret_control.motion import STOP, AxisLimits, Command, CommandMode, HeadLimits


class GimbalReadiness(NamedTuple):
    """What the controller needs of ``gimbal/state``: both axes' limits, and why the head is not ready (OK = it is)."""

    limits: HeadLimits
    code: ReasonCode


class Drive:
    """Makes commands that keep within the limits. Times in s on one steady clock, angles in rad.

    Attributes:
        parameters: may be replaced at any time.
        head: where the head is.
        aimer: the aiming law.
    """

    def __init__(self, parameters: ControllerParameters) -> None:
        self.parameters = parameters
        self.head = HeadModel()
        self.aimer = Aimer()
        self._gimbal: GimbalReadiness | None = None
        self._steering = False

    def observe_pose(self, stamp: float, pose: Pose, now: float) -> None:
        """Take a measured pose of the head; ignored when not finite, not newer than the newest, or from the future."""
        if all(map(math.isfinite, pose)) and self.head.at < stamp <= now:
            aim = self.parameters.aim
            self.head.observe(stamp, pose, (aim.pan.backlash, aim.tilt.backlash))

    def observe_gimbal(self, report: GimbalReadiness) -> None:
        """Take what the gimbal says of itself."""
        self._gimbal = report

    def inhibition(self, now: float) -> ReasonCode:
        """Return why the head cannot be moved; OK when it can, as far as the gimbal is concerned."""
        if self._gimbal is None or self.head.motors is None:
            return ReasonCode.NOT_READY
        if self._gimbal.code is not ReasonCode.OK:
            return self._gimbal.code
        return ReasonCode.OK if self.fresh(now) else ReasonCode.STALE_INPUT

    def fresh(self, now: float) -> bool:
        """Return whether the measured pose is recent."""
        return now - self.head.at <= self.parameters.joints_timeout_s

    @property
    def limits(self) -> HeadLimits:
        """What both axes may do: the gimbal's limits and the controller's own."""
        assert self._gimbal is not None
        return HeadLimits(*(self._limited(axis) for axis in self._gimbal.limits))

    def _limited(self, axis: AxisLimits) -> AxisLimits:
        return AxisLimits(
            axis.lower, axis.upper, min(axis.max_velocity, self.parameters.max_rate),
            min(axis.max_acceleration, self.parameters.max_acceleration))

    def stop(self) -> Command:
        """Brake and stand still."""
        self._steering = False
        return STOP

    def go(self, pan: float, tilt: float, pan_rate: float, tilt_rate: float) -> Command:
        """Go to a pose, no axis faster than its rate."""
        self._steering = False
        limits = self.limits
        return Command(
            CommandMode.POSITION, pan, tilt, min(pan_rate, limits.pan.max_velocity),
            min(tilt_rate, limits.tilt.max_velocity))

    def turn(self, pan_rate: float, tilt_rate: float, now: float, dt: float) -> Command:
        """Turn at these rates, as far as the limits allow."""
        self._take_over()
        return self._velocity(*self.aimer.limit(
            pan_rate, tilt_rate, now, dt, self.head, self.limits, self.parameters.aim))

    def steer(self, reference: Reference, now: float, dt: float) -> Command:
        """Follow a moving reference; it is for :meth:`ahead` from now."""
        self._take_over()
        return self._velocity(*self.aimer.step(reference, now, dt, self.head, self.limits, self.parameters.aim))

    def ahead(self, dt: float) -> float:
        """Return how far ahead of now a reference must be, in s: a command acts after its delay and lasts ``dt``."""
        return self.parameters.aim.delay.command_s + 0.5 * dt

    def _take_over(self) -> None:
        if not self._steering:
            assert self.head.motors is not None
            self._steering = True
            self.aimer.reset(self.head.motors)

    @staticmethod
    def _velocity(pan_rate: float, tilt_rate: float) -> Command:
        return Command(CommandMode.VELOCITY, pan_rate=pan_rate, tilt_rate=tilt_rate)

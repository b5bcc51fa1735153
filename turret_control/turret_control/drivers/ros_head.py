# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver for a head that another ROS node drives, such as the controllers of ros2_control.

The other node publishes ``JointState`` and takes trajectories, positions or velocities. Everything that the gimbal
promises is enforced here, because such controllers do not: speed and acceleration, the expiry of orders, the end
positions, and a fault when no joint states arrive. A controller of velocities keeps its last command when this process
dies; with trajectories the head stops after one horizon, with positions at the last one. The motors are powered by the
other node: switched off here, nothing is commanded.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.registry import group_of
from turret_common.threads.clock import Clock
from turret_control.devices.motion_profile import AxisMotion, MotionProfile
from turret_control.drivers.driver import AxisSample, DriverParameters, GimbalDriver, GimbalSample, PositionSource
from turret_control.drivers.ros.head import HeadLink, HeadReading, RosParameters
from turret_control.drivers.threaded import ThreadedDriver

_CORRECTION = 5.0       # 1/s, of the position error with output "velocity"
_MAX_LEAD = 0.35        # rad, how far the goal may be ahead of the head
_MAX_ANGLE, _MAX_RATE = 4.0 * math.pi, 100.0  # rad and rad/s, beyond which no head is
_JUMP, _MAX_SPEED = 0.35, 20.0  # rad and rad/s: no head turns by more, or faster
_OPEN_S = 3.0           # s, how long the first joint states are waited for


def _open_link(parameters: RosParameters, namespace: str) -> HeadLink:
    from turret_control.drivers.ros.head_link import RosHeadLink  # the only use of ROS

    return RosHeadLink(parameters, namespace)


class HeadAxis(Protocol):
    """End positions [rad] and direction of one axis."""

    @property
    def lower(self) -> float:
        """Lower end position."""

    @property
    def upper(self) -> float:
        """Upper end position."""

    @property
    def sign(self) -> float:
        """Factor from positions of the head to driver positions."""


class HeadParameters(Protocol):
    """What the parameters of every such head have."""

    @property
    def period_s(self) -> float:
        """Time between two commands."""

    @property
    def state_timeout_s(self) -> float:
        """Maximum age of a reading."""

    @property
    def tolerance(self) -> float:
        """Distance from the target at which a motion is complete [rad]."""

    @property
    def pan(self) -> HeadAxis:
        """Pan axis."""

    @property
    def tilt(self) -> HeadAxis:
        """Tilt axis."""


class LinkedHeadDriver(ThreadedDriver):
    """Guides a head with a controller of its own along a shaped motion, over a link."""

    failed: ClassVar[str] = 'the head is not driven'
    hardware: ClassVar[bool] = True
    position_source: ClassVar[PositionSource] = PositionSource.MEASURED

    @classmethod
    def check_head(cls, parameters: DriverParameters, head: HeadParameters) -> None:
        """Refuse axes that the head cannot serve. Raises ValueError: names the parameter and the reason."""
        for name, joint, axis in (('pan', head.pan, parameters.pan), ('tilt', head.tilt, parameters.tilt)):
            if axis.reference not in ('absolute', 'declared') or axis.limit_switches:
                raise ValueError(
                    f'{name}: driver "{cls.name}" needs reference "absolute" or "declared" and no limit_switches')
            home = -axis.reference_angle
            if axis.reference == 'absolute' and not (
                    joint.lower <= home + axis.lower and home + axis.upper <= joint.upper):
                raise ValueError(f'{name}: the soft limits are beyond the end positions in {cls.name}.{name}')

    def __init__(
            self, parameters: HeadParameters, source: str, by_velocity: bool, open_link: Callable[[], HeadLink],
            clock: Clock | None) -> None:
        """Drive a head.

        Args:
            parameters: time-outs and axes.
            source: what reports the positions, for errors.
            by_velocity: the head is commanded by velocities, which then correct the position.
            open_link: connects to the head.
            clock: None for this machine's.
        """
        super().__init__(round(1e9 * parameters.period_s), clock)
        self._parameters = parameters
        self._source = source
        self._by_velocity = by_velocity
        self._open_link = open_link
        self._joints = (parameters.pan, parameters.tilt)
        self.resolution = (parameters.tolerance, parameters.tolerance)
        self._link: HeadLink | None = None
        self._last: HeadReading | None = None  # that was plausible
        self._profiles = (MotionProfile(), MotionProfile())
        self._goal: tuple[float, float] | None = None  # the positions that were commanded; None while nothing is

    def _take(self) -> None:
        link = self._open_link()
        if not link.wait(_OPEN_S):
            link.close()
            raise TurretError(ReasonCode.DRIVER_FAULT, f'no {self._source} arrive')
        self._link = link

    def _release(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = self._last = None

    def _switch(self, on: bool) -> None:
        """Command the head from where it is, or command it to stand still and then no more."""
        assert self._link is not None
        if on:
            reading = self._fresh()
            for profile, joint, position in zip(self._profiles, self._joints, reading.positions, strict=True):
                profile.position, profile.velocity = joint.sign * position, 0.0
            self._goal = reading.positions
            self._link.send(reading.positions, (0.0, 0.0))
        elif self._goal is not None:
            goal = self._goal
            with contextlib.suppress(TurretError):  # where nothing is known of the head it stops at its last goal
                goal = self._fresh().positions
            self._link.halt(goal)
            self._goal = None

    def _newest(self) -> GimbalSample:
        reading = self._fresh()
        pan, tilt = (
            AxisSample(joint.sign * position, joint.sign * velocity)
            for joint, position, velocity in zip(self._joints, reading.positions, reading.velocities, strict=True))
        return GimbalSample(reading.t_ns, pan, tilt, self._enabled, known=self._enabled)

    def _fresh(self) -> HeadReading:
        """Return the newest reading.

        Raises:
            TurretError: DRIVER_FAULT, it is too old, not finite or implausible, by itself or after the one before.
        """
        reading = None if self._link is None else self._link.reading()
        age_s = math.inf if reading is None else 1e-9 * (self._clock.now_ns() - reading.t_ns)
        if reading is None or age_s > self._parameters.state_timeout_s:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'no {self._source} for {self._parameters.state_timeout_s:g} s')
        if not all(map(math.isfinite, (*reading.positions, *reading.velocities))):
            raise TurretError(ReasonCode.DRIVER_FAULT, f'the {self._source} are not finite')
        if max(map(abs, reading.positions)) > _MAX_ANGLE or max(map(abs, reading.velocities)) > _MAX_RATE:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'the {self._source} are implausible: {reading.positions} rad, '
                f'{reading.velocities} rad/s')
        last, self._last = self._last or reading, reading
        jump = max((now - then for now, then in zip(reading.positions, last.positions, strict=True)), key=abs)
        passed_s = 1e-9 * (reading.t_ns - last.t_ns)
        if abs(jump) > _JUMP + _MAX_SPEED * max(0.0, passed_s):
            self._last = last
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'the {self._source} jumped by {jump:.2f} rad within '
                f'{1e3 * passed_s:.0f} ms: do two nodes publish them?')
        return reading

    def _cycle(self) -> None:
        if not self._enabled or self._link is None:
            return
        reading = self._fresh()
        pan, tilt = (
            motion._replace(target=max(joint.lower, min(joint.upper, motion.target)))
            for joint, motion in zip(self._joints, self._motions(self._clock.now_ns()), strict=True))
        self._guide(self._link, reading, (pan, tilt))

    def _guide(self, link: HeadLink, reading: HeadReading, motions: tuple[AxisMotion, AxisMotion]) -> None:
        """Command one period of motions, whose targets are within the end positions."""
        goals, speeds = [], []
        for profile, joint, motion, measured in zip(
                self._profiles, self._joints, motions, reading.positions, strict=True):
            error = profile.position - joint.sign * measured
            if abs(error) > _MAX_LEAD:
                profile.velocity = 0.0  # something holds the head: it must not catch up in one move
            else:
                profile.advance(motion, 1e-9 * self._period_ns)
            speed = profile.velocity
            if self._by_velocity:
                limit = max(abs(profile.velocity), motion.speed)
                speed = max(-limit, min(limit, profile.velocity + _CORRECTION * error))
            goals.append(joint.sign * profile.position)
            speeds.append(joint.sign * speed)
        self._goal = (goals[0], goals[1])
        link.send(self._goal, (speeds[0], speeds[1]))


class RosHeadDriver(LinkedHeadDriver):
    """Guides the head of another ROS node along a shaped motion."""

    name: ClassVar[str] = 'ros'
    groups: ClassVar[Mapping[str, type]] = {'ros': RosParameters}

    @classmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        return cls(group_of(parameters, RosParameters), namespace)

    @classmethod
    def check_parameters(cls, parameters: DriverParameters) -> None:
        cls.check_head(parameters, group_of(parameters, RosParameters))

    def __init__(
            self, parameters: RosParameters, namespace: str,
            open_link: Callable[[RosParameters, str], HeadLink] = _open_link, clock: Clock | None = None) -> None:
        """Drive the head that ``parameters`` name.

        Args:
            parameters: topics, joints and limits.
            namespace: namespace of the turret.
            open_link: connects to the other node.
            clock: None for this machine's.
        """
        super().__init__(
            parameters, f'joint states of {parameters.pan.joint} and {parameters.tilt.joint} on '
            f'{parameters.joint_states}', parameters.output == 'velocity', lambda: open_link(parameters, namespace),
            clock)

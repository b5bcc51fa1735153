# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver for a PTZ camera with ONVIF: the turret without a laser as a tracking camera.

The camera is moved at speeds and asked for its position, about ten times a second; each move ends by itself after half
a second. To a position far away it goes by one absolute move, where it offers them and takes a speed for them; such a
move is stopped when its order ends. A camera without continuous moves follows absolute ones in small steps.

Its stream is the camera of the turret (``source: stream``). What generic speeds and angles of the camera mean is in its
data sheet; the delay is measured by calibration. A laser is refused: positions are too coarse and too late for one.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from turret_common.errors import TurretError
from turret_common.params import group, param
from turret_common.reason_codes import ReasonCode
from turret_common.registry import group_of
from turret_common.threads.clock import Clock
from turret_common.user_files import read_text
from turret_control.devices.motion_profile import AxisMotion
from turret_control.devices.onvif import OnvifCamera, RefusedError
from turret_control.drivers.driver import DriverParameters, GimbalDriver
from turret_control.drivers.ros.head import HeadLink, HeadReading
from turret_control.drivers.ros_head import LinkedHeadDriver

_MOVE_S = 0.5       # after which a continuous move ends by itself, and an absolute one that is not renewed is stopped
_SLOWEST = 0.005    # rad/s; a lower speed counts as none
_FAR = 0.2          # rad; a nearer target is approached by continuous moves
_STEP_SPEED = 0.02  # rad/s, minimum of absolute moves: some cameras never arrive with less
_STOPS = 3          # attempts to stop a move at the end


@dataclasses.dataclass(frozen=True)
class OnvifAxis:
    """One axis of the camera."""

    range: float = param(
        6.283, 'Angle between the ends of the generic positions of the camera; unused where it reports degrees',
        unit='rad', minimum=0.1, maximum=12.6)
    max_speed: float = param(
        1.0, 'Angular velocity of the camera at the generic speed 1; unused where it takes degrees', unit='rad/s',
        minimum=0.01, maximum=20.0)
    lower: float = param(-1.75, 'Lower end position, beyond which nothing is commanded', unit='rad', maximum=0.0)
    upper: float = param(1.75, 'Upper end position, beyond which nothing is commanded', unit='rad', minimum=0.0)
    invert: bool = param(False, 'Inverted direction: positive positions of the camera are negative angles')

    @property
    def sign(self) -> float:
        """Factor from positions of the camera to driver positions."""
        return -1.0 if self.invert else 1.0


@dataclasses.dataclass(frozen=True)
class OnvifParameters:
    """A PTZ camera with ONVIF."""

    url: str = param('http://192.168.1.64/onvif/device_service', 'Address of the device service of the camera')
    user: str = param('', 'User of the camera; empty = none')
    password_file: str = param('', 'File with the password of the camera, readable by its owner only')
    period_s: float = param(0.1, 'Time between two moves', unit='s', minimum=0.04, maximum=0.4)
    request_timeout_s: float = param(1.0, 'Time-out of a request', unit='s', minimum=0.1, maximum=10.0)
    state_timeout_s: float = param(
        2.0, 'Maximum age of a position; without a newer one the camera is lost', unit='s', minimum=0.2, maximum=10.0)
    tolerance: float = param(
        0.02, 'Distance from the target at which a motion is complete', unit='rad', minimum=0.001, maximum=0.2)
    pan: OnvifAxis = group(OnvifAxis, invert=True)
    tilt: OnvifAxis = group(OnvifAxis, range=3.142)


class _Order(NamedTuple):
    """What is wanted of the camera: continuous motion, or an absolute one to ``positions``."""

    t_ns: int
    positions: tuple[float, float]
    speeds: tuple[float, float]
    absolute: bool


class CameraLink(HeadLink, Protocol):
    """Connection to a camera, all in its own directions.

    Attributes:
        reach: lowest and highest angle of pan and of tilt [rad].
        can_go: it goes to a position at a given speed by itself.
    """

    reach: tuple[tuple[float, float], tuple[float, float]]
    can_go: bool

    def go(self, positions: tuple[float, float], speeds: tuple[float, float]) -> None:
        """Go to positions [rad] at speeds [rad/s]; to be renewed."""


class OnvifLink:
    """Polls and moves a camera in a thread of its own, since each request takes a while."""

    def __init__(self, parameters: OnvifParameters) -> None:
        """Connect to the camera. Raises TurretError: DRIVER_FAULT, or NOT_SUPPORTED without the library."""
        self._period_s = parameters.period_s
        self._timeout_ns = round(1e9 * parameters.state_timeout_s)
        password = ''
        if parameters.password_file:
            try:
                password = read_text(Path(parameters.password_file).expanduser()).strip()
            except TurretError as error:
                raise TurretError(
                    ReasonCode.DRIVER_FAULT, f'cannot read onvif.password_file: {error.message}') from error
        self._camera = OnvifCamera(
            parameters.url, parameters.user, password, parameters.request_timeout_s,
            (parameters.pan, parameters.tilt))
        self._camera.connect()
        self.reach = self._camera.reach
        self.can_go = self._camera.absolute and self._camera.limits_speed and self._camera.continuous
        self._end_s = 3.0 * parameters.request_timeout_s + 1.0  # a cycle has no more requests
        self._reading: HeadReading | None = None
        self._wanted: _Order | None = None
        self._done: _Order | None = None  # the order of the newest move; None while the camera is stopped
        self._error: TurretError | None = None
        self._worked_ns = time.monotonic_ns()  # begin of the last cycle that succeeded
        self._arrived, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name='onvif', daemon=True)
        self._thread.start()

    def reading(self) -> HeadReading | None:
        """Return the newest reading. Raises TurretError: the camera has refused or been silent for too long."""
        error = self._error
        if error is not None and time.monotonic_ns() - self._worked_ns > self._timeout_ns:
            raise error.again()
        return self._reading

    def wait(self, timeout_s: float) -> bool:
        """Wait for the first reading. Raises TurretError: why there is none."""
        if not self._arrived.wait(timeout_s) and self._error is not None:
            error = self._error
            self.close()
            raise error.again()
        return self._arrived.is_set()

    def send(self, positions: tuple[float, float], velocities: tuple[float, float]) -> None:
        """Move at velocities [rad/s] from the next cycle on; without continuous moves, by steps to the positions."""
        self._wanted = _Order(time.monotonic_ns(), positions, velocities, not self._camera.continuous)

    def go(self, positions: tuple[float, float], speeds: tuple[float, float]) -> None:
        """Go to positions [rad] at speeds [rad/s]; to be renewed."""
        self._wanted = _Order(time.monotonic_ns(), positions, speeds, True)

    def halt(self, positions: tuple[float, float]) -> None:
        """Stop."""
        self._wanted = None

    def close(self) -> None:
        """Stop the camera and end the connection."""
        self._ended.set()
        self._thread.join(self._end_s)
        if self._thread.is_alive():  # never seen: every request is bounded in time
            return
        for _ in range(1 if self._done is None else _STOPS):
            try:
                self._camera.stop()
                break
            except TurretError:
                continue
        self._camera.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            begin_ns = time.monotonic_ns()  # of this cycle: no reading is older while none fails
            try:
                self._cycle()
                self._error, self._worked_ns = None, begin_ns
            except TurretError as error:  # shown by the reading, where it lasts
                self._error = error
            self._ended.wait(self._period_s)

    def _cycle(self) -> None:
        self._stop_what_ended()  # before anything that may fail
        begin_ns = time.monotonic_ns()
        status = self._camera.status()
        t_ns = (begin_ns + time.monotonic_ns()) // 2
        before, rates = self._reading, (0.0, 0.0)
        if before is not None and t_ns > before.t_ns:
            pan, tilt = (
                1e9 * (now - then) / (t_ns - before.t_ns)
                for now, then in zip(status.positions, before.positions, strict=True))
            rates = (pan, tilt)
        self._reading = HeadReading(t_ns, status.positions, rates)
        self._arrived.set()
        order = self._wanted
        if order is None or self._ended.is_set() or self._has_ended(order):
            self._stop_what_ended()
            return
        resting = not status.moving if status.moving is not None else max(map(abs, rates)) < _SLOWEST
        if order.absolute:
            self._go(order, resting)
        elif max(map(abs, order.speeds)) >= _SLOWEST:
            self._done = order
            self._camera.move(order.speeds, _MOVE_S)
        elif self._done is not None:
            self._stop()

    def _go(self, order: _Order, resting: bool) -> None:
        """Begin an absolute move, unless the camera is on its way already."""
        done = self._done
        if done is not None and done.absolute and done.positions == order.positions and not resting:
            self._done = order
            return
        self._done = order
        try:
            pan, tilt = (max(_STEP_SPEED, abs(speed)) for speed in order.speeds)
            self._camera.go(order.positions, (pan, tilt))
        except RefusedError:
            if self._camera.continuous:  # it announced what it does not do
                self.can_go = False
            raise

    def _has_ended(self, order: _Order) -> bool:
        return time.monotonic_ns() - order.t_ns > 1e9 * _MOVE_S

    def _stop_what_ended(self) -> None:
        """Stop a move whose order was taken back, or has not been renewed."""
        order = self._wanted
        if self._done is not None and (order is None or self._has_ended(order)):
            self._stop()

    def _stop(self) -> None:
        self._camera.stop()
        self._done = None  # only now: what failed is tried again


def _open_link(parameters: OnvifParameters, _: str) -> CameraLink:
    return OnvifLink(parameters)


class OnvifDriver(LinkedHeadDriver):
    """Guides a PTZ camera along a shaped motion, and sends it to positions far away."""

    name: ClassVar[str] = 'onvif'
    groups: ClassVar[Mapping[str, type]] = {'onvif': OnvifParameters}
    carries_laser: ClassVar[bool] = False

    @classmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        driver = cls(group_of(parameters, OnvifParameters), namespace)
        driver._needed = {
            name: (axis.lower - axis.reference_angle, axis.upper - axis.reference_angle)
            for name, axis in (('pan', parameters.pan), ('tilt', parameters.tilt)) if axis.reference == 'absolute'}
        return driver

    @classmethod
    def check_parameters(cls, parameters: DriverParameters) -> None:
        cls.check_head(parameters, group_of(parameters, OnvifParameters))

    def __init__(
            self, parameters: OnvifParameters, namespace: str,
            open_link: Callable[[OnvifParameters, str], CameraLink] = _open_link, clock: Clock | None = None) -> None:
        """Drive the camera that ``parameters`` name; the arguments are those of :class:`RosHeadDriver`."""
        self._camera: CameraLink | None = None

        def open_camera() -> HeadLink:
            self._camera = open_link(parameters, namespace)
            return self._camera

        super().__init__(parameters, 'positions of the camera', True, open_camera, clock)
        self._axes = {'pan': parameters.pan, 'tilt': parameters.tilt}
        self._needed: dict[str, tuple[float, float]] = {}  # driver positions of the soft limits
        self._going = False
        self._held = (0.0, 0.0)  # where an axis stays while the other one goes

    def _take(self) -> None:
        super()._take()
        assert self._camera is not None
        self._going = False
        joints = []
        for (name, axis), ends in zip(self._axes.items(), self._camera.reach, strict=True):
            lower, upper = sorted(axis.sign * end for end in ends)
            low, high = self._needed.get(name, (lower, upper))
            if low < lower - self._parameters.tolerance or high > upper + self._parameters.tolerance:
                self._release()
                raise TurretError(
                    ReasonCode.DRIVER_FAULT, f'the camera reaches {math.degrees(lower):.0f} to '
                    f'{math.degrees(upper):.0f} degrees of {name}, and the soft limits are {math.degrees(low):.0f} to '
                    f'{math.degrees(high):.0f}: narrow {name}.lower and {name}.upper, or correct onvif.{name}')
            joints.append(dataclasses.replace(axis, lower=max(axis.lower, lower), upper=min(axis.upper, upper)))
        self._joints = (joints[0], joints[1])

    def _guide(self, link: HeadLink, reading: HeadReading, motions: tuple[AxisMotion, AxisMotion]) -> None:
        assert self._camera is not None
        ways = [
            abs(motion.target - joint.sign * measured) if motion.speed > 0.0 else 0.0
            for joint, motion, measured in zip(self._joints, motions, reading.positions, strict=True)]
        on_its_way = self._going and max(map(abs, reading.velocities)) >= _SLOWEST
        goes = (self._camera.can_go and not any(motion.turning for motion in motions)
                and max(ways) > (self._parameters.tolerance if on_its_way else _FAR))
        if goes or self._going:  # the shaped motion continues from where the camera is
            for profile, joint, measured, rate in zip(
                    self._profiles, self._joints, reading.positions, reading.velocities, strict=True):
                profile.position, profile.velocity = joint.sign * measured, joint.sign * rate if goes else 0.0
        if goes:
            if not self._going:
                self._held = reading.positions
            pan, tilt = (
                joint.sign * motion.target if motion.speed > 0.0 else held
                for joint, motion, held in zip(self._joints, motions, self._held, strict=True))
            self._goal = reading.positions
            self._camera.go((pan, tilt), (motions[0].speed, motions[1].speed))
        elif self._going:
            link.halt(reading.positions)
        else:
            super()._guide(link, reading, motions)
        self._going = goes

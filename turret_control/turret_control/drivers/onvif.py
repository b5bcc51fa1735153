# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver for a PTZ camera with ONVIF: the turret without a laser as a tracking camera.

The camera is moved at speeds and asked for its position, about ten times a second; each move ends by itself after half
a second. Its stream is the camera of the turret (``source: stream``). Speeds and angles of the camera come from its
data sheet; the delay is measured by calibration. A laser is refused: positions are too coarse and too late for one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from turret_common.errors import TurretError
from turret_common.params import group, param
from turret_common.reason_codes import ReasonCode
from turret_common.registry import group_of
from turret_common.threads.clock import Clock
from turret_common.user_files import read_text
from turret_control.devices.onvif import OnvifCamera
from turret_control.drivers.driver import DriverParameters, GimbalDriver
from turret_control.drivers.ros.head import HeadLink, HeadReading
from turret_control.drivers.ros_head import LinkedHeadDriver

_MOVE_S = 0.5       # after which the camera stops by itself
_SMALLEST = 0.005   # speed that counts as none


@dataclasses.dataclass(frozen=True)
class OnvifAxis:
    """One axis of the camera."""

    range: float = param(
        6.283, 'Angle between the positions -1 and 1 of the camera', unit='rad', minimum=0.1, maximum=12.6)
    max_speed: float = param(
        1.0, 'Angular velocity of the camera at the speed 1', unit='rad/s', minimum=0.01, maximum=20.0)
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


class OnvifLink:
    """Polls and moves a camera in a thread of its own, since each request takes a while."""

    def __init__(self, parameters: OnvifParameters) -> None:
        """Connect to the camera. Raises TurretError: DRIVER_FAULT."""
        self._axes = (parameters.pan, parameters.tilt)
        self._period_s = parameters.period_s
        password = ''
        if parameters.password_file:
            try:
                password = read_text(Path(parameters.password_file).expanduser()).strip()
            except TurretError as error:
                raise TurretError(
                    ReasonCode.DRIVER_FAULT, f'cannot read onvif.password_file: {error.message}') from error
        self._camera = OnvifCamera(parameters.url, parameters.user, password, parameters.request_timeout_s)
        self._camera.connect()
        self._end_s = 2.0 * parameters.request_timeout_s + 1.0
        self._reading: HeadReading | None = None
        self._wanted: tuple[float, float] | None = None  # speeds of the camera
        self._moving = False
        self._arrived, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name='onvif', daemon=True)
        self._thread.start()

    def reading(self) -> HeadReading | None:
        """Return the newest reading; a camera that does not answer has none that is new."""
        return self._reading

    def wait(self, timeout_s: float) -> bool:
        """Wait for the first reading."""
        return self._arrived.wait(timeout_s)

    def send(self, positions: tuple[float, float], velocities: tuple[float, float]) -> None:
        """Move at velocities [rad/s] from the next cycle on."""
        pan, tilt = (
            max(-1.0, min(1.0, velocity / axis.max_speed))
            for velocity, axis in zip(velocities, self._axes, strict=True))
        self._wanted = (pan, tilt)

    def halt(self, positions: tuple[float, float]) -> None:
        """Stop."""
        self._wanted = (0.0, 0.0)

    def close(self) -> None:
        """Stop the camera and end the connection."""
        self._ended.set()
        self._thread.join(self._end_s)
        if self._thread.is_alive():  # in a request that the camera does not end; its move ends by itself
            return
        with contextlib.suppress(TurretError):
            self._camera.stop()
        self._camera.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TurretError):  # positions that are not renewed show it
                self._cycle()
            self._ended.wait(self._period_s)

    def _cycle(self) -> None:
        begin_ns = time.monotonic_ns()
        position = self._camera.position()
        t_ns = (begin_ns + time.monotonic_ns()) // 2
        pan, tilt = (
            0.5 * axis.range * value for value, axis in zip(position, self._axes, strict=True))
        before, rates = self._reading, (0.0, 0.0)
        if before is not None and t_ns > before.t_ns:
            rates = (
                1e9 * (pan - before.positions[0]) / (t_ns - before.t_ns),
                1e9 * (tilt - before.positions[1]) / (t_ns - before.t_ns))
        self._reading = HeadReading(t_ns, (pan, tilt), rates)
        self._arrived.set()
        wanted, self._wanted = self._wanted, None
        if wanted is None or self._ended.is_set():
            return  # nothing was ordered since: the move ends by itself
        if max(map(abs, wanted)) >= _SMALLEST:
            self._camera.move(*wanted, _MOVE_S)
            self._moving = True
        elif self._moving:
            self._camera.stop()
            self._moving = False


def _open_link(parameters: OnvifParameters, _: str) -> HeadLink:
    return OnvifLink(parameters)


class OnvifDriver(LinkedHeadDriver):
    """Guides a PTZ camera along a shaped motion."""

    name: ClassVar[str] = 'onvif'
    groups: ClassVar[Mapping[str, type]] = {'onvif': OnvifParameters}
    carries_laser: ClassVar[bool] = False

    @classmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        return cls(group_of(parameters, OnvifParameters), namespace)

    @classmethod
    def check_parameters(cls, parameters: DriverParameters) -> None:
        cls.check_head(parameters, group_of(parameters, OnvifParameters))

    def __init__(
            self, parameters: OnvifParameters, namespace: str,
            open_link: Callable[[OnvifParameters, str], HeadLink] = _open_link, clock: Clock | None = None) -> None:
        """Drive the camera that ``parameters`` name; the arguments are those of :class:`RosHeadDriver`."""
        super().__init__(parameters, 'positions of the camera', True, lambda: open_link(parameters, namespace), clock)

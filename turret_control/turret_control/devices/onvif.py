# SPDX-License-Identifier: Apache-2.0
"""A PTZ camera with ONVIF, in rad and rad/s: profile, spaces, moves and status, by ``onvif-zeep-async``.

The library makes, signs and parses the messages; requests are dated by the clock of the camera, because cameras refuse
dates that are off. Added here are what it leaves open: a time-out and a largest size of each answer, and the units: a
node offers spaces of numbers, generic ones (a fraction of what the camera can) or degrees, each with its range.

Sources: ONVIF Core, Media and PTZ service specifications.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import math
import urllib.parse
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol, TypeVar

from turret_common.errors import TurretError
from turret_common.host.minimum_versions import require
from turret_common.reason_codes import ReasonCode

_REMEDY = ('run ./turret setup --hardware; with a ROS distribution: python3 -m pip install --user '
           '--break-system-packages onvif-zeep-async==4.3.0')
_SERVICE = '/onvif/device_service'  # fixed by the specification
_SPACES = 'http://www.onvif.org/ver10/tptz/PanTiltSpaces/'
_LOAD_S = 30.0  # of the service descriptions, from files of the library
_ROUNDED = 0.01  # of a range, by which a position may be beyond its end
_DEGREE = math.pi / 180.0
_GENERIC_POSITION = 'PositionGenericSpace'
_DEGREE_POSITIONS = ('SphericalPositionSpaceDegrees', 'SphericalPositionSpace')

_T = TypeVar('_T')


class RefusedError(TurretError):
    """The camera answered that it does not do it."""

    def __init__(self, reason: str) -> None:
        super().__init__(ReasonCode.DRIVER_FAULT, f'the camera refuses: {reason}')


class CameraAxis(Protocol):
    """What generic numbers of one axis mean."""

    @property
    def range(self) -> float:
        """Angle between the ends of a generic space of positions [rad]."""

    @property
    def max_speed(self) -> float:
        """Angular velocity at the highest generic speed [rad/s]."""


class Scale(NamedTuple):
    """Numbers of one axis in a space.

    Attributes:
        low, high: the range.
        unit: rad, or rad/s, of the number 1.
        middle: number of the angle 0.
    """

    low: float
    high: float
    unit: float
    middle: float = 0.0

    def number(self, value: float) -> float:
        """Return the number nearest to an angle or velocity."""
        return round(max(self.low, min(self.high, self._whole(self.middle + value / self.unit))), 5)

    def value(self, number: float) -> float:
        """Return the angle or velocity of a number. Raises ValueError: beyond the range, or not finite."""
        beyond = _ROUNDED * (self.high - self.low)
        if not self.low - beyond <= number <= self.high + beyond:
            raise ValueError(f'{number:g} is not between {self.low:g} and {self.high:g}')
        value = (number - self.middle) * self.unit
        return math.remainder(value, math.tau) if self._turns else value

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest angle."""
        if self._turns:
            return -math.pi, math.pi
        return (self.low - self.middle) * self.unit, (self.high - self.middle) * self.unit

    @property
    def _turns(self) -> bool:
        """Whether the range is one revolution that begins at 0."""
        return self.low == 0.0 and (self.high - self.low) * self.unit > 0.99 * math.tau and self.middle == 0.0

    def _whole(self, number: float) -> float:
        return number + math.tau / self.unit if self._turns and number < 0.0 else number


class Space(NamedTuple):
    """A space of the camera, with the scales of pan and tilt."""

    uri: str
    scales: tuple[Scale, Scale]

    def vector(self, values: tuple[float, float]) -> dict[str, Any]:
        """Return angles or velocities in the form of the library."""
        x, y = (scale.number(value) for scale, value in zip(self.scales, values, strict=True))
        return {'PanTilt': {'x': x, 'y': y, 'space': self.uri}}


class CameraStatus(NamedTuple):
    """State of the camera.

    Attributes:
        positions: pan and tilt [rad].
        moving: whether it moves; None where it does not say.
    """

    positions: tuple[float, float]
    moving: bool | None


class OnvifCamera:
    """A PTZ camera. Not for several threads at once.

    Every method raises TurretError: DRIVER_FAULT, the camera does not answer, refuses or answers nonsense.

    Attributes:
        reach: lowest and highest angle of pan and of tilt [rad].
        continuous, absolute: whether it offers these moves.
        limits_speed: whether the speed of absolute moves can be limited.
    """

    def __init__(
            self, url: str, user: str, password: str, timeout_s: float, axes: tuple[CameraAxis, CameraAxis]) -> None:
        """Talk to the device service at ``url``; :meth:`connect` begins."""
        self._url, self._user, self._password, self._timeout_s, self._axes = url, user, password, timeout_s, axes
        self._loop: asyncio.AbstractEventLoop | None = None
        self._camera: Any = None
        self._ptz: Any = None
        self._profile: str  # these two from connect() on
        self._default: str
        self._positions: dict[str, Space] = {}  # in which it may report, by name
        self._goals: Space | None = None
        self._velocities: Space | None = None
        self._speeds: Space | None = None
        self.reach = ((-math.inf, math.inf), (-math.inf, math.inf))

    @property
    def continuous(self) -> bool:
        return self._velocities is not None

    @property
    def absolute(self) -> bool:
        return self._goals is not None

    @property
    def limits_speed(self) -> bool:
        return self._speeds is not None

    def connect(self) -> None:
        """Read the clock, the services and the spaces of the first profile that can be moved.

        Raises:
            TurretError: also NOT_SUPPORTED, the library is not installed.
        """
        try:
            require('ONVIF cameras')
        except TurretError as error:
            raise TurretError(error.code, f'{error.message}: {_REMEDY}') from error
        try:
            parts = urllib.parse.urlsplit(self._url)
            host, port = parts.hostname, parts.port or (443 if parts.scheme == 'https' else 80)
        except ValueError as error:
            raise TurretError(ReasonCode.DRIVER_FAULT, f'{self._url} is not an address: {error}') from error
        if parts.scheme not in ('http', 'https') or not host or parts.path.rstrip('/') != _SERVICE:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'{self._url} is not http://HOST{_SERVICE}, the address of a device service')
        self._loop = asyncio.new_event_loop()
        try:
            self._run(self._prepare(f'{parts.scheme}://{f"[{host}]" if ":" in host else host}', port), _LOAD_S)
            self._run(self._discover(), 8.0 * self._timeout_s)
        except BaseException:
            self.close()
            raise

    def status(self) -> CameraStatus:
        """Return position and motion."""
        answer = self._run(self._ptz.GetStatus({'ProfileToken': self._profile}))
        found = getattr(getattr(answer, 'Position', None), 'PanTilt', None)
        if found is None:
            raise TurretError(ReasonCode.DRIVER_FAULT, 'the camera does not report its position')
        uri = found.space or self._default
        space = self._positions.get(_name(uri))
        if space is None:
            raise TurretError(ReasonCode.DRIVER_FAULT, f'the camera reports its position in the space {uri}')
        try:
            pan, tilt = (
                scale.value(float(number)) for scale, number in zip(space.scales, (found.x, found.y), strict=True))
        except (TypeError, ValueError) as error:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'the camera reports the position ({found.x}, {found.y}): {error}') from error
        move = getattr(getattr(answer, 'MoveStatus', None), 'PanTilt', None)
        return CameraStatus((pan, tilt), {'MOVING': True, 'IDLE': False}.get(str(move)))

    def move(self, velocities: tuple[float, float], duration_s: float) -> None:
        """Move at velocities [rad/s]; the camera stops by itself after ``duration_s``."""
        assert self._velocities is not None
        self._run(self._ptz.ContinuousMove({
            'ProfileToken': self._profile, 'Velocity': self._velocities.vector(velocities),
            'Timeout': datetime.timedelta(seconds=duration_s)}))

    def go(self, positions: tuple[float, float], speeds: tuple[float, float]) -> None:
        """Go to positions [rad] at speeds [rad/s], which only :attr:`limits_speed` makes the camera keep."""
        assert self._goals is not None
        request = {'ProfileToken': self._profile, 'Position': self._goals.vector(positions)}
        if self._speeds is not None:
            request['Speed'] = self._speeds.vector(speeds)
        self._run(self._ptz.AbsoluteMove(request))

    def stop(self) -> None:
        """Stop pan and tilt."""
        self._run(self._ptz.Stop({'ProfileToken': self._profile, 'PanTilt': True, 'Zoom': True}))

    def close(self) -> None:
        """Close the connections."""
        if self._loop is None:
            return
        if self._camera is not None:
            with contextlib.suppress(TurretError):
                self._run(self._camera.close())
        self._loop.close()
        self._loop = self._camera = None

    # Inside

    async def _prepare(self, host: str, port: int) -> None:
        from turret_control.devices.onvif_library import LibraryCamera  # the only use of the library

        self._camera = LibraryCamera(host, port, self._user, self._password, self._timeout_s)
        await self._camera.create_devicemgmt_service()

    async def _discover(self) -> None:
        camera = self._camera
        camera.adjust_time = True
        try:
            await camera.update_xaddrs()
        except (AttributeError, TypeError, ValueError):  # it reports no time, or none that can be
            camera.adjust_time = False
            await camera.update_xaddrs()
        if not all(any(f'/{service}/wsdl' in name for name in camera.xaddrs) for service in ('media', 'ptz')):
            raise TurretError(ReasonCode.DRIVER_FAULT, f'the camera at {self._url} cannot be moved by ONVIF')
        media = await camera.create_media_service()
        profiles = [profile for profile in await media.GetProfiles() or () if profile.PTZConfiguration is not None]
        if not profiles:
            raise TurretError(ReasonCode.DRIVER_FAULT, 'no profile of the camera has a PTZ configuration')
        self._profile, configuration = profiles[0].token, profiles[0].PTZConfiguration
        self._ptz = await camera.create_ptz_service()
        node = await self._ptz.GetNode({'NodeToken': configuration.NodeToken})
        self._take_spaces(configuration.DefaultAbsolutePantTiltPositionSpace, getattr(node, 'SupportedPTZSpaces', None))

    def _take_spaces(self, default: str | None, offered: Any) -> None:
        """Choose the spaces of moves: degrees, which need no data sheet, before generic ones."""
        def of(kind: str) -> Any:
            return getattr(offered, kind, None) or ()

        axes = self._axes
        goals = _spaces(
            of('AbsolutePanTiltPositionSpace'), _DEGREE_POSITIONS, _GENERIC_POSITION, (-1.0, 1.0), _position, axes)
        velocities = _spaces(
            of('ContinuousPanTiltVelocitySpace'), ('VelocitySpaceDegrees',), 'VelocityGenericSpace', (-1.0, 1.0),
            _velocity, axes)
        speeds = _spaces(
            of('PanTiltSpeedSpace'), ('SpeedSpaceDegrees',), 'GenericSpeedSpace', (0.0, 1.0), _speed, axes)
        self._default = str(default or _SPACES + _GENERIC_POSITION)
        whole = Scale(-360.0, 360.0, _DEGREE)
        pan, tilt = (Scale(-1.0, 1.0, 0.5 * axis.range) for axis in axes)
        self._positions = {
            _GENERIC_POSITION: Space(_GENERIC_POSITION, (pan, tilt)),
            **{name: Space(name, (whole, whole)) for name in _DEGREE_POSITIONS},
            **{_name(space.uri): space for space in goals}}
        reported = self._positions.get(_name(self._default))
        if reported is None:
            raise TurretError(ReasonCode.DRIVER_FAULT, f'the camera reports its position in the space {self._default}')
        self.reach = (reported.scales[0].ends, reported.scales[1].ends)
        self._goals = next(iter(sorted(goals, key=lambda space: _name(space.uri) != _name(self._default))), None)
        self._velocities, self._speeds = next(iter(velocities), None), next(iter(speeds), None)
        if self._velocities is None and self._goals is None:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, 'the camera offers neither continuous nor absolute moves in a known space')

    def _run(self, request: Coroutine[Any, Any, _T], timeout_s: float = 0.0) -> _T:
        """Return the answer to a request, in bounded time."""
        timeout_s = timeout_s or self._timeout_s
        try:
            if self._loop is None:
                raise TurretError(ReasonCode.DRIVER_FAULT, 'the camera is not connected')
            return self._loop.run_until_complete(asyncio.wait_for(request, timeout_s))
        except TurretError:
            request.close()
            raise
        except (asyncio.TimeoutError, TimeoutError) as error:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'the camera at {self._url} does not answer within {timeout_s:g} s') from error
        except Exception as error:  # of the library, of the parser and of the network
            text = ' '.join(f'{error}'.split())[:200] or type(error).__name__
            if type(error).__name__ == 'Fault' or getattr(error, 'status_code', HTTPStatus.OK) != HTTPStatus.OK:
                raise RefusedError(text) from error
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'the camera at {self._url} does not answer: {text}') from error


def _name(uri: Any) -> str:
    return str(uri).strip().rpartition('/')[2]


def _position(low: float, high: float, degrees: bool, axis: CameraAxis) -> Scale:
    return Scale(low, high, _DEGREE) if degrees else Scale(low, high, axis.range / (high - low), 0.5 * (low + high))


def _velocity(low: float, high: float, degrees: bool, axis: CameraAxis) -> Scale:
    if not low < 0.0 < high:
        raise ValueError('it cannot move both ways')
    return Scale(low, high, _DEGREE if degrees else axis.max_speed / high)


def _speed(low: float, high: float, degrees: bool, axis: CameraAxis) -> Scale:
    if not high > 0.0:
        raise ValueError('it cannot move')
    return Scale(max(0.0, low), high, _DEGREE if degrees else axis.max_speed / high)


def _spaces(
        described: Any, degrees: tuple[str, ...], generic: str, normal: tuple[float, float],
        scale: Callable[[float, float, bool, CameraAxis], Scale], axes: tuple[CameraAxis, CameraAxis]) -> list[Space]:
    """Return the spaces whose numbers have a known meaning, degrees first; those with impossible ranges are left out.

    Args:
        described: spaces that the camera offers.
        degrees: names of spaces in degrees.
        generic: name of the generic space.
        normal: its range, where it is missing.
        scale: makes the scale of an axis from a range.
        axes: pan and tilt.
    """
    found = []
    for description in described:
        name = _name(description.URI)
        if name not in (generic, *degrees):
            continue
        ranges = (description.XRange, getattr(description, 'YRange', description.XRange))
        with contextlib.suppress(TypeError, ValueError):
            pan, tilt = (
                scale(*_range(given, normal if name == generic else None), name != generic, axis)
                for given, axis in zip(ranges, axes, strict=True))
            found.append(Space(str(description.URI).strip(), (pan, tilt)))
    return sorted(found, key=lambda space: _name(space.uri) == generic)


def _range(described: Any, normal: tuple[float, float] | None) -> tuple[float, float]:
    """Return a range. Raises ValueError or TypeError: it is missing without being the normal one, or cannot be."""
    if described is None:
        if normal is None:
            raise ValueError('the range is missing')
        return normal
    low, high = float(described.Min), float(described.Max)
    if not -math.inf < low < high < math.inf:
        raise ValueError('the range is empty or not finite')
    return low, high

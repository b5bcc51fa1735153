"""Checking that pixels become the right bearings: a target that stands still must keep its own all over the image."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from turret_common.errors import TurretError
from turret_common.geometry import Array, PinholeCamera, pixel_to_bearing
from turret_common.reason_codes import ReasonCode
from turret_control.controller.controller import Mode
from turret_control.controller.head_command import Drive
from turret_control.controller.target_follower import TargetFollower
from turret_control.motion import Command

_CENTER_S = 1.5        # to get the target into the middle of the image
_WAY_S, _LOOK_S = 0.8, 0.4
_RATE = 1.5            # rad/s
_GRID = (-1.0, 0.0, 1.0)
_FEWEST = 30           # sightings
_STEPS, _SMALL = 4, 1e-4


class Sighting(NamedTuple):
    """A pixel at which the target was seen, and the pose of the head then."""

    x: float
    y: float
    pan: float
    tilt: float


class Checked(NamedTuple):
    """What the check has shown; angles in rad.

    Attributes:
        rms: spread of the bearing.
        worst: largest deviation from its mean.
        scale: of the focal length, that would make the spread least.
        roll: of the camera, that would; positive: its right side hangs down.
        images: that were compared.
    """

    rms: float
    worst: float
    scale: float
    roll: float
    images: int


class CheckBearings:
    """The task: bring the target to the middle of the image, then to places all over it, standing still at each.

    Attributes:
        progress: 0 to 1.
        done: whether it has ended.
    """

    mode = Mode.MANUAL
    name = 'checking bearings'

    def __init__(self, travel: float) -> None:
        """``travel`` is the largest excursion of each axis in rad."""
        self.progress = 0.0
        self.done = False
        self._places = [(travel * x, travel * y) for y in _GRID for x in _GRID]
        self._began: float | None = None
        self._middle: tuple[float, float] | None = None
        self._stamp = -math.inf
        self._sighted = False
        self._camera: PinholeCamera | None = None
        self._seen: list[Sighting] = []
        self._error: TurretError | None = None

    def step(self, drive: Drive, target: TargetFollower, now: float, dt: float) -> Command | None:
        """Return the next command; None at the end."""
        camera = target.camera
        if camera is None or camera.on_base:
            raise TurretError(
                ReasonCode.NOT_SUPPORTED, 'only a camera on the head sees the target move when the head turns')
        self._camera = camera
        self._began = now if self._began is None else self._began
        passed = now - self._began - _CENTER_S
        if passed < 0.0:
            self._sighted = self._sighted or target.aim is not None
            if target.aim is None:
                return drive.stop()
            return drive.steer(target.reference(now + drive.ahead(dt)), now, dt)
        if not self._sighted:
            raise TurretError(ReasonCode.NO_TARGET, 'a target that stands still must be in sight')
        assert drive.head.motors is not None
        self._middle = self._middle or drive.head.motors[:2]
        place, into = divmod(passed, _WAY_S + _LOOK_S)
        self.progress = min(1.0, (place + into / (_WAY_S + _LOOK_S)) / len(self._places))
        if place >= len(self._places):
            return None
        if into > _WAY_S:
            self._look(drive, target, self._began + _CENTER_S + place * (_WAY_S + _LOOK_S) + _WAY_S)
        pan, tilt = (a + b for a, b in zip(self._middle, self._places[int(place)], strict=True))
        limits = drive.limits
        return drive.go(limits.pan.clamp(pan), limits.tilt.clamp(tilt), _RATE, _RATE)

    def ended(self, error: TurretError | None) -> None:
        """Learn how it ended."""
        self._error, self.done = error, True

    def result(self) -> Checked:
        """Return what was found.

        Raises:
            TurretError: why it ended early, or NO_TARGET when the target was hardly seen.
        """
        if self._error:
            raise self._error
        if self._camera is None or len(self._seen) < _FEWEST:
            raise TurretError(ReasonCode.NO_TARGET, 'the target was not seen often enough; try less travel')
        return compare(self._camera, self._seen)

    def _look(self, drive: Drive, target: TargetFollower, since: float) -> None:
        """Keep where the target is seen in a new image that was taken after the head came to rest."""
        aim = target.aim
        if aim is None or aim.target.pixel is None or aim.stamp < max(since, self._stamp):
            return
        pose = drive.head.head_at(aim.stamp)
        if pose is not None and aim.stamp > self._stamp:
            self._stamp = aim.stamp
            self._seen.append(Sighting(*aim.target.pixel, pose.pan, pose.tilt))


def compare(camera: PinholeCamera, seen: list[Sighting]) -> Checked:
    """Return how well bearings of one direction agree, and the scale and roll that would make them agree best."""
    plain = _deviations(camera, seen, 1.0, 0.0)
    values = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        now = _deviations(camera, seen, *values).ravel()
        near = [_deviations(camera, seen, *(values + step)).ravel() for step in _SMALL * np.eye(2)]
        slopes = np.stack([(there - now) / _SMALL for there in near], axis=1)
        values = values - np.linalg.lstsq(slopes, now, rcond=None)[0]
    away = np.hypot(*plain.T)
    return Checked(float(np.sqrt(np.mean(away**2))), float(away.max()), float(values[0]), float(values[1]), len(seen))


def _deviations(camera: PinholeCamera, seen: list[Sighting], scale: float, roll: float) -> Array:
    """Return by how far each bearing is from their mean, across and up in rad, shape (n, 2)."""
    lens = dataclasses.replace(camera, fx=camera.fx * scale, fy=camera.fy * scale)
    bearings = np.array(list(_bearings(lens, seen, math.cos(roll), math.sin(roll))))
    bearings[:, 0] = np.unwrap(bearings[:, 0])
    away: Array = bearings - bearings.mean(axis=0)
    away[:, 0] *= np.cos(bearings[:, 1])
    return away


def _bearings(camera: PinholeCamera, seen: list[Sighting], cosine: float, sine: float) -> Iterator[tuple[float, float]]:
    for x, y, pan, tilt in seen:
        across, down = x - camera.cx, y - camera.cy
        yield pixel_to_bearing(
            camera, camera.cx + across * cosine - down * sine, camera.cy + across * sine + down * cosine, pan, tilt)

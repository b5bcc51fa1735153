# SPDX-License-Identifier: Apache-2.0
"""Bearing check: a stationary target must have the same bearing wherever it appears in the image."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from turret_common.errors import TurretError
from turret_common.geometry import Array, PinholeCamera, pixel_to_bearing
from turret_common.least_squares import least_squares
from turret_common.reason_codes import ReasonCode
from turret_control.controller.head_command import HeadCommander
from turret_control.controller.target_follower import TargetFollower
from turret_control.controller.task import Task
from turret_control.motion import Command

_CENTER_S = 1.5        # to center the target in the image
_MOVE_S, _DWELL_S = 0.8, 0.4
_RATE = 1.5            # rad/s
_GRID = (-1.0, 0.0, 1.0)
_MIN_SIGHTINGS = 30
_STEPS, _DELTA = 4, 1e-4


class Sighting(NamedTuple):
    """Pixel of the target in one image, and the pose of the head at its stamp."""

    x: float
    y: float
    pan: float
    tilt: float


class BearingErrors(NamedTuple):
    """Result of the check; angles in rad.

    Attributes:
        rms: RMS deviation of the bearing from its mean.
        worst: maximum deviation.
        scale: factor on the focal length that minimizes the deviation.
        roll: roll of the camera that minimizes it; positive: its right side is lower.
        images: number of images compared.
    """

    rms: float
    worst: float
    scale: float
    roll: float
    images: int


class CheckBearings(Task):
    """Task that centers the target in the image, then moves it to positions all over the image and dwells at each."""

    name = 'checking bearings'

    def __init__(self, travel: float) -> None:
        """``travel`` is the maximum excursion of each axis in rad."""
        super().__init__()
        self._offsets = [(travel * x, travel * y) for y in _GRID for x in _GRID]
        self._began: float | None = None
        self._center: tuple[float, float] | None = None
        self._stamp = -math.inf
        self._sighted = False
        self._camera: PinholeCamera | None = None
        self._seen: list[Sighting] = []

    def step(self, head: HeadCommander, target: TargetFollower, now: float, dt: float) -> Command | None:
        """Return the next command; None when complete."""
        camera = target.camera
        if camera is None or camera.on_base:
            raise TurretError(ReasonCode.NOT_SUPPORTED, 'bearings can be checked only with a camera on the head')
        self._camera = camera
        self._began = now if self._began is None else self._began
        passed = now - self._began - _CENTER_S
        if passed < 0.0:
            self._sighted = self._sighted or target.aim is not None
            if target.aim is None:
                return head.stop()
            return head.follow(target.reference(now + head.lead_s(dt)), now, dt)
        if not self._sighted:
            raise TurretError(ReasonCode.NO_TARGET, 'a stationary target must be visible')
        self._center = self._center or head.motor_pose[:2]
        index, into = divmod(passed, _MOVE_S + _DWELL_S)
        self.progress = min(1.0, (index + into / (_MOVE_S + _DWELL_S)) / len(self._offsets))
        if index >= len(self._offsets):
            return None
        if into > _MOVE_S:
            self._add_sighting(head, target, self._began + _CENTER_S + index * (_MOVE_S + _DWELL_S) + _MOVE_S)
        pan, tilt = (a + b for a, b in zip(self._center, self._offsets[int(index)], strict=True))
        limits = head.limits
        return head.go_to(limits.pan.clamp(pan), limits.tilt.clamp(tilt), _RATE, _RATE)

    def result(self) -> BearingErrors:
        """Return the errors.

        Raises:
            TurretError: the reason for an early end, or NO_TARGET when the target was detected too rarely.
        """
        self.check()
        if self._camera is None or len(self._seen) < _MIN_SIGHTINGS:
            raise TurretError(ReasonCode.NO_TARGET, 'the target was detected too rarely; use less travel')
        return compare(self._camera, self._seen)

    def _add_sighting(self, head: HeadCommander, target: TargetFollower, since: float) -> None:
        """Store the pixel of the target in a new image that was taken after the head came to rest."""
        aim = target.aim
        if aim is None or aim.target.pixel is None or aim.stamp < max(since, self._stamp):
            return
        pose = head.model.head_pose_at(aim.stamp)
        if pose is not None and aim.stamp > self._stamp:
            self._stamp = aim.stamp
            self._seen.append(Sighting(*aim.target.pixel, pose.pan, pose.tilt))


def compare(camera: PinholeCamera, seen: list[Sighting]) -> BearingErrors:
    """Return the deviations of the bearings, and the scale and roll that minimize them."""
    plain = _deviations(camera, seen, 1.0, 0.0)
    scale, roll = least_squares(
        lambda values: _deviations(camera, seen, *values).ravel(), np.array([1.0, 0.0]), _STEPS, _DELTA)
    away = np.hypot(*plain.T)
    rms = float(np.sqrt(np.mean(away**2)))
    return BearingErrors(rms, float(away.max()), float(scale), float(roll), len(seen))


def _deviations(camera: PinholeCamera, seen: list[Sighting], scale: float, roll: float) -> Array:
    """Return the deviation of each bearing from the mean, across and up in rad, shape (n, 2)."""
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

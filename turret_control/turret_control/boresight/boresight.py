# SPDX-License-Identifier: Apache-2.0
"""Boresight: direction and position of the laser relative to the camera, and their calibration."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from turret_common.errors import TurretError
from turret_common.geometry import (
    Array,
    Bearing,
    PinholeCamera,
    base_from_head,
    bearing_of,
    bearing_to_pixel,
    direction,
    pixel_to_bearing,
    wrap_angle,
)
from turret_common.least_squares import least_squares
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_range

_MIN_SPREAD = 0.02  # 1/m; minimum spread of inverse distances from which the parallax is estimated
_STEPS = 5          # least-squares iterations


@dataclasses.dataclass(frozen=True)
class Boresight:
    """Laser in the frame of the head: x forward, y left, z up; origin at the center of the head.

    Attributes:
        azimuth, elevation: direction of the beam in rad, positive left and up.
        offset_y, offset_z: origin of the beam in m.
        residual: RMS residual of the calibration in rad; NaN = set by hand.
        calibrated: whether it was measured or set.
    """

    azimuth: float = 0.0
    elevation: float = 0.0
    offset_y: float = 0.0
    offset_z: float = 0.0
    residual: float = math.nan
    calibrated: bool = False


class Sight(NamedTuple):
    """Geometry of laser and camera.

    Attributes:
        boresight: boresight of the laser.
        camera_at: position of a camera on the base, in m from the center of the head along the axes of ``base_link``;
            None = camera on the head, at its center.
    """

    boresight: Boresight
    camera_at: tuple[float, float, float] | None = None

    def spot(self, pan: float, tilt: float, range_m: float) -> Bearing:
        """Return the bearing of the laser dot from the camera at a distance, for a pose of the head in rad."""
        if self.camera_at is None:
            return bearing_of(base_from_head(pan, tilt) @ _spot(self.boresight, range_m))
        head = base_from_head(pan, tilt)
        origin, beam = _beam(self.boresight)
        return bearing_of(_landing(head @ origin - np.array(self.camera_at), head @ beam, range_m))

    def pixel(self, camera: PinholeCamera, pan: float, tilt: float, range_m: float) -> tuple[float, float] | None:
        """Return the pixel of the laser dot on a surface at a distance; None outside of the image."""
        return bearing_to_pixel(camera, self.spot(pan, tilt, range_m), pan, tilt)

    def pose_for(self, target: Bearing, range_m: float) -> Bearing:
        """Return the pan and tilt in rad that put the laser dot on a target at a bearing and distance from the camera.

        With ``u`` the direction of the dot in the frame of the head, the third row of ``base_from_head(pan, tilt) u``
        is ``|(ux, uz)| sin(tilt + atan2(uz, ux))``; it must be ``sin(elevation)``. Pan then rotates the horizontal
        part.
        """
        if self.camera_at is not None:
            position = range_m * direction(target) + np.array(self.camera_at)
            target, range_m = bearing_of(position), float(np.linalg.norm(position))
        ux, uy, uz = (float(v) for v in _spot(self.boresight, range_m))
        reach = math.hypot(ux, uz)
        tilt = math.asin(max(-1.0, min(1.0, math.sin(target.elevation) / reach))) - math.atan2(uz, ux)
        forward = ux * math.cos(tilt) - uz * math.sin(tilt)
        return Bearing(target.azimuth - math.atan2(uy, forward), tilt)


def _beam(boresight: Boresight) -> tuple[Array, Array]:
    """Return origin and direction of the beam in the frame of the head, shape (3,)."""
    return (np.array([0.0, boresight.offset_y, boresight.offset_z]),
            direction(Bearing(boresight.azimuth, boresight.elevation)))


def _landing(origin: Array, beam: Array, range_m: float) -> Array:
    """Return the unit vector to the point of a beam at a distance from the origin, all shape (3,)."""
    along = float(origin @ beam)
    travel = -along + math.sqrt(max(0.0, along * along + range_m * range_m - float(origin @ origin)))
    spot: Array = origin + travel * beam
    unit: Array = spot / np.linalg.norm(spot)
    return unit


@functools.lru_cache(maxsize=64)
def _spot(boresight: Boresight, range_m: float) -> Array:
    """Return the unit vector from the center of the head to the laser dot at a distance, shape (3,)."""
    return _landing(*_beam(boresight), range_m)


class Dot(NamedTuple):
    """Measured laser dot: px of the full image, distance of the surface in m, pose of the head in rad."""

    x: float
    y: float
    range_m: float
    pan: float = 0.0
    tilt: float = 0.0


def fit_boresight(
        dots: Sequence[Dot], camera: PinholeCamera, offset: tuple[float, float] | None = None,
        camera_at: tuple[float, float, float] | None = None) -> Boresight:
    """Return the least-squares fit of the boresight to measured dots.

    With dots at one distance only, offset and direction of the laser cannot be separated: the offset is kept as given.

    Args:
        dots: at least one; each in front of the camera.
        camera: calibration of the camera.
        offset: y and z of the laser in m if known; None = estimate them from dots at several distances.
        camera_at: as in :class:`Sight`.

    Raises:
        TurretError: INVALID_ARGUMENT (none), NOT_FINITE or OUT_OF_RANGE.
    """
    if not dots:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'at least one dot is required')
    for dot in dots:
        require_range('x', dot.x, 0.0, camera.width)
        require_range('y', dot.y, 0.0, camera.height)
        require_range('distance', dot.range_m, 0.1, 100.0)
    seen = [pixel_to_bearing(camera, dot.x, dot.y, dot.pan, dot.tilt) for dot in dots]
    known = offset or (0.0, 0.0)
    fit_offset = offset is None and float(np.ptp([1.0 / dot.range_m for dot in dots])) > _MIN_SPREAD

    def boresight(values: Array) -> Boresight:
        azimuth, elevation, y, z = (float(v) for v in (values if fit_offset else (*values, *known)))
        return Boresight(azimuth, elevation, y, z, calibrated=True)

    def residuals(values: Array) -> Array:
        """Return the residuals, across and up, in rad."""
        sight = Sight(boresight(values), camera_at)
        spots = [sight.spot(dot.pan, dot.tilt, dot.range_m) for dot in dots]
        return np.array([
            [wrap_angle(spot.azimuth - at.azimuth) * math.cos(at.elevation), spot.elevation - at.elevation]
            for spot, at in zip(spots, seen, strict=True)]).ravel()

    values = least_squares(residuals, np.zeros(4 if fit_offset else 2), _STEPS)
    residual = float(np.sqrt(np.mean(np.sum(residuals(values).reshape(-1, 2) ** 2, axis=1))))
    return dataclasses.replace(boresight(values), residual=residual)

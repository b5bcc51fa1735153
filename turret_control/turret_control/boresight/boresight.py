"""Where the laser lands: its direction and place relative to the camera, and how both are measured."""

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
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_range

_LEAST_SPREAD = 0.02  # 1/m: dots at distances closer together than this say nothing of the parallax
_STEPS, _SMALL = 5, 1e-6  # of the least-squares search: how many, and the difference for its derivatives


@dataclasses.dataclass(frozen=True)
class Boresight:
    """The laser in the head's frame: x along the head's view, y left, z up; origin in the middle of the head.

    Attributes:
        azimuth, elevation: direction of the beam in rad, positive left and up.
        offset_y, offset_z: where the beam starts, in m.
        residual: RMS of the calibration in rad; NaN = set by hand.
        calibrated: it was measured or set.
    """

    azimuth: float = 0.0
    elevation: float = 0.0
    offset_y: float = 0.0
    offset_z: float = 0.0
    residual: float = math.nan
    calibrated: bool = False


class Sight(NamedTuple):
    """How the laser's dot and its camera belong together.

    Attributes:
        boresight: of the laser.
        camera_at: place of a camera that is fixed to the base, in m from the middle of the head along the axes of
            ``base_link``; None = the camera is on the head, in its middle.
    """

    boresight: Boresight
    camera_at: tuple[float, float, float] | None = None

    def spot(self, pan: float, tilt: float, range_m: float) -> Bearing:
        """Return where the camera sees the dot on a surface at a distance from it, for a pose of the head in rad."""
        if self.camera_at is None:
            return bearing_of(base_from_head(pan, tilt) @ _spot(self.boresight, range_m))
        head = base_from_head(pan, tilt)
        origin, beam = _beam(self.boresight)
        return bearing_of(_landing(head @ origin - np.array(self.camera_at), head @ beam, range_m))

    def pixel(self, camera: PinholeCamera, pan: float, tilt: float, range_m: float) -> tuple[float, float] | None:
        """Return the pixel of the dot on a surface at a distance; None when the camera cannot see it."""
        return bearing_to_pixel(camera, self.spot(pan, tilt, range_m), pan, tilt)

    def pose_for(self, target: Bearing, range_m: float) -> Bearing:
        """Return the pan and tilt in rad that put the dot on a target at a bearing and a distance from the camera.

        With ``u`` the direction of the dot in the head's frame, the third row of ``base_from_head(pan, tilt) u`` is
        ``|(ux, uz)| sin(tilt + atan2(uz, ux))``; it must be ``sin(elevation)``. Pan then turns the horizontal part.
        """
        if self.camera_at is not None:
            place = range_m * direction(target) + np.array(self.camera_at)
            target, range_m = bearing_of(place), float(np.linalg.norm(place))
        ux, uy, uz = (float(v) for v in _spot(self.boresight, range_m))
        reach = math.hypot(ux, uz)
        tilt = math.asin(max(-1.0, min(1.0, math.sin(target.elevation) / reach))) - math.atan2(uz, ux)
        forward = ux * math.cos(tilt) - uz * math.sin(tilt)
        return Bearing(target.azimuth - math.atan2(uy, forward), tilt)


def _beam(boresight: Boresight) -> tuple[Array, Array]:
    """Return where the beam starts and its direction, both in the head's frame, shape (3,)."""
    return (np.array([0.0, boresight.offset_y, boresight.offset_z]),
            direction(Bearing(boresight.azimuth, boresight.elevation)))


def _landing(origin: Array, beam: Array, range_m: float) -> Array:
    """Return the unit vector to where a beam is at a distance from the coordinates' origin, all shape (3,)."""
    along = float(origin @ beam)
    travel = -along + math.sqrt(max(0.0, along * along + range_m * range_m - float(origin @ origin)))
    spot: Array = origin + travel * beam
    unit: Array = spot / np.linalg.norm(spot)
    return unit


@functools.lru_cache(maxsize=64)
def _spot(boresight: Boresight, range_m: float) -> Array:
    """Return the unit vector in the head's frame, shape (3,), from its middle to the dot at a distance."""
    return _landing(*_beam(boresight), range_m)


class Dot(NamedTuple):
    """Where the dot was seen: px of the full image, the distance of the surface in m, the pose of the head in rad."""

    x: float
    y: float
    range_m: float
    pan: float = 0.0
    tilt: float = 0.0


def fit_boresight(
        dots: Sequence[Dot], camera: PinholeCamera, offset: tuple[float, float] | None = None,
        camera_at: tuple[float, float, float] | None = None) -> Boresight:
    """Return the boresight that explains where the dot was seen best (least squares, Gauss-Newton).

    With dots at one distance only, the offset of the laser cannot be told from its direction: it is kept as given.

    Args:
        dots: at least one; each in front of the camera.
        camera: of the image.
        offset: y and z of the laser in m where they are known; None = find them from dots at several distances.
        camera_at: as in :class:`Sight`.

    Raises:
        TurretError: INVALID_ARGUMENT (none), NOT_FINITE or OUT_OF_RANGE.
    """
    if not dots:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'at least one dot is needed')
    for dot in dots:
        require_range('x', dot.x, 0.0, camera.width)
        require_range('y', dot.y, 0.0, camera.height)
        require_range('distance', dot.range_m, 0.1, 100.0)
    seen = [pixel_to_bearing(camera, dot.x, dot.y, dot.pan, dot.tilt) for dot in dots]
    known = offset or (0.0, 0.0)
    finds_offset = offset is None and float(np.ptp([1.0 / dot.range_m for dot in dots])) > _LEAST_SPREAD

    def boresight(values: Array) -> Boresight:
        azimuth, elevation, y, z = (float(v) for v in (values if finds_offset else (*values, *known)))
        return Boresight(azimuth, elevation, y, z, calibrated=True)

    def misses(values: Array) -> Array:
        """Return by how far the dot was seen elsewhere, across and up, in rad."""
        sight = Sight(boresight(values), camera_at)
        spots = [sight.spot(dot.pan, dot.tilt, dot.range_m) for dot in dots]
        return np.array([
            [wrap_angle(spot.azimuth - at.azimuth) * math.cos(at.elevation), spot.elevation - at.elevation]
            for spot, at in zip(spots, seen, strict=True)]).ravel()

    values = np.zeros(4 if finds_offset else 2)
    for _ in range(_STEPS):
        now = misses(values)
        slopes = np.stack([(misses(values + step) - now) / _SMALL for step in _SMALL * np.eye(len(values))], axis=1)
        values = values - np.linalg.lstsq(slopes, now, rcond=None)[0]
    residual = float(np.sqrt(np.mean(np.sum(misses(values).reshape(-1, 2) ** 2, axis=1))))
    return dataclasses.replace(boresight(values), residual=residual)

"""Where the laser lands: its direction and place relative to the camera, and how both are measured."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from turret_common.errors import TurretError
from turret_common.finite import require_range
from turret_common.geometry import (
    Array,
    Bearing,
    PinholeCamera,
    angle_between,
    base_from_head,
    bearing_of,
    bearing_to_pixel,
    direction,
    pixel_to_bearing,
)
from turret_common.reason_codes import ReasonCode

_LEAST_SPREAD = 0.02  # 1/m: dots at distances closer together than this say nothing of the parallax


@dataclasses.dataclass(frozen=True)
class Boresight:
    """The laser in the head's frame (x along the camera's view, y left, z up; origin in the camera).

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

    def spot(self, range_m: float) -> Bearing:
        """Return where the camera sees the dot on a surface at a distance from it, as a bearing in the head's frame."""
        return bearing_of(_spot(self, range_m))

    def pixel(self, camera: PinholeCamera, range_m: float) -> tuple[float, float] | None:
        """Return the pixel of the dot on a surface at a distance; None when the camera cannot see it."""
        return bearing_to_pixel(camera, self.spot(range_m), 0.0, 0.0)

    def pose_for(self, target: Bearing, range_m: float) -> Bearing:
        """Return the pan and tilt in rad that put the dot on a target at a bearing and a distance.

        With ``u`` the direction of the dot in the head's frame, the third row of ``base_from_head(pan, tilt) u`` is
        ``|(ux, uz)| sin(tilt + atan2(uz, ux))``; it must be ``sin(elevation)``. Pan then turns the horizontal part.
        """
        ux, uy, uz = (float(v) for v in _spot(self, range_m))
        reach = math.hypot(ux, uz)
        tilt = math.asin(max(-1.0, min(1.0, math.sin(target.elevation) / reach))) - math.atan2(uz, ux)
        forward = ux * math.cos(tilt) - uz * math.sin(tilt)
        return Bearing(target.azimuth - math.atan2(uy, forward), tilt)

    def beam(self, pan: float, tilt: float, range_m: float) -> Bearing:
        """Return the bearing of the dot for a pose of the head in rad."""
        return bearing_of(base_from_head(pan, tilt) @ _spot(self, range_m))


@functools.lru_cache(maxsize=64)
def _spot(boresight: Boresight, range_m: float) -> Array:
    """Return the unit vector in the head's frame, shape (3,), from the camera to the dot on a surface at a distance."""
    beam = direction(Bearing(boresight.azimuth, boresight.elevation))
    origin = np.array([0.0, boresight.offset_y, boresight.offset_z])
    along = float(origin @ beam)
    travel = -along + math.sqrt(max(0.0, along * along + range_m * range_m - float(origin @ origin)))
    spot: Array = origin + travel * beam
    unit: Array = spot / np.linalg.norm(spot)
    return unit



class Dot(NamedTuple):
    """Where the dot was seen: px of the full image, and the distance of the surface in m."""

    x: float
    y: float
    range_m: float


def fit_boresight(dots: Sequence[Dot], camera: PinholeCamera, offset: tuple[float, float] | None = None) -> Boresight:
    """Return the boresight that explains where the dot was seen best (least squares).

    To first order the dot at distance ``r`` is seen at ``direction + offset / r``, so each axis is a straight line over
    ``1 / r``. With dots at one distance only, the offset cannot be told from the direction: it is kept as given.

    Args:
        dots: at least one; each in front of the camera.
        camera: of the image.
        offset: y and z of the laser in m where they are known; None = find them from dots at several distances.

    Raises:
        TurretError: INVALID_ARGUMENT (none), NOT_FINITE or OUT_OF_RANGE.
    """
    if not dots:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'at least one dot is needed')
    for dot in dots:
        require_range('x', dot.x, 0.0, camera.width)
        require_range('y', dot.y, 0.0, camera.height)
        require_range('distance', dot.range_m, 0.1, 100.0)
    seen = np.array([pixel_to_bearing(camera, dot.x, dot.y, 0.0, 0.0) for dot in dots])
    closeness = np.array([1.0 / dot.range_m for dot in dots])
    if offset is None and float(np.ptp(closeness)) > _LEAST_SPREAD:
        model = np.stack([np.ones_like(closeness), closeness], axis=1)
        (azimuth, elevation), (y, z) = np.linalg.lstsq(model, seen, rcond=None)[0]
    else:
        y, z = offset or (0.0, 0.0)
        azimuth, elevation = np.mean(seen - closeness[:, None] * np.array([y, z]), axis=0)
    fitted = Boresight(float(azimuth), float(elevation), float(y), float(z), calibrated=True)
    misses = [angle_between(fitted.spot(dot.range_m), Bearing(*at)) for dot, at in zip(dots, seen, strict=True)]
    return dataclasses.replace(fitted, residual=float(np.sqrt(np.mean(np.square(misses)))))

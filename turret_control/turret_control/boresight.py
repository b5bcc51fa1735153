"""Where the laser lands: its direction and place relative to the camera, and how both are measured."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from turret_common.geometry import Bearing, PinholeCamera, base_from_head, bearing_of, bearing_to_pixel, direction


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
        beam = direction(Bearing(self.azimuth, self.elevation))
        origin = np.array([0.0, self.offset_y, self.offset_z])
        along = float(origin @ beam)
        travel = -along + math.sqrt(max(0.0, along * along + range_m * range_m - float(origin @ origin)))
        return bearing_of(origin + travel * beam)

    def pixel(self, camera: PinholeCamera, range_m: float) -> tuple[float, float] | None:
        """Return the pixel of the dot on a surface at a distance; None when the camera cannot see it."""
        return bearing_to_pixel(camera, self.spot(range_m), 0.0, 0.0)

    def pose_for(self, target: Bearing, range_m: float) -> Bearing:
        """Return the pan and tilt in rad that put the dot on a target at a bearing and a distance.

        With ``u`` the direction of the dot in the head's frame, the third row of ``base_from_head(pan, tilt) u`` is
        ``|(ux, uz)| sin(tilt + atan2(uz, ux))``; it must be ``sin(elevation)``. Pan then turns the horizontal part.
        """
        ux, uy, uz = (float(v) for v in direction(self.spot(range_m)))
        reach = math.hypot(ux, uz)
        tilt = math.asin(max(-1.0, min(1.0, math.sin(target.elevation) / reach))) - math.atan2(uz, ux)
        forward = ux * math.cos(tilt) - uz * math.sin(tilt)
        return Bearing(target.azimuth - math.atan2(uy, forward), tilt)

    def beam(self, pan: float, tilt: float, range_m: float) -> Bearing:
        """Return the bearing of the dot for a pose of the head in rad."""
        return bearing_of(base_from_head(pan, tilt) @ direction(self.spot(range_m)))


"""The room that the simulated camera stands in, painted once as a panorama around the camera."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np

from turret_camera.frame import Pixels
from turret_common.geometry import Array


@dataclasses.dataclass(frozen=True)
class Panorama:
    """All directions around the camera, equal angles apart.

    The columns go once around, from straight behind over the left, the front and the right; the rows from straight up
    to straight down.
    """

    image: Pixels

    def pixel(self, azimuth: Array, elevation: Array) -> tuple[Array, Array]:
        """Return column and row of directions in rad. Columns may lie outside and then mean the ones a turn away."""
        per_rad = self.image.shape[1] / (2.0 * math.pi)
        row = (0.5 * math.pi - elevation) * per_rad - 0.5
        return (math.pi - azimuth) * per_rad - 0.5, np.clip(row, 0.0, self.image.shape[0] - 1.0)


def paint_room(seed: int, pixels_per_rad: float) -> Panorama:
    """Return the room.

    Args:
        seed: of everything random in it.
        pixels_per_rad: resolution.
    """
    width = round(2.0 * math.pi * pixels_per_rad / 2) * 2
    random = np.random.default_rng(seed)
    small = random.integers(90, 160, (20, 40, 3)).astype(np.uint8)
    return Panorama(cv2.resize(small, (width, width // 2), interpolation=cv2.INTER_CUBIC))

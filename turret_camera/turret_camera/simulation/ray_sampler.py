# SPDX-License-Identifier: Apache-2.0
"""Sampling a large image along the rays of a camera, without following every ray exactly."""

from __future__ import annotations

import math

import cv2
import numpy as np

from turret_camera.frame import Pixels
from turret_common.geometry import BODY_FROM_OPTICAL, Array, PinholeCamera, base_from_head

_CELL = 8  # px between the rays that are followed exactly; what they hit is interpolated between them


class View:
    """The rays of a camera.

    Attributes:
        camera: the camera.
        rays: unit vectors in the optical frame, one for each cell of the image, shape (rows, columns, 3).
    """

    def __init__(self, camera: PinholeCamera) -> None:
        self.camera = camera
        # One cell more than the image on every side, because resizing repeats the outermost points.
        xs = (np.arange(-1, math.ceil(camera.width / _CELL) + 1) + 0.5) * _CELL - 0.5
        ys = (np.arange(-1, math.ceil(camera.height / _CELL) + 1) + 0.5) * _CELL - 0.5
        self.rays = camera.rays(*np.meshgrid(xs, ys))
        size = len(ys) * _CELL, len(xs) * _CELL
        self._columns, self._rows = np.empty(size, np.float32), np.empty(size, np.float32)  # used again and again
        self._inside = slice(_CELL, _CELL + camera.height), slice(_CELL, _CELL + camera.width)

    def sample(self, image: Pixels, x: Array, y: Array, border: int, beyond: int = 0) -> Pixels:
        """Return the samples of an image along the camera's rays.

        Args:
            image: the image.
            x: its column that each of :attr:`rays` hits, shape (rows, columns).
            y: its row.
            border: one of OpenCV's BORDER modes, for rays that miss it.
            beyond: gray level there with BORDER_CONSTANT.
        """
        for values, every_pixel in ((x, self._columns), (y, self._rows)):
            cv2.resize(values.astype(np.float32), every_pixel.shape[::-1], every_pixel)
        return cv2.remap(
            image, self._columns[self._inside], self._rows[self._inside], cv2.INTER_LINEAR, borderMode=border,
            borderValue=(beyond, beyond, beyond))


def base_from_camera(pan: float, tilt: float, roll: float = 0.0) -> Array:
    """Return the rotation, shape (3, 3), from the optical frame of a camera on the head to ``base_link``.

    Args:
        pan: of the head in rad.
        tilt: of the head in rad.
        roll: of the camera about its view in rad; positive: its right side hangs down.
    """
    c, s = math.cos(roll), math.sin(roll)
    level_from_camera = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    rotation: Array = base_from_head(pan, tilt) @ BODY_FROM_OPTICAL @ level_from_camera
    return rotation

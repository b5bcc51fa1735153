"""Sampling a large picture along the rays of a camera, without following every ray exactly."""

from __future__ import annotations

import math

import cv2
import numpy as np

from turret_camera.frame import Pixels
from turret_common.geometry import BODY_FROM_OPTICAL, Array, PinholeCamera

_CELL = 8  # px between the rays that are followed exactly; what they hit is interpolated between them


class View:
    """The rays of a camera on the head.

    Attributes:
        camera: the camera.
        rays: unit vectors in a frame that is x along the view, y left, z up, one for each cell of the image, shape
            (rows, columns, 3).
    """

    def __init__(self, camera: PinholeCamera, roll: float = 0.0) -> None:
        """Follow the rays of a camera whose right side hangs down by ``roll`` in rad."""
        self.camera = camera
        self._head_from_camera = BODY_FROM_OPTICAL @ _rolled(roll)
        # One cell more than the image on every side, because resizing repeats the outermost points.
        xs = (np.arange(-1, math.ceil(camera.width / _CELL) + 1) + 0.5) * _CELL - 0.5
        ys = (np.arange(-1, math.ceil(camera.height / _CELL) + 1) + 0.5) * _CELL - 0.5
        self.rays: Array = camera.rays(*np.meshgrid(xs, ys)) @ self._head_from_camera.T
        size = len(ys) * _CELL, len(xs) * _CELL
        self._columns, self._rows = np.empty(size, np.float32), np.empty(size, np.float32)  # used again and again
        self._inside = slice(_CELL, _CELL + camera.height), slice(_CELL, _CELL + camera.width)

    def pixel(self, direction: Array) -> tuple[float, float] | None:
        """Return the pixel at which a direction in the frame of :attr:`rays` is seen; None when it is behind."""
        return self.camera.project(self._head_from_camera.T @ direction)

    def sample(self, picture: Pixels, x: Array, y: Array, border: int, beyond: int = 0) -> Pixels:
        """Return the image of a picture.

        Args:
            picture: the picture.
            x: its column that each of :attr:`rays` hits, shape (rows, columns).
            y: its row.
            border: one of OpenCV's BORDER modes, for rays that miss it.
            beyond: grey level there with BORDER_CONSTANT.
        """
        for values, every_pixel in ((x, self._columns), (y, self._rows)):
            cv2.resize(values.astype(np.float32), every_pixel.shape[::-1], every_pixel)
        return cv2.remap(
            picture, self._columns[self._inside], self._rows[self._inside], cv2.INTER_LINEAR, borderMode=border,
            borderValue=(beyond, beyond, beyond))


def _rolled(roll: float) -> Array:
    """Return the rotation from the optical frame of a rolled camera to that of a level one."""
    c, s = math.cos(roll), math.sin(roll)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])

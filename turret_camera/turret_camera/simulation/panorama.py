# SPDX-License-Identifier: Apache-2.0
"""An image of all directions around a camera, put together from flat rectangles in space."""

from __future__ import annotations

import dataclasses
import functools
import math

import cv2
import numpy as np
import numpy.typing as npt

from turret_camera.frame import Pixels
from turret_camera.simulation.scene_painter import Color
from turret_common.geometry import Array

Indices = npt.NDArray[np.int_]

_TILE_ROWS, _TILE_COLUMNS = 32, 512  # px of the panorama in which a rectangle is shown at one resolution


@dataclasses.dataclass(frozen=True, eq=False)
class Rectangle:
    """A painted rectangle in space, in a frame that is x forward, y left, z up with the camera in its origin.

    Attributes:
        corner: its top left corner in m, shape (3,).
        right, down: its edges from there in m, shape (3,), at right angles.
        paint: BGR, or BGRA with colors multiplied by alpha.
    """

    corner: Array
    right: Array
    down: Array
    paint: Pixels

    @property
    def distance(self) -> float:
        """Distance of its middle in m."""
        return float(np.linalg.norm(self.corner + 0.5 * (self.right + self.down)))

    @functools.cached_property
    def levels(self) -> list[Pixels]:
        """The paint as BGRA, each level half as large as the one before."""
        levels = [self.paint if self.paint.shape[2] == 4 else cv2.cvtColor(self.paint, cv2.COLOR_BGR2BGRA)]
        while min(levels[-1].shape[:2]) > 4:
            h, w = levels[-1].shape[:2]
            levels.append(cv2.resize(levels[-1], (w // 2, h // 2), interpolation=cv2.INTER_AREA))
        return levels


class Panorama:
    """All directions around the camera, equal angles apart.

    The columns go once around, from straight behind over the left, the front and the right; the rows from straight up
    to straight down.

    Attributes:
        image: BGR, twice as wide as high.
    """

    def __init__(self, image: Pixels) -> None:
        self.image = image
        self._per_rad = image.shape[0] / math.pi

    @classmethod
    def plain(cls, pixels_per_rad: float, ground: Color) -> Panorama:
        """Return one that has one color everywhere."""
        height = round(math.pi * pixels_per_rad)
        return cls(np.full((height, 2 * height, 3), ground, np.uint8))

    def pixel(self, azimuth: Array, elevation: Array) -> tuple[Array, Array]:
        """Return column and row of directions in rad. Columns may lie outside and then wrap around by a revolution."""
        row = (0.5 * math.pi - elevation) * self._per_rad - 0.5
        return (math.pi - azimuth) * self._per_rad - 0.5, np.clip(row, 0.0, self.image.shape[0] - 1.0)

    def paste(self, rectangle: Rectangle) -> None:
        """Paint a rectangle over what is there."""
        top, bottom, left, right = self._extent(rectangle)
        for row in range(top, bottom, _TILE_ROWS):
            rows = np.arange(row, min(row + _TILE_ROWS, bottom))
            for column in range(left, right, _TILE_COLUMNS):
                columns = np.arange(column, min(column + _TILE_COLUMNS, right))
                self._paste_tile(rectangle, rows, columns)

    def _extent(self, rectangle: Rectangle) -> tuple[int, int, int, int]:
        """Return the first and last row and column, the columns perhaps outside the image."""
        s = np.linspace(0.0, 1.0, 33)[:, None]
        o, u, v = rectangle.corner, rectangle.right, rectangle.down
        x, y, z = np.concatenate([o + s * u, o + s * v, o + u + s * v, o + v + s * u]).T
        middle = o + 0.5 * (u + v)
        towards = math.atan2(middle[1], middle[0])
        azimuth = (np.arctan2(y, x) - towards + math.pi) % (2.0 * math.pi) - math.pi + towards
        columns, rows = self.pixel(azimuth, np.arctan2(z, np.hypot(x, y)))
        top, bottom = math.floor(rows.min()) - 1, math.ceil(rows.max()) + 2
        left, right = math.floor(columns.min()) - 1, math.ceil(columns.max()) + 2
        if all(0.0 <= -o[:2] @ edge[:2] <= edge @ edge for edge in (u, v)):  # above or below the camera: all around it
            left, right = 0, self.image.shape[1]
            top, bottom = (0, bottom) if middle[2] > 0.0 else (top, self.image.shape[0])
        return max(top, 0), min(bottom, self.image.shape[0]), left, right

    def _paste_tile(self, rectangle: Rectangle, rows: Indices, columns: Indices) -> None:
        azimuth = math.pi - (columns + 0.5) / self._per_rad
        slope = np.tan(0.5 * math.pi - (rows + 0.5) / self._per_rad)[:, None]
        x, y = np.cos(azimuth), np.sin(azimuth)
        o, u, v = rectangle.corner, rectangle.right, rectangle.down
        n = np.cross(u, v)
        with np.errstate(divide='ignore', invalid='ignore'):
            t = (o @ n) / (x * n[0] + y * n[1] + slope * n[2])
            a = (t * (x * u[0] + y * u[1] + slope * u[2]) - o @ u) / (u @ u)
            b = (t * (x * v[0] + y * v[1] + slope * v[2]) - o @ v) / (v @ v)
        seen = (t > 0.0) & (abs(a - 0.5) < 0.6) & (abs(b - 0.5) < 0.6)
        if not seen.any():
            return
        h, w = rectangle.paint.shape[:2]
        step = max(_step(a, seen) * w, _step(b, seen) * h, 1e-6)
        levels = rectangle.levels
        paint = levels[min(max(round(math.log2(step)), 0), len(levels) - 1)]
        h, w = paint.shape[:2]
        x, y = (np.where(seen, share * n - 0.5, -10.0).astype(np.float32) for share, n in ((a, w), (b, h)))
        patch = cv2.remap(paint, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        tile = np.ix_(rows, columns % self.image.shape[1])
        self.image[tile] = over(self.image[tile], patch)


def _step(values: Array, seen: Array) -> float:
    """Return by how much values typically change from one pixel to the next."""
    steps = [np.abs(np.diff(values, axis=axis))[np.logical_and(*_pairs(seen, axis))] for axis in (0, 1)]
    return max((float(np.median(s)) for s in steps if s.size), default=0.0)


def _pairs(seen: Array, axis: int) -> tuple[Array, Array]:
    return (seen[1:], seen[:-1]) if axis == 0 else (seen[:, 1:], seen[:, :-1])


def over(image: Pixels, patch: Pixels) -> Pixels:
    """Return BGR with BGRA of the same size, its colors multiplied by alpha, laid over it."""
    hidden = cv2.cvtColor(cv2.bitwise_not(patch[..., 3]), cv2.COLOR_GRAY2BGR)
    return cv2.add(cv2.multiply(image, hidden, scale=1.0 / 255.0), cv2.cvtColor(patch, cv2.COLOR_BGRA2BGR))

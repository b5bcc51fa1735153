# SPDX-License-Identifier: Apache-2.0
"""Painting in meters."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from turret_camera.frame import Pixels

Color = tuple[int, int, int]

_SHIFT = 4  # binary places of coordinates, so that edges fall between pixels


def rgb(code: str) -> Color:
    """Return a color given as six hexadecimal digits of red, green and blue in the order of OpenCV: blue first."""
    return int(code[4:6], 16), int(code[2:4], 16), int(code[0:2], 16)


def shaded(color: Color, factor: float) -> Color:
    """Return a color made lighter (above 1) or darker."""
    return tuple(min(max(round(c * factor), 0), 255) for c in color)  # type: ignore[return-value]


class Canvas:
    """A flat image with its origin at the top left, x to the right and y down, in m.

    Attributes:
        image: BGR; BGRA when made without a ground, with colors multiplied by alpha (soft edges are drawn onto black).
    """

    def __init__(self, width: float, height: float, pixels_per_m: float, ground: Color | None) -> None:
        """Make an image that is all ``ground``, or all transparent."""
        self.width, self.height = width, height
        self._per_m = pixels_per_m
        shape = max(round(height * pixels_per_m), 1), max(round(width * pixels_per_m), 1)
        self.image: Pixels
        if ground is None:
            self.image = np.zeros((*shape, 4), np.uint8)
        else:
            self.image = np.full((*shape, 3), ground, np.uint8)

    def rectangle(self, x: float, y: float, width: float, height: float, color: Color) -> None:
        """Fill a rectangle given by its top left corner and size."""
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], color)

    def polygon(self, points: list[tuple[float, float]], color: Color) -> None:
        """Fill a polygon."""
        fixed = np.array([[self._fixed(px), self._fixed(py)] for px, py in points], np.int32)
        cv2.fillPoly(self.image, [fixed], self._opaque(color), cv2.LINE_AA, _SHIFT)

    def ellipse(self, x: float, y: float, rx: float, ry: float, color: Color, turn: float = 0.0) -> None:
        """Fill an ellipse given by its center and radii, turned clockwise by ``turn`` in rad."""
        angles = np.linspace(0.0, 2.0 * math.pi, 48, endpoint=False)
        c, s = math.cos(turn), math.sin(turn)
        self.polygon([(x + c * rx * math.cos(a) - s * ry * math.sin(a), y + s * rx * math.cos(a) + c * ry * math.sin(a))
                      for a in angles], color)

    def line(self, points: list[tuple[float, float]], width: float, color: Color) -> None:
        """Draw a line of some width with round ends."""
        fixed = np.array([[self._fixed(px), self._fixed(py)] for px, py in points], np.int32)
        thickness = max(round(width * self._per_m), 1)
        cv2.polylines(self.image, [fixed], False, self._opaque(color), thickness, cv2.LINE_AA, _SHIFT)

    def gradient(self, x: float, y: float, width: float, height: float, top: Color, bottom: Color) -> None:
        """Fill a rectangle with colors from top to bottom."""
        x0, y0, x1, y1 = (max(round(v * self._per_m), 0) for v in (x, y, x + width, y + height))
        w = np.linspace(0.0, 1.0, max(y1 - y0, 1))[:, None, None]
        self.image[y0:y1, x0:x1, :3] = ((1 - w) * np.array(top) + w * np.array(bottom)).astype(np.uint8)[
            :self.image.shape[0] - y0]

    def darken(self, x: float, y: float, width: float, height: float, depth: float, soft: float) -> None:
        """Lay a shadow with soft edges over a rectangle.

        Args:
            x: its left edge in m.
            y: its top edge in m.
            width: in m.
            height: in m.
            depth: 0 = none, 1 = black.
            soft: width of the edge in m.
        """
        sigma = max(soft * self._per_m, 0.5)
        rows = _blurred_span(self.image.shape[0], y * self._per_m, (y + height) * self._per_m, sigma)
        columns = _blurred_span(self.image.shape[1], x * self._per_m, (x + width) * self._per_m, sigma)
        (top, bottom), (left, right) = (np.flatnonzero(span > 1e-3)[[0, -1]] + (0, 1) for span in (rows, columns))
        light = 1.0 - depth * rows[top:bottom, None, None] * columns[left:right, None]
        region = self.image[top:bottom, left:right, :3]
        region[:] = (region * light).astype(np.uint8)

    def shadow(self, x: float, y: float, rx: float, ry: float, depth: float) -> None:
        """Lay a soft, round shadow into a transparent image, before anything else; ``depth`` 1 = black."""
        self.ellipse(x, y, rx, ry, (0, 0, 0))
        self.image[..., 3] = (self.image[..., 3] * depth).astype(np.uint8)
        self.image = cv2.GaussianBlur(self.image, (0, 0), 0.35 * ry * self._per_m)

    def grain(self, random: np.random.Generator, strength: float, along_x: float = 0.0, along_y: float = 0.0) -> None:
        """Make the surface uneven.

        Args:
            random: where the unevenness comes from.
            strength: standard deviation in gray levels.
            along_x: width of the patches in m; 0 for the finest.
            along_y: height of the patches in m; 0 for the finest.
        """
        h, w = self.image.shape[:2]
        rows, columns = (math.ceil(n / max(size * self._per_m, 1.0)) for n, size in ((h, along_y), (w, along_x)))
        noise = cv2.resize(strength * random.standard_normal((rows, columns), np.float32), (w, h),
                           interpolation=cv2.INTER_CUBIC)
        self.image[..., :3] = np.clip(self.image[..., :3] + noise[..., None], 0, 255).astype(np.uint8)

    def _fixed(self, value: float) -> int:
        return round((value * self._per_m - 0.5) * (1 << _SHIFT))

    def _opaque(self, color: Color) -> tuple[int, ...]:
        return (*color, 255) if self.image.shape[2] == 4 else color


def _blurred_span(size: int, start: float, end: float, sigma: float) -> npt.NDArray[np.float32]:
    """Return what a Gaussian blur makes of ones between ``start`` and ``end`` and zeros elsewhere, for each pixel."""
    scale = sigma * math.sqrt(2.0)
    return np.array(
        [0.5 * (math.erf((end - i) / scale) - math.erf((start - i) / scale)) for i in range(size)], np.float32)

# SPDX-License-Identifier: Apache-2.0
"""What detectors take and return: views, boxes and detections."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from turret_common.geometry import PinholeCamera
from turret_common.pose_history import Pose

Image = npt.NDArray[np.uint8]


class Box(NamedTuple):
    """An axis-aligned box in an image: center and size in px; the center of the top left pixel is (0, 0)."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def from_rect(cls, left: float, top: float, width: float, height: float) -> Box:
        """Return the box of a rectangle of whole pixels, as OpenCV gives them."""
        return cls(left + 0.5 * (width - 1.0), top + 0.5 * (height - 1.0), float(width), float(height))

    @classmethod
    def around(cls, boxes: Sequence[Box]) -> Box:
        """Return the smallest box that holds all of some boxes."""
        left, right = min(b.left for b in boxes), max(b.right for b in boxes)
        top, bottom = min(b.top for b in boxes), max(b.bottom for b in boxes)
        return cls(0.5 * (left + right), 0.5 * (top + bottom), right - left, bottom - top)

    @property
    def left(self) -> float:
        """Left edge in px."""
        return self.x - 0.5 * self.width

    @property
    def top(self) -> float:
        """Upper edge in px."""
        return self.y - 0.5 * self.height

    @property
    def right(self) -> float:
        """Right edge in px."""
        return self.x + 0.5 * self.width

    @property
    def bottom(self) -> float:
        """Lower edge in px."""
        return self.y + 0.5 * self.height

    @property
    def area(self) -> float:
        """Area in px^2."""
        return self.width * self.height

    def overlap(self, other: Box) -> float:
        """Return the area in px^2 that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0.0 and height > 0.0 else 0.0

    def iou(self, other: Box) -> float:
        """Return the intersection over union with another box, 0 to 1."""
        common = self.overlap(other)
        return common / (self.area + other.area - common) if common else 0.0


@dataclasses.dataclass(frozen=True)
class Detection:
    """One object seen in one image.

    Attributes:
        class_id: what it is, in the detector's words.
        box: where, in px of the image that the detector was given.
        confidence: 0..1; NaN where the method gives none.
    """

    class_id: str
    box: Box
    confidence: float = math.nan


@dataclasses.dataclass(frozen=True)
class View:
    """The part of an image that a detector looks at, at the resolution that it requires.

    Attributes:
        image: BGR, shape (height, width, 3).
        stamp: when its light was collected, in s.
        pose: of the head at ``stamp``; None = unknown.
        camera: for ``image``; None = unknown.
        left: where it begins in the full image, in px.
        top: where it begins in the full image, in px.
        scale: px of the full image per px of ``image``.
    """

    image: Image
    stamp: float
    pose: Pose | None = None
    camera: PinholeCamera | None = None
    left: int = 0
    top: int = 0
    scale: float = 1.0

    @functools.cached_property
    def gray(self) -> Image:
        """The image as luminance, shape (height, width)."""
        return cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]

    def area(self, full_px2: float) -> float:
        """Return an area in px^2 of ``image`` from one in px^2 of the full image."""
        return full_px2 / self.scale**2

    def in_full_image(self, box: Box) -> Box:
        """Return a box of ``image`` in px of the full image."""
        return Box((box.x + 0.5) * self.scale - 0.5 + self.left, (box.y + 0.5) * self.scale - 0.5 + self.top,
                   box.width * self.scale, box.height * self.scale)


def make_view(
    image: Image, stamp: float, width: int = 0, region: tuple[float, ...] = (0.0, 0.0, 1.0, 1.0),
    pose: Pose | None = None, camera: PinholeCamera | None = None, exact: bool = False,
) -> View:
    """Return the view of an image that a detector asks for.

    Args:
        image: the full image, BGR.
        stamp: when its light was collected, in s.
        width: about how many px wide the full image is wanted; it is reduced by the nearest whole factor, because that
            costs a tenth of any other. 0 = as it is.
        region: left, top, right, bottom of the part to look at, as parts of width and height.
        pose: of the head at ``stamp``.
        camera: for the full image.
        exact: reduce to just that width, for a detector whose cost depends on it more than on the reduction.
    """
    full_height, full_width = image.shape[:2]
    factor = max(1.0, full_width / width) if width else 1.0
    factor = factor if exact else round(factor)
    left, top = round(region[0] * full_width), round(region[1] * full_height)
    columns = max(1, int((round(region[2] * full_width) - left) / factor))
    rows = max(1, int((round(region[3] * full_height) - top) / factor))
    part = image[top:top + round(rows * factor), left:left + round(columns * factor)]
    if factor == 1:
        part = np.ascontiguousarray(part)
    else:
        part = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    if camera is not None:
        camera = _part_of(camera, left, top, columns, rows, factor)
    return View(part, stamp, pose, camera, left, top, factor)


@functools.lru_cache(maxsize=4)
def _part_of(camera: PinholeCamera, left: int, top: int, columns: int, rows: int, factor: float) -> PinholeCamera:
    """Return the camera of a part of the image, reduced by a factor to so many columns and rows."""
    return dataclasses.replace(
        camera, width=round(columns * factor), height=round(rows * factor), cx=camera.cx - left, cy=camera.cy - top,
    ).scaled(columns, rows)

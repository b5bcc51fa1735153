# SPDX-License-Identifier: Apache-2.0
"""Detection of motion, also while the head turns: what deviates from the background model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import cv2
import numpy as np

from turret_common.params import param
from turret_vision.detectors.background_model import Array, BackgroundModel
from turret_vision.detectors.detection import Box, Detection, Image, View
from turret_vision.detectors.detector import Detector, width_param

_UPDATE_PERIOD_S = 0.04   # minimum time between background updates
_MAX_STEP_S = 0.5         # time that an image stands for, at most
_REFERENCE_PX = 640 * 480
_FRAGMENT = 0.3           # area of a fragment of an object, as a fraction of that of its largest part ...
_FRAGMENT_GAP = 0.15      # ... and its maximum gap to that part, as a fraction of the larger side of that
_LINK = np.ones((3, 3), np.uint8)  # px; what is narrower in either direction does not make one object of two parts ...
_TWIN = 0.7               # ... of similar area, as a fraction of that of the largest ...
_TWIN_OVERLAP = 0.2       # ... that overlap less than this horizontally, as a fraction of the narrower


@dataclasses.dataclass(frozen=True)
class MotionParameters:
    """Detection of whatever moves in front of the background."""

    width: int = width_param(320)
    sensitivity: float = param(
        25.0, 'Squared deviation from the background, in variances, that counts as motion; lower is more sensitive',
        minimum=4.0, maximum=400.0, live=True)
    min_area: int = param(
        250, 'Minimum area of a moving region in an image of 640x480 px; scales with the image size', unit='px^2',
        minimum=1, maximum=300_000, live=True)
    memory_s: float = param(
        60.0, 'Time after which a static object becomes background', unit='s', minimum=0.5, maximum=600.0, live=True)
    join: float = param(
        0.03, 'Maximum vertical gap between moving regions of one object, as a fraction of the image width;'
        ' horizontally a quarter of it', minimum=0.0, maximum=0.2, live=True)


class MotionDetector(Detector[MotionParameters]):
    """Finds what moves in front of the background."""

    name: ClassVar = 'motion'
    groups: ClassVar = {name: MotionParameters}
    has_mask: ClassVar = True

    def __init__(self, parameters: MotionParameters) -> None:
        super().__init__(parameters)
        self._model: BackgroundModel | None = None
        self._stamp = 0.0
        self._foreground: tuple[Image, Array] | None = None  # and the homography to the image
        self._size = (0, 0)
        self._update: Callable[[float], None] | None = None
        self._updated = 0.0  # stamp up to which the model is updated

    def update(self) -> None:
        """Update the background model from the last view, unless the last update was a moment ago."""
        update, self._update = self._update, None
        if update is not None and not 0.0 < self._stamp - self._updated < _UPDATE_PERIOD_S:
            update(min(self._stamp - self._updated, _MAX_STEP_S))
            self._updated = self._stamp

    def detect(self, view: View) -> list[Detection]:
        """Return what moves in a view. The first image only initializes the background model."""
        self.update()
        gray: Image = cv2.GaussianBlur(view.gray, (5, 5), 0)  # type: ignore[assignment]
        dt = view.stamp - self._stamp
        self._stamp = view.stamp
        if self._model is None or not self._model.fits(gray.shape, view.camera) or dt <= 0.0:
            self._model = BackgroundModel(gray.shape, view.camera)
            dt, self._updated = 0.0, view.stamp
        foreground, to_image, self._update = self._model.apply(
            gray, view.pose, min(dt, _MAX_STEP_S), self._parameters.sensitivity, self._parameters.memory_s)
        if self._update is None:
            self._updated = view.stamp
        self._foreground, self._size = (foreground, to_image), (gray.shape[1], gray.shape[0])
        return self.objects(foreground, to_image, gray.size)

    def mask(self) -> Image | None:
        """Return where the last view deviates from the background, as :meth:`Detector.mask` does."""
        if self._foreground is None:
            return None
        return cv2.warpPerspective(*self._foreground, self._size, flags=cv2.INTER_NEAREST)  # type: ignore[return-value]

    def objects(self, foreground: Image, to_image: Array, image_px: int) -> list[Detection]:
        """Return the objects of a foreground mask, in px of the image to which a homography brings them.

        ``image_px`` is the number of pixels of that image.
        """
        min_area = self._parameters.min_area * image_px / _REFERENCE_PX
        found: list[tuple[Box, int]] = []
        if not cv2.countNonZero(foreground):
            return []
        reach = 0.5 * self._parameters.join * foreground.shape[1]
        joined = cv2.dilate(foreground, np.ones((2 * round(reach) + 1, 2 * round(0.25 * reach) + 1), np.uint8))
        for outline in cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
            left, top, width, height = cv2.boundingRect(outline)
            inside = np.zeros((height, width), np.uint8)
            cv2.drawContours(inside, [outline], 0, 255, cv2.FILLED, offset=(-left, -top))
            inside &= foreground[top:top + height, left:left + width]
            for part in _side_by_side(inside, min_area):
                area = cv2.countNonZero(part)
                if area < max(1.0, min_area):
                    continue
                points = np.add(cv2.findNonZero(part), (left, top), dtype=np.float32)
                seen = cv2.perspectiveTransform(points, to_image)[:, 0]
                x0, y0 = map(float, cv2.reduce(seen, 0, cv2.REDUCE_MIN)[0])
                x1, y1 = map(float, cv2.reduce(seen, 0, cv2.REDUCE_MAX)[0])
                found.append((Box.from_rect(x0, y0, x1 - x0 + 1.0, y1 - y0 + 1.0), area))
        return [Detection('motion', box) for box in _whole(found)]


def _side_by_side(region: Image, min_area: float) -> list[Image]:
    """Return the parts of a region that touch side by side and may be people, each of a minimum area; else the region.

    Parts above each other are one object, whose contrast is weak between them.
    """
    if cv2.countNonZero(region) < 2.0 * min_area:  # as are most: it cannot hold two of them
        return [region]
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(cv2.erode(region, _LINK), connectivity=8)
    areas = boxes[1:, cv2.CC_STAT_AREA]
    twins = [label for label in range(1, count) if areas[label - 1] >= max(min_area, _TWIN * areas.max())]
    if len(twins) < 2:
        return [region]
    distances = [cv2.distanceTransform(np.where(labels == twin, 0, 255).astype(np.uint8), cv2.DIST_L2, 3)
                 for twin in twins]
    nearest = np.argmin(distances, axis=0)
    parts = [np.where(nearest == i, region, np.uint8(0)) for i in range(len(twins))]
    apart: list[Image] = []
    for part in sorted(parts, key=lambda part: cv2.boundingRect(part)[0]):
        if apart and _are_stacked(apart[-1], part):
            apart[-1] |= part
        else:
            apart.append(part)
    return apart


def _are_stacked(left_part: Image, right_part: Image) -> bool:
    """Return whether two parts, of which one begins further left, lie above each other rather than side by side."""
    left, _, left_width, _ = cv2.boundingRect(left_part)
    right, _, right_width, _ = cv2.boundingRect(right_part)
    return left + left_width - right > _TWIN_OVERLAP * min(left_width, right_width)


def _whole(found: list[tuple[Box, int]]) -> list[Box]:
    """Return the boxes of regions, given with their areas, with small fragments joined to the object beside them.

    Parts of similar size stay apart, because they may be people side by side.
    """
    boxes: list[Box] = []
    areas: list[int] = []
    for box, area in sorted(found, key=lambda region: -region[1]):
        for i, whole in enumerate(boxes):
            gap = max(whole.left - box.right, box.left - whole.right, whole.top - box.bottom, box.top - whole.bottom)
            if area < _FRAGMENT * areas[i] and gap < _FRAGMENT_GAP * max(whole.width, whole.height):
                boxes[i], areas[i] = Box.around([whole, box]), areas[i] + area
                break
        else:
            boxes.append(box)
            areas.append(area)
    return boxes

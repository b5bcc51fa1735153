"""Detection of motion, also while the head turns: what deviates from the model of the resting room."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import cv2
import numpy as np

from turret_common.params import param
from turret_vision.detectors.background_model import Array, Canvas
from turret_vision.detectors.detection import Box, Detection, Image, View
from turret_vision.detectors.detector import Detector, width_param

_LESSON_S = 0.04          # least time from one image that is learned from to the next
_LARGEST_STEP_S = 0.5     # longer pauses between images teach no more than this


@dataclasses.dataclass(frozen=True)
class MotionParameters:
    """Detection of whatever moves against the room."""

    width: int = width_param(320)
    sensitivity: float = param(
        25.0, 'Squared deviation from the background, in variances, that counts as motion; lower is more sensitive',
        minimum=4.0, maximum=400.0, live=True)
    min_area: int = param(
        500, 'Minimum area of a moving region, in pixels of the full image', unit='px^2', minimum=1, maximum=1_000_000,
        live=True)
    memory_s: float = param(
        60.0, 'Time after which a static object becomes background', unit='s', minimum=0.5, maximum=600.0, live=True)
    join: float = param(
        0.02, 'Maximum gap between moving regions of one object, as a fraction of the image width', minimum=0.0,
        maximum=0.2, live=True)


class MotionDetector(Detector[MotionParameters]):
    """Finds what moves against the room."""

    name: ClassVar = 'motion'
    groups: ClassVar = {name: MotionParameters}

    def __init__(self, parameters: MotionParameters) -> None:
        super().__init__(parameters)
        self._canvas: Canvas | None = None
        self._stamp = 0.0
        self._lesson: Callable[[float], None] | None = None
        self._taught = 0.0  # stamp up to which was learned

    def update(self) -> None:
        """Learn from the view last looked at, unless the last lesson was a moment ago: it would tell little more."""
        lesson, self._lesson = self._lesson, None
        if lesson is not None and not 0.0 < self._stamp - self._taught < _LESSON_S:
            lesson(min(self._stamp - self._taught, _LARGEST_STEP_S))
            self._taught = self._stamp

    def detect(self, view: View) -> list[Detection]:
        """Return what moves in a view. The first image of a room only teaches."""
        self.update()
        gray: Image = cv2.GaussianBlur(view.gray, (5, 5), 0)  # type: ignore[assignment]
        dt = view.stamp - self._stamp
        self._stamp = view.stamp
        if self._canvas is None or not self._canvas.fits(gray.shape, view.camera) or dt <= 0.0:
            self._canvas = Canvas(gray.shape, view.camera)
            dt, self._taught = 0.0, view.stamp
        moving, to_image, self._lesson = self._canvas.compare(
            gray, view.pose, min(dt, _LARGEST_STEP_S), self._parameters.sensitivity, self._parameters.memory_s)
        if self._lesson is None:
            self._taught = view.stamp
        return self._objects(moving, to_image, view.area(self._parameters.min_area))

    def _objects(self, moving: Image, to_image: Array, min_area: float) -> list[Detection]:
        """Return what a mask shows, in px of the image to which a homography brings it."""
        found: list[Detection] = []
        if not cv2.countNonZero(moving):
            return found
        reach = 2 * round(0.5 * self._parameters.join * moving.shape[1]) + 1
        joined = cv2.dilate(moving, np.ones((reach, reach), np.uint8))
        for outline in cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
            left, top, width, height = cv2.boundingRect(outline)
            inside = np.zeros((height, width), np.uint8)
            cv2.drawContours(inside, [outline], 0, 255, cv2.FILLED, offset=(-left, -top))
            inside &= moving[top:top + height, left:left + width]
            if cv2.countNonZero(inside) < max(1.0, min_area):
                continue
            points = np.add(cv2.findNonZero(inside), (left, top), dtype=np.float32)
            seen = cv2.perspectiveTransform(points, to_image)[:, 0]
            x0, y0 = map(float, cv2.reduce(seen, 0, cv2.REDUCE_MIN)[0])
            x1, y1 = map(float, cv2.reduce(seen, 0, cv2.REDUCE_MAX)[0])
            found.append(Detection('motion', Box.from_rect(x0, y0, x1 - x0 + 1.0, y1 - y0 + 1.0)))
        return found

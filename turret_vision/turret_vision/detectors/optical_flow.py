# SPDX-License-Identifier: Apache-2.0
"""Following what was found from image to image, so that a slow detector need not look at each."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import cv2
import numpy as np

from turret_vision.detectors.detection import Box, Detection, Image, View
from turret_vision.detectors.detector import Detector

_POINTS = 20          # followed in each box
_MIN_POINTS = 4     # fewer say nothing
_INNER = 0.8          # part of a box that its points are taken from: its edges show what is behind
_BACK_PX = 1.0        # a point that does not come back to its origin when followed backwards was lost


class FlowFollower:
    """Lets a detector look at every n-th image and follows its detections by optical flow between.

    Attributes:
        detector: that looks.
        every: n.
    """

    def __init__(self, detector: Detector[Any]) -> None:
        self.detector = detector
        self.every = 1
        self._count = 0
        self._gray: Image | None = None
        self._found: list[Detection] = []

    def detect(self, view: View) -> list[Detection]:
        """Return the detections in a view, found or followed."""
        due = self._count % self.every == 0 or self._gray is None or self._gray.shape != view.gray.shape
        self._count += 1
        if due:
            self._count = 1
            self._found = self.detector.detect(view)
        elif self._found and self._gray is not None:
            self._found = [
                moved for d in self._found if (moved := _follow(d, self._gray, view.gray)) is not None]
        self._gray = view.gray if self.every > 1 else None
        return self._found


def _follow(detection: Detection, before: Image, now: Image) -> Detection | None:
    """Return a detection where it is in the next image; None where it is lost."""
    box = detection.box
    mask = np.zeros(before.shape, np.uint8)
    dx, dy = 0.5 * _INNER * box.width, 0.5 * _INNER * box.height
    cv2.rectangle(
        mask, (math.floor(box.x - dx), math.floor(box.y - dy)), (math.ceil(box.x + dx), math.ceil(box.y + dy)), 255,
        cv2.FILLED)
    points = cv2.goodFeaturesToTrack(before, _POINTS, 0.01, 3.0, mask=mask)
    if points is None or len(points) < _MIN_POINTS:
        return None
    there, ok, _ = cv2.calcOpticalFlowPyrLK(before, now, points, None)  # type: ignore[call-overload]
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None)  # type: ignore[call-overload]
    good = (ok.ravel() == 1) & (ok_back.ravel() == 1) & (np.abs(back - points).max(axis=(1, 2)) < _BACK_PX)
    if np.count_nonzero(good) < _MIN_POINTS:
        return None
    old, new = points[good].reshape(-1, 2), there[good].reshape(-1, 2)
    shift = np.median(new - old, axis=0)
    spread_old, spread_new = (np.median(np.linalg.norm(p - np.median(p, axis=0), axis=1)) for p in (old, new))
    scale = float(np.clip(spread_new / spread_old, 0.9, 1.1)) if spread_old > 1.0 else 1.0
    x, y = box.x + float(shift[0]), box.y + float(shift[1])
    if not (0.0 <= x < now.shape[1] and 0.0 <= y < now.shape[0]):
        return None
    return dataclasses.replace(detection, box=Box(x, y, box.width * scale, box.height * scale))

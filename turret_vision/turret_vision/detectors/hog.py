"""Detection of upright people with OpenCV's histogram of oriented gradients."""

from __future__ import annotations

import math

import cv2
import numpy as np

from turret_vision.detectors.detection import Box, Detection, LocalDetector, View
from turret_vision.vision_parameters import HogParameters

_STRIDE = (8, 8)
_PADDING = (8, 8)
_GROUP = 1               # overlapping hits that make a person, less one
_MARGIN = (0.25, 0.125)  # of the detector's window beside and above a person, as parts of the person's window


class HogDetector(LocalDetector[HogParameters]):
    """Finds people who stand or walk, at least 128 px high in the reduced image."""

    method = 'hog'

    def __init__(self, parameters: HogParameters) -> None:
        super().__init__(parameters)
        self._descriptor = cv2.HOGDescriptor()
        self._descriptor.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))

    @property
    def mode(self) -> str:
        """It finds only these."""
        return 'people'

    def detect(self, view: View) -> list[Detection]:
        """Return the people in a view; the confidence is the logistic function of the distance from the plane."""
        height, width = view.gray.shape
        if width < 64 or height < 128:
            return []
        rects, weights = self._descriptor.detectMultiScale(
            view.gray, hitThreshold=self._parameters.hit_threshold, winStride=_STRIDE, padding=_PADDING,
            scale=self._parameters.scale_factor, groupThreshold=_GROUP)
        found = []
        for (x, y, w, h), weight in zip(rects, weights, strict=True):
            dx, dy = _MARGIN[0] * w, _MARGIN[1] * h
            box = Box.from_rect(x + dx, y + dy, w - 2.0 * dx, h - 2.0 * dy)
            found.append(Detection('person', box, 1.0 / (1.0 + math.exp(-float(weight)))))
        return found

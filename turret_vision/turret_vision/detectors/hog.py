# SPDX-License-Identifier: Apache-2.0
"""Detection of upright people with OpenCV's histogram of oriented gradients."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import cv2
import numpy as np

from turret_common.params import param
from turret_vision.detectors.detection import Box, Detection, View
from turret_vision.detectors.detector import Detector, width_param

_STRIDE = (8, 8)
_PADDING = (8, 8)
_GROUP = 1               # overlapping hits that make a person, less one
_MARGIN = (0.25, 0.125)  # of the detector's window beside and above a person, as parts of the person's window


@dataclasses.dataclass(frozen=True)
class HogParameters:
    """Detection of upright people with OpenCV's histogram of oriented gradients."""

    width: int = width_param(480)
    hit_threshold: float = param(
        0.0, 'Minimum distance from the dividing plane; higher values find fewer people', minimum=-1.0, maximum=5.0,
        live=True)
    scale_factor: float = param(1.05, 'Ratio between the sizes searched', minimum=1.01, maximum=2.0, live=True)


class HogDetector(Detector[HogParameters]):
    """Detects standing or walking people, at least 128 px high in the reduced image."""

    name: ClassVar = 'hog'
    exact_width = True
    groups: ClassVar = {name: HogParameters}

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

# SPDX-License-Identifier: Apache-2.0
"""Detection of ArUco markers and AprilTags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import cv2
import numpy as np

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Box, Detection, Image, View
from turret_vision.detectors.detector import Detector, width_param


@dataclasses.dataclass(frozen=True)
class ArucoParameters:
    """Detection of ArUco markers and AprilTags."""

    width: int = width_param(0)
    mode: str = param(
        '4x4_50', 'Marker dictionary', live=True,
        choices=('4x4_50', '5x5_100', '6x6_250', '7x7_1000', 'original', 'apriltag_16h5', 'apriltag_25h9',
                 'apriltag_36h10', 'apriltag_36h11'))


class ArucoDetector(Detector[ArucoParameters]):
    """Finds the markers of one dictionary; each is a class of its own, so that one can be picked.

    Raises:
        TurretError: DETECTOR_FAILED where OpenCV was built without markers.
    """

    name: ClassVar = 'aruco'
    groups: ClassVar = {name: ArucoParameters}

    def __init__(self, parameters: ArucoParameters) -> None:
        super().__init__(parameters)
        if not hasattr(cv2, 'aruco'):
            raise TurretError(ReasonCode.DETECTOR_FAILED, 'this OpenCV was built without marker detection (aruco)')
        name = parameters.mode.upper()
        name = f'DICT_ARUCO_{name}' if name == 'ORIGINAL' else f'DICT_{name}'
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
        self._find: Callable[[Image], Any]
        if hasattr(cv2.aruco, 'ArucoDetector'):
            self._find = cv2.aruco.ArucoDetector(dictionary, cv2.aruco.DetectorParameters()).detectMarkers
        else:  # OpenCV 4.6
            aruco: Any = cv2.aruco
            parameters_46 = aruco.DetectorParameters_create()
            self._find = lambda gray: aruco.detectMarkers(gray, dictionary, parameters=parameters_46)

    def detect(self, view: View) -> list[Detection]:
        """Return the markers in a view. A marker that is read at all is read right: the confidence is 1."""
        corners, ids, _ = self._find(view.gray)
        if ids is None:
            return []
        found = []
        for quad, number in zip(corners, ids.ravel(), strict=True):
            points = quad.reshape(4, 2)
            x, y = points.mean(axis=0)
            width, height = np.ptp(points, axis=0)
            found.append(Detection(f'marker {number}', Box(float(x), float(y), float(width), float(height)), 1.0))
        return found

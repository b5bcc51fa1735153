"""Detection of ArUco markers and AprilTags."""

from __future__ import annotations

import cv2
import numpy as np

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Box, Detection, LocalDetector, View
from turret_vision.vision_parameters import ArucoParameters


class ArucoDetector(LocalDetector[ArucoParameters]):
    """Finds the markers of one dictionary; each is a class of its own, so that one can be picked.

    Raises:
        TurretError: DETECTOR_FAILED where OpenCV was built without markers.
    """

    method = 'aruco'

    def __init__(self, parameters: ArucoParameters) -> None:
        super().__init__(parameters)
        if not hasattr(cv2, 'aruco') or not hasattr(cv2.aruco, 'ArucoDetector'):
            raise TurretError(ReasonCode.DETECTOR_FAILED, 'this OpenCV cannot detect markers: it needs 4.7 or newer')
        name = parameters.mode.upper()
        name = f'DICT_ARUCO_{name}' if name == 'ORIGINAL' else f'DICT_{name}'
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
        self._detector = cv2.aruco.ArucoDetector(dictionary, cv2.aruco.DetectorParameters())

    def detect(self, view: View) -> list[Detection]:
        """Return the markers in a view. A marker that is read at all is read right: the confidence is 1."""
        corners, ids, _ = self._detector.detectMarkers(view.gray)
        if ids is None:
            return []
        found = []
        for quad, number in zip(corners, ids.ravel(), strict=True):
            points = quad.reshape(4, 2)
            x, y = points.mean(axis=0)
            width, height = np.ptp(points, axis=0)
            found.append(Detection(f'marker {number}', Box(float(x), float(y), float(width), float(height)), 1.0))
        return found

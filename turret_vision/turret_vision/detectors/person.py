# SPDX-License-Identifier: Apache-2.0
"""Detection of people and their directions for the person exclusion, independent of the method of vision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from turret_common.errors import TurretError
from turret_common.geometry import Bearing, PinholeCamera, angle_between, pixel_to_bearing
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Box, Image, make_view
from turret_vision.detectors.detector import Detector
from turret_vision.detectors.haar import HaarDetector, HaarParameters
from turret_vision.detectors.hog import HogDetector, HogParameters
from turret_vision.detectors.onnx import OnnxDetector, OnnxParameters
from turret_vision.exclusion_parameters import ExclusionParameters

_UNKNOWN = Bearing(math.nan, math.nan)
_MODEL_CLASS = 'person'
#: Lower thresholds than for tracking people: a false detection is safe. Faces are searched in coarse size steps.
_HIT_THRESHOLD, _FACE_STEP = -0.9, 1.2


class SeenPerson(NamedTuple):
    """A person in an image.

    Attributes:
        class_id: class of the detector.
        box: in px of the image.
        bearing: of the middle of the box; NaN where camera or pose is unknown.
        radius: of the circle around it that holds the box, in rad; NaN as above.
    """

    class_id: str
    box: Box
    bearing: Bearing
    radius: float


def people_detectors(parameters: ExclusionParameters) -> list[Detector[Any]]:
    """Return the detectors of people.

    Raises:
        TurretError: DETECTOR_FAILED, one cannot start.
    """
    detectors: list[Detector[Any]] = [
        HogDetector(HogParameters(width=parameters.person_width, hit_threshold=_HIT_THRESHOLD)),
        *(HaarDetector(HaarParameters(mode=mode, width=parameters.face_width, scale_factor=_FACE_STEP))
          for mode in ('face', 'face_profile'))]
    if parameters.model:
        model = OnnxParameters(model=parameters.model, confidence=parameters.model_confidence)
        detectors.append(_person_model(model))
    return detectors


def _person_model(parameters: OnnxParameters) -> OnnxDetector:
    """Return a detector that can report people.

    Raises:
        TurretError: DETECTOR_FAILED, the model has no class of people, or its classes are unknown.
    """
    detector = OnnxDetector(parameters)
    if _MODEL_CLASS not in detector.classes:
        known = ', '.join(detector.classes[:10]) or 'none, for lack of a .txt file beside it and of metadata in it'
        raise TurretError(
            ReasonCode.DETECTOR_FAILED, f'exclusion.model has no class "{_MODEL_CLASS}" (exactly so), so that it could'
            f' never report a person; its classes: {known}')
    return detector


def find_people(
        detectors: Sequence[Detector[Any]], image: Image, stamp: float, camera: PinholeCamera | None,
        pose: Pose | None) -> list[SeenPerson]:
    """Return the people that any detector finds in a whole image.

    Args:
        detectors: of :func:`people_detectors`.
        image: BGR, shape (height, width, 3).
        stamp: of the image, in s.
        camera: that took it; None = uncalibrated.
        pose: of the head at ``stamp``; None = unknown.
    """
    if camera is not None:
        camera = camera.scaled(image.shape[1], image.shape[0])
    found = []
    for detector in detectors:
        view = make_view(image, stamp, detector.width, pose=pose, camera=camera, exact=detector.exact_width)
        for detection in detector.detect(view):
            if isinstance(detector, OnnxDetector) and detection.class_id != _MODEL_CLASS:
                continue
            box = view.in_full_image(detection.box)
            found.append(SeenPerson(detection.class_id, box, *_direction(box, camera, pose)))
    return found


def _direction(box: Box, camera: PinholeCamera | None, pose: Pose | None) -> tuple[Bearing, float]:
    if camera is None or pose is None:
        return _UNKNOWN, math.nan
    middle = pixel_to_bearing(camera, box.x, box.y, pose.pan, pose.tilt)
    corners = (pixel_to_bearing(camera, x, y, pose.pan, pose.tilt)
               for x in (box.left, box.right) for y in (box.top, box.bottom))
    return middle, max(angle_between(middle, corner) for corner in corners)


class FreezeWatch:
    """Notices images that do not change: of light from the real world no two are the same."""

    def __init__(self) -> None:
        self._image: Image | None = None
        self._since = 0.0

    def unchanged_s(self, image: Image, now: float) -> float:
        """Take an image that arrived now, in s; return since when all have been identical to the bit."""
        if self._image is None or not np.array_equal(self._image, image):
            self._image, self._since = image, now
        return now - self._since

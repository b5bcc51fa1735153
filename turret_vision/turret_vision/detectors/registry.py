"""All methods of detection by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import cv2

from turret_vision.detectors.aruco import ArucoDetector
from turret_vision.detectors.balloon import BalloonDetector
from turret_vision.detectors.detection import Detector
from turret_vision.detectors.haar import HaarDetector
from turret_vision.detectors.hog import HogDetector
from turret_vision.detectors.model import TFLITE_MODULES, ModelDetector, OnnxEngine, TfliteEngine
from turret_vision.detectors.motion import MotionDetector
from turret_vision.detectors.remote import RemoteDetector
from turret_vision.vision_parameters import METHODS, VisionParameters

_MAKERS: dict[str, Callable[[VisionParameters], Detector]] = {
    'motion': lambda p: MotionDetector(p.motion),
    'balloon': lambda p: BalloonDetector(p.balloon),
    'haar': lambda p: HaarDetector(p.haar),
    'hog': lambda p: HogDetector(p.hog),
    'aruco': lambda p: ArucoDetector(p.aruco),
    'onnx': lambda p: ModelDetector('onnx', p.onnx, OnnxEngine),
    'tflite': lambda p: ModelDetector('tflite', p.tflite, TfliteEngine),
    'remote': lambda p: RemoteDetector(p.remote),
}

_NEEDS: dict[str, Callable[[], bool]] = {
    'haar': lambda: hasattr(cv2, 'CascadeClassifier'),
    'hog': lambda: hasattr(cv2, 'HOGDescriptor'),
    'aruco': lambda: hasattr(cv2, 'aruco'),
    'onnx': lambda: importlib.util.find_spec('onnxruntime') is not None,
    'tflite': lambda: any(importlib.util.find_spec(name.split('.')[0]) for name in TFLITE_MODULES),
}


def available() -> tuple[str, ...]:
    """Return the methods whose libraries this machine has."""
    return tuple(name for name in METHODS if _NEEDS.get(name, lambda: True)())


def make_detector(parameters: VisionParameters) -> Detector:
    """Return the detector that the parameters ask for.

    Raises:
        TurretError: DETECTOR_FAILED, saying why it cannot start.
    """
    return _MAKERS[parameters.method](parameters)

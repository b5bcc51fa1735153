"""All methods of detection by name."""

from __future__ import annotations

from collections.abc import Callable

from turret_vision.balloon import BalloonDetector
from turret_vision.detection import Detector
from turret_vision.haar import HaarDetector
from turret_vision.motion import MotionDetector
from turret_vision.vision_parameters import METHODS, VisionParameters

_MAKERS: dict[str, Callable[[VisionParameters], Detector]] = {
    'motion': lambda p: MotionDetector(p.motion),
    'haar': lambda p: HaarDetector(p.haar),
    'balloon': lambda p: BalloonDetector(p.balloon),
}


def available() -> tuple[str, ...]:
    """Return the methods that can be chosen on this machine."""
    return METHODS


def make_detector(parameters: VisionParameters) -> Detector:
    """Return the detector that the parameters ask for.

    Raises:
        TurretError: DETECTOR_FAILED, saying why it cannot start.
    """
    return _MAKERS[parameters.method](parameters)

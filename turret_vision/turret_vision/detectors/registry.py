# SPDX-License-Identifier: Apache-2.0
"""The registry of detectors: those of the turret, and those of other packages (entry points ``turret.detectors``)."""

from __future__ import annotations

from typing import Any

from turret_common.registry import Registry
from turret_vision.detectors.detector import Detector

DETECTORS: Registry[Detector[Any]] = Registry(Detector, 'turret_vision.detectors', 'turret.detectors')


def available() -> tuple[str, ...]:
    """Return the detectors that this machine can run."""
    return tuple(name for name, part in DETECTORS.parts.items() if not part.missing())


def make_detector(parameters: Any) -> Detector[Any]:
    """Return the detector that the vision parameters choose.

    Raises:
        TurretError: DETECTOR_FAILED where it cannot start; the message gives the reason.
    """
    return DETECTORS[parameters.method](getattr(parameters, parameters.method))

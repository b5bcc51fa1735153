# SPDX-License-Identifier: Apache-2.0
"""A detector of another installed package is found, has its parameters and runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from turret_common.testing.out_of_tree import install_package

SPOT = """
import dataclasses
from turret_common.params import param
from turret_vision.detectors.detection import Box, Detection
from turret_vision.detectors.detector import Detector

@dataclasses.dataclass(frozen=True)
class SpotParameters:
    level: int = param(200, 'Minimum gray level', minimum=0, maximum=255, live=True)

class SpotDetector(Detector[SpotParameters]):
    name = 'spot'
    groups = {'spot': SpotParameters}

    def detect(self, view):
        bright = (view.gray >= self._parameters.level).nonzero()
        boxes = [Box(float(bright[1].mean()), float(bright[0].mean()), 9.0, 9.0)] if len(bright[0]) else []
        return [Detection('spot', box) for box in boxes]
"""
USE = """
import numpy as np
from turret_common.params import build
from turret_vision.detectors.registry import DETECTORS
from turret_vision.vision import Vision
from turret_vision.vision_parameters import VisionParameters

image = np.zeros((120, 160, 3), np.uint8)
image[60, 80] = 150
for level in (140, 160):
    vision = Vision(build(VisionParameters, {'method': 'spot', 'spot.level': level}))
    print([tuple(d.box) for d in vision.process(image, 0.0, None, None).detections])
print(*DETECTORS.failed)
"""


def test_a_detector_of_another_package_runs(tmp_path: Path) -> None:
    target = install_package(
        tmp_path, 'spots', {'spot': SPOT},
        {'turret.detectors': {'spot': 'spots.spot:SpotDetector', 'gone': 'spots.gone:Gone'}})
    paths = [str(target), *sys.path]
    ran = subprocess.run(
        [sys.executable, '-c', USE], env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, paths))},
        capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.splitlines() == ['[(80.0, 60.0, 9.0, 9.0)]', '[]', 'gone = spots.gone:Gone']

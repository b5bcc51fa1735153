# SPDX-License-Identifier: Apache-2.0
"""A camera source of another installed package is found, has its parameters and delivers frames."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from turret_common.testing.out_of_tree import install_package

GRAY = """
import dataclasses
import numpy as np
from turret_camera.frame import Frame
from turret_camera.sources.source import ImageSource
from turret_common.params import param
from turret_common.registry import group_of

@dataclasses.dataclass(frozen=True)
class GrayParameters:
    level: int = param(100, 'Gray level', minimum=0, maximum=255, live=True)

class GraySource(ImageSource):
    name = 'gray'
    groups = {'gray': GrayParameters}
    hardware = False
    detail = 'gray'

    def open(self):
        pass

    def read(self):
        p = self.parameters
        pixels = np.full((p.height, p.width, 3), group_of(p, GrayParameters).level, np.uint8)
        return Frame(1, self.camera(p.width, p.height), pixels=pixels)

    def close(self):
        pass
"""
USE = """
from turret_camera.camera_parameters import CameraParameters
from turret_camera.sources.registry import SOURCES, make_source
from turret_camera.sources.source import SourceContext
from turret_common.threads.clock import MonotonicClock
from turret_common.params import build

parameters = build(CameraParameters, {'source': 'gray', 'gray.level': 7, 'width': 64, 'height': 48})
source = make_source(SourceContext(parameters, MonotonicClock()))
source.open()
pixels = source.read().pixels()
print(pixels.shape, pixels[0, 0, 0])
print(*SOURCES.failed)
"""


def test_a_camera_source_of_another_package_runs(tmp_path: Path) -> None:
    target = install_package(
        tmp_path, 'grays', {'gray': GRAY},
        {'turret.camera_sources': {'gray': 'grays.gray:GraySource', 'gone': 'grays.gone:Gone'}})
    ran = subprocess.run(
        [sys.executable, '-c', USE], capture_output=True, text=True, timeout=60, check=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, [str(target), *sys.path]))})
    assert ran.stdout.splitlines() == ['(48, 64, 3) 7', 'gone = grays.gone:Gone']

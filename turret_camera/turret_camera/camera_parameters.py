# SPDX-License-Identifier: Apache-2.0
"""The parameters of the camera node."""

from __future__ import annotations

import dataclasses
import math

from turret_camera.capture_parameters import CaptureParameters
from turret_camera.sources.registry import SOURCES
from turret_common.params import param
from turret_common.registry import with_groups


@with_groups(SOURCES)
@dataclasses.dataclass(frozen=True)
class CameraParameters(CaptureParameters):
    """Everything that can be set on the camera node."""

    source: str = param('sim', 'Image source', choices=SOURCES.names)

    def __post_init__(self) -> None:
        if self.video_fov < self.horizontal_fov and self.source in ('file', 'images'):
            raise ValueError(
                f'video_fov: {math.degrees(self.video_fov):.0f} degrees is less than what the camera sees')

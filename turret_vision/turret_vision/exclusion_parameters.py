# SPDX-License-Identifier: Apache-2.0
"""Parameters of the exclusion node. All read-only: it guards people."""

from __future__ import annotations

from dataclasses import dataclass

from turret_common.params import frame_prefix_param, param


@dataclass(frozen=True)
class ExclusionParameters:
    """How people and faces are looked for in whole images."""

    rate_hz: float = param(
        6.0, 'Number of images processed per second; where one takes longer than 0.3 s, emission stays off', unit='Hz',
        minimum=5.0, maximum=30.0)
    person_width: int = param(
        400, 'Approximate image width for person detection, for a height of at least 128 px; 0 = unscaled', unit='px',
        minimum=0, maximum=1920)
    face_width: int = param(
        400, 'Approximate image width for face detection; 0 = unscaled', unit='px', minimum=0, maximum=1920)
    model: str = param(
        '', 'ONNX file of an additional model that detects people; its classes are in its metadata, or in the .json or '
        '.txt file of the same name; empty = none')
    model_classes: tuple[str, ...] = param(
        ('person',), 'Exact names of the classes of the model that are people; the model must have each')
    model_confidence: float = param(0.4, 'Minimum score of the model', minimum=0.05, maximum=0.6)
    pose_wait_s: float = param(
        0.03, 'Maximum wait for the gimbal pose at the stamp of an image', unit='s', minimum=0.0, maximum=0.1)
    frame_prefix: str = frame_prefix_param()

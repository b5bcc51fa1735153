"""Parameters of the exclusion node. All read-only: it guards people."""

from __future__ import annotations

from dataclasses import dataclass

from turret_common.params import frame_prefix_param, param


@dataclass(frozen=True)
class ExclusionParameters:
    """How people and faces are looked for in whole images."""

    rate_hz: float = param(
        6.0, 'Images looked at per second; where an image takes longer than 0.3 s, the laser never emits.', unit='Hz',
        minimum=5.0, maximum=30.0)
    person_width: int = param(
        400, 'About how wide images are made to look for people; they must then be 128 px high; 0 = as they are.',
        unit='px', minimum=0, maximum=1920)
    face_width: int = param(
        400, 'About how wide images are made to look for faces; 0 = as they are.', unit='px', minimum=0, maximum=1920)
    model: str = param(
        '', 'ONNX file of a model of your own that also looks for people (class "person"); its classes are in the file'
        ' of the same name with .txt. Empty = none.')
    model_confidence: float = param(0.4, 'Least score of the model that counts.', minimum=0.05, maximum=0.6)
    pose_wait_s: float = param(
        0.03, 'Longest wait for a gimbal pose at the stamp of an image.', unit='s', minimum=0.0, maximum=0.1)
    frame_prefix: str = frame_prefix_param()

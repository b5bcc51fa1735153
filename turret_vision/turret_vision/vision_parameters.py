# SPDX-License-Identifier: Apache-2.0
"""The parameters of the vision node, described once."""

from __future__ import annotations

from dataclasses import dataclass

from turret_common.params import frame_prefix_param, group, param
from turret_common.registry import with_groups
from turret_vision.detectors.registry import DETECTORS


@dataclass(frozen=True)
class TrackerParameters:
    """Association of detections over time and the Kalman filter of each target."""

    confirm_hits: int = param(3, 'Number of detections that confirm a track', minimum=1, maximum=100, live=True)
    confirm_s: float = param(
        0.25, 'Time without a detection that a tentative track survives', unit='s', minimum=0.0, maximum=5.0, live=True)
    start_confidence: float = param(
        0.0, 'Minimum confidence of a detection that starts a track; others only continue one', minimum=0.0,
        maximum=1.0, live=True)
    coast_s: float = param(
        1.5, 'Time without a detection after which a track is lost', unit='s', minimum=0.0, maximum=30.0, live=True)
    max_tracks: int = param(50, 'Maximum number of tracks', minimum=1, maximum=500, live=True)
    gate: float = param(
        16.0, 'Maximum squared Mahalanobis distance between a track and its detection (2 degrees of freedom)',
        minimum=1.0, maximum=100.0, live=True)
    max_gate: float = param(
        0.3, 'Maximum angle between a track and its detection, beyond half the size of the target', unit='rad',
        minimum=0.001, maximum=3.0, live=True)
    max_rate: float = param(4.0, 'Maximum angular rate of a target', unit='rad/s', minimum=0.1, maximum=50.0, live=True)
    steady_noise: float = param(
        0.005, 'Spectral density of the acceleration of a steadily moving target', unit='rad^2/s^3', minimum=1e-6,
        maximum=100.0, live=True)
    maneuver: float = param(
        4.0, 'Standard deviation of the acceleration of a maneuvering target', unit='rad/s^2', minimum=0.01,
        maximum=1000.0, live=True)
    initial_rate: float = param(
        0.7, 'Standard deviation of the angular rate of a new target', unit='rad/s', minimum=0.01, maximum=10.0,
        live=True)
    pixel_noise: float = param(
        1.0, 'Initial standard deviation of a detection, in pixels of the full image; then estimated', unit='px',
        minimum=0.01, maximum=100.0, live=True)
    size_noise: float = param(
        0.02, 'Additional initial standard deviation of a detection as a fraction of its size', minimum=0.0,
        maximum=1.0, live=True)


@with_groups(DETECTORS)
@dataclass(frozen=True)
class VisionParameters:
    """Everything that can be set on the vision node."""

    frame_prefix: str = frame_prefix_param()
    enabled: bool = param(True, 'Image processing', live=True)
    method: str = param('motion', 'Detector', choices=DETECTORS.names, live=True)
    every: int = param(
        1, 'Number of frames per detection; optical flow follows the detections in between', minimum=1, maximum=100,
        live=True)
    classes: tuple[str, ...] = param((), 'Exact names of the classes to keep; empty = all', live=True)
    min_confidence: float = param(
        0.0, 'Minimum confidence; detections without a confidence are kept', minimum=0.0, maximum=1.0, live=True)
    min_size: float = param(
        4.0, 'Minimum width and height of a detection, in pixels of the full image', unit='px', minimum=0.0,
        maximum=4096.0, live=True)
    region: tuple[float, ...] = param(
        (0.0, 0.0, 1.0, 1.0), 'Region of the image to process: left, top, right, bottom as fractions of width and '
        'height', minimum=0.0, maximum=1.0, live=True)
    pose_wait_s: float = param(
        0.03, 'Maximum wait for the gimbal pose at the stamp of an image', unit='s', minimum=0.0, maximum=0.5)
    camera_remote: bool = param(
        False, 'Camera on another host: images arrive as JPEG, and the clock offset of the hosts is measured')
    max_clock_offset_s: float = param(
        0.005, 'Maximum clock offset of a remote camera at which tracks are published', unit='s', minimum=0.0005,
        maximum=1.0)
    annotated_quality: int = param(80, 'JPEG quality of the annotated image', minimum=1, maximum=100, live=True)
    tracker: TrackerParameters = group(TrackerParameters)

    def __post_init__(self) -> None:
        left, top, right, bottom = self.region if len(self.region) == 4 else (0.0, 0.0, 0.0, 0.0)
        if right - left < 0.01 or bottom - top < 0.01:
            raise ValueError('region must be left, top, right, bottom with left < right and top < bottom')

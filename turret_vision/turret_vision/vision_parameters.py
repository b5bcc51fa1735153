"""The parameters of the vision node, described once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from turret_common.params import frame_prefix_param, group, param

METHODS = ('motion', 'balloon', 'haar', 'hog', 'aruco', 'onnx', 'tflite', 'remote')


def _width(default: int) -> Any:
    return param(
        default, 'About how wide images are made before detection, by a whole factor; 0 = as they are.', unit='px',
        minimum=0, maximum=4096, live=True)


def _confidence(default: float) -> Any:
    return param(default, 'Least score of the model that counts.', minimum=0.0, maximum=1.0, live=True)


@dataclass(frozen=True)
class MotionParameters:
    """Detection of whatever moves against the room."""

    width: int = _width(320)
    sensitivity: float = param(
        25.0, 'Squared deviation from the background, in variances, that counts as motion; lower is more sensitive.',
        minimum=4.0, maximum=400.0, live=True)
    min_area: int = param(
        500, 'Smallest moving region that counts, in pixels of the full image.', unit='px^2', minimum=1,
        maximum=1_000_000, live=True)
    memory_s: float = param(
        60.0, 'How long something must stand still to become background.', unit='s', minimum=0.5, maximum=600.0,
        live=True)
    join: float = param(
        0.02, 'Moving regions closer together than this part of the image width are one object.', minimum=0.0,
        maximum=0.2, live=True)


@dataclass(frozen=True)
class BalloonParameters:
    """Detection of round blobs of one color."""

    width: int = _width(320)
    color: str = param(
        'saturated', 'What is looked for: anything saturated, the taught color, or anything dark.', live=True,
        choices=('saturated', 'taught', 'dark'))
    hue: float = param(
        0.0, 'Center of the taught hue; 0 is red, 1/3 green, 2/3 blue.', minimum=0.0, maximum=1.0, live=True)
    saturation: float = param(0.8, 'Center of the taught saturation.', minimum=0.0, maximum=1.0, live=True)
    value: float = param(0.6, 'Center of the taught brightness.', minimum=0.0, maximum=1.0, live=True)
    hue_range: float = param(0.05, 'Half width of the taught hue.', minimum=0.0, maximum=0.5, live=True)
    saturation_range: float = param(0.3, 'Half width of the taught saturation.', minimum=0.0, maximum=1.0, live=True)
    value_range: float = param(0.4, 'Half width of the taught brightness.', minimum=0.0, maximum=1.0, live=True)
    min_saturation: float = param(0.5, 'Least saturation of "saturated".', minimum=0.0, maximum=1.0, live=True)
    min_value: float = param(0.2, 'Least brightness of "saturated".', minimum=0.0, maximum=1.0, live=True)
    max_dark_value: float = param(0.24, 'Greatest brightness of "dark".', minimum=0.0, maximum=1.0, live=True)
    min_area: int = param(
        120, 'Smallest blob that counts, in pixels of the full image.', unit='px^2', minimum=1, maximum=1_000_000,
        live=True)
    min_aspect: float = param(0.6, 'Least width divided by height.', minimum=0.05, maximum=1.0, live=True)
    max_aspect: float = param(1.6, 'Greatest width divided by height.', minimum=1.0, maximum=20.0, live=True)
    min_circularity: float = param(
        0.55, 'Least 4 pi area / perimeter^2; 1 is a disc.', minimum=0.0, maximum=1.0, live=True)
    min_fill: float = param(
        0.5, 'Least part of its box that the blob covers; a disc covers 0.785.', minimum=0.0, maximum=1.0, live=True)


@dataclass(frozen=True)
class HaarParameters:
    """Detection with the Haar cascades that come with OpenCV."""

    width: int = _width(400)
    mode: str = param(
        'face', 'Which cascade.', live=True,
        choices=('face', 'face_alt', 'face_profile', 'eye', 'smile', 'body', 'upper_body', 'lower_body', 'cat_face'))
    scale_factor: float = param(
        0.0, 'Ratio between the sizes searched; 0 = what suits the cascade.', minimum=0.0, maximum=4.0, live=True)
    min_neighbors: int = param(
        0, 'Overlapping hits that make a detection; 0 = what suits the cascade.', minimum=0, maximum=100, live=True)

    def __post_init__(self) -> None:
        if 0.0 < self.scale_factor < 1.01:
            raise ValueError(f'haar.scale_factor is {self.scale_factor:g}; it must be 0 or at least 1.01')


@dataclass(frozen=True)
class HogParameters:
    """Detection of upright people with OpenCV's histogram of oriented gradients."""

    width: int = _width(480)
    hit_threshold: float = param(
        0.0, 'Least distance from the dividing plane; higher finds fewer.', minimum=-1.0, maximum=5.0, live=True)
    scale_factor: float = param(1.05, 'Ratio between the sizes searched.', minimum=1.01, maximum=2.0, live=True)


@dataclass(frozen=True)
class ArucoParameters:
    """Detection of ArUco markers and AprilTags."""

    width: int = _width(0)
    mode: str = param(
        '4x4_50', 'Dictionary of the markers.', live=True,
        choices=('4x4_50', '5x5_100', '6x6_250', '7x7_1000', 'original', 'apriltag_16h5', 'apriltag_25h9',
                 'apriltag_36h10', 'apriltag_36h11'))


@dataclass(frozen=True)
class ModelParameters:
    """Detection with a neural network of your own."""

    model: str = param('', 'File of the model; its classes are in the file of the same name with .txt.', live=True)
    confidence: float = _confidence(0.5)
    overlap: float = param(
        0.45, 'Boxes of one class that overlap by more than this (intersection over union) are one object.',
        minimum=0.0, maximum=1.0, live=True)
    threads: int = param(1, 'Processor cores that the model may use.', minimum=1, maximum=16, live=True)


@dataclass(frozen=True)
class RemoteParameters:
    """Detection by an inference server over HTTP, of the Roboflow kind."""

    width: int = _width(640)
    url: str = param('http://127.0.0.1:9001', 'Address of the server.', live=True)
    hosts: tuple[str, ...] = param(('127.0.0.1', 'localhost'), 'The only hosts that images may be sent to.')
    model: str = param('', 'Project and version, as in "balloons/3".', live=True)
    key_file: str = param('', 'File that holds the API key; empty = none.')
    confidence: float = _confidence(0.5)
    timeout_s: float = param(0.5, 'Longest wait for an answer.', unit='s', minimum=0.05, maximum=10.0, live=True)


@dataclass(frozen=True)
class TrackerParameters:
    """Association of detections over time and the Kalman filter of each target."""

    confirm_hits: int = param(3, 'Detections that make a track trusted.', minimum=1, maximum=100, live=True)
    confirm_misses: int = param(
        1, 'Images in a row without a detection that a track survives which is not trusted yet.', minimum=0,
        maximum=100, live=True)
    coast_s: float = param(
        1.5, 'A track is lost after being unseen this long.', unit='s', minimum=0.0, maximum=30.0, live=True)
    max_tracks: int = param(50, 'Most tracks at one time.', minimum=1, maximum=500, live=True)
    gate: float = param(
        16.0, 'Greatest squared Mahalanobis distance between a track and its detection (2 degrees of freedom).',
        minimum=1.0, maximum=100.0, live=True)
    max_gate: float = param(
        0.3, 'Greatest angle between a track and its detection, beyond half the size of the target.', unit='rad',
        minimum=0.001, maximum=3.0, live=True)
    max_rate: float = param(
        4.0, 'A target cannot be faster than this.', unit='rad/s', minimum=0.1, maximum=50.0, live=True)
    steady_noise: float = param(
        0.005, 'Spectral density of the acceleration of a target that moves steadily.', unit='rad^2/s^3', minimum=1e-6,
        maximum=100.0, live=True)
    maneuver: float = param(
        4.0, 'Standard deviation of the acceleration of a target that maneuvers.', unit='rad/s^2', minimum=0.01,
        maximum=1000.0, live=True)
    initial_rate: float = param(
        0.7, 'Standard deviation of the rate of a new target.', unit='rad/s', minimum=0.01, maximum=10.0, live=True)
    pixel_noise: float = param(
        1.0, 'Standard deviation of a new detection, in pixels of the full image; later it is measured.', unit='px',
        minimum=0.01, maximum=100.0, live=True)
    size_noise: float = param(
        0.02, 'Standard deviation of a new detection as a part of its size; adds to pixel_noise.', minimum=0.0,
        maximum=1.0, live=True)


@dataclass(frozen=True)
class VisionParameters:
    """Everything that can be set on the vision node."""

    frame_prefix: str = frame_prefix_param()
    enabled: bool = param(True, 'Whether images are looked at.', live=True)
    method: str = param('motion', 'Detector to use.', choices=METHODS, live=True)
    every: int = param(
        1, 'Detect in every n-th image; between, what was found is followed by optical flow.', minimum=1, maximum=100,
        live=True)
    classes: tuple[str, ...] = param((), 'Classes to keep, by exact name; none = all.', live=True)
    min_confidence: float = param(
        0.0, 'Least confidence to keep; detections without one are kept.', minimum=0.0, maximum=1.0, live=True)
    min_size: float = param(
        4.0, 'Least width and height to keep, in pixels of the full image.', unit='px', minimum=0.0, maximum=4096.0,
        live=True)
    region: tuple[float, ...] = param(
        (0.0, 0.0, 1.0, 1.0), 'Part of the image to look at: left, top, right, bottom as parts of width and height.',
        minimum=0.0, maximum=1.0, live=True)
    pose_wait_s: float = param(
        0.03, 'Longest wait for a gimbal pose at the stamp of an image.', unit='s', minimum=0.0, maximum=0.5)
    annotated_quality: int = param(80, 'JPEG quality of the annotated image.', minimum=1, maximum=100, live=True)
    motion: MotionParameters = group(MotionParameters)
    balloon: BalloonParameters = group(BalloonParameters)
    haar: HaarParameters = group(HaarParameters)
    hog: HogParameters = group(HogParameters)
    aruco: ArucoParameters = group(ArucoParameters)
    onnx: ModelParameters = group(ModelParameters)
    tflite: ModelParameters = group(ModelParameters)
    remote: RemoteParameters = group(RemoteParameters)
    tracker: TrackerParameters = group(TrackerParameters)

    def __post_init__(self) -> None:
        left, top, right, bottom = self.region if len(self.region) == 4 else (0.0, 0.0, 0.0, 0.0)
        if right - left < 0.01 or bottom - top < 0.01:
            raise ValueError('region must be left, top, right, bottom with left < right and top < bottom')

"""The parameters of the vision node, described once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from turret_common.params import frame_prefix_param, group, param

METHODS = ('motion', 'balloon', 'haar', 'hog', 'aruco', 'onnx', 'tflite', 'remote')


def _width(default: int) -> Any:
    return param(
        default, 'Approximate image width for detection, reached by an integer factor; 0 = unscaled', unit='px',
        minimum=0, maximum=4096, live=True)


def _confidence(default: float) -> Any:
    return param(default, 'Minimum score of the model', minimum=0.0, maximum=1.0, live=True)


@dataclass(frozen=True)
class MotionParameters:
    """Detection of whatever moves against the room."""

    width: int = _width(320)
    sensitivity: float = param(
        25.0, 'Squared deviation from the background, in variances, that counts as motion; lower is more sensitive',
        minimum=4.0, maximum=400.0, live=True)
    min_area: int = param(
        500, 'Minimum area of a moving region, in pixels of the full image', unit='px^2', minimum=1, maximum=1_000_000,
        live=True)
    memory_s: float = param(
        60.0, 'Time after which a static object becomes background', unit='s', minimum=0.5, maximum=600.0, live=True)
    join: float = param(
        0.02, 'Maximum gap between moving regions of one object, as a fraction of the image width', minimum=0.0,
        maximum=0.2, live=True)


@dataclass(frozen=True)
class BalloonParameters:
    """Detection of round blobs of one color."""

    width: int = _width(320)
    color: str = param(
        'saturated', 'Color that is detected: any saturated color, the taught color, or any dark color', live=True,
        choices=('saturated', 'taught', 'dark'))
    hue: float = param(
        0.0, 'Center of the taught hue; 0 = red, 1/3 = green, 2/3 = blue', minimum=0.0, maximum=1.0, live=True)
    saturation: float = param(0.8, 'Center of the taught saturation', minimum=0.0, maximum=1.0, live=True)
    value: float = param(0.6, 'Center of the taught brightness', minimum=0.0, maximum=1.0, live=True)
    hue_range: float = param(0.05, 'Half width of the taught hue', minimum=0.0, maximum=0.5, live=True)
    saturation_range: float = param(0.3, 'Half width of the taught saturation', minimum=0.0, maximum=1.0, live=True)
    value_range: float = param(0.4, 'Half width of the taught brightness', minimum=0.0, maximum=1.0, live=True)
    min_saturation: float = param(
        0.5, 'Minimum saturation of the color "saturated"', minimum=0.0, maximum=1.0, live=True)
    min_value: float = param(0.2, 'Minimum brightness of the color "saturated"', minimum=0.0, maximum=1.0, live=True)
    max_dark_value: float = param(0.24, 'Maximum brightness of the color "dark"', minimum=0.0, maximum=1.0, live=True)
    min_area: int = param(
        120, 'Minimum area of a blob, in pixels of the full image', unit='px^2', minimum=1, maximum=1_000_000,
        live=True)
    min_aspect: float = param(0.6, 'Minimum width divided by height', minimum=0.05, maximum=1.0, live=True)
    max_aspect: float = param(1.6, 'Maximum width divided by height', minimum=1.0, maximum=20.0, live=True)
    min_circularity: float = param(
        0.55, 'Minimum circularity, 4 pi area / perimeter^2; 1 = disc', minimum=0.0, maximum=1.0, live=True)
    min_fill: float = param(
        0.5, 'Minimum fraction of its bounding box that a blob covers; disc = 0.785', minimum=0.0, maximum=1.0,
        live=True)


@dataclass(frozen=True)
class HaarParameters:
    """Detection with the Haar cascades that come with OpenCV."""

    width: int = _width(400)
    mode: str = param(
        'face', 'Haar cascade', live=True,
        choices=('face', 'face_alt', 'face_profile', 'eye', 'smile', 'body', 'upper_body', 'lower_body', 'cat_face'))
    scale_factor: float = param(
        0.0, 'Ratio between the sizes searched; 0 = default of the cascade', minimum=0.0, maximum=4.0, live=True)
    min_neighbors: int = param(
        0, 'Number of overlapping hits that make a detection; 0 = default of the cascade', minimum=0, maximum=100,
        live=True)

    def __post_init__(self) -> None:
        if 0.0 < self.scale_factor < 1.01:
            raise ValueError(f'haar.scale_factor is {self.scale_factor:g}; it must be 0 or at least 1.01')


@dataclass(frozen=True)
class HogParameters:
    """Detection of upright people with OpenCV's histogram of oriented gradients."""

    width: int = _width(480)
    hit_threshold: float = param(
        0.0, 'Minimum distance from the dividing plane; higher values find fewer people', minimum=-1.0, maximum=5.0,
        live=True)
    scale_factor: float = param(1.05, 'Ratio between the sizes searched', minimum=1.01, maximum=2.0, live=True)


@dataclass(frozen=True)
class ArucoParameters:
    """Detection of ArUco markers and AprilTags."""

    width: int = _width(0)
    mode: str = param(
        '4x4_50', 'Marker dictionary', live=True,
        choices=('4x4_50', '5x5_100', '6x6_250', '7x7_1000', 'original', 'apriltag_16h5', 'apriltag_25h9',
                 'apriltag_36h10', 'apriltag_36h11'))


@dataclass(frozen=True)
class ModelParameters:
    """Detection with a neural network of your own."""

    model: str = param('', 'Model file; its classes are in the .txt file of the same name', live=True)
    confidence: float = _confidence(0.5)
    overlap: float = param(
        0.45, 'Maximum intersection over union of two objects of one class; boxes that overlap more are merged',
        minimum=0.0, maximum=1.0, live=True)
    threads: int = param(1, 'Number of processor cores the model may use', minimum=1, maximum=16, live=True)


@dataclass(frozen=True)
class RemoteParameters:
    """Detection by an inference server over HTTP, of the Roboflow kind."""

    width: int = _width(640)
    url: str = param('http://127.0.0.1:9001', 'URL of the inference server', live=True)
    hosts: tuple[str, ...] = param(('127.0.0.1', 'localhost'), 'Hosts that images may be sent to')
    model: str = param('', 'Project and version, for example "balloons/3"', live=True)
    key_file: str = param('', 'File with the API key; empty = none')
    confidence: float = _confidence(0.5)
    timeout_s: float = param(0.5, 'Maximum wait for a response', unit='s', minimum=0.05, maximum=10.0, live=True)


@dataclass(frozen=True)
class TrackerParameters:
    """Association of detections over time and the Kalman filter of each target."""

    confirm_hits: int = param(3, 'Number of detections that confirm a track', minimum=1, maximum=100, live=True)
    confirm_misses: int = param(
        1, 'Number of consecutive frames without a detection that a tentative track survives', minimum=0, maximum=100,
        live=True)
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


@dataclass(frozen=True)
class VisionParameters:
    """Everything that can be set on the vision node."""

    frame_prefix: str = frame_prefix_param()
    enabled: bool = param(True, 'Image processing', live=True)
    method: str = param('motion', 'Detector', choices=METHODS, live=True)
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
    annotated_quality: int = param(80, 'JPEG quality of the annotated image', minimum=1, maximum=100, live=True)
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

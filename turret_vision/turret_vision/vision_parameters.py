"""The parameters of the vision node, described once."""

from __future__ import annotations

from dataclasses import dataclass

from turret_common.params import group, param

METHODS = ('motion', 'haar', 'balloon')


@dataclass(frozen=True)
class MotionParameters:
    """Detection of whatever moves against the room."""

    width: int = param(
        320, 'width that images are reduced to before detection; never enlarged', unit='px', minimum=80, maximum=1920,
        live=True)
    sensitivity: float = param(
        25.0, 'squared deviations from the background, in variances, that count as motion; lower is more sensitive',
        minimum=4.0, maximum=400.0, live=True)
    min_area: int = param(
        500, 'smallest moving region that counts, in pixels of the full image', unit='px^2', minimum=1, maximum=1000000,
        live=True)
    memory_s: float = param(
        10.0, 'how long something must stand still to become background', unit='s', minimum=0.5, maximum=600.0, live=True)
    join: float = param(
        0.03, 'moving regions closer together than this part of the image width are one object', minimum=0.0, maximum=0.2,
        live=True)


@dataclass(frozen=True)
class HaarParameters:
    """Detection with the Haar cascades that come with OpenCV."""

    width: int = param(
        480, 'width that images are reduced to before detection; never enlarged', unit='px', minimum=80, maximum=3840,
        live=True)
    mode: str = param(
        'face', 'which cascade', live=True,
        choices=('face', 'face_alt', 'face_profile', 'eye', 'smile', 'body', 'upper_body', 'lower_body', 'cat_face'))
    scale_factor: float = param(
        0.0, 'ratio between the sizes searched; 0 = what suits the cascade', minimum=0.0, maximum=4.0, live=True)
    min_neighbors: int = param(
        0, 'overlapping hits that make a detection; 0 = what suits the cascade', minimum=0, maximum=100, live=True)

    def __post_init__(self) -> None:
        if 0.0 < self.scale_factor < 1.01:
            raise ValueError(f'haar.scale_factor is {self.scale_factor}; it must be 0 or at least 1.01')


@dataclass(frozen=True)
class BalloonParameters:
    """Detection of round blobs of one colour."""

    width: int = param(
        320, 'width that images are reduced to before detection; never enlarged', unit='px', minimum=80, maximum=1920,
        live=True)
    colour: str = param(
        'saturated', 'what is looked for: anything saturated, the taught colour, or anything dark', live=True,
        choices=('saturated', 'taught', 'dark'))
    hue: float = param(
        0.0, 'centre of the taught hue; 0 red, 1/3 green, 2/3 blue', minimum=0.0, maximum=1.0, live=True)
    saturation: float = param(0.8, 'centre of the taught saturation', minimum=0.0, maximum=1.0, live=True)
    value: float = param(0.6, 'centre of the taught brightness', minimum=0.0, maximum=1.0, live=True)
    hue_range: float = param(0.05, 'half width of the taught hue', minimum=0.0, maximum=0.5, live=True)
    saturation_range: float = param(0.3, 'half width of the taught saturation', minimum=0.0, maximum=1.0, live=True)
    value_range: float = param(0.4, 'half width of the taught brightness', minimum=0.0, maximum=1.0, live=True)
    min_saturation: float = param(
        0.5, 'least saturation of "saturated"', minimum=0.0, maximum=1.0, live=True)
    min_value: float = param(
        0.2, 'least brightness of "saturated"', minimum=0.0, maximum=1.0, live=True)
    max_dark_value: float = param(
        60.0 / 255.0, 'greatest brightness of "dark"', minimum=0.0, maximum=1.0, live=True)
    min_area: int = param(
        120, 'smallest blob that counts, in pixels of the full image', unit='px^2', minimum=1, maximum=1000000, live=True)
    min_aspect: float = param(
        0.6, 'least width divided by height', minimum=0.05, maximum=1.0, live=True)
    max_aspect: float = param(
        1.6, 'greatest width divided by height', minimum=1.0, maximum=20.0, live=True)
    min_circularity: float = param(
        0.55, 'least 4 pi area / perimeter^2; 1 is a disc', minimum=0.0, maximum=1.0, live=True)
    min_fill: float = param(
        0.5, 'least part of its box that the blob covers; a disc covers 0.785', minimum=0.0, maximum=1.0, live=True)


@dataclass(frozen=True)
class TrackerParameters:
    """Association of detections over time and the Kalman filter of each target."""

    confirm_hits: int = param(
        3, 'detections that make a track trusted', minimum=1, maximum=100, live=True)
    detecting_s: float = param(
        0.25, 'a track that is not trusted yet is dropped after being unseen this long', unit='s', minimum=0.0,
        maximum=10.0, live=True)
    coast_s: float = param(
        1.5, 'a trusted track is lost after being unseen this long', unit='s', minimum=0.0, maximum=30.0, live=True)
    max_tracks: int = param(50, 'most tracks at one time', minimum=1, maximum=500, live=True)
    gate: float = param(
        16.0, 'greatest squared Mahalanobis distance between a track and its detection (2 degrees of freedom)', minimum=1.0,
        maximum=100.0, live=True)
    max_gate: float = param(
        0.3, 'greatest angle between a track and its detection', unit='rad', minimum=0.001, maximum=3.0, live=True)
    max_rate: float = param(
        4.0, 'a target cannot be faster than this', unit='rad/s', minimum=0.1, maximum=50.0, live=True)
    acceleration_noise: float = param(
        4.0, 'spectral density of the random acceleration of a target', unit='rad^2/s^3', minimum=1e-6, maximum=1e4,
        live=True)
    initial_rate: float = param(
        0.7, 'standard deviation of the rate of a new target', unit='rad/s', minimum=0.01, maximum=10.0, live=True)
    pixel_noise: float = param(
        1.0, 'standard deviation of a detection, in pixels of the full image', unit='px', minimum=0.01, maximum=100.0,
        live=True)
    size_noise: float = param(
        0.02, 'standard deviation of a detection, as a part of its size; adds to pixel_noise', minimum=0.0, maximum=1.0,
        live=True)


@dataclass(frozen=True)
class VisionParameters:
    """Everything that can be set on the vision node."""

    frame_prefix: str = param('', 'put before every frame name')
    enabled: bool = param(True, 'whether images are looked at', live=True)
    method: str = param('motion', 'detector to use', choices=METHODS, live=True)
    classes: tuple[str, ...] = param((), 'classes to keep, by exact name; none = all', live=True)
    min_confidence: float = param(
        0.0, 'least confidence to keep; detections without one are kept', minimum=0.0, maximum=1.0, live=True)
    min_size: float = param(
        4.0, 'least width and height to keep, in pixels of the full image', unit='px', minimum=0.0, maximum=10000.0,
        live=True)
    region: tuple[float, ...] = param(
        (0.0, 0.0, 1.0, 1.0), 'part of the image to look at: left, top, right, bottom as parts of width and height',
        minimum=0.0, maximum=1.0, live=True)
    pose_wait_s: float = param(
        0.03, 'longest wait for a gimbal pose at the stamp of an image', unit='s', minimum=0.0, maximum=0.5)
    annotated_quality: int = param(
        80, 'JPEG quality of the annotated image', minimum=1, maximum=100, live=True)
    motion: MotionParameters = group(MotionParameters)
    haar: HaarParameters = group(HaarParameters)
    balloon: BalloonParameters = group(BalloonParameters)
    tracker: TrackerParameters = group(TrackerParameters)

    def __post_init__(self) -> None:
        if len(self.region) != 4 or self.region[2] - self.region[0] < 0.01 or self.region[3] - self.region[1] < 0.01:
            raise ValueError('region must be left, top, right, bottom with left < right and top < bottom')

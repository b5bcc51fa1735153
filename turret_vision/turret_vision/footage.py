"""What is to be seen in the shared footage, and how well vision follows it.

The first and the last frame in which each object is visible were marked by eye on the raw frames. The corridor is the
part of the image that the object's middle stays in, as parts of its width; it tells objects apart that are there at
once.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from turret_common.geometry import BODY_FROM_OPTICAL, PinholeCamera, base_from_head
from turret_common.params import build
from turret_common.pose_history import Pose
from turret_vision.detection import Image
from turret_vision.tracker import Track, TrackState
from turret_vision.vision import Vision
from turret_vision.vision_parameters import VisionParameters

_LEVEL = Pose(0.0, 0.0)
_FIELD_OF_VIEW = math.radians(60.0)
_PICTURE_FIELD_OF_VIEW = 1.6   # of the whole picture behind a virtual head, rad
_LARGEST_PAN, _LARGEST_TILT = 0.27, 0.12  # beyond, the virtual camera would see past the picture
_GAIN, _RATE, _ACCELERATION = 2.5, 0.7, 3.0  # of the virtual head, 1/s, rad/s, rad/s^2


class Seen(NamedTuple):
    """One object: first and last frame that show it, and its corridor."""

    name: str
    first: int
    last: int
    left: float = 0.0
    right: float = 1.0


WALKERS = (
    Seen('walker 1', 60, 199), Seen('walker 2', 227, 449), Seen('walker 3', 502, 700), Seen('walker 4', 745, 869),
    Seen('walker 5', 921, 1201), Seen('walker 6', 1234, 1360))
CARS = (
    Seen('white car', 55, 107), Seen('green car', 180, 228, 0.05, 0.40), Seen('red car', 188, 237, 0.38, 0.62),
    Seen('second white car', 316, 347))


@dataclasses.dataclass(frozen=True)
class Followed:
    """How one object was followed.

    Attributes:
        seen: what was to be seen.
        id: of the track that followed it longest; empty = none did.
        share: part of the frames that show it in which that track was there, seen or coasting.
        first: frame in which that track was first trusted; -1 = never.
        last: frame in which that track last saw it; -1 = never.
        others: frames in which another trusted track saw something in the corridor, the most that any one did.
    """

    seen: Seen
    id: str
    share: float
    first: int
    last: int
    others: int


def frames(path: str) -> Iterator[Image]:
    """Yield the frames of a video, BGR."""
    capture = cv2.VideoCapture(path)
    try:
        while (read := capture.read())[0]:
            yield read[1]  # type: ignore[misc]
    finally:
        capture.release()


def watch(images: Iterable[Image], rate_hz: float, method: str = 'motion') -> list[list[Track]]:
    """Return the tracks after each image of a camera that stands still."""
    vision = Vision(build(VisionParameters, {'method': method}))
    history = []
    for i, image in enumerate(images):
        camera = PinholeCamera.from_field_of_view(image.shape[1], image.shape[0], _FIELD_OF_VIEW)
        history.append(vision.process(image, i / rate_hz, camera, _LEVEL).tracks or [])
    return history


def pursue(images: Iterable[Image], rate_hz: float, late_s: float = 0.0) -> list[list[Track]]:
    """Return the tracks of a virtual head that follows its longest-known track through the pictures.

    Args:
        images: pictures that the head looks into.
        rate_hz: of the pictures.
        late_s: by which the poses that vision is told are older than the pictures.
    """
    vision = Vision(build(VisionParameters, {'method': 'motion'}))
    camera = PinholeCamera.from_field_of_view(640, 480, _FIELD_OF_VIEW)
    angles, rates = np.zeros(2), np.zeros(2)
    largest, history = np.array([_LARGEST_PAN, _LARGEST_TILT]), []
    for i, image in enumerate(images):
        told = Pose(*(float(v) for v in angles - late_s * rates))
        tracks = vision.process(_look(image, camera, angles), i / rate_hz, camera, told).tracks or []
        history.append(tracks)
        known = [t for t in tracks if t.state in (TrackState.TRACKING, TrackState.COASTING)]
        best = max(known, key=lambda track: track.hits, default=None)
        error = -0.3 * angles if best is None else np.array(best.bearing) - angles
        step = _ACCELERATION / rate_hz
        rates = np.clip(np.clip(_GAIN * error, -_RATE, _RATE), rates - step, rates + step)
        rates[np.abs(angles + rates / rate_hz) > largest] = 0.0
        angles = angles + rates / rate_hz
    return history


def _look(image: Image, camera: PinholeCamera, angles: npt.NDArray[np.float64]) -> Image:
    """Return what a camera on a head at pan and tilt sees of a flat picture."""
    wide = PinholeCamera.from_field_of_view(image.shape[1], image.shape[0], _PICTURE_FIELD_OF_VIEW)

    def intrinsic(of: PinholeCamera) -> npt.NDArray[np.float64]:
        return np.array([[of.fx, 0.0, of.cx], [0.0, of.fy, of.cy], [0.0, 0.0, 1.0]])

    rotation = BODY_FROM_OPTICAL.T @ base_from_head(float(angles[0]), float(angles[1])) @ BODY_FROM_OPTICAL
    return cv2.warpPerspective(  # type: ignore[return-value]
        image, intrinsic(wide) @ rotation @ np.linalg.inv(intrinsic(camera)), (camera.width, camera.height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT)


def judge(history: Sequence[Sequence[Track]], seen: Seen, width: float | None) -> Followed:
    """Return how one object was followed.

    Args:
        history: tracks after each frame.
        seen: the object.
        width: of the image in px; None where the camera moved, so that the corridor says nothing.
    """
    def inside(track: Track) -> bool:
        if width is None or track.box is None:
            return width is None
        return seen.left <= track.box.x / width <= seen.right

    present: Counter[str] = Counter()
    measured: Counter[str] = Counter()
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for i in range(seen.first, min(seen.last + 1, len(history))):
        for track in history[i]:
            if track.state in (TrackState.TRACKING, TrackState.COASTING) and inside(track):
                present[track.id] += 1
                first.setdefault(track.id, i)
                if track.state == TrackState.TRACKING:
                    measured[track.id] += 1
                    last[track.id] = i
    best = measured.most_common(1)[0][0] if measured else ''
    others = max((n for number, n in measured.items() if number != best), default=0)
    return Followed(
        seen, best, present[best] / (seen.last - seen.first + 1), first.get(best, -1), last.get(best, -1), others)

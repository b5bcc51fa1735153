# SPDX-License-Identifier: Apache-2.0
"""Objects in the shared footage, and evaluation of how well vision follows them.

The first and the last frame in which each object is visible were marked by hand on the raw frames. The corridor is the
range of the image width that contains the center of the object; it separates objects that are visible at the same
time.
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

from turret_common.geometry import (
    BODY_FROM_OPTICAL,
    Bearing,
    PinholeCamera,
    angle_between,
    base_from_head,
    bearing_to_pixel,
    pixel_to_bearing,
)
from turret_common.params import build
from turret_common.pose_history import Pose
from turret_common.track_state import TrackState
from turret_vision.detectors.detection import Box, Image
from turret_vision.footage.ground_truth_boxes import CARS_CLIP, WALKERS_CLIP, load_marked_boxes
from turret_vision.tracking.tracker import Track
from turret_vision.vision import Vision
from turret_vision.vision_parameters import VisionParameters

#: Frame rate [Hz] and number of frames of the marked clips.
RATES_HZ = {WALKERS_CLIP: 10.0, CARS_CLIP: 12.5}
FRAMES = {WALKERS_CLIP: 1394, CARS_CLIP: 377}
#: Horizontal field of view [rad] of the footage that a virtual head looks at.
FOOTAGE_FIELD_OF_VIEW = 1.6
_LEVEL = Pose(0.0, 0.0)
_FIELD_OF_VIEW = math.radians(60.0)
_WIDEST = 15  # frames between two marks that are interpolated
_GRAY = (40, 40, 40)
#: Pan and tilt [rad] beyond which a virtual camera of 60 degrees would see past the edges of 16:9 footage.
MAX_PAN, MAX_TILT = 0.27, 0.11
_GAIN, _RATE, _ACCELERATION = 2.5, 0.7, 3.0  # of the virtual head, 1/s, rad/s, rad/s^2


class Seen(NamedTuple):
    """An object: the first and the last frame that show it, and its corridor."""

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
        seen: the object.
        id: id of the track that followed it in most frames; empty = none.
        share: share of the frames showing the object in which that track existed, tracking or coasting.
        first: first frame in which that track was confirmed; -1 = never.
        last: last frame in which that track had a detection; -1 = never.
        others: maximum number of frames in which one other confirmed track had detections in the corridor.
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
    """Return the tracks after each image of a camera that does not move."""
    vision = Vision(build(VisionParameters, {'method': method}))
    history = []
    for i, image in enumerate(images):
        camera = PinholeCamera.from_field_of_view(image.shape[1], image.shape[0], _FIELD_OF_VIEW)
        history.append(vision.process(image, i / rate_hz, camera, _LEVEL).tracks or [])
    return history


def follow(images: Iterable[Image], rate_hz: float, late_s: float = 0.0) -> list[list[Track]]:
    """Return the tracks of a virtual head that follows the track with the most hits.

    Args:
        images: footage that the head looks at.
        rate_hz: frame rate.
        late_s: delay of the poses that vision receives.
    """
    vision = Vision(build(VisionParameters, {'method': 'motion'}))
    camera = PinholeCamera.from_field_of_view(640, 480, _FIELD_OF_VIEW)
    angles, rates = np.zeros(2), np.zeros(2)
    limits, history = np.array([MAX_PAN, MAX_TILT]), []
    for i, image in enumerate(images):
        pose = Pose(*(float(v) for v in angles - late_s * rates))
        seen = look(image, camera, float(angles[0]), float(angles[1]), cv2.BORDER_REFLECT)
        tracks = vision.process(seen, i / rate_hz, camera, pose).tracks or []
        history.append(tracks)
        known = [t for t in tracks if t.state.confirmed]
        best = max(known, key=lambda track: track.hits, default=None)
        error = -0.3 * angles if best is None else np.array(best.bearing) - angles
        step = _ACCELERATION / rate_hz
        rates = np.clip(np.clip(_GAIN * error, -_RATE, _RATE), rates - step, rates + step)
        rates[np.abs(angles + rates / rate_hz) > limits] = 0.0
        angles = angles + rates / rate_hz
    return history


def look(image: Image, camera: PinholeCamera, pan: float, tilt: float, border: int = cv2.BORDER_CONSTANT) -> Image:
    """Return the view of footage by a camera on a head at a pose in rad; ``border``: OpenCV mode beyond its edges."""
    wide = PinholeCamera.from_field_of_view(image.shape[1], image.shape[0], FOOTAGE_FIELD_OF_VIEW)

    def intrinsic(of: PinholeCamera) -> npt.NDArray[np.float64]:
        return np.array([[of.fx, 0.0, of.cx], [0.0, of.fy, of.cy], [0.0, 0.0, 1.0]])

    rotation = BODY_FROM_OPTICAL.T @ base_from_head(pan, tilt) @ BODY_FROM_OPTICAL
    return cv2.warpPerspective(  # type: ignore[return-value]
        image, intrinsic(wide) @ rotation @ np.linalg.inv(intrinsic(camera)), (camera.width, camera.height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border, borderValue=_GRAY)


class Judged(NamedTuple):
    """The aim of a head: object, angle to the center of its box [rad], and whether the aim point is inside the box."""

    name: str
    error: float
    inside: bool


class FootageGroundTruth:
    """Ground truth directions of marked objects for a head that looks at their footage with :func:`look`.

    Marks are interpolated over at most 1.5 s. Objects between marks farther apart, and objects that the head cannot
    reach, are not judged.
    """

    def __init__(self, clip: str) -> None:
        """``clip`` is the name of a marked file."""
        self._marks = load_marked_boxes()[clip]
        self._names = sorted({name for objects in self._marks.frames.values() for name in objects})
        self._rate_hz = RATES_HZ[clip]
        self.frames = FRAMES[clip]
        self._camera = PinholeCamera.from_field_of_view(self._marks.width, self._marks.height, FOOTAGE_FIELD_OF_VIEW)

    def judge(self, time: float, pan: float, tilt: float) -> Judged | None:
        """Return how a pose in rad is aimed at the nearest object; None when no object is marked.

        Args:
            time: time since the first frame [s].
            pan: pan of the head.
            tilt: tilt of the head.
        """
        sight = Bearing(pan, tilt)
        pixel = bearing_to_pixel(self._camera, sight, 0.0, 0.0)
        aims = []
        for name in self._names:
            box = self._marks.at(name, time * self._rate_hz, _WIDEST)
            if box is not None and self._within_reach(box):
                error = angle_between(sight, pixel_to_bearing(self._camera, box.x, box.y, 0.0, 0.0))
                aims.append(Judged(name, error, pixel is not None and box.left <= pixel[0] <= box.right
                                   and box.top <= pixel[1] <= box.bottom))
        return min(aims, key=lambda aim: aim.error, default=None)

    def _within_reach(self, box: Box) -> bool:
        across, down = (self._camera.fx * math.tan(limit) for limit in (MAX_PAN, MAX_TILT))
        return abs(box.x - self._camera.cx) <= across + 0.5 * box.width and (
            abs(box.y - self._camera.cy) <= down + 0.5 * box.height)


def judge(history: Sequence[Sequence[Track]], seen: Seen, width: float | None) -> Followed:
    """Return how one object was followed.

    Args:
        history: tracks after each frame.
        seen: the object.
        width: image width [px]; None when the camera moved, so that there is no corridor.
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
            if track.state.confirmed and inside(track):
                present[track.id] += 1
                first.setdefault(track.id, i)
                if track.state == TrackState.TRACKING:
                    measured[track.id] += 1
                    last[track.id] = i
    best = measured.most_common(1)[0][0] if measured else ''
    others = max((n for number, n in measured.items() if number != best), default=0)
    return Followed(
        seen, best, present[best] / (seen.last - seen.first + 1), first.get(best, -1), last.get(best, -1), others)

# SPDX-License-Identifier: Apache-2.0
"""Recall and precision of ``motion`` beside OpenCV's KNN and MOG2 subtractors, on the same frames in one run.

The subtractors get the same reduction, smoothing, joining and minimum area. A clip is judged from its beginning, from
cold starts at several leads before each marked frame, and degraded by flicker, noise, darkness, shake and other sizes.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from turret_common.bench import Row
from turret_common.geometry import PinholeCamera
from turret_common.pose_history import Pose
from turret_vision.detectors.detection import Box, Detection, Image, View, make_view
from turret_vision.detectors.motion import MotionDetector, MotionParameters
from turret_vision.footage.clips import frames
from turret_vision.footage.evaluation import match
from turret_vision.footage.ground_truth_boxes import CARS_CLIP, WALKERS_CLIP, load_marked_boxes

#: OpenCV's sample clip, from the Debian package opencv-doc: people on a road, seen from above, 10 frames/s. No
#: parameter was chosen on it alone.
VTEST = Path('/usr/share/doc/opencv-doc/examples/data/vtest.avi')
#: Boxes marked by eye in it: left, top, right, bottom in px by frame number, without people who are mostly hidden.
VTEST_BOXES = {
    20: ((364, 193, 400, 276), (438, 233, 481, 319), (678, 272, 723, 376), (727, 270, 756, 370)),
    130: ((134, 77, 148, 113), (593, 119, 613, 183), (617, 125, 638, 185), (684, 120, 703, 190),
        (382, 183, 406, 266), (592, 226, 639, 307)),
    260: ((39, 177, 61, 244), (163, 148, 189, 218), (320, 214, 364, 302), (485, 177, 509, 250), (622, 127, 643, 190),
        (642, 132, 661, 194), (530, 243, 571, 340)),
    390: ((572, 151, 596, 215), (256, 189, 288, 266), (721, 225, 755, 325), (623, 285, 681, 392)),
    520: ((224, 178, 252, 249), (490, 209, 521, 304), (665, 212, 692, 301), (627, 272, 655, 366),
        (735, 331, 767, 452), (500, 427, 555, 575)),
    650: ((143, 150, 164, 219), (224, 158, 239, 222), (314, 158, 348, 229), (470, 227, 500, 313),
        (640, 194, 669, 281), (334, 372, 381, 514)),
    780: ((238, 170, 259, 242), (320, 175, 351, 242), (312, 201, 346, 274), (351, 261, 398, 365),
        (667, 137, 689, 201), (614, 204, 643, 296), (570, 247, 604, 348)),
}
_LEADS_S = (0.5, 1.0, 2.0, 4.0)
_SMALL = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))

Degrade = Callable[[Image, int], Image]


class Clip(NamedTuple):
    """Frames and the boxes marked in some of them, by frame number."""

    name: str
    rate_hz: float
    images: Sequence[Image]
    boxes: Mapping[int, Sequence[Box]]


class Subtractor(MotionDetector):
    """A background subtractor of OpenCV with the post-processing of ``motion``."""

    def __init__(self, subtractor: Any) -> None:
        super().__init__(MotionParameters())
        self._subtractor = subtractor

    def detect(self, view: View) -> list[Detection]:
        """Return what moves in a view."""
        gray = cv2.GaussianBlur(view.gray, (5, 5), 0)
        foreground = np.where(self._subtractor.apply(gray) == 255, np.uint8(255), np.uint8(0))
        opened = np.asarray(cv2.morphologyEx(foreground, cv2.MORPH_OPEN, _SMALL), np.uint8)
        return self.objects(opened, np.eye(3), gray.size)


METHODS: dict[str, Callable[[], MotionDetector]] = {
    'motion': lambda: MotionDetector(MotionParameters()),
    'KNN': lambda: Subtractor(cv2.createBackgroundSubtractorKNN()),
    'MOG2': lambda: Subtractor(cv2.createBackgroundSubtractorMOG2()),
}


def _scaled(gain: Any, image: Image) -> Image:
    return np.asarray(np.clip(image * gain, 0.0, 255.0), np.uint8)


def _flicker(image: Image, number: int) -> Image:
    return _scaled(1.0 + 0.15 * np.random.default_rng(number).uniform(-1.0, 1.0), image)


def _bands(image: Image, number: int) -> Image:
    rows = np.arange(image.shape[0])[:, np.newaxis, np.newaxis] / image.shape[0]
    return _scaled(1.0 + 0.15 * np.sin(2.0 * np.pi * (3.0 * rows + 0.37 * number)), image)


def _noise(image: Image, number: int) -> Image:
    noise = np.random.default_rng(number).normal(0.0, 8.0, image.shape[:2])
    return np.clip(image + noise[..., np.newaxis], 0.0, 255.0).astype(np.uint8)


def _dark(image: Image, number: int) -> Image:
    noise = np.random.default_rng(number).normal(0.0, 3.0, image.shape[:2])
    return np.clip(0.2 * image + noise[..., np.newaxis], 0.0, 255.0).astype(np.uint8)


def _shake(image: Image, number: int) -> Image:
    dx, dy = np.random.default_rng(number).uniform(-3.0, 3.0, 2)
    shift = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    return np.asarray(
        cv2.warpAffine(image, shift, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _resized(width: int) -> Degrade:
    return lambda image, _: np.asarray(cv2.resize(
        image, (width, round(width * image.shape[0] / image.shape[1])), interpolation=cv2.INTER_AREA), np.uint8)


DEGRADED: dict[str, Degrade] = {
    'flicker 15 %': _flicker, 'rolling bands 15 %': _bands, 'noise 8 levels': _noise, 'dark': _dark,
    'shake 3 px': _shake, '160 px wide': _resized(160), '1280 px wide': _resized(1280)}


def clips(folder: Path) -> Iterator[Clip]:
    """Yield the clips of the shared footage, and OpenCV's where it is installed."""
    marked = load_marked_boxes()
    for name, file, rate_hz in (('walkers', WALKERS_CLIP, 10.0), ('cars', CARS_CLIP, 12.5)):
        boxes = {number: list(found.values()) for number, found in marked[file].frames.items()}
        yield Clip(name, rate_hz, list(itertools.islice(frames(str(folder / file)), max(boxes) + 1)), boxes)
    if VTEST.is_file():
        boxes = {number: [Box.from_rect(left, top, right - left, bottom - top) for left, top, right, bottom in found]
                 for number, found in VTEST_BOXES.items()}
        yield Clip('vtest', 10.0, list(itertools.islice(frames(str(VTEST)), max(boxes) + 1)), boxes)


def measure(folder: Path) -> Iterator[Row]:
    """Yield recall, precision and CPU time of each method on each clip, cold starts and degraded clips included."""
    for clip in clips(folder):
        for method in METHODS:
            yield from compare(clip, method)
            for lead_s in _LEADS_S:
                starts = {number: number - round(lead_s * clip.rate_hz) for number in clip.boxes}
                yield from _rows(f'{clip.name}, cold start {lead_s:g} s before', method, [
                    _judge(clip, method, start, {number: clip.boxes[number]})
                    for number, start in starts.items() if start >= 0])
        if clip.name == 'vtest':
            for (name, degrade), method in itertools.product(DEGRADED.items(), METHODS):
                yield from _rows(f'{clip.name}, {name}', method, [_judge(clip, method, 0, clip.boxes, degrade)])


def compare(clip: Clip, method: str) -> Iterator[Row]:
    """Yield the figures of one method on a whole clip."""
    yield from _rows(f'{clip.name}, whole clip', method, [_judge(clip, method, 0, clip.boxes)])


class _Tally(NamedTuple):
    right: int
    marked: int
    found: int
    cpu_s: float
    images: int


def _rows(scenario: str, method: str, tallies: Sequence[_Tally]) -> Iterator[Row]:
    right, marked, found, cpu_s, images = (sum(values) for values in zip(*tallies, strict=True))
    yield Row(scenario, method, 'recall', 100.0 * right / max(marked, 1), '%')
    yield Row(scenario, method, 'precision', 100.0 * right / max(found, 1), '%')
    yield Row(scenario, method, 'CPU per image', 1e3 * cpu_s / max(images, 1), 'ms')


def _judge(
        clip: Clip, method: str, start: int, boxes: Mapping[int, Sequence[Box]],
        degrade: Degrade | None = None) -> _Tally:
    """Run a method from a frame on and compare its boxes with the marked ones."""
    detector, width = METHODS[method](), clip.images[0].shape[1]
    right = found = 0
    cpu_s = 0.0
    for number in range(start, max(boxes) + 1):
        image = clip.images[number] if degrade is None else degrade(clip.images[number], number)
        camera = PinholeCamera.from_field_of_view(image.shape[1], image.shape[0], 1.0)
        view = make_view(image, number / clip.rate_hz, detector.width, pose=Pose(0.0, 0.0), camera=camera)
        began = time.process_time()
        detections = detector.detect(view)
        detector.update()
        cpu_s += time.process_time() - began
        if number in boxes:
            scale = width / image.shape[1]
            seen = [Box(*(scale * v for v in view.in_full_image(d.box))) for d in detections]
            right, found = right + len(match(boxes[number], seen)), found + len(seen)
    return _Tally(right, sum(map(len, boxes.values())), found, cpu_s, max(boxes) + 1 - start)

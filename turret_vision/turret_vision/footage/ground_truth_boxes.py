# SPDX-License-Identifier: Apache-2.0
"""Boxes marked by eye in the shared footage; how they were made is written in ``data/marked_boxes.json``."""

from __future__ import annotations

import dataclasses
import json
import math
from importlib import resources

from turret_vision.detectors.detection import Box

WALKERS_CLIP = 'one-by-one-person-detection.mp4'
CARS_CLIP = 'car-detection.mp4'
FACE_CLIP = 'head-pose-face-detection-female.gif'


@dataclasses.dataclass(frozen=True)
class MarkedClip:
    """One film.

    Attributes:
        width: of its frames in px.
        height: of its frames in px.
        frames: by frame number, what it shows: the box of each object by name, the mean of both passes.
        agreement: intersection over union of the two passes, one number per box.
        frontal: numbers of the frames that show a face from the front.
    """

    width: int
    height: int
    frames: dict[int, dict[str, Box]]
    agreement: tuple[float, ...]
    frontal: frozenset[int]

    def at(self, name: str, frame: float, widest: float = math.inf) -> Box | None:
        """Return an object's box at any frame, interpolated between marks; None outside of its marks.

        Args:
            name: of the object.
            frame: number; what is between two frames is between their boxes.
            widest: most frames between two marks that are interpolated.
        """
        if frame in self.frames:
            return self.frames[int(frame)].get(name)
        before = max((n for n in self.frames if n < frame), default=None)
        after = min((n for n in self.frames if n > frame), default=None)
        if before is None or after is None or after - before > widest:
            return None
        a, b = self.frames[before].get(name), self.frames[after].get(name)
        if a is None or b is None:
            return None
        part = (frame - before) / (after - before)
        return Box(*(p + part * (q - p) for p, q in zip(a, b, strict=True)))


def load_marked_boxes() -> dict[str, MarkedClip]:
    """Return the marked clips by file name."""
    document = json.loads((resources.files('turret_vision') / 'data' / 'marked_boxes.json').read_text())
    clips = {}
    for file, clip in document['clips'].items():
        passes = {
            int(number): {name: (_box(both[0]), _box(both[1])) for name, both in objects.items()}
            for number, objects in clip['frames'].items()}
        width, height = clip['size']
        clips[file] = MarkedClip(
            width, height,
            {number: {name: _mean(*both) for name, both in objects.items()} for number, objects in passes.items()},
            tuple(both[0].iou(both[1]) for objects in passes.values() for both in objects.values()),
            frozenset(document['frontal']) if file == FACE_CLIP else frozenset())
    return clips


def _box(corners: list[int]) -> Box:
    left, top, right, bottom = corners
    return Box.from_rect(left, top, right - left, bottom - top)


def _mean(a: Box, b: Box) -> Box:
    return Box(*(0.5 * (p + q) for p, q in zip(a, b, strict=True)))

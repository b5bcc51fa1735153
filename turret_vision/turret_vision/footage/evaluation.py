# SPDX-License-Identifier: Apache-2.0
"""Detectors and tracker against the boxes marked by hand in the shared footage: recall, precision, worst misses."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from turret_common.geometry import PinholeCamera
from turret_common.params import build
from turret_common.pose_history import Pose
from turret_vision.detectors.detection import Box, Image
from turret_vision.footage.clips import frames
from turret_vision.footage.ground_truth_boxes import (
    CARS_CLIP,
    FACE_CLIP,
    WALKERS_CLIP,
    MarkedClip,
    load_marked_boxes,
)
from turret_vision.vision import Vision
from turret_vision.vision_parameters import VisionParameters

_ENOUGH = 0.5         # intersection over union that makes a detection correct
_LEAD_IN = 10         # frames before a marked one that a method without history processes first
_WORST = 6            # frames in a contact sheet
_COLUMNS, _CELL = 3, 512  # columns of a contact sheet, and width of its frames [px]
_MARKED, _FOUND = (90, 220, 90), (60, 60, 255)  # BGR
_FIELD_OF_VIEW = math.radians(60.0)


class Trial(NamedTuple):
    """One method on one clip."""

    scenario: str
    clip: str
    rate_hz: float
    method: str
    mode: str = ''

    @property
    def variant(self) -> str:
        """The method and its variant."""
        return ' '.join(filter(None, (self.method, self.mode)))


TRIALS = (
    Trial('walkers', WALKERS_CLIP, 10.0, 'motion'), Trial('walkers', WALKERS_CLIP, 10.0, 'hog'),
    Trial('walkers', WALKERS_CLIP, 10.0, 'haar', 'body'), Trial('walkers', WALKERS_CLIP, 10.0, 'haar', 'upper_body'),
    Trial('cars', CARS_CLIP, 12.5, 'motion'),
    Trial('face', FACE_CLIP, 5.0, 'haar', 'face'), Trial('face', FACE_CLIP, 5.0, 'haar', 'face_alt'),
    Trial('face', FACE_CLIP, 5.0, 'haar', 'face_profile'))


@dataclasses.dataclass(frozen=True)
class Judged:
    """One marked frame.

    Attributes:
        number: of the frame.
        image: the frame.
        marked: boxes that were marked.
        found: boxes that were found.
        matches: pairs of a marked and a found box with their intersection over union, each box in one pair at most.
    """

    number: int
    image: Image
    marked: list[Box]
    found: list[Box]
    matches: list[tuple[Box, Box, float]]

    @property
    def errors(self) -> int:
        """Objects that were missed and boxes around nothing."""
        return len(self.marked) + len(self.found) - 2 * len(self.matches)


class Score(NamedTuple):
    """How good the boxes are: shares 0 to 1; the distance of the centers in px; NaN where there is nothing to judge."""

    recall: float
    precision: float
    overlap: float
    center: float


def match(marked: Sequence[Box], found: Sequence[Box]) -> list[tuple[Box, Box, float]]:
    """Return pairs of marked and found boxes that overlap enough, the best first, each box once."""
    pairs = sorted(((m.iou(f), i, j) for i, m in enumerate(marked) for j, f in enumerate(found)), reverse=True)
    matches, taken = [], (set[int](), set[int]())
    for overlap, i, j in pairs:
        if overlap >= _ENOUGH and i not in taken[0] and j not in taken[1]:
            matches.append((marked[i], found[j], overlap))
            taken[0].add(i)
            taken[1].add(j)
    return matches


def score(judged: Sequence[Judged]) -> Score:
    """Return how good the boxes of some frames are."""
    matches = [pair for frame in judged for pair in frame.matches]
    marked, found = (sum(len(boxes) for boxes in lists) for lists in (
        [frame.marked for frame in judged], [frame.found for frame in judged]))
    return Score(
        len(matches) / marked if marked else math.nan, len(matches) / found if found else math.nan,
        statistics.mean(overlap for _, _, overlap in matches) if matches else math.nan,
        statistics.median(math.hypot(m.x - f.x, m.y - f.y) for m, f, _ in matches) if matches else math.nan)


def try_out(trial: Trial, folder: Path, clip: MarkedClip) -> tuple[list[Judged], list[Judged]]:
    """Return what the detector and what the tracker made of each marked frame of a clip."""
    settings = {'method': trial.method, **({f'{trial.method}.mode': trial.mode} if trial.mode else {})}
    vision = Vision(build(VisionParameters, settings))
    camera = PinholeCamera.from_field_of_view(clip.width, clip.height, _FIELD_OF_VIEW)
    detected: list[Judged] = []
    tracked: list[Judged] = []
    for number, image in enumerate(itertools.islice(frames(str(folder / trial.clip)), max(clip.frames) + 1)):
        if trial.method != 'motion' and not any(number <= n <= number + _LEAD_IN for n in clip.frames):
            continue
        result = vision.process(image, number / trial.rate_hz, camera, Pose(0.0, 0.0))
        if number in clip.frames:
            marked = list(clip.frames[number].values())
            tracks = [
                track.box for track in result.tracks or []
                if track.box is not None and track.state.confirmed]
            for judged, boxes in ((detected, [d.box for d in result.detections]), (tracked, tracks)):
                judged.append(Judged(number, image, marked, boxes, match(marked, boxes)))
    return detected, tracked


def trials(folder: Path, sheets: Path | None) -> Iterator[tuple[str, str, Score]]:
    """Yield scenario, variant and score of each trial, detector and tracker.

    Args:
        folder: folder of the shared footage.
        sheets: folder for contact sheets of the worst frames of each trial; None = none.
    """
    clips = load_marked_boxes()
    for trial in TRIALS:
        clip = clips[trial.clip]
        for tracker, judged in zip(('', ' + tracker'), try_out(trial, folder, clip), strict=True):
            variant = trial.variant + tracker
            yield trial.scenario, variant, score(judged)
            if clip.frontal:
                yield f'{trial.scenario}, frontal', variant, score([j for j in judged if j.number in clip.frontal])
            if sheets is not None:
                name = f'{trial.scenario}_{variant}'.replace(' + ', '_').replace(' ', '_')
                _write_worst(sheets / f'{name}.jpg', judged)


def _write_worst(path: Path, judged: Sequence[Judged]) -> None:
    """Write the frames with the most errors: green = ground truth, red = detected."""
    worst = sorted((frame for frame in judged if frame.errors), key=lambda frame: -frame.errors)[:_WORST]
    if not worst:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [_drawn(frame) for frame in worst]
    cells += [np.zeros_like(cells[0])] * (-len(cells) % _COLUMNS)
    rows = [np.hstack(cells[i:i + _COLUMNS]) for i in range(0, len(cells), _COLUMNS)]
    cv2.imwrite(str(path), np.vstack(rows))


def _drawn(frame: Judged) -> Image:
    image: Image = frame.image.copy()
    for boxes, color in ((frame.marked, _MARKED), (frame.found, _FOUND)):
        for box in boxes:
            corners = [(round(box.left), round(box.top)), (round(box.right), round(box.bottom))]
            cv2.rectangle(image, corners[0], corners[1], color, 2)
    cv2.putText(image, str(frame.number), (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 255, 255), 2, cv2.LINE_AA)
    height = round(_CELL * image.shape[0] / image.shape[1])
    return cv2.resize(image, (_CELL, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]

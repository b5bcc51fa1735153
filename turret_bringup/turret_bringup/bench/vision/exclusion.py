# SPDX-License-Identifier: Apache-2.0
"""Detection rate and cost of the person exclusion on the shared footage.

Every n-th frame with a ground truth box counts: its person is detected when the box of a detector overlaps it, and
excluded when a person was detected in it or within the second before. Detections in frames of the walkers clip without
people are false alarms. Two clips of one room and one face do not predict the rates at another place.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from turret_common.bench import Row
from turret_vision.detectors.detection import Box, Image
from turret_vision.detectors.person import find_people, people_detectors
from turret_vision.exclusion_parameters import ExclusionParameters
from turret_vision.footage.clips import WALKERS, frames
from turret_vision.footage.ground_truth_boxes import FACE_CLIP, WALKERS_CLIP, MarkedClip, load_marked_boxes

_WALKERS_HZ = 10
_STEP = 5  # of the walkers' frames, that is twice a second
_NEAR_FRAMES = 5  # around the first and the last frame of a walker, which were not judged
_MIN_OVERLAP = 0.25  # of the smaller box


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--footage', type=Path, metavar='DIR', required=True, help='folder of the shared footage')
    parser.add_argument('--step', type=int, default=_STEP, help=f'step between frames of the walkers (default {_STEP})')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Yield the shares of frames with detected people, and the processing time."""
    cv2.setNumThreads(1)
    clips, parameters = load_marked_boxes(), ExclusionParameters()
    detectors = people_detectors(parameters)
    spent: list[float] = []

    def boxes(image: Image) -> list[Box]:
        began = time.process_time()
        people = find_people(detectors, image, 0.0, None, None)
        spent.append(time.process_time() - began)
        return [person.box for person in people]

    seen: dict[int, list[Box]] = {}
    for i, image in enumerate(frames(str(args.footage / WALKERS_CLIP))):
        if i % args.step == 0:
            seen[i] = boxes(image)
    for walker in WALKERS:
        judged = [i for i in seen if walker.first <= i <= walker.last and _marked(clips[WALKERS_CLIP], i)]
        if not judged:  # with a large step
            continue
        hits = [i for i in judged if _found(seen[i], clips[WALKERS_CLIP], i)]
        held = [i for i in judged if any(i - _WALKERS_HZ < hit <= i for hit in hits)]
        yield Row(walker.name, 'each image', 'seen', 100.0 * len(hits) / len(judged), '%')
        yield Row(walker.name, 'within 1 s', 'kept off', 100.0 * len(held) / len(judged), '%')
    empty = [i for i in seen if not any(w.first - _NEAR_FRAMES <= i <= w.last + _NEAR_FRAMES for w in WALKERS)]
    alarms = sum(bool(seen[i]) for i in empty) / max(1, len(empty))
    yield Row('empty room', 'each image', 'false alarms', 100.0 * alarms, '%')
    cpu_s, rate_hz = sum(spent) / len(spent), parameters.rate_hz
    yield Row('768x432', 'one thread', 'CPU per image', 1e3 * cpu_s, 'ms')
    yield Row('768x432', 'one thread', f'CPU at {rate_hz:g} Hz', 100.0 * rate_hz * cpu_s, '% of a core')
    faces = [boxes(image) for image in frames(str(args.footage / FACE_CLIP))]
    for variant, chosen in (('frontal', clips[FACE_CLIP].frontal), ('any', range(len(faces)))):
        yield Row('face', variant, 'seen', 100.0 * sum(bool(faces[i]) for i in chosen) / len(chosen), '%')


def _marked(clip: MarkedClip, frame: int) -> list[Box]:
    names = {name for boxes in clip.frames.values() for name in boxes}
    return [box for name in names if (box := clip.at(name, frame)) is not None]


def _found(boxes: list[Box], clip: MarkedClip, frame: int) -> bool:
    return any(
        box.overlap(marked) >= _MIN_OVERLAP * min(box.area, marked.area)
        for box in boxes for marked in _marked(clip, frame))

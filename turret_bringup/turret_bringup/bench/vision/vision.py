# SPDX-License-Identifier: Apache-2.0
"""Processing time of each detector, and evaluation of motion detector and tracker on the shared footage.

The times are of one thread on synthetic images with a few objects, and include the reduction of the image and the
tracker. With ``--footage DIR`` the shared footage is evaluated too: for each object, the share of the frames showing it
in which the one track that followed it longest existed, and the maximum number of frames in which one other track had
detections beside it; then recall and precision of detectors and tracker against boxes marked by hand (correct from an
intersection over union of 0.5; ``--misses DIR`` shows the worst frames, ground truth green, detections red). The
defaults of motion detector and tracker were chosen on this same footage, so these figures are not a prediction.
With ``--background`` the background model is compared with OpenCV's KNN and MOG2 instead, also on cold starts and on
degraded clips, and on OpenCV's vtest.avi where the package opencv-doc is installed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from turret_bringup.bench.vision import background
from turret_common.bench import Row, percentile
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.params import build
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Image
from turret_vision.detectors.registry import available
from turret_vision.footage.clips import CARS, WALKERS, Seen, follow, frames, judge, watch
from turret_vision.footage.evaluation import trials
from turret_vision.footage.ground_truth_boxes import CARS_CLIP, WALKERS_CLIP
from turret_vision.tracking.tracker import Track
from turret_vision.vision import Vision
from turret_vision.vision_parameters import VisionParameters

_SIZES = ((640, 480), (1280, 720))
_NEED_A_MODEL = ('onnx', 'tflite', 'remote')
_WARM_UP = 5
_WALKERS_HZ, _CARS_HZ = 10.0, 12.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--images', type=int, default=60, help='images per method and size')
    parser.add_argument('--methods', nargs='+', metavar='METHOD', help='only these; else all that need no model')
    parser.add_argument('--footage', type=Path, metavar='DIR', help='folder of the shared footage')
    parser.add_argument('--misses', type=Path, metavar='DIR', help='folder for images of the worst misses')
    parser.add_argument('--background', action='store_true', help='only motion beside OpenCV\'s KNN and MOG2')
    parser.add_argument('--only-footage', action='store_true', help='leave the times out')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Yield the times of each method and size, then what became of each object in the footage."""
    cv2.setNumThreads(1)
    if args.background:
        if args.footage is None:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, '--background needs --footage DIR')
        yield from background.measure(args.footage)
        return
    methods = args.methods or [name for name in available() if name not in _NEED_A_MODEL]
    for width, height in () if args.only_footage else _SIZES:
        for method in methods:
            yield from _times(method, width, height, args.images)
    if args.footage is not None:
        yield from _footage(args.footage)
        yield from _boxes(args.footage, args.misses)


def _times(method: str, width: int, height: int, count: int) -> Iterator[Row]:
    vision = Vision(build(VisionParameters, {'method': method}))
    camera = PinholeCamera.from_field_of_view(width, height, 1.047)
    for swinging in (False, True) if method == 'motion' else (False,):
        wall: list[float] = []
        cpu: list[float] = []
        for i in range(count + _WARM_UP):
            image = _image(width, height, i)
            pose = Pose(0.01 * np.sin(0.2 * i), 0.0) if swinging else Pose(0.0, 0.0)
            began, began_cpu = time.perf_counter(), time.process_time()
            vision.process(image, (i + 1 + 1000 * swinging) / 30.0, camera, pose)
            wall.append(time.perf_counter() - began)
            cpu.append(time.process_time() - began_cpu)
        wall, cpu = wall[_WARM_UP:], cpu[_WARM_UP:]
        scenario = f'{method}{" (head turning)" if swinging else ""}'
        variant = f'{width}x{height}'
        yield Row(scenario, variant, 'p50', 1e3 * percentile(wall, 0.5), 'ms')
        yield Row(scenario, variant, 'p95', 1e3 * percentile(wall, 0.95), 'ms')
        yield Row(scenario, variant, 'rate possible', 1.0 / (sum(wall) / len(wall)), '1/s')
        yield Row(scenario, variant, 'cpu at 30 1/s', 100.0 * 30.0 * sum(cpu) / len(cpu), '%')


def _image(width: int, height: int, number: int) -> Image:
    """Return a patterned wall with sensor noise and three balloons that move."""
    rng = np.random.default_rng(1)
    wall = cv2.resize(rng.integers(80, 170, (12, 16), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(number).integers(-4, 5, (height, width), np.int16)
    image: Image = cv2.cvtColor(np.clip(wall + noise, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    for i, color in enumerate(((30, 30, 220), (40, 200, 60), (220, 90, 30))):
        place = (int((0.2 + 0.3 * i) * width + 0.004 * width * (number % 30)), int((0.3 + 0.2 * i) * height))
        cv2.circle(image, place, width // 25, color, -1, cv2.LINE_AA)
    return image


def _footage(folder: Path) -> Iterator[Row]:
    walkers, cars = str(folder / WALKERS_CLIP), str(folder / CARS_CLIP)
    runs: tuple[tuple[str, str, Sequence[Seen], Callable[[], list[list[Track]]], bool], ...] = (
        ('walkers', 'still camera', WALKERS, lambda: watch(frames(walkers), _WALKERS_HZ), True),
        ('walkers', 'head follows', WALKERS, lambda: follow(frames(walkers), _WALKERS_HZ), False),
        ('walkers', 'head follows, poses 20 ms late', WALKERS,
         lambda: follow(frames(walkers), _WALKERS_HZ, 0.02), False),
        ('cars', 'still camera', CARS, lambda: watch(frames(cars), _CARS_HZ), True))
    for scenario, variant, objects, run, still in runs:
        history = run()
        for seen in objects:
            result = judge(history, seen, 768.0 if still else None)
            yield Row(f'{scenario}: {seen.name}', variant, 'one track for', 100.0 * result.share, '%')
            yield Row(f'{scenario}: {seen.name}', variant, 'confirmed after', result.first - seen.first, 'frames')
            yield Row(f'{scenario}: {seen.name}', variant, 'lost before the end', seen.last - result.last, 'frames')
            yield Row(f'{scenario}: {seen.name}', variant, 'busiest other track', result.others, 'frames')


def _boxes(folder: Path, images: Path | None) -> Iterator[Row]:
    for scenario, variant, score in trials(folder, images):
        yield Row(scenario, variant, 'recall', 100.0 * score.recall, '%')
        yield Row(scenario, variant, 'precision', 100.0 * score.precision, '%')
        yield Row(scenario, variant, 'mean intersection over union', score.overlap, '')
        yield Row(scenario, variant, 'median distance of centers', score.center, 'px')

# SPDX-License-Identifier: Apache-2.0
"""Tracking accuracy of the whole turret against ground truth: head and target at the same instants.

In simulation; or with ``--video`` on real footage behind the virtual pan-tilt head, where the ground truth are boxes
marked by hand, so the clip must be one of those. The head is stationary until tracking starts. ``acquired`` is the time
from then until the error stays below 2 degrees for 0.2 s; the percentiles count everything after that, including the
corners of the path. On footage the error is that to the center of the box, over all time in which an object is marked
and within reach of the head, and ``crosshair in the box`` is the share of that time.

``image to command``: from the stamp of an image (the middle of its exposure) to the publication of the first command
based on it. Of this, ``camera`` is the time until the image was published, ``detector`` that of the detector, and
``rest`` that of transport, pose, tracker, selection and control.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import scratch_turret
from turret_common.bench import Row, percentile, spread
from turret_common.errors import TurretError
from turret_common.geometry import Bearing, angle_between
from turret_common.reason_codes import ReasonCode
from turret_common.ros.time import seconds
from turret_msgs.msg import ControllerState
from turret_vision.footage.clips import RATES_HZ, FootageGroundTruth

_ON_TARGET = math.radians(2.0)
_HELD_S = 0.2
_COUNTED = 5        # camera states from which the start of the clip is computed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--scenario', default='ramp_20', help='scenario of the simulated world (default: %(default)s)')
    parser.add_argument(
        '--video', type=Path, metavar='FILE', help=f'one of {", ".join(RATES_HZ)}, instead of the simulated world')
    parser.add_argument('--seconds', type=float, default=30.0, help='duration in s (default: %(default)s)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows."""
    arguments = ['--set', f'plant.scenario={args.scenario}', '--set', 'controller.start_mode=idle']
    if args.video is not None:
        if args.video.name not in RATES_HZ:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{args.video.name} is not a clip with marked boxes')
        arguments = ['--video', str(args.video), '--set', 'vision.method=motion', '--set', 'plant.scenario=empty',
                     '--set', 'controller.start_mode=idle']
    with tempfile.TemporaryDirectory() as state, scratch_turret(Path(state), arguments) as turret:
        os.environ.update(turret.environment)
        with TurretClient('turret', timeout_s=20.0) as client:
            for status in client.messages('status'):
                if status.gimbal.pan.homed and status.gimbal.tilt.homed and (status.tracks or args.video):
                    break
            if args.video is None:
                yield from follow(client, args.scenario, args.seconds)
            else:
                yield from _follow_footage(client, args.video, args.seconds)


def follow(client: TurretClient, scenario: str, duration_s: float) -> Iterator[Row]:
    """Yield the rows of a turret in simulation that has homed and tracks from now on."""
    with contextlib.closing(client.messages('sim/ground_truth')) as truth, Latency(client) as latency:
        next(truth)
        client.call('controller/set_mode', {'mode': ControllerState.MODE_TRACK})
        yield from _judge_simulation(scenario, list(_errors(truth, duration_s)))
    yield from latency.rows(scenario)


def _follow_footage(client: TurretClient, video: Path, duration_s: float) -> Iterator[Row]:
    footage = _Footage(client, video.name)
    with contextlib.closing(client.messages('sim/ground_truth')) as truth, Latency(client) as latency:
        next(truth)
        client.call('controller/set_mode', {'mode': ControllerState.MODE_TRACK})
        yield from _judge_footage(video.stem, footage, truth, duration_s)
    yield from latency.rows(video.stem)


def _judge_simulation(scenario: str, samples: list[tuple[float, float]]) -> Iterator[Row]:
    acquired_s = _acquired(samples)
    after = [error for age_s, error in samples if age_s > acquired_s]
    yield Row(scenario, 'simulation', 'acquired', acquired_s, 's')
    yield Row(scenario, 'simulation', 'median error', math.degrees(percentile(after, 0.5)), 'deg')
    yield Row(scenario, 'simulation', '95th percentile of the error', math.degrees(percentile(after, 0.95)), 'deg')
    yield Row(scenario, 'simulation', 'samples', len(after), '')


def _errors(truth: Iterator[Any], duration_s: float) -> Iterator[tuple[float, float]]:
    """Yield the time since now [s] and the angle between head and target [rad] of each following message."""
    for age_s, message in _from_now(truth, duration_s):
        target = message.targets[0]
        yield age_s, angle_between(Bearing(message.pan, message.tilt), Bearing(target.azimuth, target.elevation))


def _from_now(truth: Iterator[Any], duration_s: float) -> Iterator[tuple[float, Any]]:
    """Yield the time since now [s] and each following message."""
    start_ns = time.monotonic_ns()
    for message in truth:
        age_s = (message.monotonic_ns - start_ns) * 1e-9
        if age_s > duration_s:
            return
        if age_s > 0.0:
            yield age_s, message


class _Footage:
    """Ground truth of a running turret whose camera plays a clip in a loop."""

    def __init__(self, client: TurretClient, clip: str) -> None:
        """Compute the start of the clip from the number of frames and the newest stamp of the camera."""
        self._ground_truth, self._rate_hz = FootageGroundTruth(clip), RATES_HZ[clip]
        self._length_s = self._ground_truth.frames / self._rate_hz
        stamps: list[float] = []
        begins: list[float] = []
        with contextlib.closing(client.messages('camera/state')) as states, contextlib.closing(
                client.messages('camera/camera_info')) as infos:
            while len(begins) < _COUNTED:
                state = next(states)
                until = seconds(state.header.stamp)
                while not stamps or stamps[-1] < until:
                    stamps.append(seconds(next(infos).header.stamp))
                shown = [stamp for stamp in stamps if stamp <= until]
                if shown:
                    begins.append(shown[-1] - (state.frames + state.dropped - 1) / self._rate_hz)
        self._began = statistics.median(begins)

    def judge(self, message: Any) -> Any:
        """Return the aim of the head for a message of ``sim/ground_truth``, None where nothing is marked."""
        passed_s = (seconds(message.header.stamp) - self._began) % self._length_s
        return self._ground_truth.judge(passed_s, message.pan, message.tilt)


def _judge_footage(scenario: str, footage: _Footage, truth: Iterator[Any], duration_s: float) -> Iterator[Row]:
    aims = defaultdict(list)
    for _, message in _from_now(truth, duration_s):
        aim = footage.judge(message)
        if aim is not None:
            aims[aim.name].append(aim)
    everything = [aim for own in aims.values() for aim in own]
    for name, own in [*sorted(aims.items()), ('all', everything)]:
        errors = [math.degrees(aim.error) for aim in own]
        inside = 100.0 * sum(aim.inside for aim in own) / max(1, len(own))
        yield Row(scenario, name, 'crosshair in the box', inside, '%')
        yield Row(scenario, name, 'median error', percentile(errors, 0.5), 'deg')
        yield Row(scenario, name, '95th percentile of the error', percentile(errors, 0.95), 'deg')
        yield Row(scenario, name, 'samples', len(own), '')


class Latency:
    """Age of images when commands are based on them, measured within its ``with`` block."""

    def __init__(self, client: TurretClient) -> None:
        self._client = client
        self._published: dict[int, float] = {}  # by the stamp of the image in ms: its age when it was published
        self._detectors: dict[int, float] = {}
        self._leads: list[tuple[int, float]] = []

    def __enter__(self) -> Latency:
        with contextlib.ExitStack() as stack:
            for topic, take in (('camera/camera_info', self._image), ('vision/detections', self._detected),
                                ('controller/target', self._aimed)):
                stack.enter_context(self._client.listening(topic, take))
            self._listening = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _image(self, message: Any) -> None:
        stamp = seconds(message.header.stamp)
        self._published[_milliseconds(stamp)] = time.time() - stamp

    def _detected(self, message: Any) -> None:
        self._detectors[_milliseconds(seconds(message.header.stamp))] = message.processing_s

    def _aimed(self, message: Any) -> None:
        if message.track_id:
            self._leads.append((_milliseconds(seconds(message.header.stamp) - message.lead_s), message.lead_s))

    def rows(self, scenario: str) -> Iterator[Row]:
        """Yield the results."""
        parts: dict[str, list[float]] = defaultdict(list)
        for stamp, lead_s in self._leads:
            published, detector = self._published.get(stamp), self._detectors.get(stamp)
            if published is not None and detector is not None:
                parts['image to command'].append(lead_s)
                parts['camera'].append(published)
                parts['detector'].append(detector)
                parts['rest'].append(lead_s - published - detector)
        for name, values in parts.items():
            yield from spread(scenario, name, 'delay', [1e3 * value for value in values], 'ms')


def _milliseconds(stamp: float) -> int:
    """Return a stamp as a key: images are tens of milliseconds apart."""
    return round(1e3 * stamp)


def _acquired(samples: list[tuple[float, float]]) -> float:
    """Return the time when the error fell below the limit and stayed there; NaN for never."""
    since_s = math.nan
    for age_s, error in samples:
        if error >= _ON_TARGET:
            since_s = math.nan
        elif math.isnan(since_s):
            since_s = age_s
        elif age_s - since_s >= _HELD_S:
            return since_s
    return math.nan

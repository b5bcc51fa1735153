"""How well the whole turret follows a simulated target, judged from the truth: head and target at the same instants.

The head stands still until tracking starts. ``acquired`` is the time from then until the error stays below 2 degrees
for 0.2 s; the percentiles are over everything after that, the corners of the target's path included.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from turret_bringup.bench_rows import Row, percentile
from turret_bringup.ros_client import TurretClient
from turret_bringup.scratch_turret import scratch_turret
from turret_msgs.msg import ControllerState

_ON_TARGET = math.radians(2.0)
_HELD_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--scenario', default='ramp_20', help='of the simulated world (default: %(default)s)')
    parser.add_argument('--seconds', type=float, default=30.0, help='time to follow (default: %(default)s)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Give the rows."""
    arguments = ['--set', f'plant.scenario={args.scenario}', '--set', 'controller.start_mode=idle']
    with tempfile.TemporaryDirectory() as state, scratch_turret(Path(state), arguments) as turret:
        os.environ.update(turret.environment)
        with TurretClient('turret', timeout_s=20.0) as client:
            for status in client.messages('status'):
                if status.gimbal.pan.homed and status.gimbal.tilt.homed and status.tracks:
                    break
            with contextlib.closing(client.messages('sim/truth')) as truth:
                next(truth)
                client.call('controller/set_mode', {'mode': ControllerState.MODE_TRACK})
                samples = list(_errors(truth, args.seconds))
    acquired_s = _acquired(samples)
    after = [error for age_s, error in samples if age_s > acquired_s]
    yield Row(args.scenario, 'simulation', 'acquired', acquired_s, 's')
    yield Row(args.scenario, 'simulation', 'median error', math.degrees(percentile(after, 0.5)), 'deg')
    yield Row(args.scenario, 'simulation', '95th percentile of the error', math.degrees(percentile(after, 0.95)), 'deg')
    yield Row(args.scenario, 'simulation', 'samples', len(after), '')


def _errors(truth: Iterator[Any], seconds: float) -> Iterator[tuple[float, float]]:
    """Give the time since now [s] and the angle between head and target [rad] of each message that follows."""
    start_ns = time.monotonic_ns()
    for message in truth:
        age_s = (message.monotonic_ns - start_ns) * 1e-9
        if age_s > seconds:
            return
        if age_s > 0.0:
            target = message.targets[0]
            yield age_s, _angle(message.pan, message.tilt, target.azimuth, target.elevation)


def _angle(azimuth: float, elevation: float, other_azimuth: float, other_elevation: float) -> float:
    """Return the angle between two bearings [rad], by the haversine formula, which is exact for small angles too."""
    half = math.sin((elevation - other_elevation) / 2.0) ** 2 + math.cos(elevation) * math.cos(
        other_elevation) * math.sin((azimuth - other_azimuth) / 2.0) ** 2
    return 2.0 * math.asin(math.sqrt(half))


def _acquired(samples: list[tuple[float, float]]) -> float:
    """Return when the error fell below the limit and stayed there for a moment; NaN for never."""
    since_s = math.nan
    for age_s, error in samples:
        if error >= _ON_TARGET:
            since_s = math.nan
        elif math.isnan(since_s):
            since_s = age_s
        elif age_s - since_s >= _HELD_S:
            return since_s
    return math.nan

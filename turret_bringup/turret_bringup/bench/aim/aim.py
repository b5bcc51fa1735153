# SPDX-License-Identifier: Apache-2.0
"""Aiming accuracy: seeded closed-loop simulation, evaluated against ground truth, faster than real time.

Each scenario runs in three variants: ``predictive`` (prediction and feed-forward on), ``plain`` (off), and ``legacy``
(the controller of the web-server turret, on the same hardware). Camera 640x480, 60 degrees, 30 Hz, 1 px of noise, 2 %
of images lost, 100 ms from exposure to motion. Hidden deviations of the hardware from its configuration (delay +-20 ms,
backlash, tilted axes, lens, camera roll) are drawn from the seeds.

``rms_deg`` and ``p95_deg`` count from 2 s after the start; where the path of the target has corners or jumps, from
0.7 s after each. ``rms_all_deg`` and ``p95_all_deg`` count all samples, including the approach at the start and after
each jump. ``acquire_s`` is the time from the start, ``reacquire_s`` the maximum time from a jump or the end of an
occlusion; ``on_target_pct`` is the share of time, from 2 s on, within 0.5 degrees.
``peak_deg`` is the maximum from 2 s on, corners and jumps included. ``bolt`` rests, then runs at 20 to 60 degrees/s
at once (80a: at 400 degrees/s^2), ``sine_15`` and ``sine_20`` swing by +-10 degrees, ``shake`` by +-1 degree at 3 Hz.
``darts`` darts between points at 240 degrees/s^2, ``two_equal`` are two targets that cross, ``clutter`` is a ramp at 20
degrees/s among 30 false detections per second. ``--variations`` adds other frame rates, delays, cameras and losses.

``walkers`` and ``cars`` are real footage (``--footage``) behind a virtual pan-tilt head that stays within the frame and
returns to home when its target is lost; the detector is the motion detector of the turret, the ground truth are boxes
marked by hand. The error is that to the center of the box, counted for each object from the first time that the line of
sight is inside its box; ``acquire_s`` is the maximum time until then, ``on_target_pct`` the share of all time with a
marked object within reach in which the line of sight is inside the box.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from turret_bringup.bench.aim.footage import FOOTAGE, FootageRig
from turret_bringup.bench.aim.plots import plot_errors
from turret_bringup.bench.aim.rig import (
    CAMERA,
    Conditions,
    Follower,
    LegacyFollower,
    Rig,
    Sample,
    TurretFollower,
)
from turret_common.bench import Row, note
from turret_common.geometry import PinholeCamera
from turret_common.params import replace
from turret_control.actions.delay_calibration import MeasureDelay
from turret_control.controller_parameters import ControllerParameters
from turret_control.scenario import make_scenario

#: The scenarios by their names in ``scenario.py``.
SCENARIOS = {
    'still': 'still', 'ramp_10': 'ramp_10', 'ramp_30': 'ramp_30', 'ramp_60': 'ramp_60', 'sine_02': 'sine_0.2',
    'sine_05': 'sine_0.5', 'sine_10': 'sine_1', 'step': 'step', 'crossing': 'crossing', 'occlusion': 'occluded',
    'bolt_20': 'bolt_20', 'bolt_40': 'bolt_40', 'bolt_60': 'bolt_60', 'bolt_80a': 'dash_80', 'sine_15': 'swing_1.5',
    'sine_20': 'swing_2', 'shake': 'shake_3', 'darts': 'darts', 'two_equal': 'pair', 'clutter': 'ramp_20',
}
#: Conditions of scenarios that differ from the usual ones.
OWN_CONDITIONS = {'clutter': Conditions(clutter_hz=30.0)}
#: Conditions of ``--variations``, each run in the scenarios below. 100 ms from exposure to motion are 55 ms of vision.
VARIATIONS = {
    **{f'{rate} fps': Conditions(frame_s=1.0 / rate) for rate in (10, 15, 60)},
    **{f'{ms} ms': Conditions(delay_s=0.001 * ms - 0.045) for ms in (85, 150, 200, 300)},
    **{f'{w}x{h}': Conditions(camera=PinholeCamera.from_field_of_view(w, h, math.radians(60.0)))
       for w, h in ((320, 240), (1280, 720))},
    **{f'{fov} deg': Conditions(camera=PinholeCamera.from_field_of_view(640, 480, math.radians(fov)))
       for fov in (30, 110)},
    '40 % lost': Conditions(loss=0.4), 'stamps +-15 ms': Conditions(stamp_jitter_s=0.015),
    '4 px noise': Conditions(noise_px=4.0),
    '15 fps, 200 ms, 20 % lost': Conditions(frame_s=1.0 / 15.0, delay_s=0.155, loss=0.2),
}
VARIED = ('ramp_30', 'sine_05', 'bolt_40', 'darts')
VARIANTS = ('predictive', 'plain', 'legacy')
METRICS = {
    'rms_deg': 'deg', 'p95_deg': 'deg', 'rms_all_deg': 'deg', 'p95_all_deg': 'deg', 'acquire_s': 's',
    'reacquire_s': 's', 'on_target_pct': '%', 'peak_deg': 'deg', 'id_switches': '',
}

_CALIBRATION_S = 15.0
_WARM_UP_S = 2.0
_SETTLE_S = 0.7
_HELD_S = 0.2
_ON_TARGET = math.radians(0.5)
_CORNER = 0.05        # change of rate in rad/s within _CORNER_STEP_S that marks a corner of the path
_CORNER_STEP_S = 0.2


class Run(NamedTuple):
    """One run: samples of the ground truth, and whether each counts for the error."""

    scenario: str
    variant: str
    seed: int
    samples: list[Sample]
    settled: npt.NDArray[np.bool_]


@functools.cache
def calibrated(seed: int) -> ControllerParameters:
    """Return the parameters after a delay calibration of the hardware of a seed, as by ``controller/measure_delay``.

    Raises:
        TurretError: the calibration failed.
    """
    parameters = replace(ControllerParameters(), {'start_mode': 'track'})
    follower, task = TurretFollower(parameters), MeasureDelay(travel=0.1)
    for sample in Rig(follower, 'still', seed).run(_CALIBRATION_S):
        if task.done:
            break
        if sample.time > 1.0 and follower.controller.task is None:
            follower.controller.start(task, sample.time)
    return replace(parameters, task.result().parameters())


def make_follower(
        variant: str, seed: int, recenter: bool = False, camera: PinholeCamera = CAMERA) -> Follower:
    """Return the controller of a variant for the hardware of a seed; ``recenter``: return to home on loss."""
    if variant == 'legacy':
        return LegacyFollower()
    return TurretFollower(replace(calibrated(seed), {
        'aim.predictive': variant == 'predictive', 'recenter_on_loss': recenter}), camera)


def simulate(
        scenario: str, variant: str, seed: int, duration_s: float, footage: Path | None = None,
        conditions: Conditions | None = None) -> Run:
    """Run one scenario in one variant.

    Args:
        scenario: one of :data:`SCENARIOS` or of the clips.
        variant: one of :data:`VARIANTS`.
        seed: of the hardware and of the noise.
        duration_s: of the run; a clip ends with its footage.
        footage: folder with the clips.
        conditions: camera and detector; None = those of the scenario.
    """
    if scenario in FOOTAGE:
        assert footage is not None
        clip, length_s = FOOTAGE[scenario]
        follower = make_follower(variant, seed, recenter=True)
        samples = list(FootageRig(follower, footage, clip, seed).run(min(duration_s, length_s)))
        return Run(scenario, variant, seed, samples, _acquired_objects(samples))
    conditions = conditions or OWN_CONDITIONS.get(scenario, Conditions())
    follower = make_follower(variant, seed, camera=conditions.camera)
    samples = list(Rig(follower, SCENARIOS[scenario], seed, conditions=conditions).run(duration_s))
    return Run(scenario, variant, seed, samples, _settled(scenario, samples))


def _settled(scenario: str, samples: Sequence[Sample]) -> npt.NDArray[np.bool_]:
    """Return for each sample whether it counts for the error: after the warm-up and any corner of the path."""
    times = np.array([t.time for t in samples])
    settled = times >= _WARM_UP_S
    if not scenario.startswith(('sine', 'shake', 'darts')):
        path = make_scenario(SCENARIOS[scenario])
        azimuth = np.array([path.targets(t)[0].azimuth for t in times])
        step = max(1, round(_CORNER_STEP_S / (times[1] - times[0])))
        bend = np.zeros(len(times))
        bend[2 * step:] = np.abs(azimuth[2 * step:] - 2.0 * azimuth[step:-step] + azimuth[:-2 * step]) / _CORNER_STEP_S
        for i in np.flatnonzero(bend > _CORNER):
            settled &= (times < times[i] - 2.0 * _CORNER_STEP_S) | (times > times[i] + _SETTLE_S - 2.0 * _CORNER_STEP_S)
    return settled


def _acquired_objects(samples: Sequence[Sample]) -> npt.NDArray[np.bool_]:
    """Return for each sample of footage whether an object is marked and its box was entered before."""
    entered: set[str] = set()
    settled = np.zeros(len(samples), np.bool_)
    for i, t in enumerate(samples):
        if t.inside:
            entered.add(t.target)
        settled[i] = t.target in entered
    return settled


def metrics(runs: Sequence[Run]) -> dict[str, float]:
    """Return the metrics over all runs of one scenario and variant."""
    errors = [np.degrees([t.error for t in run.samples]) for run in runs]
    settled = np.concatenate([error[run.settled] for error, run in zip(errors, runs, strict=True)])
    everything = np.concatenate(errors)
    everything = everything[np.isfinite(everything)]
    footage = runs[0].scenario in FOOTAGE
    late = [t for run in runs for t in run.samples if (t.target if footage else t.time >= _WARM_UP_S)]
    again = [] if footage else [_acquired(run.samples, start) for run in runs for start in _restarts(run.samples)]
    return {
        'rms_deg': _rms(settled),
        'p95_deg': float(np.percentile(settled, 95.0)) if len(settled) else math.inf,
        'rms_all_deg': _rms(everything),
        'p95_all_deg': float(np.percentile(everything, 95.0)),
        'acquire_s': max(_max_acquisition_s(run.samples) if footage else _acquired(run.samples, 0) for run in runs),
        'reacquire_s': max(again, default=math.nan),
        'on_target_pct': 100.0 * sum(t.inside if footage else t.error <= _ON_TARGET for t in late) / len(late),
        'peak_deg': max((math.degrees(t.error) for t in late if math.isfinite(t.error)), default=math.nan),
        'id_switches': float(sum(_switches(run.samples, footage) for run in runs)),
    }


def _rms(values: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else math.inf


def _max_acquisition_s(samples: Sequence[Sample]) -> float:
    """Return the maximum time from the first mark of an object until its box is entered; infinity for never."""
    first: dict[str, float] = {}
    entered: dict[str, float] = {}
    for t in samples:
        if t.target:
            first.setdefault(t.target, t.time)
            if t.inside:
                entered.setdefault(t.target, t.time)
    return max(entered.get(name, math.inf) - since for name, since in first.items())


def _restarts(samples: Sequence[Sample]) -> list[int]:
    """Return the indices where the target jumped or an occlusion ended, except near the end of the run."""
    jump = math.radians(5.0)
    return [
        i for i in range(1, len(samples)) if samples[i].time < samples[-1].time - 2.0 * _HELD_S - 1.0
        and ((samples[i].visible and not samples[i - 1].visible) or samples[i].error - samples[i - 1].error > jump)]


def _acquired(samples: Sequence[Sample], start: int) -> float:
    """Return the time from a sample until the error is and stays within the threshold; infinity for never."""
    since = None
    for t in samples[start:]:
        if t.error > _ON_TARGET:
            since = None
        elif since is None:
            since = t.time
        elif t.time - since >= _HELD_S:
            return since - samples[start].time
    return math.inf


def _switches(samples: Sequence[Sample], footage: bool) -> int:
    """Return the number of changes to another target, or to another track of the same target.

    In footage objects come and go, so only the latter counts there.
    """
    followed = [(t.followed, t.track_id) for t in samples if t.followed]
    return sum(a != b and not (footage and a[0] != b[0]) for a, b in itertools.pairwise(followed))


def footage_folder(given: Path | None) -> Path | None:
    """Return the folder with the clips; None if they are not there."""
    folder = given or Path(os.environ.get('TURRET_TEST_DATA', '../shared/data'))
    return folder if all((folder / clip).is_file() for clip, _ in FOOTAGE.values()) else None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``./turret bench aim``."""
    parser.add_argument(
        '--scenario', action='append', choices=(*SCENARIOS, *FOOTAGE), help='scenario to run; repeatable')
    parser.add_argument('--variant', action='append', choices=VARIANTS, help='variant to run; repeatable')
    parser.add_argument('--seeds', type=int, default=2, help='runs of each, with other hidden deviations (default 2)')
    parser.add_argument(
        '--duration', type=_duration, default=20.0, help='duration of each run in s (default 20); footage runs in full')
    parser.add_argument(
        '--footage', type=Path, metavar='DIR', help='folder with the clips (default: $TURRET_TEST_DATA)')
    parser.add_argument(
        '--variations', action='store_true',
        help='also run some scenarios at other frame rates, delays, image sizes, fields of view and losses')
    parser.add_argument('--plots', type=Path, metavar='DIR', help='folder for one plot per scenario, error over time')


def _duration(text: str) -> float:
    """Return a duration that leaves something to measure after the approach."""
    if not _WARM_UP_S < (value := float(text)) < math.inf:
        raise argparse.ArgumentTypeError(f'{text} is not more than {_WARM_UP_S:g} s, from which on errors count')
    return value


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Simulate every scenario with every variant and yield the metrics of each."""
    began, simulated = time.monotonic(), 0.0
    footage = footage_folder(args.footage)
    scenarios = args.scenario or [*SCENARIOS, *FOOTAGE]
    if footage is None and set(scenarios) & set(FOOTAGE):
        note('walkers and cars are skipped: their clips were not found, see --footage')
        scenarios = [scenario for scenario in scenarios if scenario not in FOOTAGE]
    for scenario in scenarios:
        first = []
        for variant in args.variant or VARIANTS:
            seeds, duration_s = (1, math.inf) if scenario in FOOTAGE else (args.seeds, args.duration)
            runs = [simulate(scenario, variant, seed, duration_s, footage) for seed in range(1, seeds + 1)]
            simulated += sum(run.samples[-1].time for run in runs)
            first.append(runs[0])
            yield from (
                Row(scenario, variant, metric, value, METRICS[metric]) for metric, value in metrics(runs).items())
        if args.plots:
            args.plots.mkdir(parents=True, exist_ok=True)
            plot_errors(args.plots / f'{scenario}.svg', scenario, {
                run.variant: ([s.time for s in run.samples], [s.error for s in run.samples]) for run in first})
    for name, conditions in VARIATIONS.items() if args.variations else ():
        for scenario in VARIED:
            runs = [simulate(scenario, 'predictive', seed, args.duration, conditions=conditions)
                    for seed in range(1, args.seeds + 1)]
            simulated += sum(run.samples[-1].time for run in runs)
            yield from (
                Row(scenario, name, metric, value, METRICS[metric]) for metric, value in metrics(runs).items())
    note(f'{simulated:.0f} s simulated in {time.monotonic() - began:.0f} s')

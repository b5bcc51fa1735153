"""How well the turret aims: a seeded closed loop on simulated hardware, judged from the truth, faster than real time.

Each scenario runs in three variants: ``predictive`` (prediction and feed-forward on), ``plain`` (off), and ``original``
(the law of the web-server turret that this project replaces, on the same hardware). Camera 640x480, 60 degrees, 30 Hz,
1 px of noise, 2 % of images lost, 100 ms from light to motion. What the hardware hides from the configuration (delay
+-20 ms, backlash, leaning axes, lens, camera roll) is drawn from the seeds.

``rms_deg`` and ``p95_deg`` are judged 2 s after the start and later; where the target's path has corners or jumps, from
0.7 s after each. ``rms_all_deg`` and ``p95_all_deg`` leave nothing out: the way to the target at the start and after
each jump, and what happens at corners. ``acquire_s`` is from the start, ``reacquire_s`` the worst from a jump or from
the end of an occlusion; ``on_target_pct`` is the share of time, from 2 s on, within 0.5 degrees.

``walkers`` and ``cars`` are real footage (``--footage``) behind a virtual pan-tilt that keeps within the picture and
goes home when it has lost its target; looked at by the turret's own motion detector and judged by boxes that were
marked by hand. The error is that to the middle of the box, counted for each object from the first time that the head
looks at a point of its box; ``acquire_s`` is the worst time until then, ``on_target_pct`` the share of all time with a
marked object within reach in which the head looks at a point of the box.
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
from turret_bringup.bench.aim.plots import Curve, error_plot
from turret_bringup.bench.aim.rig import Brain, OriginalBrain, Rig, Truth, TurretBrain
from turret_common.bench import Row, note
from turret_common.params import replace
from turret_control.actions.delay_calibration import MeasureDelay
from turret_control.controller_parameters import ControllerParameters
from turret_control.scenario import make_scenario

#: The scenarios by their names in ``scenario.py``.
SCENARIOS = {
    'still': 'still', 'ramp_10': 'ramp_10', 'ramp_30': 'ramp_30', 'ramp_60': 'ramp_60', 'sine_02': 'sine_0.2',
    'sine_05': 'sine_0.5', 'sine_10': 'sine_1', 'step': 'step', 'crossing': 'crossing', 'occlusion': 'occluded',
}
VARIANTS = ('predictive', 'plain', 'original')
METRICS = {
    'rms_deg': 'deg', 'p95_deg': 'deg', 'rms_all_deg': 'deg', 'p95_all_deg': 'deg', 'acquire_s': 's',
    'reacquire_s': 's', 'on_target_pct': '%', 'id_switches': '',
}

_CALIBRATION_S = 15.0
_WARM_UP_S = 2.0
_SETTLE_S = 0.7
_HELD_S = 0.2
_ON_TARGET = math.radians(0.5)
_CORNER = 0.05        # rad/s within _CORNER_STEP_S: a path of straight legs turns this fast only at its corners
_CORNER_STEP_S = 0.2


class Run(NamedTuple):
    """One run: the truth at every instant, and whether the instant counts for the error."""

    scenario: str
    variant: str
    seed: int
    truth: list[Truth]
    settled: npt.NDArray[np.bool_]


@functools.cache
def calibrated(seed: int) -> ControllerParameters:
    """Return the parameters after the turret has measured the hardware of a seed, as ``controller/measure_delay`` does.

    Raises:
        TurretError: the measurement failed.
    """
    parameters = replace(ControllerParameters(), {'start_mode': 'track'})
    brain, task = TurretBrain(parameters), MeasureDelay(travel=0.1)
    for truth in Rig(brain, 'still', seed).run(_CALIBRATION_S):
        if task.done:
            break
        if truth.time > 1.0 and brain.controller.task is None:
            brain.controller.start(task, truth.time)
    return replace(parameters, task.result().parameters())


def make_brain(variant: str, seed: int, recenter: bool = False) -> Brain:
    """Return what turns detections into commands in a variant, on the hardware of a seed; ``recenter``: on loss."""
    if variant == 'original':
        return OriginalBrain()
    return TurretBrain(replace(calibrated(seed), {
        'aim.predictive': variant == 'predictive', 'recenter_on_loss': recenter}))


def simulate(scenario: str, variant: str, seed: int, duration_s: float, footage: Path | None = None) -> Run:
    """Run one scenario in one variant; ``footage`` is the folder of the clips."""
    if scenario in FOOTAGE:
        assert footage is not None
        clip, longest_s = FOOTAGE[scenario]
        brain = make_brain(variant, seed, recenter=True)
        truth = list(FootageRig(brain, footage, clip, seed).run(min(duration_s, longest_s)))
        return Run(scenario, variant, seed, truth, _acquired_objects(truth))
    truth = list(Rig(make_brain(variant, seed), SCENARIOS[scenario], seed).run(duration_s))
    return Run(scenario, variant, seed, truth, _settled(scenario, truth))


def _settled(scenario: str, truth: Sequence[Truth]) -> npt.NDArray[np.bool_]:
    """Return for each instant whether it counts for the error: past the warm-up and any corner of the path."""
    times = np.array([t.time for t in truth])
    settled = times >= _WARM_UP_S
    if not scenario.startswith('sine'):
        path = make_scenario(SCENARIOS[scenario])
        azimuth = np.array([path.targets(t)[0].azimuth for t in times])
        step = max(1, round(_CORNER_STEP_S / (times[1] - times[0])))
        bend = np.zeros(len(times))
        bend[2 * step:] = np.abs(azimuth[2 * step:] - 2.0 * azimuth[step:-step] + azimuth[:-2 * step]) / _CORNER_STEP_S
        for i in np.flatnonzero(bend > _CORNER):
            settled &= (times < times[i] - 2.0 * _CORNER_STEP_S) | (times > times[i] + _SETTLE_S - 2.0 * _CORNER_STEP_S)
    return settled


def _acquired_objects(truth: Sequence[Truth]) -> npt.NDArray[np.bool_]:
    """Return for each instant of footage whether an object is marked and the head has looked at it before."""
    looked_at: set[str] = set()
    settled = np.zeros(len(truth), np.bool_)
    for i, t in enumerate(truth):
        if t.inside:
            looked_at.add(t.target)
        settled[i] = t.target in looked_at
    return settled


def metrics(runs: Sequence[Run]) -> dict[str, float]:
    """Return the metrics of the runs of one scenario and variant together."""
    errors = [np.degrees([t.error for t in run.truth]) for run in runs]
    judged = np.concatenate([error[run.settled] for error, run in zip(errors, runs, strict=True)])
    everything = np.concatenate(errors)
    everything = everything[np.isfinite(everything)]
    footage = runs[0].scenario in FOOTAGE
    late = [t for run in runs for t in run.truth if (t.target if footage else t.time >= _WARM_UP_S)]
    again = [] if footage else [_acquired(run.truth, start) for run in runs for start in _restarts(run.truth)]
    return {
        'rms_deg': _rms(judged),
        'p95_deg': float(np.percentile(judged, 95.0)) if len(judged) else math.inf,
        'rms_all_deg': _rms(everything),
        'p95_all_deg': float(np.percentile(everything, 95.0)),
        'acquire_s': max(_acquired_worst(run.truth) if footage else _acquired(run.truth, 0) for run in runs),
        'reacquire_s': max(again, default=math.nan),
        'on_target_pct': 100.0 * sum(t.inside if footage else t.error <= _ON_TARGET for t in late) / len(late),
        'id_switches': float(sum(_switches(run.truth, footage) for run in runs)),
    }


def _rms(values: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else math.inf


def _acquired_worst(truth: Sequence[Truth]) -> float:
    """Return the longest time from the first mark of an object until the head looks at it; infinity for never."""
    first: dict[str, float] = {}
    looked_at: dict[str, float] = {}
    for t in truth:
        if t.target:
            first.setdefault(t.target, t.time)
            if t.inside:
                looked_at.setdefault(t.target, t.time)
    return max(looked_at.get(name, math.inf) - since for name, since in first.items())


def _restarts(truth: Sequence[Truth]) -> list[int]:
    """Return where the target jumped or came out of hiding, leaving time to see what follows."""
    jump = math.radians(5.0)
    return [
        i for i in range(1, len(truth)) if truth[i].time < truth[-1].time - 2.0 * _HELD_S - 1.0
        and ((truth[i].visible and not truth[i - 1].visible) or truth[i].error - truth[i - 1].error > jump)]


def _acquired(truth: Sequence[Truth], start: int) -> float:
    """Return the time from an instant until the error is small and stays so; infinity when that never comes."""
    since = None
    for t in truth[start:]:
        if t.error > _ON_TARGET:
            since = None
        elif since is None:
            since = t.time
        elif t.time - since >= _HELD_S:
            return since - truth[start].time
    return math.inf


def _switches(truth: Sequence[Truth], footage: bool) -> int:
    """Return how often the turret went over to another target, or to another track of the same one.

    In footage objects come and go, so only the latter counts there.
    """
    followed = [(t.followed, t.track_id) for t in truth if t.followed]
    return sum(a != b and not (footage and a[0] != b[0]) for a, b in itertools.pairwise(followed))


def footage_folder(given: Path | None) -> Path | None:
    """Return the folder that holds the clips; None where they are not to be found."""
    folder = given or Path(os.environ.get('TURRET_TEST_DATA', '../shared/data'))
    return folder if all((folder / clip).is_file() for clip, _ in FOOTAGE.values()) else None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``./turret bench aim``."""
    parser.add_argument(
        '--scenario', action='append', choices=(*SCENARIOS, *FOOTAGE), help='only this one (repeatable)')
    parser.add_argument('--variant', action='append', choices=VARIANTS, help='only this one (repeatable)')
    parser.add_argument('--seeds', type=int, default=2, help='runs of each, with different hidden hardware (default 2)')
    parser.add_argument(
        '--duration', type=float, default=20.0, help='seconds of each run (default 20); footage is played at length')
    parser.add_argument(
        '--footage', type=Path, metavar='DIR', help='of the clips of walkers and cars (default: $TURRET_TEST_DATA)')
    parser.add_argument('--plots', type=Path, metavar='DIR', help='write a picture per scenario, error over time')


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
            simulated += sum(run.truth[-1].time for run in runs)
            first.append(runs[0])
            yield from (
                Row(scenario, variant, metric, value, METRICS[metric]) for metric, value in metrics(runs).items())
        if args.plots:
            args.plots.mkdir(parents=True, exist_ok=True)
            curves = [Curve(run.variant, [t.time for t in run.truth], [t.error for t in run.truth]) for run in first]
            (args.plots / f'{scenario}.svg').write_text(error_plot(scenario, curves), encoding='utf-8')
    note(f'{simulated:.0f} s simulated in {time.monotonic() - began:.0f} s')

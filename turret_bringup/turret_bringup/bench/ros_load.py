# SPDX-License-Identifier: Apache-2.0
"""False inhibits, gaps of permits, control rate, aim error and status rate of a tracking turret beside other loads.

Nothing inhibits the turret but the load. A false inhibit is each appearance of a reason in a permit, or in the state of
the gimbal, other than that there is no operator; their names are printed beside the table. Gaps of permits are those
between their times of issue. Real-time priorities are used where this user has the permission.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from turret_bringup.bench.loads import LOADS
from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import scratch_turret
from turret_common.bench import Row, note, percentile
from turret_common.reason_codes import ReasonCode
from turret_common.ros.time import seconds as seconds_of

#: Codes of permits and of the gimbal that are right in a turret that tracks without an operator.
_EXPECTED = frozenset({ReasonCode.OK, ReasonCode.NO_OPERATOR, ReasonCode.SOFT_LIMIT})
_TOPICS = ('safety/permit', 'gimbal/state', 'controller/state', 'status')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--seconds', type=float, default=60.0, help='time beside each load (default: %(default)s)')
    parser.add_argument('--settle', type=float, default=5.0, help='time before, with the load (default: %(default)s)')
    parser.add_argument('--loads', nargs='+', choices=LOADS, default=list(LOADS), help='loads (default: all)')
    parser.add_argument('--scenario', default='ramp_20', help='scenario of the simulated world (default: %(default)s)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows."""
    arguments = ['--set', f'plant.scenario={args.scenario}']
    with tempfile.TemporaryDirectory() as state, scratch_turret(Path(state), arguments) as turret:
        os.environ.update(turret.environment)
        with TurretClient('turret', timeout_s=20.0) as client:
            for status in client.messages('status'):
                if status.gimbal.pan.homed and status.gimbal.tilt.homed and status.tracks:
                    break
            for load in args.loads:
                with LOADS[load]():
                    time.sleep(args.settle)
                    yield from _rows(load, _collect(client, args.seconds), args.seconds)


def _collect(client: TurretClient, seconds: float) -> dict[str, list[Any]]:
    """Return the messages of some topics within a time."""
    arrived: dict[str, list[Any]] = {topic: [] for topic in _TOPICS}
    with contextlib.ExitStack() as listening:
        for topic in _TOPICS:
            listening.enter_context(client.listening(topic, arrived[topic].append))
        time.sleep(seconds)
    return arrived


def _rows(load: str, arrived: dict[str, list[Any]], seconds: float) -> Iterator[Row]:
    permits, states = arrived['safety/permit'], arrived['controller/state']
    reasons = [
        *_begun(permit.reasons for permit in permits), *_begun([state.code] for state in arrived['gimbal/state'])]
    if reasons:
        note(f'{load}: {", ".join(ReasonCode(reason).name for reason in reasons)}')
    gaps_ms = [1e-6 * (b.monotonic_ns - a.monotonic_ns) for a, b in itertools.pairwise(permits) if b.seq == a.seq + 1]
    errors = [math.degrees(state.aim_error) for state in states if math.isfinite(state.aim_error)]
    status = arrived['status']
    yield Row('load', load, 'false inhibits', 600.0 * len(reasons) / seconds, '1/10 min')
    yield Row('load', load, 'maximum gap of permits', max(gaps_ms, default=math.nan), 'ms')
    yield Row('load', load, 'control rate, median', percentile([state.rate_hz for state in states], 0.5), 'Hz')
    yield Row('load', load, 'aim error, median', percentile(errors, 0.5), 'deg')
    yield Row('load', load, 'aim error, p95', percentile(errors, 0.95), 'deg')
    yield Row('load', load, 'status rate', _rate_hz([seconds_of(each.header.stamp) for each in status]), 'Hz')


def _begun(reasons: Iterable[Iterable[int]]) -> list[int]:
    """Return each reason that appears and is not expected, once for each appearance."""
    sets = [frozenset(each) - _EXPECTED for each in reasons]
    return [reason for before, now in itertools.pairwise([frozenset(), *sets]) for reason in now - before]


def _rate_hz(times_s: list[float]) -> float:
    return (len(times_s) - 1) / (times_s[-1] - times_s[0]) if len(times_s) > 1 else math.nan

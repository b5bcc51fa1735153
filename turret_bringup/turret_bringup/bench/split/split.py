# SPDX-License-Identifier: Apache-2.0
"""A turret split over two hosts, perception on one and everything else on the other, beside one on a single host.

The hosts are two network namespaces of this machine, which needs the rights to create them (root). Rows are the aim
error and the reaction (see ``./turret bench follow``), the age of head commands and the bandwidth of the link, then all
again with ``--delay``, ``--jitter`` and ``--loss`` on it.

In each trial the link is cut while the head tracks and the laser fires automatically, and restored after ``--cut``
seconds; the target then is still in view. The pin and the head are those of the simulated hardware. ``back`` is the
time from the return of the link until a target is followed again and no fault is left.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from turret_bringup.bench.split.namespaces import Impairment, Link, linked_hosts
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_common.bench import Row
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Scenario and amplitude [rad] of a target that stays in the view of a head that stands still.
IN_VIEW = ('ramp_20', 0.2)
_PROBE = 'turret_bringup.bench.split.ros_probe'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--scenario', default='ramp_30', help='scenario of the simulated world (default: %(default)s)')
    parser.add_argument('--seconds', type=float, default=30.0, help='time of each run; 0: none (default: %(default)s)')
    parser.add_argument('--trials', type=int, default=10, help='cuts of the link (default: %(default)s)')
    parser.add_argument('--cut', type=float, default=3.0, help='time without the link in s (default: %(default)s)')
    parser.add_argument('--delay', type=float, default=20.0, help='delay per direction in ms (default: %(default)s)')
    parser.add_argument('--jitter', type=float, default=10.0, help='its variation in ms (default: %(default)s)')
    parser.add_argument('--loss', type=float, default=2.0, help='loss per direction in %% (default: %(default)s)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Give the rows."""
    with linked_hosts() as link:
        if args.seconds:
            with tempfile.TemporaryDirectory() as state, scratch_turret(
                    Path(state), scenario(args.scenario), link.first.within()) as turret:
                yield from _follow(args, turret, link, 'one host')
            with split_turret(link, args.scenario) as turret:
                yield from _follow(args, turret, link, 'two hosts')
                link.impair(Impairment(args.delay, args.jitter, args.loss))
                yield from _follow(args, turret, link, f'{args.delay:g} ms +-{args.jitter:g}, {args.loss:g} %')
                link.impair(Impairment())
        if args.trials:
            with split_turret(link, *IN_VIEW) as turret:
                yield from probe(turret, link, 'cuts', str(args.trials), str(args.cut))


def scenario(name: str, amplitude: float = 0.0) -> list[str]:
    """Return the arguments of a turret that tracks in a scenario and whose laser can fire."""
    return ['--set', f'plant.scenario={name}', '--set', f'plant.scenario_amplitude={amplitude}',
            '--set', 'laser.power=1.0']


@contextmanager
def split_turret(link: Link, name: str, amplitude: float = 0.0) -> Iterator[ScratchTurret]:
    """Start a turret whose perception runs on the second host; give the part on the first host."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        states = [Path(folder, host.namespace) for host in (link.first, link.second)]
        for state in states:
            state.mkdir()
        target = scenario(name, amplitude)
        hardware = stack.enter_context(scratch_turret(
            states[0], [*target, '--only', 'hardware,control,operator', '--peers', link.second.address],
            link.first.within()))
        stack.enter_context(scratch_turret(
            states[1], [*target, '--only', 'perception', '--peers', link.first.address],
            link.second.within(), [int(hardware.environment['ROS_DOMAIN_ID'])]))
        yield hardware


def _follow(args: argparse.Namespace, turret: ScratchTurret, link: Link, variant: str) -> Iterator[Row]:
    for row in probe(turret, link, 'follow', args.scenario, str(args.seconds)):
        yield row._replace(variant=variant if row.variant == 'simulation' else f'{variant}, {row.variant}')


def probe(turret: ScratchTurret, link: Link, *words: str) -> Iterator[Row]:
    """Measure on the first host, in a process of its own, and give the rows as they arrive."""
    command = [*link.first.within(), sys.executable, '-m', _PROBE, json.dumps(link), *words]
    with subprocess.Popen(command, env=turret.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                yield Row(*json.loads(line))
        finally:
            process.terminate()
    if process.returncode not in (0, -signal.SIGTERM):
        raise TurretError(ReasonCode.INTERNAL_ERROR, f'the measurement "{words[0]}" failed')

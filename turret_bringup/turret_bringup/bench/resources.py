# SPDX-License-Identifier: Apache-2.0
"""Processor time, memory and shared memory of each process while the turret tracks in simulation without a viewer.

Two processors of a virtual machine are often the two threads of one core, and each then works more slowly while the
other is busy: ``--processors 1`` holds the whole turret to one of them. The rates show whether it
keeps up there.

Memory is the proportional set size: pages that processes share are divided among them, so that the sum is the
memory of the turret. Killing the camera shows whether shared memory leaks.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from turret_bringup.run import shared_memory
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_common.bench import Row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--seconds', type=float, default=30.0, help='time to measure (default: %(default)s)')
    parser.add_argument('--settle', type=float, default=15.0, help='time before (default: %(default)s)')
    parser.add_argument(
        '--processors', type=int, metavar='N', choices=range(1, len(os.sched_getaffinity(0)) + 1),
        help='hold the turret to so many (default: all)')
    parser.add_argument('--kills', type=int, default=10, help='kills of the camera (default: %(default)s)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Give the rows."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(own)[:args.processors])  # the turret inherits it
    with tempfile.TemporaryDirectory() as state, scratch_turret(Path(state)) as turret:
        os.sched_setaffinity(0, own)
        time.sleep(args.settle)
        yield from _processes(turret, args.seconds)
        yield from _rates(turret)
        yield Row('tracking', 'before kills', 'shared memory', _shared_memory_mb(), 'MB')
        for _ in range(args.kills):
            turret.kill('camera')
        time.sleep(args.settle)
        yield Row('tracking', f'after {args.kills} kills', 'shared memory', _shared_memory_mb(), 'MB')


def _processes(turret: ScratchTurret, seconds: float) -> Iterator[Row]:
    processes = turret.processes()
    names = {process.pid: _name(turret, process) for process in processes}
    before = {process.pid: sum(process.cpu_times()[:2]) for process in processes}
    started = time.monotonic()
    time.sleep(seconds)
    passed_s = time.monotonic() - started
    loads, sizes = {}, {}
    for process in processes:
        loads[process.pid] = 100.0 * (sum(process.cpu_times()[:2]) - before[process.pid]) / passed_s
        sizes[process.pid] = process.memory_full_info().pss / 1e6
        yield Row('tracking', names[process.pid], 'processor', loads[process.pid], '% of one core')
        yield Row('tracking', names[process.pid], 'memory', sizes[process.pid], 'MB PSS')
    yield Row('tracking', 'total', 'processor', sum(loads.values()), '% of one core')
    yield Row('tracking', 'total', 'memory', sum(sizes.values()), 'MB PSS')


def _rates(turret: ScratchTurret) -> Iterator[Row]:
    command = [sys.executable, '-m', 'turret_bringup.cli', 'status', '--json']
    status = json.loads(subprocess.run(command, env=turret.environment, stdout=subprocess.PIPE, check=True).stdout)
    for name, rate_hz in (
            ('images', status['camera']['rate_hz']), ('images seen', status['vision']['detection']['rate_hz']),
            ('control cycles', status['controller']['rate_hz'])):
        yield Row('tracking', 'total', name, rate_hz, '1/s')


def _name(turret: ScratchTurret, process: psutil.Process) -> str:
    title: str = process.cmdline()[0]
    if title.startswith('turret '):
        below = process.ppid() != turret.supervisor.pid
        return title.removeprefix('turret ') + (' (child)' if below else '')
    return 'supervisor' if process.pid == turret.supervisor.pid else 'janitor'


def _shared_memory_mb() -> float:
    return sum(path.stat().st_blocks * 512 for path in shared_memory.FOLDER.glob('*fast*')) / 1e6

# SPDX-License-Identifier: Apache-2.0
"""How long a start takes until the panel answers and the first image is there, and in what processor time."""

from __future__ import annotations

import argparse
import http.client
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_common.bench import Row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--runs', type=int, default=3, help='starts, one after the other (default: %(default)s)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Give the rows."""
    for run in range(1, args.runs + 1):
        with tempfile.TemporaryDirectory() as state:
            started = time.monotonic()
            with scratch_turret(Path(state)) as turret:
                yield Row('simulation', f'run {run}', 'panel reachable', time.monotonic() - started, 's')
                _wait_for_image(turret)
                yield Row('simulation', f'run {run}', 'first image', time.monotonic() - started, 's')
                used_s = sum(sum(process.cpu_times()[:2]) for process in turret.processes())
                yield Row('simulation', f'run {run}', 'processor time', used_s, 's')
                asked = time.monotonic()
                turret.end()
                yield Row('simulation', f'run {run}', 'end', time.monotonic() - asked, 's')


def _wait_for_image(turret: ScratchTurret) -> None:
    """Wait for the first JPEG of the video stream that the panel shows."""
    while True:
        connection = http.client.HTTPConnection('127.0.0.1', turret.port, timeout=30.0)
        try:
            connection.request('GET', '/stream?topic=/turret/camera/image_raw')
            if b'\xff\xd8' in connection.getresponse().read(4096):
                return
        finally:
            connection.close()
        time.sleep(0.02)

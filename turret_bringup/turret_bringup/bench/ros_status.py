# SPDX-License-Identifier: Apache-2.0
"""Rate of the status with several numbers of open panels and while a node is killed, and its latency to a browser.

Panels are WebSocket clients of the rosbridge protocol that subscribe to the status; ``to client`` is the time from the
stamp of a message to its arrival in such a client.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_common.bench import Row, percentile

_KILL_AFTER_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--seconds', type=float, default=60.0, help='time of each scenario (default: %(default)s)')
    parser.add_argument(
        '--panels', type=int, nargs='*', default=[0, 1, 10], help='panels open, one scenario each (default: 0 1 10)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Give the rows."""
    with tempfile.TemporaryDirectory() as state, scratch_turret(Path(state)) as turret:
        os.environ.update(turret.environment)
        with TurretClient('turret', timeout_s=20.0) as client:
            for panels in args.panels:
                yield from _scenario(client, turret, args.seconds, panels, '')
            yield from _scenario(client, turret, args.seconds, 1, 'vision')


def _scenario(client: TurretClient, turret: ScratchTurret, seconds: float, panels: int, killed: str) -> Iterator[Row]:
    name = f'{panels} panels' + (f', {killed} killed' if killed else '')
    latencies_s: list[float] = []
    viewing = threading.Thread(target=lambda: asyncio.run(_view(turret.port, panels, seconds, latencies_s)))
    killing = threading.Timer(min(_KILL_AFTER_S, seconds / 2), turret.kill, [killed])
    viewing.start()
    if killed:
        killing.start()
    started = time.monotonic()
    arrivals_s = [time.monotonic() for _ in itertools.takewhile(
        lambda _: time.monotonic() - started < seconds, client.messages('status'))]
    viewing.join()
    if killed:
        killing.join()
    periods_s = [later - earlier for earlier, later in itertools.pairwise(arrivals_s)]
    rate_hz = len(periods_s) / (arrivals_s[-1] - arrivals_s[0]) if periods_s else math.nan
    yield Row('status', name, 'rate', rate_hz, 'Hz')
    yield Row('status', name, 'maximum period', max(periods_s, default=math.nan), 's')
    if panels:
        yield Row('status', name, 'to client, median', 1e3 * percentile(latencies_s, 0.5), 'ms')
        yield Row('status', name, 'to client, 95th percentile', 1e3 * percentile(latencies_s, 0.95), 'ms')


async def _view(port: int, panels: int, seconds: float, latencies_s: list[float]) -> None:
    """Be so many panels for a time; the latencies of all messages are appended."""
    async def panel(session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(f'http://127.0.0.1:{port}/rosbridge') as socket:
            await socket.send_json(
                {'op': 'subscribe', 'topic': '/turret/status', 'type': 'turret_msgs/msg/TurretStatus'})
            async for message in socket:
                now_s = time.time()
                stamp = message.json()['msg']['header']['stamp']
                latencies_s.append(now_s - stamp['sec'] - 1e-9 * stamp['nanosec'])

    async with aiohttp.ClientSession() as session:
        done = [asyncio.create_task(panel(session)) for _ in range(panels)]
        await asyncio.sleep(seconds)
        for task in done:
            task.cancel()
        await asyncio.gather(*done, return_exceptions=True)

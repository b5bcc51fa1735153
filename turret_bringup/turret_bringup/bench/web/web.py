# SPDX-License-Identifier: Apache-2.0
"""Throughput, latency and CPU time of the bridge and the video server, beside the upstream ones if installed.

``bridge``: clients that subscribe to a status of 2 kB (serialized), published at 2 Hz, 20 Hz and as fast as possible.
``video``: viewers of an MJPEG stream at 30 Hz, of JPEG images of 60 kB and of raw ones of 640x480 pixels. ``panel``:
bytes that the status costs one client, with and without compression. ``hostile``: latency of an operator's calls
without and with viewers that ask for much (raw images as PNG and in fragments, 900 kB of nested lists twice a second,
no reading). ``polling``: ten addresses requested twice a second against one subscription. ``generator``: what the load
generator itself can take, the proof that it is not what is measured.

A Foxglove WebSocket server is measured too where the Python package foxglove-sdk is installed; it passes serialized
messages on, so it converts nothing.

Each server runs in a process of its own, so does the source, so does the load; CPU is that of the server's process. All
servers of a scenario run one after the other under the same load of the machine; the ratios are to the others.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import math
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from turret_bringup.bench.web import hostile as bench_web_hostile
from turret_bringup.bench.web import load as bench_web_load
from turret_common.bench import Row, note
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import free_port

TOPIC = '/turret/status'
STATUS_TYPE = 'turret_msgs/msg/TurretStatus'
IMAGE = '/turret/camera/image_raw'
SECTIONS = (
    'camera', 'vision', 'tracks', 'controller', 'gimbal', 'laser', 'safety', 'bag', 'faults', 'backend')
SCENARIOS = ('bridge', 'video', 'panel', 'hostile', 'polling', 'generator')
#: Unit of each metric.
METRICS = {
    'messages_per_s': '1/s', 'cpu_pct': '%', 'cpu_us_per_message': 'us', 'p50_ms': 'ms', 'p95_ms': 'ms',
    'p99_ms': 'ms', 'bytes_per_client': 'byte/s', 'load_cpu_pct': '%', 'status_per_s': '1/s', 'status_p95_ms': 'ms'} | {
        f'{call}_{metric}_ms': 'ms' for call in bench_web_hostile.SERVICES for metric in ('p95', 'max')}

_TICKS_PER_S = os.sysconf('SC_CLK_TCK')
_START_S = 60.0
_IDLE_S = 3.0
_DISCOVERED_S = 1.0


class Result(NamedTuple):
    """Metrics of one server in one scenario."""

    scenario: str
    variant: str
    metrics: dict[str, float]


class Server:
    """A server under test, in a process of its own."""

    def __init__(self, variant: str, command: list[str], port: int, path: str) -> None:
        self.variant = variant
        self.port = port
        self.path = path
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port)):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f'{variant} does not start: {shlex.join(command)}')
            time.sleep(0.05)

    def cpu_s(self) -> float:
        """Return the processor time that it has used so far."""
        fields = Path(f'/proc/{self._process.pid}/stat').read_text().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def own_server() -> Server:
    """Start the web gateway."""
    port = free_port()
    return Server('turret_web', [
        sys.executable, '-m', 'turret_web.web_node', '--ros-args', '-r', '__ns:=/turret', '-p', f'port:={port}',
        '-p', 'limits.clients:=1000', '-p', 'limits.viewers:=1000'], port, '/rosbridge')


def upstream_server(kind: str, command: str) -> Server | None:
    """Start ``rosbridge_websocket`` or ``web_video_server``; None where it is not installed.

    Args:
        kind: the name of the package.
        command: what starts it; empty for what a ROS distribution has.
    """
    executables = {'rosbridge_server': 'rosbridge_websocket', 'web_video_server': 'web_video_server'}
    words = shlex.split(command) or _installed(kind, executables[kind])
    if not words:
        return None
    port = free_port()
    return Server(
        kind, [*words, '--ros-args', '-p', f'port:={port}', '-p', 'address:=127.0.0.1'], port, '/')


def foxglove_server() -> Server | None:
    """Start a Foxglove WebSocket server of the status; None without the Python package foxglove-sdk."""
    if importlib.util.find_spec('foxglove') is None:
        return None
    port = free_port()
    return Server('foxglove', [
        sys.executable, '-m', 'turret_bringup.bench.web.ros_foxglove', str(port), TOPIC, STATUS_TYPE], port, '/')


def _installed(package: str, executable: str) -> list[str]:
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        path = Path(prefix) / 'lib' / package / executable
        if path.is_file():
            return [str(path)]
    return []


@contextlib.contextmanager
def source(kind: str, rate_hz: float) -> Iterator[None]:
    """Publish while the context lasts."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'turret_bringup.bench.web.ros_source', kind, str(rate_hz)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)
    try:
        if process.stdout is not None:
            process.stdout.readline()
        time.sleep(_DISCOVERED_S)
        yield
    finally:
        process.communicate(timeout=20.0)


def load(module: str = 'load', **order: Any) -> dict[str, float]:
    """Have the generator do what is ordered, in a process of its own."""
    done = subprocess.run(
        [sys.executable, '-m', f'turret_bringup.bench.web.{module}', json.dumps(order)], capture_output=True, text=True,
        check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _measured(scenario: str, server: Server, **order: Any) -> Result:
    """Return the figures of a load with the processor time that the server used meanwhile."""
    began, cpu_s = time.monotonic(), server.cpu_s()
    figures = load(port=server.port, **order)
    figures['cpu_pct'] = 100.0 * (server.cpu_s() - cpu_s) / (time.monotonic() - began)
    figures['cpu_us_per_message'] = (
        1e4 * figures['cpu_pct'] / figures['messages_per_s'] if figures['messages_per_s'] else math.nan)
    return Result(scenario, server.variant, figures)


def idle(server: Server) -> Result:
    """Return the CPU time of a server without clients."""
    began, cpu_s = time.monotonic(), server.cpu_s()
    time.sleep(_IDLE_S)
    cpu_pct = 100.0 * (server.cpu_s() - cpu_s) / (time.monotonic() - began)
    return Result('bridge, idle', server.variant, {'cpu_pct': cpu_pct})


def bench_bridge(args: argparse.Namespace) -> Iterator[Result]:
    """Measure clients of the bridge."""
    with _side_by_side('rosbridge_server', args.rosbridge) as servers, contextlib.ExitStack() as stack:
        foxglove = foxglove_server()
        if foxglove is None:
            note('foxglove-sdk is not installed: no comparison (pip install foxglove-sdk)')
        else:
            stack.callback(foxglove.stop)
            servers.append(foxglove)
        yield from (idle(server) for server in servers)
        for rate_hz in (2.0, 20.0, 0.0):
            with source('status', rate_hz):
                for clients in args.clients:
                    name = f'bridge, {clients} clients, {f"{rate_hz:g} Hz" if rate_hz else "flat out"}'
                    for server in servers:
                        order = {'kind': 'foxglove'} if server is foxglove else {
                            'kind': 'socket', 'path': server.path, 'topic': TOPIC, 'type_name': STATUS_TYPE,
                            'deflate': False}
                        yield _measured(name, server, clients=clients, duration_s=args.duration, **order)


@contextlib.contextmanager
def _side_by_side(upstream: str, command: str) -> Iterator[list[Server]]:
    """Provide the server of the turret, and the upstream one if it is installed."""
    with contextlib.ExitStack() as stack:
        servers = [own_server()]
        stack.callback(servers[0].stop)
        other = upstream_server(upstream, command)
        if other is None:
            note(f'{upstream} is not installed: no comparison')
        else:
            stack.callback(other.stop)
            servers.append(other)
        yield servers


def bench_video(args: argparse.Namespace) -> Iterator[Result]:
    """Measure viewers of a stream, passed on and encoded by the server."""
    with _side_by_side('web_video_server', args.video_server) as servers:
        for images, stream in (('video', 'ros_compressed'), ('raw', 'mjpeg')):
            with source(images, 30.0):
                for viewers in args.viewers:
                    for server in servers:
                        yield _measured(
                            f'{images}, {viewers} viewers', server, kind='video',
                            path=f'/stream?topic={IMAGE}&type={stream}', clients=viewers, duration_s=args.duration)


def bench_panel(args: argparse.Namespace) -> Iterator[Result]:
    """Measure the bytes that the status costs a client."""
    server = own_server()
    try:
        with source('status', 2.0):
            for deflate in (False, True):
                yield _measured(
                    f'panel, {"deflated" if deflate else "plain"}', server, kind='socket', path=server.path,
                    topic=TOPIC, type_name=STATUS_TYPE, deflate=deflate, clients=1, duration_s=2 * args.duration)
    finally:
        server.stop()


def bench_hostile(args: argparse.Namespace) -> Iterator[Result]:
    """Measure the calls of an operator without and with hostile viewers."""
    server = own_server()
    try:
        with source('status', 2.0), source('raw', 30.0), source('safety', 0.0):
            for hostile in (False, True):
                yield Result(f'operator, {"hostile" if hostile else "no"} viewers', server.variant, load(
                    'hostile', hostile=hostile, port=server.port, path=server.path, topic=TOPIC,
                    type_name=STATUS_TYPE, image=IMAGE, duration_s=4 * args.duration))
    finally:
        server.stop()


def bench_polling(args: argparse.Namespace) -> Iterator[Result]:
    """Measure ten polled addresses against one subscription."""
    server = own_server()
    try:
        with source('status', 2.0):
            yield _measured(
                'polling, ten addresses', server, kind='poll', paths=[f'/api/status/{name}' for name in SECTIONS],
                rate_hz=2.0, duration_s=args.duration)
            yield _measured(
                'polling, one subscription', server, kind='socket', path=server.path, topic=TOPIC,
                type_name=STATUS_TYPE, deflate=True, clients=1, duration_s=args.duration)
    finally:
        server.stop()


def bench_generator(args: argparse.Namespace) -> Iterator[Result]:
    """Measure the generator against a server that does nothing but send."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        payload = b'{"op":"publish","msg":{"header":{"stamp":{"sec":1,"nanosec":2}}}}'.ljust(5000)
        threading.Thread(target=bench_web_load.blast, args=(listener, payload), daemon=True).start()
        figures = load(
            kind='socket', port=listener.getsockname()[1], path='/', topic=TOPIC, type_name=STATUS_TYPE, deflate=False,
            clients=1, duration_s=args.duration)
    yield Result('generator', 'one client', {
        name: figures[name] for name in ('messages_per_s', 'bytes_per_client', 'load_cpu_pct')})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``./turret bench web``."""
    parser.add_argument('--scenario', action='append', choices=SCENARIOS, help='only this one (repeatable)')
    parser.add_argument('--clients', type=int, nargs='+', default=[1, 10, 50], help='numbers of clients (1 10 50)')
    parser.add_argument('--viewers', type=int, nargs='+', default=[1, 5, 20], help='numbers of viewers (1 5 20)')
    parser.add_argument('--duration', type=float, default=5.0, help='seconds of each measurement (default 5)')
    parser.add_argument(
        '--rosbridge', default='', metavar='COMMAND', help='starts rosbridge_websocket (default: the installed one)')
    parser.add_argument(
        '--video-server', default='', metavar='COMMAND', help='starts web_video_server (default: the installed one)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Yield the metrics of each server in each scenario, then the ratio of ours to the upstream one."""
    os.environ |= {'ROS_DOMAIN_ID': str(claim_domain()), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    benches = {
        'bridge': bench_bridge, 'video': bench_video, 'panel': bench_panel, 'hostile': bench_hostile,
        'polling': bench_polling, 'generator': bench_generator}
    with tempfile.TemporaryDirectory() as state:
        os.environ['XDG_STATE_HOME'] = state
        for scenario in args.scenario or SCENARIOS:
            own: Result | None = None
            for result in benches[scenario](args):
                for metric, value in result.metrics.items():
                    yield Row(result.scenario, result.variant, metric, value, METRICS[metric])
                if own and own.scenario == result.scenario:
                    yield from ratios(own, result)
                else:
                    own = result


def ratios(own: Result, upstream: Result) -> Iterator[Row]:
    """Yield how our server compares with the upstream one in the same scenario."""
    for metric in ('messages_per_s', 'cpu_us_per_message'):
        if metric in own.metrics:
            divisor = upstream.metrics[metric]
            value = own.metrics[metric] / divisor if divisor else math.nan
            yield Row(own.scenario, f'ratio to {upstream.variant}', metric, value, '')

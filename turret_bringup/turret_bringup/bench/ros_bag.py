# SPDX-License-Identifier: Apache-2.0
"""What recording costs, and whether it loses anything.

``steady``: a process publishes the messages of a turret with a camera at 30 frames per second, two compressed images
of 45 kB among them; the node ``bag`` records the selection "full", and beside it the shortest recorder that rclpy
allows (``naive``) records the same. ``turret``: the same for the whole simulated turret, where gaps in the numbers of
commands, permits and status, and images without their camera_info, count as lost.
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
from typing import NamedTuple

import psutil
from rclpy.serialization import deserialize_message

from turret_bringup.bags.reader import Bag
from turret_bringup.bench.ros_bag_source import NUMBER, RATES
from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import scratch_turret
from turret_common.bench import Row
from turret_common.messages.cdr import stamp_of
from turret_common.testing.ros_testing import claim_domain, release_domain
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import GimbalCommand, SafetyPermit, TurretStatus

SCENARIOS = ('steady', 'turret')
_DRAINED_S = 2.0
_START_S = 60.0


class Recording(NamedTuple):
    """What one recording came to.

    Attributes:
        published: messages that were to be recorded.
        lost: of these, how many are missing.
        lost_early: of these, how many were sent before the first that was recorded of their topic.
        lost_late: of these, how many were sent after the last that was recorded of their topic.
        dropped: of these, how many the node itself counted.
        processor: time of the node's process per time, 1 = one core.
        memory: of the node's process at the end [bytes].
        size: of the bag [bytes].
    """

    published: int
    lost: int
    lost_early: int
    lost_late: int
    dropped: int
    processor: float
    memory: int
    size: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--seconds', type=float, default=60.0, help='time to record (default: %(default)s)')
    parser.add_argument('--scenario', nargs='+', choices=SCENARIOS, default=SCENARIOS, help='default: both')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Give the rows."""
    for scenario in args.scenario:
        with tempfile.TemporaryDirectory() as folder:
            found = (beside_naive(Path(folder), args.seconds) if scenario == 'steady'
                     else {'full': _turret(Path(folder), args.seconds)})
        for case, recording in found.items():
            yield Row(scenario, case, 'processor', 100.0 * recording.processor, '% of one core')
            yield Row(scenario, case, 'memory', recording.memory / 1e6, 'MB RSS')
            yield Row(scenario, case, 'messages', recording.published, '')
            yield Row(scenario, case, 'lost', recording.lost, '')
            yield Row(scenario, case, 'lost before the first', recording.lost_early, '')
            yield Row(scenario, case, 'lost after the last', recording.lost_late, '')
            yield Row(scenario, case, 'dropped by the recorder', recording.dropped, '')
            yield Row(scenario, case, 'bag', recording.size / 1e6 / args.seconds, 'MB/s')


def steady(folder: Path, seconds: float) -> Recording:
    """Record what a source publishes, each message of which is numbered."""
    return _recorded(folder, seconds, None)['full']


def beside_naive(folder: Path, seconds: float) -> dict[str, Recording]:
    """Record the same with the node and with the shortest recorder at the same time; return both by name."""
    return _recorded(folder, seconds, folder / 'naive.mcap')


def _recorded(folder: Path, seconds: float, naive: Path | None) -> dict[str, Recording]:
    domain = claim_domain()
    environment = {
        **os.environ, 'ROS_DOMAIN_ID': str(domain), 'XDG_STATE_HOME': str(folder),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    processes: list[subprocess.Popen[str]] = []

    def start(*command: str) -> subprocess.Popen[str]:
        processes.append(subprocess.Popen(
            [sys.executable, '-m', *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return processes[-1]
    try:
        watched = {'full': psutil.Process(
            start('turret_bringup.bag_node', '--ros-args', '-r', '__ns:=/turret', '--log-level', 'warn').pid)}
        if naive is not None:
            other = start('turret_bringup.bench.ros_naive_recorder', str(naive))
            watched['naive'] = psutil.Process(other.pid)
        source = start('turret_bringup.bench.ros_bag_source', str(seconds), '--subscribers', str(len(watched)))
        with TurretClient('turret', timeout_s=_START_S) as client:
            name = client.call('bag/start', {'selection': 'full', 'label': '', 'max_s': 0.0})['name']
            assert _line(source) == 'ready'
            used = {case: sum(process.cpu_times()[:2]) for case, process in watched.items()}
            began = time.monotonic()
            _say(source)
            sent = json.loads(_line(source))
            passed_s = time.monotonic() - began
            processor = {
                case: (sum(process.cpu_times()[:2]) - used[case]) / passed_s for case, process in watched.items()}
            memory = {case: process.memory_info().rss for case, process in watched.items()}
            time.sleep(_DRAINED_S)  # all was received; the recorders take it
            dropped = next(client.messages('bag/state')).dropped
            client.call('bag/stop', {})
            _say(source)
        if naive is not None:
            _say(other)
            other.wait(_START_S)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.communicate()
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
        release_domain(domain)
    paths = {'full': folder / 'turret' / 'turret' / 'bags' / name, 'naive': naive}
    return {
        case: Recording(
            sum(sent.values()), *_lost(paths[case] or folder, sent), dropped if case == 'full' else 0, processor[case],
            memory[case], _size(paths[case] or folder)) for case in watched}


def _lost(path: Path, sent: dict[str, int]) -> tuple[int, int, int]:
    """Return how many messages are missing in a bag: all, those before the first, those after the last of a topic."""
    seen: dict[str, set[int]] = {topic: set() for topic in RATES}
    with Bag(path) as bag:
        for message in bag.messages():
            relative = message.topic.removeprefix('/turret/')
            if relative in seen:
                seen[relative].add(int.from_bytes(message.data[NUMBER], 'little'))
    early = sum(min(numbers, default=sent[topic]) for topic, numbers in seen.items())
    late = sum(sent[topic] - 1 - max(numbers) for topic, numbers in seen.items() if numbers)
    return sum(sent[topic] - len(numbers) for topic, numbers in seen.items()), early, late


def _size(path: Path) -> int:
    with Bag(path) as bag:
        return bag.size


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _say(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write('\n')
    process.stdin.flush()


def _turret(folder: Path, seconds: float) -> Recording:
    with scratch_turret(folder) as turret:
        os.environ.update(turret.environment)
        with TurretClient('turret', timeout_s=_START_S) as client:
            for status in client.messages('status'):
                if status.gimbal.pan.homed and status.gimbal.tilt.homed and status.tracks:
                    break
            pid = wait_until(lambda: turret.pid('bag'), _START_S, 'the node bag')
            watched = psutil.Process(pid)
            name = client.call('bag/start', {'selection': 'full', 'label': '', 'max_s': 0.0})['name']
            used, began = sum(watched.cpu_times()[:2]), time.monotonic()
            time.sleep(seconds)
            processor = (sum(watched.cpu_times()[:2]) - used) / (time.monotonic() - began)
            memory = watched.memory_info().rss
            client.call('bag/stop', {})
            state = next(client.messages('bag/state'))
    with Bag(folder / 'turret' / 'turret' / 'bags' / name) as bag:
        return Recording(bag.messages_total + _gaps(bag), _gaps(bag), 0, 0, state.dropped, processor, memory, bag.size)


def _gaps(bag: Bag) -> int:
    """Return how many messages are missing of those that are numbered, or that come in pairs."""
    lost = 0
    for topic, kind in (('gimbal/command', GimbalCommand), ('safety/permit', SafetyPermit), ('status', TurretStatus)):
        numbers = [deserialize_message(m.data, kind).seq for m in bag.messages([f'/turret/{topic}'])]
        lost += numbers[-1] - numbers[0] + 1 - len(numbers)
    images, infos = (
        [stamp_of(m.data) for m in bag.messages([f'/turret/camera/{topic}'])]
        for topic in ('image_raw/compressed', 'camera_info'))
    first = images[0]
    since = infos[infos.index(first):] if first in infos else infos
    return lost + len(set(since) - set(images))

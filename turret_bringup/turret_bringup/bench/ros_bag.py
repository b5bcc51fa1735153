# SPDX-License-Identifier: Apache-2.0
"""What recording costs, and whether it loses anything.

``steady``: a process publishes the messages of a turret with a camera at 30 frames per second, two compressed images
of 45 kB among them; the node ``bag`` records the selection "full". ``turret``: the same for the whole simulated turret,
where gaps in the numbers of commands, permits and status, and images without their camera_info, count as lost.
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
from turret_common.testing.ros_testing import claim_domain, release_domain, wait_until
from turret_msgs.msg import GimbalCommand, SafetyPermit, TurretStatus

SCENARIOS = ('steady', 'turret')
_DRAINED_S = 2.0
_START_S = 60.0


class Recording(NamedTuple):
    """What one recording came to.

    Attributes:
        published: messages that were to be recorded.
        lost: of these, how many are missing.
        dropped: of these, how many the node itself counted.
        processor: time of the node's process per time, 1 = one core.
        memory: of the node's process at the end [bytes].
        size: of the bag [bytes].
    """

    published: int
    lost: int
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
            found = (steady if scenario == 'steady' else _turret)(Path(folder), args.seconds)
        yield Row(scenario, 'full', 'processor', 100.0 * found.processor, '% of one core')
        yield Row(scenario, 'full', 'memory', found.memory / 1e6, 'MB RSS')
        yield Row(scenario, 'full', 'messages', found.published, '')
        yield Row(scenario, 'full', 'lost', found.lost, '')
        yield Row(scenario, 'full', 'dropped by the recorder', found.dropped, '')
        yield Row(scenario, 'full', 'bag', found.size / 1e6 / args.seconds, 'MB/s')


def steady(folder: Path, seconds: float) -> Recording:
    """Record what a source publishes, each message of which is numbered."""
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
        node = start('turret_bringup.bag_node', '--ros-args', '-r', '__ns:=/turret', '--log-level', 'warn')
        source = start('turret_bringup.bench.ros_bag_source', str(seconds))
        with TurretClient('turret', timeout_s=_START_S) as client:
            watched = psutil.Process(node.pid)
            name = client.call('bag/start', {'selection': 'full', 'label': '', 'max_s': 0.0})['name']
            assert _line(source) == 'ready'
            used, began = sum(watched.cpu_times()[:2]), time.monotonic()
            _say(source)
            sent = json.loads(_line(source))
            total = sum(sent.values())
            states = client.messages('bag/state')
            deadline = time.monotonic() + _DRAINED_S
            for state in states:
                if state.messages >= total or time.monotonic() > deadline:
                    break
            processor = (sum(watched.cpu_times()[:2]) - used) / (time.monotonic() - began)
            memory = watched.memory_info().rss
            client.call('bag/stop', {})
            _say(source)
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
    seen: dict[str, set[bytes]] = {topic: set() for topic in RATES}
    with Bag(folder / 'turret' / 'turret' / 'bags' / name) as bag:
        for message in bag.messages():
            relative = message.topic.removeprefix('/turret/')
            if relative in seen:
                seen[relative].add(message.data[NUMBER])
        size = bag.size
    lost = sum(sent[topic] - len(numbers) for topic, numbers in seen.items())
    return Recording(total, lost, state.dropped, processor, memory, size)


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
        return Recording(bag.messages_total + _gaps(bag), _gaps(bag), state.dropped, processor, memory, bag.size)


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

# SPDX-License-Identifier: Apache-2.0
"""How well a replay keeps the timing of the recording, seen by a listener in another process.

The jitter of a message is how far its delay, from its recorded time to its arrival, is from the median of all delays.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

from turret_bringup.bags.reader import Bag
from turret_bringup.commands.options import add_bag, bag_path
from turret_bringup.replay import guard
from turret_bringup.replay.ros_replay import qos_profile
from turret_common.bench import Row, percentile
from turret_common.messages.ros_schema import UnknownTypeError, interface
from turret_common.ros.domains import is_in_use
from turret_common.ros.qos import STATE, suiting
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import ReplayState
from turret_msgs.srv import SetReplayPaused

_DEPTH = 200
_START_S, _SLACK_S = 30.0, 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    add_bag(parser)
    parser.add_argument('--rate', type=float, default=1.0, help='recorded seconds per second (default: %(default)g)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Give the rows."""
    path = bag_path(args)
    with Bag(path) as bag:
        recorded = {hash(message.data): message.stamp_ns for message in bag.messages()}
        topics, duration_s = dict(bag.topics), bag.duration_s
    domain = guard.choose_domain(None, os.environ, is_in_use)
    command = [sys.executable, '-m', 'turret_bringup.cli', 'replay', str(path), '--no-panel', '--paused', '--hold',
               '--domain', str(domain), '--rate', str(args.rate)]
    replay = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    harness: RosHarness | None = None
    try:
        wait_until(lambda: is_in_use(domain), _START_S, 'a replay')
        harness = RosHarness(domain)
        arrived: list[tuple[int, int]] = []
        _listen(harness, topics, arrived)
        states = harness.collect(ReplayState, 'replay/state', STATE)
        wait_until(lambda: states, _START_S, 'the state of the replay')
        namespace = wait_until(lambda: [
            name.removesuffix('/set_paused') for name, _ in harness.probe.get_service_names_and_types()
            if name.endswith('/replay/set_paused')], _START_S, 'its services')[0]
        harness.call(SetReplayPaused, f'{namespace}/set_paused', SetReplayPaused.Request(paused=False))
        wait_until(lambda: states[-1].ended, duration_s / args.rate + _SLACK_S, 'the end')
        late_s = states[-1].late_s
    finally:
        if harness is not None:
            harness.close()
        replay.send_signal(signal.SIGTERM)
        replay.wait(20.0)
    delays = [at_ns * 1e-9 - recorded[key] * 1e-9 / args.rate for key, at_ns in arrived if key in recorded]
    middle = median(delays)
    jitter = [abs(delay - middle) for delay in delays]
    variant = f'{args.rate:g}x'
    yield Row(path.name, variant, 'messages received', len(delays), '')
    yield Row(path.name, variant, 'jitter, median', 1e3 * percentile(jitter, 0.5), 'ms')
    yield Row(path.name, variant, 'jitter, p95', 1e3 * percentile(jitter, 0.95), 'ms')
    yield Row(path.name, variant, 'published late, p95', 1e3 * late_s, 'ms')


def _listen(harness: RosHarness, topics: dict[str, Any], arrived: list[tuple[int, int]]) -> None:
    """Note the content of every message that arrives, and when the middleware received it."""
    def note(data: bytes, info: dict[str, Any]) -> None:
        arrived.append((hash(data), info['received_timestamp']))
    for name, topic in topics.items():
        try:
            kind = interface(topic.type, 'msg')
        except UnknownTypeError:
            continue
        profile = suiting([qos_profile(topic.qos)], _DEPTH)
        harness.probe.create_subscription(kind, name, note, profile, raw=True)

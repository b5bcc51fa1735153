# SPDX-License-Identifier: Apache-2.0
"""Several turrets on one machine, in the ROS domains that they choose: cost, rate of each status, and cross-talk.

Each turret tracks in simulation in a namespace of its own. ``traffic`` is all on the loopback interface, which carries
discovery and everything outside shared memory. Of this, ``discovery`` goes to the ports that RTPS has for it: while
nothing starts or ends these are announcements (measured by root only). ``cross-talk`` counts publishers and frames of
one turret under the name of another.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_bringup.settings.environment import turret_domain
from turret_common.bench import Row
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import wait_until

#: Names in the domain that belong to no turret.
_SHARED_TOPICS = ('/rosout', '/parameter_events', '/diagnostics', '/tf', '/tf_static')
_PRESENT_S = 60.0
#: Of RTPS: the port for discovery by multicast of domain 0, the ports of each domain, and the first of those, every
#: second one, for discovery by unicast.
_FIRST_PORT, _PORTS, _UNICAST = 7400, 250, 10
#: Of linux/if_ether.h; Ethernet, IP and UDP headers.
_ETH_P_IP, _HEADERS_BYTES = 0x0800, 42


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--turrets', type=int, nargs='*', default=[1, 2, 4], help='numbers of turrets (default: 1 2 4)')
    parser.add_argument('--seconds', type=float, default=20.0, help='time of each measurement (default: %(default)s)')
    parser.add_argument('--rate', type=float, default=30.0, help='images per second (default: %(default)s)')
    parser.add_argument('--settle', type=float, default=10.0, help='time before (default: %(default)s)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Give the rows."""
    for count in args.turrets:
        with tempfile.TemporaryDirectory() as state, ExitStack() as stack:
            domains = [claim_domain() for _ in range(max(2, count))]
            turrets = started(stack, Path(state), count, domains, ['--set', f'camera.rate_hz={args.rate:g}'])
            clients = connected(stack, turrets)
            time.sleep(args.settle)
            yield from _costs(turrets, args.seconds)
            yield from _isolation(clients, args.seconds)


def started(
        stack: ExitStack, state: Path, count: int, domains: Sequence[int], arguments: Sequence[str] = (),
        ) -> dict[str, ScratchTurret]:
    """Start so many turrets with one state folder, one after another; return them by namespace.

    The shell sets no domain: they choose from those that are given, which are reserved already.
    """
    return {
        f'turret{number}': stack.enter_context(scratch_turret(
            state, ['--namespace', f'turret{number}', *arguments], domains=domains)) for number in range(count)}


def connected(stack: ExitStack, turrets: Mapping[str, ScratchTurret]) -> dict[str, TurretClient]:
    """Connect this process to each of the turrets; return the clients by namespace."""
    os.environ.update(next(iter(turrets.values())).environment)
    return {name: stack.enter_context(TurretClient(name, timeout_s=30.0)) for name in turrets}


def _costs(turrets: dict[str, ScratchTurret], seconds: float) -> Iterator[Row]:
    scenario = f'{len(turrets)} turrets'
    processes = [process for turret in turrets.values() for process in turret.processes()]
    sent = psutil.net_io_counters(pernic=True)['lo'].bytes_sent
    used = {process.pid: sum(process.cpu_times()[:2]) for process in processes}
    began = time.monotonic()
    domains = {turret_domain(name) for name in turrets}
    discovery = _discovery_bytes(domains, seconds)
    passed_s = time.monotonic() - began
    load = sum(sum(process.cpu_times()[:2]) - used[process.pid] for process in processes) / passed_s
    traffic = (psutil.net_io_counters(pernic=True)['lo'].bytes_sent - sent) / passed_s
    memory = sum(process.memory_full_info().pss for process in processes)
    yield Row(scenario, 'all', 'ROS domains', len(domains), '')
    for metric, value, unit in (
            ('processor', 100.0 * load, '% of one core'), ('memory', memory / 1e6, 'MB PSS'),
            ('traffic', traffic / 1e3, 'kB/s'), ('discovery', discovery / passed_s / 1e3, 'kB/s'),
            ('machine load', psutil.getloadavg()[0], '')):
        yield Row(scenario, 'all', metric, value, unit)
        if unit:
            yield Row(scenario, 'each', metric, value / len(turrets), unit)


def _discovery_bytes(domains: Set[int], seconds: float) -> float:
    """Return how many bytes were sent to the discovery ports of domains within this host in so many seconds from now.

    Returns:
        NaN where this user must not look at packets.
    """
    deadline, total = time.monotonic() + seconds, 0
    try:
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
    except PermissionError:
        time.sleep(seconds)
        return float('nan')
    with packets:
        packets.bind(('lo', _ETH_P_IP))
        while (left_s := deadline - time.monotonic()) > 0.0:
            packets.settimeout(left_s)
            with contextlib.suppress(TimeoutError):
                packet, (_, _, kind, *_) = packets.recvfrom(_HEADERS_BYTES)
                # Each packet is seen twice, when it is sent and when it arrives.
                if kind != socket.PACKET_OUTGOING and packet[23] == socket.IPPROTO_UDP:
                    (length,), (port,) = struct.unpack_from('!H', packet, 16), struct.unpack_from('!H', packet, 36)
                    domain, offset = divmod(port - _FIRST_PORT, _PORTS)
                    if domain in domains and (offset == 0 or (offset >= _UNICAST and offset % 2 == 0)):
                        total += length
    return total


def _isolation(clients: Mapping[str, TurretClient], seconds: float) -> Iterator[Row]:
    scenario = f'{len(clients)} turrets'
    arrivals, wrong_frames = statuses(clients, seconds)
    for name, times in arrivals.items():
        periods = [later - earlier for earlier, later in itertools.pairwise(times)]
        yield Row(scenario, name, 'status rate', len(periods) / sum(periods) if periods else 0.0, 'Hz')
        yield Row(scenario, name, 'status, maximum period', max(periods, default=float('inf')), 's')
    yield Row(scenario, 'all', 'cross-talk', len(foreign_publishers(clients)) + wrong_frames, '', 0)


def statuses(clients: Mapping[str, TurretClient], seconds: float) -> tuple[dict[str, list[float]], int]:
    """Return when the statuses of each turret arrived in so many seconds, and how many had the frame of another."""
    from turret_common.ros.qos import STATUS
    from turret_msgs.msg import TurretStatus

    arrivals: dict[str, list[float]] = {name: [] for name in clients}
    wrong: list[str] = []

    def listen(name: str, client: TurretClient) -> None:
        def take(status: Any) -> None:
            arrivals[name].append(time.monotonic())
            if status.header.frame_id != f'{name}/base_link':
                wrong.append(name)
        client.node.create_subscription(TurretStatus, f'/{name}/status', take, STATUS)
    for name, client in clients.items():
        listen(name, client)
    wait_until(lambda: all(arrivals.values()), _PRESENT_S, 'a status of each turret')
    for times in arrivals.values():
        times.clear()
    threading.Event().wait(seconds)
    return {name: list(times) for name, times in arrivals.items()}, len(wrong)


def foreign_publishers(clients: Mapping[str, TurretClient]) -> list[str]:
    """Return the topics of one turret that a node of another one, or a node in another domain, publishes."""
    domains = {name: turret_domain(name) for name in clients}
    found = []
    for name, client in clients.items():
        for topic, _ in client.node.get_topic_names_and_types():
            owner = topic.split('/')[1]
            if topic in _SHARED_TOPICS or owner not in clients:
                continue
            publishers = {end.node_namespace.strip('/') for end in client.node.get_publishers_info_by_topic(topic)}
            if publishers & (set(clients) - {owner}) or (publishers and domains[owner] != domains[name]):
                found.append(topic)
    return found

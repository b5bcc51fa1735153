# SPDX-License-Identifier: Apache-2.0
"""What the whole graph in simulation must do, however it was started.

``system/test_graph.py`` runs these under the supervisor, ``launched/test_graph_launch.py`` under ``ros2 launch``.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Protocol

import pytest
from rclpy.node import NodeNameNonExistentError

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.commands.param import dumped
from turret_bringup.settings.configuration import check, compose, parse_layer
from turret_bringup.settings.graph import GRAPH
from turret_common import params
from turret_common.interface import ACTIONS, SERVICES, TOPICS
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import ControllerState, TurretStatus

#: The nodes of a simulation.
NODES = tuple(spec.name for spec in compose('turret', simulation=True).nodes)
SECTIONS = ('camera', 'vision', 'controller', 'gimbal', 'laser', 'safety')
#: Services that every node has.
OF_EVERY_NODE = {
    'describe_parameters', 'get_parameter_types', 'get_parameters', 'get_type_description', 'list_parameters',
    'save_parameters', 'set_parameters', 'set_parameters_atomically'}
#: Nodes that may die and return.
MORTAL = ('vision', 'camera', 'gimbal', 'controller', 'laser')


class RunningTurret(Protocol):
    """A turret that runs in the namespace ``turret``."""

    def kill(self, name: str) -> None:
        """Kill a node and wait until it has been started again."""


def wait_for_status(
        client: TurretClient, condition: Callable[[TurretStatus], bool], timeout_s: float = 30.0) -> TurretStatus:
    deadline = time.monotonic() + timeout_s
    for status in client.messages('status'):
        if condition(status):
            return status
        assert time.monotonic() < deadline, f'not within {timeout_s:g} s; the newest is {status}'
    raise AssertionError


def it_says_that_it_is_a_simulation(client: TurretClient) -> None:
    status = wait_for_status(client, lambda status: status.backend != TurretStatus.BACKEND_UNKNOWN)
    assert status.backend == TurretStatus.BACKEND_SIMULATION


def every_section_arrives_and_stays_fresh(client: TurretClient) -> None:
    wait_for_status(client, lambda status: all(getattr(status, f'{name}_age_s') < 1.0 for name in SECTIONS))


def the_status_beats_twice_a_second(client: TurretClient) -> None:
    arrivals, numbers = [], []
    for status in itertools.islice(client.messages('status'), 9):
        arrivals.append(time.monotonic())
        numbers.append(status.seq)
    assert numbers == list(range(numbers[0], numbers[0] + 9))
    assert (arrivals[-1] - arrivals[0]) / 8 == pytest.approx(0.5, abs=0.05)


def it_homes_and_follows_a_target(client: TurretClient) -> None:
    following = wait_for_status(
        client, lambda status: status.controller.tracking == ControllerState.TRACKING_FOLLOWING, 40.0)
    assert following.gimbal.pan.homed
    assert following.gimbal.tilt.homed
    assert following.controller.target_id


def the_graph_is_what_the_list_of_interfaces_says(client: TurretClient) -> None:
    """Every listed topic has its one publisher and its type, every service and action its node; there are no others."""
    nodes = set(NODES)

    def absolute(name: str) -> str:
        return name if name.startswith('/') else f'/turret/{name}'

    def publishers(topic: str) -> list[tuple[str, str]]:
        return [(end.node_name, end.topic_type) for end in client.node.get_publishers_info_by_topic(topic)]

    def services(node: str) -> list[tuple[str, list[str]]]:
        try:
            return list(client.node.get_service_names_and_types_by_node(node, '/turret'))
        except NodeNameNonExistentError:  # not discovered yet
            return []

    def offered() -> set[tuple[str, str, str]]:
        return {(node, service, types[0]) for node in nodes for service, types in services(node)}

    topics = {absolute(topic.name): [(topic.node, topic.type)] for topic in TOPICS if topic.node in nodes}
    wait_until(lambda: all(publishers(name) == owner for name, owner in topics.items()), 30.0, 'every topic')
    promised = {(entry.node, absolute(entry.name), entry.type) for entry in SERVICES if entry.node in nodes}
    promised |= {
        (action.node, f'{absolute(action.name)}/_action/{verb}', f'{action.type}_{kind}')
        for action in ACTIONS if action.node in nodes
        for verb, kind in (('send_goal', 'SendGoal'), ('get_result', 'GetResult'))}
    wait_until(lambda: promised <= offered(), 30.0, 'every service and action')
    assert not {
        entry for entry in offered() - promised
        if '/_action/' not in entry[1] and entry[1].rpartition('/')[2] not in OF_EVERY_NODE}
    known = set(topics) | {'/rosout', '/parameter_events', '/tf', '/tf_static'}
    ours = {
        topic for topic, _ in client.node.get_topic_names_and_types()
        if '/_action/' not in topic and any(name in nodes for name, _ in publishers(topic))}
    assert ours <= known


def a_dump_of_the_parameters_can_be_fed_back(client: TurretClient) -> None:
    wait_until(lambda: client.running(NODES) == list(NODES), 30.0, 'every node')
    values = {node: client.parameters(node) for node in NODES}
    text = ''.join(dumped(f'/turret/{node}', values[node]) for node in NODES)
    config = check([parse_layer(text, 'the dump')], 'turret', GRAPH)
    for node in NODES:
        for name, value in params.flatten(config.effective[node]).items():
            assert params.plain(value) == values[node][name], f'{node}.{name}'


def a_killed_node_ages_becomes_a_fault_and_returns(turret: RunningTurret, client: TurretClient, name: str) -> None:
    wait_for_status(client, lambda status: getattr(status, f'{name}_age_s') < 1.0)
    turret.kill(name)
    wait_for_status(client, lambda status: any(fault.node == name for fault in status.faults))
    wait_for_status(client, lambda status: not any(fault.node == name for fault in status.faults), 40.0)
    wait_for_status(client, lambda status: getattr(status, f'{name}_age_s') < 1.0)


#: Those that need nothing but a client, in the order in which a turret that has just been started does them.
SCENARIOS: tuple[Callable[[TurretClient], None], ...] = (
    it_says_that_it_is_a_simulation, every_section_arrives_and_stays_fresh, the_status_beats_twice_a_second,
    it_homes_and_follows_a_target, the_graph_is_what_the_list_of_interfaces_says,
    a_dump_of_the_parameters_can_be_fed_back)

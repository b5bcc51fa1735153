# SPDX-License-Identifier: Apache-2.0
"""The node ``plant``: the ground truth as a topic, the scenario as a parameter."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from rclpy.parameter import Parameter

from turret_common.errors import TurretError
from turret_common.plant_client import PlantLink, plant_socket
from turret_common.ros.qos import STREAM
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_control.plant_node import PlantNode
from turret_msgs.msg import SimGroundTruth


@pytest.fixture
def node(ros: RosHarness) -> PlantNode:
    return ros.add(PlantNode(context=ros.context, namespace='turret'))


@pytest.fixture
def link(node: PlantNode) -> Iterator[PlantLink]:
    link = PlantLink(plant_socket('turret'), timeout_s=2.0)
    yield link
    link.close()


def test_the_truth_comes_at_200_hz_while_a_person_listens(ros: RosHarness, node: PlantNode) -> None:
    samples = ros.collect(SimGroundTruth, 'sim/ground_truth', STREAM)

    def rate() -> float:
        return 50e9 / (samples[-1].monotonic_ns - samples[-51].monotonic_ns)

    wait_until(lambda: len(samples) > 50 and rate() == pytest.approx(200.0, rel=0.05))
    last = samples[-1]
    assert last.header.frame_id == 'base_link'
    stamp_ns = last.header.stamp.sec * 10**9 + last.header.stamp.nanosec
    assert stamp_ns - last.monotonic_ns == pytest.approx(time.time_ns() - time.monotonic_ns(), abs=20e6)
    assert [target.kind for target in last.targets] == ['balloon', 'cat', 'person']


def test_the_truth_shows_pins_and_power(ros: RosHarness, link: PlantLink) -> None:
    samples = ros.collect(SimGroundTruth, 'sim/ground_truth', STREAM)
    link.call('pin', name='laser', level=0.2)
    wait_until(lambda: samples and samples[-1].laser_pin)
    assert not samples[-1].indicator_pin
    assert not samples[-1].motors_enabled
    link.call('enable', on=True)
    link.call('pin', name='laser', level=0.0)
    wait_until(lambda: samples[-1].motors_enabled and not samples[-1].laser_pin)


def test_the_scenario_can_be_changed_while_it_runs(ros: RosHarness, node: PlantNode, link: PlantLink) -> None:
    def kinds() -> list[str]:
        return [target['kind'] for target in link.call('scene', t=time.monotonic_ns())['targets']]

    assert node.set_parameters([Parameter('scenario', value='crossing')])[0].successful
    assert kinds() == ['balloon', 'balloon']
    refusal = node.set_parameters([Parameter('scenario', value='nonsense')])[0]
    assert not refusal.successful
    assert 'nonsense' in refusal.reason
    assert kinds() == ['balloon', 'balloon']


def test_a_second_plant_is_refused(ros: RosHarness, node: PlantNode) -> None:
    with pytest.raises(TurretError, match='already runs'):
        PlantNode(context=ros.context, namespace='turret')

# SPDX-License-Identifier: Apache-2.0
"""ROS parameters: declared with unit and range, changed all or none, saved and loaded again."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParameters, SetParametersAtomically
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.parameter import Parameter

from turret_common.params import ParameterError, param
from turret_common.ros.params import ArmedGuard, RosParameters
from turret_common.ros.qos import STATE
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import LaserState
from turret_msgs.srv import SaveParameters


@dataclasses.dataclass(frozen=True)
class Example:
    gain: float = param(1.0, 'a gain', unit='1/s', minimum=0.0, maximum=10.0, live=True)
    lower: float = param(0.0, 'lower end', live=True)
    upper: float = param(1.0, 'upper end', live=True)
    device: str = param('none', 'a device')
    classes: tuple[str, ...] = param((), 'only these', live=True)

    def __post_init__(self) -> None:
        if self.lower >= self.upper:
            raise ValueError('lower must be below upper')


class ExampleNode(Node):
    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('example', **node_kwargs)
        self.changes: list[Example] = []
        self.parameters = RosParameters(self, Example, self.changes.append)


def build(ros: Any, **overrides: Any) -> Any:
    return ros.add(ExampleNode(
        context=ros.context, namespace='turret',
        parameter_overrides=[Parameter(name, value=value) for name, value in overrides.items()]))


def set_atomically(ros: Any, **values: Any) -> Any:
    request = SetParametersAtomically.Request(
        parameters=[Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])
    return ros.call(SetParametersAtomically, 'example/set_parameters_atomically', request).result


def test_overrides_are_checked_at_start(ros: Any) -> None:
    assert build(ros, gain=3.0, classes=['cat']).parameters.value == Example(gain=3.0, classes=('cat',))
    with pytest.raises(ParameterError):
        ExampleNode(context=ros.context, parameter_overrides=[Parameter('gain', value=30.0)])


def test_descriptors_carry_text_unit_range_and_read_only(ros: Any) -> None:
    build(ros)
    gain, device = ros.call(
        DescribeParameters, 'example/describe_parameters', DescribeParameters.Request(names=['gain', 'device']),
    ).descriptors
    assert gain.description == 'a gain [1/s]'
    assert (gain.floating_point_range[0].from_value, gain.floating_point_range[0].to_value) == (0.0, 10.0)
    assert not gain.read_only
    assert device.read_only


def test_changes_are_all_or_none_and_reach_the_node_once(ros: Any) -> None:
    node = build(ros)
    assert not set_atomically(ros, gain=2.0, lower=5.0).successful
    assert not set_atomically(ros, device='other').successful
    assert node.parameters.value == Example()
    assert set_atomically(ros, gain=2.0, lower=5.0, upper=6.0).successful
    assert node.changes == [Example(gain=2.0, lower=5.0, upper=6.0)]
    assert node.parameters.value is node.changes[-1]


def test_a_value_of_an_unknown_type_is_refused_and_does_not_end_the_node(ros: Any) -> None:
    node = build(ros)
    changes = [
        ParameterMessage(name='gain', value=ParameterValue(type=3, double_value=2.0)),
        ParameterMessage(name='gain', value=ParameterValue(type=99))]
    results = ros.call(
        SetParameters, 'example/set_parameters', SetParameters.Request(parameters=changes)).results
    assert [(result.successful, result.reason) for result in results] == [
        (False, 'gain: type 99 is not a type of parameters')] * 2
    result = ros.call(
        SetParametersAtomically, 'example/set_parameters_atomically',
        SetParametersAtomically.Request(parameters=changes)).result
    assert not result.successful
    assert node.parameters.value == Example()
    assert set_atomically(ros, gain=2.0).successful


def test_saved_live_values_are_used_at_the_next_start(ros: Any, own_state: Path) -> None:
    build(ros)
    assert set_atomically(ros, gain=2.5).successful
    answer = ros.call(SaveParameters, 'example/save_parameters', SaveParameters.Request())
    assert answer.success
    assert Path(answer.path) == own_state / 'turret' / 'turret' / 'parameters' / 'example.yaml'
    assert yaml.safe_load(Path(answer.path).read_text()) == {'/**/example': {'ros__parameters': {
        'gain': 2.5, 'lower': 0.0, 'upper': 1.0, 'classes': ['']}}}


class GuardedNode(Node):
    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('example', **node_kwargs)
        self.parameters = RosParameters(self, Example, guard=ArmedGuard(self, ('gain',)))


@pytest.mark.parametrize(('state', 'kept'), [
    (LaserState.STATE_OFF, False), (LaserState.STATE_FAULT, False), (LaserState.STATE_ARMING, True),
    (LaserState.STATE_ARMED, True), (LaserState.STATE_FIRING, True), (LaserState.STATE_COOLDOWN, True)])
def test_parameters_cannot_change_while_the_laser_is_armed(ros: Any, state: int, kept: bool) -> None:
    node = ros.add(GuardedNode(context=ros.context, namespace='turret'))
    assert set_atomically(ros, upper=1.5).successful, 'no laser is known'
    lasers = ros.probe.create_publisher(LaserState, 'laser/state', STATE)

    def publish(age_s: float = 0.0) -> None:
        message = LaserState(state=state)
        message.header.stamp = (ros.probe.get_clock().now() - Duration(seconds=age_s)).to_msg()
        lasers.publish(message)

    def result() -> Any:
        publish()
        answer = set_atomically(ros, upper=2.0, gain=2.0)
        return answer if answer.successful is not kept else None
    answer = wait_until(result)
    assert kept == ('disarm' in answer.reason)
    assert node.parameters.value.upper == (1.5 if kept else 2.0)
    assert set_atomically(ros, gain=3.0).successful
    if kept:
        with pytest.raises(ParameterError, match='disarm'):
            node.parameters.set({'lower': -1.0})
        publish(age_s=10.0)
        wait_until(lambda: set_atomically(ros, upper=2.0).successful, what='a laser that is gone keeps nothing')
    else:
        node.parameters.set({'lower': -1.0})

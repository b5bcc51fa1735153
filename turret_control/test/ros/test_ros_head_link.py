# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver ``ros`` with a controller node of another robot, imitated on real topics."""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from gimbal_rig import has_failed
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.ros.qos import COMMAND, STREAM
from turret_common.ros.time import seconds, stamp_from_ns, wall_stamp
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.ros.head import RosParameters
from turret_control.drivers.ros.head_link import RosHeadLink
from turret_control.drivers.ros_head import RosHeadDriver

STILL = stand_still(10.0)


class ImitatedController:
    """A node with the joints of a robot: it does what it is commanded and publishes its state at 100 Hz."""

    def __init__(self, ros: RosHarness, output: str) -> None:
        self.joints = {'gripper': 0.3, 'tilt_joint': 0.0, 'pan_joint': 0.0}
        self.rates = [0.0, 0.0]
        self.commands: list[Any] = []
        self.silent = False
        self.stamp: Any = None  # of all states from now on
        self._output = output
        self._states = ros.probe.create_publisher(JointState, 'head/joint_states', STREAM)
        kind = JointTrajectory if output == 'trajectory' else Float64MultiArray
        ros.probe.create_subscription(kind, 'head/commands', self._obey, COMMAND)
        self._then_s = time.monotonic()
        ros.probe.create_timer(0.01, self._publish)

    def _obey(self, message: Any) -> None:
        self.commands.append(message)
        if self._output == 'trajectory':
            for name, position in zip(message.joint_names, message.points[0].positions, strict=True):
                self.joints[name] = position
        elif self._output == 'position':
            self.joints['pan_joint'], self.joints['tilt_joint'] = message.data
        else:
            self.rates = list(message.data)

    def _publish(self) -> None:
        now_s = time.monotonic()
        for name, rate in zip(('pan_joint', 'tilt_joint'), self.rates, strict=True):
            self.joints[name] += rate * (now_s - self._then_s)
        self._then_s = now_s
        if self.silent:
            return
        message = JointState(name=list(self.joints), position=list(self.joints.values()))
        message.header.stamp = self.stamp or wall_stamp()
        self._states.publish(message)


@pytest.fixture(params=['trajectory', 'position', 'velocity'])
def rig(request: pytest.FixtureRequest, ros: RosHarness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros.domain_id))
    controller = ImitatedController(ros, request.param)
    driver = RosHeadDriver(
        RosParameters(output=request.param, command='head/commands', state_timeout_s=2.0), '/turret')
    driver.open()
    yield controller, driver
    driver.close()


def go(driver: RosHeadDriver, pan: float, tilt: float) -> bool:
    driver.command(
        AxisMotion(pan, 1.0, 10.0), AxisMotion(tilt, 1.0, 10.0), time.monotonic_ns() + 300_000_000)
    sample = driver.read()
    return abs(sample.pan.position - pan) < 0.01 and abs(sample.tilt.position - tilt) < 0.01


def test_the_head_of_another_node_is_guided_to_a_target(rig: tuple[ImitatedController, RosHeadDriver]) -> None:
    controller, driver = rig
    driver.enable(True)
    wait_until(lambda: go(driver, 0.4, -0.2))
    assert controller.joints['gripper'] == 0.3
    newest = controller.commands[-1]
    if isinstance(newest, JointTrajectory):
        assert newest.joint_names == ['pan_joint', 'tilt_joint']
        assert seconds(newest.points[0].time_from_start) == pytest.approx(0.05)


def test_an_order_that_is_not_renewed_ends_in_a_standstill(rig: tuple[ImitatedController, RosHeadDriver]) -> None:
    controller, driver = rig
    driver.enable(True)
    driver.command(AxisMotion(1.5, 0.5, 10.0), STILL, time.monotonic_ns() + 300_000_000)
    wait_until(lambda: driver.read().pan.position > 0.02)

    def resting() -> bool:
        before = controller.joints['pan_joint']
        time.sleep(0.1)
        return before > 0.02 and abs(controller.joints['pan_joint'] - before) < 1e-3

    wait_until(resting)
    assert controller.joints['pan_joint'] < 1.0


def test_a_head_that_falls_silent_is_stopped(rig: tuple[ImitatedController, RosHeadDriver]) -> None:
    controller, driver = rig
    driver.enable(True)
    driver.command(AxisMotion(1.5, 0.2, 10.0), STILL, 2**62)
    wait_until(lambda: controller.commands)
    controller.silent = True

    wait_until(lambda: has_failed(driver))
    wait_until(lambda: controller.rates == [0.0, 0.0])


def test_states_that_are_only_repeated_are_none(rig: tuple[ImitatedController, RosHeadDriver]) -> None:
    controller, driver = rig
    driver.enable(True)
    wait_until(lambda: go(driver, 0.1, 0.1))
    controller.stamp = wall_stamp()

    wait_until(lambda: has_failed(driver))


class Offset:
    """States with a stamp that is off."""

    def __init__(self, ros: RosHarness, offset_s: float, velocities: tuple[float, float] = (0.0, 0.0)) -> None:
        self._velocities = velocities
        self._states = ros.probe.create_publisher(JointState, 'head/joint_states', STREAM)
        self._offset_s = offset_s
        self.sent = 0
        ros.probe.create_timer(0.005, self._publish)

    def _publish(self) -> None:
        message = JointState(name=['pan_joint', 'tilt_joint'], position=[3.0, 3.0], velocity=self._velocities)
        message.header.stamp = stamp_from_ns(time.time_ns() + round(1e9 * self._offset_s))
        self._states.publish(message)
        self.sent += 1


@pytest.mark.parametrize('offset_s', [-30.0, 30.0, -3e8])
def test_states_that_were_delayed_or_recorded_do_not_count_beside_present_ones(
        ros: RosHarness, monkeypatch: pytest.MonkeyPatch, offset_s: float) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros.domain_id))
    ImitatedController(ros, 'position')
    driver = RosHeadDriver(
        RosParameters(output='position', command='head/commands', state_timeout_s=2.0), '/turret')
    driver.open()
    try:
        driver.enable(True)
        wait_until(lambda: go(driver, 0.1, 0.1))
        other = Offset(ros, offset_s)
        seen = []

        def enough() -> bool:
            seen.append(driver.read().pan.position)
            return other.sent > 200

        wait_until(enough)
        assert max(map(abs, seen)) < 0.5
    finally:
        driver.close()


def test_a_head_on_another_clock_is_followed(ros: RosHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros.domain_id))
    Offset(ros, -3e8)
    driver = RosHeadDriver(RosParameters(state_timeout_s=2.0), '/turret')
    driver.open()
    assert driver.read().pan.position == 3.0
    assert 0 <= time.monotonic_ns() - driver.read().t_ns < 2_000_000_000
    driver.close()


def test_velocities_that_are_published_are_taken(ros: RosHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros.domain_id))
    Offset(ros, 0.0, (0.25, -0.5))
    driver = RosHeadDriver(RosParameters(state_timeout_s=2.0), '/turret')
    driver.open()
    assert (driver.read().pan.velocity, driver.read().tilt.velocity) == (0.25, -0.5)
    driver.close()


def test_a_state_is_as_old_as_its_stamp(ros: RosHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros.domain_id))
    Offset(ros, -0.5)
    driver = RosHeadDriver(RosParameters(state_timeout_s=2.0), '/turret')
    driver.open()
    assert time.monotonic_ns() - driver.read().t_ns >= 500_000_000
    driver.close()


def test_nothing_is_left_of_the_connection(ros: RosHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros.domain_id))

    def threads() -> tuple[int, int]:
        return threading.active_count(), len(list(Path('/proc/self/task').iterdir()))

    before = threads()
    link = RosHeadLink(RosParameters(output='position'), '/turret')
    assert threads() > before
    wait_until(lambda: 'gimbal_head' in ros.probe.get_node_names())
    link.close()
    wait_until(lambda: threads() == before)
    wait_until(lambda: 'gimbal_head' not in ros.probe.get_node_names())


class ImitatedAction:
    """What rclpy's ActionClient does for a server that appears late."""

    made: ClassVar[ImitatedAction]

    def __init__(self, node: Any, kind: Any, name: str) -> None:
        self.name, self.kind = name, kind
        self.ready = False
        self.goals: list[Any] = []
        ImitatedAction.made = self

    def server_is_ready(self) -> bool:
        return self.ready

    def send_goal_async(self, goal: Any) -> None:
        self.goals.append(goal)


def test_a_goal_is_sent_to_the_action_of_a_head(ros: RosHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros.domain_id))
    follow = SimpleNamespace(Goal=SimpleNamespace)
    monkeypatch.setitem(sys.modules, 'control_msgs', SimpleNamespace())
    monkeypatch.setitem(sys.modules, 'control_msgs.action', SimpleNamespace(FollowJointTrajectory=follow))
    monkeypatch.setattr('rclpy.action.ActionClient', ImitatedAction)
    link = RosHeadLink(RosParameters(output='follow', command='head/follow'), '/turret')
    action = ImitatedAction.made
    assert (action.name, action.kind) == ('head/follow', follow)
    link.send((0.1, 0.2), (0.3, 0.4))
    assert action.goals == []
    action.ready = True
    link.send((0.1, 0.2), (0.3, 0.4))
    link.halt((0.5, 0.6))
    sent = [goal.trajectory for goal in action.goals]
    assert [list(trajectory.joint_names) for trajectory in sent] == 2 * [['pan_joint', 'tilt_joint']]
    assert [list(trajectory.points[0].positions) for trajectory in sent] == [[0.1, 0.2], [0.5, 0.6]]
    assert [list(trajectory.points[0].velocities) for trajectory in sent] == [[0.3, 0.4], [0.0, 0.0]]
    link.close()


@pytest.mark.skipif(importlib.util.find_spec('control_msgs') is not None, reason='control_msgs is installed')
def test_an_action_of_a_package_that_is_missing_is_refused_in_a_sentence() -> None:
    with pytest.raises(TurretError, match='needs the ROS package control_msgs') as refusal:
        RosHeadDriver(RosParameters(output='follow'), '/turret').open()
    assert refusal.value.code is ReasonCode.NOT_SUPPORTED

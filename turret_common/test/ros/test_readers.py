# SPDX-License-Identifier: Apache-2.0
"""Shared readers of messages: joint states by name, permits, stamps."""

import math
import time
from typing import Any

import pytest
from sensor_msgs.msg import JointState

from turret_common.permit import lease_digest
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_common.ros.joint_feed import JointFeed, PoseFeed, pose_of
from turret_common.ros.permit_feed import PermitFeed
from turret_common.ros.qos import PERMIT, STREAM
from turret_common.ros.time import (
    age_s,
    monotonic_ns,
    nanoseconds,
    seconds,
    stamp_from,
    stamp_from_ns,
    wall_ns,
    wall_stamp,
)
from turret_common.testing.ros_testing import RosHarness, signed
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import SafetyPermit

NAN = math.nan


def joints(name: list[str], position: list[float], velocity: list[float]) -> JointState:
    return JointState(name=name, position=position, velocity=velocity)


@pytest.mark.parametrize('message', [
    joints(['pan_joint', 'tilt_joint'], [1.0, 0.2], [3.0, 4.0]),
    joints(['tilt_joint', 'pan_joint'], [0.2, 1.0], [4.0, 3.0]),
    joints(['roll_joint', 'tilt_joint', 'pan_joint'], [9.0, 0.2, 1.0], [9.0, 4.0, 3.0])])
def test_a_pose_is_read_by_the_names_of_the_joints(message: JointState) -> None:
    assert pose_of(message) == Pose(1.0, 0.2, 3.0, 4.0)


def test_without_velocities_the_rates_are_not_known() -> None:
    pose = pose_of(joints(['tilt_joint', 'pan_joint'], [0.2, 1.0], []))
    assert pose is not None
    assert pose[:2] == (1.0, 0.2)
    assert math.isnan(pose.pan_rate)
    assert math.isnan(pose.tilt_rate)


@pytest.mark.parametrize('message', [
    joints([], [], []),
    joints(['pan_joint'], [1.0], [3.0]),
    joints(['pan_joint', 'tilt_joint'], [1.0], [3.0, 4.0]),
    joints(['pan_joint', 'tilt_joint'], [1.0, 0.2], [3.0]),
    joints(['pan_joint', 'tilt_joint'], [1.0, NAN], [3.0, 4.0]),
    joints(['pan_joint', 'tilt_joint'], [1.0, 0.2], [3.0, math.inf])])
def test_an_incomplete_message_has_no_pose(message: JointState) -> None:
    assert pose_of(message) is None


def test_poses_come_with_their_stamps_and_at_any_instant_between(ros: RosHarness) -> None:
    feed, history = JointFeed(ros.probe), PoseFeed(ros.probe)
    publisher = ros.probe.create_publisher(JointState, 'joint_states', STREAM)
    wait_until(lambda: publisher.get_subscription_count() == 2, what='two subscriptions')
    for stamp, pan in ((10.0, 0.0), (10.5, NAN), (11.0, 1.0)):
        message = joints(['tilt_joint', 'pan_joint'], [0.2, pan], [0.0, 1.0])
        message.header.stamp = stamp_from(stamp)
        publisher.publish(message)
    taken: list[Any] = []
    wait_until(lambda: taken.extend(feed.take()) or len(taken) == 2, what='two poses')
    assert taken == [(10.0, Pose(0.0, 0.2, 1.0, 0.0)), (11.0, Pose(1.0, 0.2, 1.0, 0.0))]
    pose = history.at(10.75, 10.0)
    assert pose is not None
    assert pose.pan == pytest.approx(0.75)
    assert history.at(9.0, 0.0) is None


def test_permits_reach_the_monitor(ros: RosHarness) -> None:
    feed = PermitFeed(ros.probe)
    publisher = ros.probe.create_publisher(SafetyPermit, 'safety/permit', PERMIT)
    wait_until(publisher.get_subscription_count, what='a subscription')
    assert feed.update().newest is None
    now_ns = time.monotonic_ns()
    publisher.publish(SafetyPermit(epoch=9, seq=9, monotonic_ns=now_ns, motion_ok=True, mac='forged'))
    publisher.publish(signed(SafetyPermit(
        epoch=1, seq=2, monotonic_ns=now_ns, laser_ok=False, motion_ok=True, lease_digest=lease_digest('id'),
        reasons=[int(ReasonCode.NOT_ARMED)], stop_count=3, estop_count=1)))
    permit = wait_until(lambda: feed.update().newest, what='a permit')
    assert tuple(permit) == (1, 2, now_ns, False, True, lease_digest('id'), (int(ReasonCode.NOT_ARMED),), 3, 1)
    assert feed.monitor.motion_ok(now_ns)
    assert not feed.monitor.laser_ok(now_ns)


@pytest.mark.parametrize('value', [0, 1, 1_700_000_000_123_456_789])
def test_stamps_keep_every_nanosecond(value: int) -> None:
    stamp = stamp_from_ns(value)
    assert nanoseconds(stamp) == value
    assert seconds(stamp) == pytest.approx(1e-9 * value)
    assert nanoseconds(stamp_from(1.25)) == 1_250_000_000


def test_ages_and_clocks(ros: RosHarness) -> None:
    assert 0.0 <= age_s(ros.probe, wall_stamp()) < 60.0
    assert age_s(ros.probe, stamp_from(time.time() + 100.0)) < 0.0
    now_ns = time.monotonic_ns()
    assert abs(monotonic_ns(wall_ns(now_ns)) - now_ns) < 1_000_000_000
    assert abs(wall_ns(now_ns) - time.time_ns()) < 60_000_000_000

# SPDX-License-Identifier: Apache-2.0
"""Profiles made from the interface's list, and profiles that follow the publishers."""

import functools

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Int32

from turret_common.interface import QOS
from turret_common.ros import qos
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until

LATCHED, RELIABLE, LOSSY = qos.STATE, qos.COMMAND, qos.PERMIT


@pytest.mark.parametrize('name', QOS)
def test_a_profile_is_what_the_interface_documents(name: str) -> None:
    profile: QoSProfile = getattr(qos, name)
    words = (f'{profile.reliability.name}, {profile.durability.name}, depth {profile.depth}'.lower().replace('_', ' '))
    assert words == QOS[name].words


@pytest.mark.parametrize(('offered', 'reliable', 'latched'), [
    ([], False, False), ([LATCHED], True, True), ([LATCHED, RELIABLE], True, False),
    ([LATCHED, RELIABLE, LOSSY], False, False), ([LOSSY], False, False)])
def test_a_suiting_profile_matches_every_publisher(offered: list[QoSProfile], reliable: bool, latched: bool) -> None:
    profile = qos.suiting(offered, 7)
    assert (profile.reliability == ReliabilityPolicy.RELIABLE) is reliable
    assert (profile.durability == DurabilityPolicy.TRANSIENT_LOCAL) is latched
    assert profile.depth == 7


def test_the_profile_follows_the_publishers_and_stays_when_they_leave(ros: RosHarness) -> None:
    followed = qos.FollowedQos(ros.probe, '/turret/numbers', functools.partial(qos.suiting, depth=3))
    assert not followed.review()
    assert not followed.latched
    first = ros.probe.create_publisher(Int32, 'numbers', LATCHED)
    wait_until(followed.review, what='a first publisher')
    assert followed.latched
    assert not followed.review()
    second = ros.probe.create_publisher(Int32, 'numbers', LOSSY)
    wait_until(followed.review, what='a second publisher')
    assert followed.qos == qos.suiting([LATCHED, LOSSY], 3)
    assert len(followed.publishers) == 2
    for publisher in (first, second):
        ros.probe.destroy_publisher(publisher)
    wait_until(lambda: not ros.probe.count_publishers('/turret/numbers'), what='the end of both')
    assert not followed.review()

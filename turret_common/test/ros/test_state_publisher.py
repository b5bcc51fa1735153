# SPDX-License-Identifier: Apache-2.0
"""A state is published on change and at a steady rate, stamped, with the time of the start."""

import time
from typing import Any

from turret_common.ros.qos import STATE
from turret_common.ros.state_publisher import StatePublisher
from turret_common.ros.time import seconds
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import GimbalState

LONG_S = 1000.0


def make() -> GimbalState:
    return GimbalState(driver='x')


def test_a_message_on_change_or_request_and_none_between(ros: RosHarness) -> None:
    states = StatePublisher(ros.probe, GimbalState, 'gimbal/state', LONG_S)
    assert [states.update(key, make) for key in ('a', 'a', 'b', 'b', 'a')] == [True, False, True, False, True]
    states.request()
    assert states.remaining_s() == 0.0
    assert [states.update('a', make) for _ in range(2)] == [True, False]
    assert 0.0 < states.remaining_s() <= LONG_S


def test_the_steady_rate_is_kept_and_not_shifted_by_changes(ros: RosHarness) -> None:
    period_s = 0.05
    states = StatePublisher(ros.probe, GimbalState, 'gimbal/state', period_s)
    began, published = time.monotonic(), 0
    while time.monotonic() < began + 20 * period_s:
        published += states.update('steady', make)
        time.sleep(0.001)
    assert 10 <= published <= 21
    before = states.remaining_s()
    assert states.update('changed', make) or before <= 0.0
    assert states.remaining_s() <= max(before, period_s)


def test_changes_are_published_no_more_often_than_allowed(ros: RosHarness) -> None:
    states = StatePublisher(ros.probe, GimbalState, 'gimbal/state', LONG_S, min_interval_s=LONG_S)
    assert [states.update(key, make) for key in range(5)] == [True, False, False, False, False]


def test_messages_are_latched_and_stamped(ros: RosHarness) -> None:
    states = StatePublisher(ros.probe, GimbalState, 'gimbal/state', LONG_S)
    states.update(0, make)
    states.update(1, make)
    received: list[Any] = ros.collect(GimbalState, 'gimbal/state', STATE)
    message = wait_until(lambda: received, what='a state')[0]
    assert message.driver == 'x'
    assert 0.0 <= time.time() - seconds(message.header.stamp) < 60.0
    assert seconds(message.started) <= seconds(message.header.stamp)

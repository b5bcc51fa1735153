"""A thread that waits for a subscription gets the newest message, knows what it missed, and can be woken."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from std_msgs.msg import Int32

from turret_common.ros.polled_subscription import AwaitedSubscription, PolledSubscription
from turret_common.ros.qos import IMAGE_IN, IMAGE_OUT
from turret_common.testing.ros_testing import RosHarness, ros_harness, wait_until

LONG_S = 30.0


@pytest.fixture
def ros() -> Iterator[RosHarness]:
    with ros_harness() as harness:
        yield harness


@pytest.fixture
def numbers(ros: RosHarness) -> Iterator[Any]:
    subscription = AwaitedSubscription(ros.probe, Int32, 'numbers', IMAGE_IN)
    yield subscription
    subscription.close()


def publisher(ros: RosHarness) -> Any:
    made = ros.probe.create_publisher(Int32, 'numbers', IMAGE_OUT)
    wait_until(made.get_subscription_count, what='a subscription')
    return made


def test_the_newest_is_given_and_the_others_are_counted(ros: RosHarness, numbers: Any) -> None:
    sender = publisher(ros)
    sender.publish(Int32(data=0))
    assert numbers.newest(LONG_S).data == 0
    for number in range(1, 6):
        sender.publish(Int32(data=number))
    wait_until(lambda: (message := numbers.newest(0.1)) and message.data == 5, what='the newest')
    assert numbers.missed == 4
    assert numbers.newest(0.0) is None


def test_a_publisher_that_begins_anew_is_not_counted_as_a_loss(ros: RosHarness, numbers: Any) -> None:
    first = publisher(ros)
    for number in range(3):
        first.publish(Int32(data=number))
        assert numbers.newest(LONG_S).data == number
    ros.probe.destroy_publisher(first)
    wait_until(lambda: not ros.probe.count_publishers('numbers'), what='the end of the publisher')
    publisher(ros).publish(Int32(data=7))
    assert numbers.newest(LONG_S).data == 7
    assert numbers.missed == 0


@pytest.mark.parametrize('how', ['wake', 'shutdown'])
def test_waiting_ends_when_it_shall(ros: RosHarness, numbers: Any, how: str) -> None:
    given: list[Any] = []
    waiting = threading.Thread(target=lambda: given.append(numbers.newest(LONG_S)))
    began = time.monotonic()
    waiting.start()
    if how == 'wake':
        numbers.wake()
    else:
        rclpy.shutdown(context=ros.context)
    waiting.join(LONG_S)
    assert given == [None]
    assert time.monotonic() - began < LONG_S


def test_a_message_of_another_subscription_ends_the_waiting_too(ros: RosHarness, numbers: Any) -> None:
    other = PolledSubscription(ros.probe, Int32, 'others', IMAGE_IN)
    sender = ros.probe.create_publisher(Int32, 'others', IMAGE_OUT)
    wait_until(sender.get_subscription_count, what='a subscription')
    assert not numbers.wait(0.0, other)
    sender.publish(Int32(data=3))
    assert numbers.wait(LONG_S, other)
    assert [message.data for message in other.take()] == [3]
    assert numbers.newest(0.0) is None

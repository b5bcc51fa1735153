# SPDX-License-Identifier: Apache-2.0
"""Subscriptions read by a thread: newest message, missed messages, waiting and waking."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from rclpy.serialization import serialize_message
from std_msgs.msg import Int32

from turret_common.ros.internals import WaitSet
from turret_common.ros.qos import IMAGE_OUT, NEWEST
from turret_common.ros.subscriptions import AwaitedSubscription, PolledSubscription
from turret_common.testing.ros_testing import RosHarness, ros_harness
from turret_common.testing.waiting import wait_until

LONG_S = 30.0


@pytest.fixture
def ros() -> Iterator[RosHarness]:
    with ros_harness() as harness:
        yield harness


@pytest.fixture
def numbers(ros: RosHarness) -> Iterator[Any]:
    subscription = AwaitedSubscription(ros.probe, Int32, 'numbers', NEWEST)
    yield subscription
    subscription.close()


def publisher(ros: RosHarness) -> Any:
    made = ros.probe.create_publisher(Int32, 'numbers', IMAGE_OUT)
    wait_until(made.get_subscription_count, what='a subscription')
    return made


def test_newest_skips_and_counts_the_others(ros: RosHarness, numbers: Any) -> None:
    sender = publisher(ros)
    sender.publish(Int32(data=0))
    assert numbers.newest(LONG_S).data == 0
    for number in range(1, 6):
        sender.publish(Int32(data=number))
    wait_until(lambda: (message := numbers.newest(0.1)) and message.data == 5, what='the newest')
    assert numbers.missed == 4
    assert numbers.newest(0.0) is None


def test_a_restarted_publisher_is_not_counted_as_a_loss(ros: RosHarness, numbers: Any) -> None:
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
def test_wake_and_shutdown_end_the_waiting(ros: RosHarness, numbers: Any, how: str) -> None:
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
    other: PolledSubscription[Int32] = PolledSubscription(ros.probe, Int32, 'others', NEWEST)
    both: AwaitedSubscription[Int32] = AwaitedSubscription(ros.probe, Int32, 'numbers', NEWEST, other)
    sender = ros.probe.create_publisher(Int32, 'others', IMAGE_OUT)
    wait_until(sender.get_subscription_count, what='a subscription')
    assert not both.wait(0.0)
    sender.publish(Int32(data=3))
    assert both.wait(LONG_S)
    assert [message.data for message in other.take()] == [3]
    assert both.newest(0.0) is None
    both.close()


def test_a_serialized_message_comes_with_its_times_and_number(ros: RosHarness) -> None:
    raw: PolledSubscription[Any] = PolledSubscription(ros.probe, Int32, 'numbers', NEWEST, raw=True)
    sender = publisher(ros)
    began_ns = time.time_ns()
    sender.publish(Int32(data=3))
    taken: list[Any] = []
    wait_until(lambda: taken.extend(raw.take_with_info()) or taken, what='a message')
    data, info = taken[0]
    assert data == serialize_message(Int32(data=3))
    assert began_ns <= info.published_ns <= info.received_ns + 1_000_000_000
    assert info.sequence == 1
    raw.destroy()
    wait_until(lambda: not sender.get_subscription_count(), what='the end of the subscription')


def test_a_wait_set_follows_changes_of_what_it_watches(ros: RosHarness) -> None:
    first, second = (PolledSubscription(ros.probe, Int32, name, NEWEST).subscription for name in ('a', 'b'))
    senders = [ros.probe.create_publisher(Int32, name, IMAGE_OUT) for name in ('a', 'b')]
    for sender in senders:
        wait_until(sender.get_subscription_count, what='a subscription')
    wait_set = WaitSet(ros.probe, [first])
    senders[1].publish(Int32(data=1))
    assert wait_set.wait(0.1) == []
    wait_set.watch([first, second])
    wait_until(lambda: wait_set.wait(0.1) == [second], what='the second')
    senders[0].publish(Int32(data=2))
    wait_until(lambda: wait_set.wait(0.1) == [first, second], what='both')
    ros.probe.destroy_subscription(second)
    wait_set.watch([first])
    wait_until(lambda: wait_set.wait(0.1) == [first], what='the first alone')
    wait_set.close()

"""Subscriptions that a fixed-rate loop reads itself.

A callback through an executor costs about 0.3 ms of CPU, taking a message costs a tenth of it. A loop that runs in a
thread of its own therefore reads its inputs at each turn, and the executor never wakes up for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile

MessageT = TypeVar('MessageT')


class _NeverExecuted(CallbackGroup):
    """Keeps its members out of every executor."""

    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False

    def ending_execution(self, entity: Any) -> None:
        pass


class PolledSubscription(Generic[MessageT]):
    """A subscription without a callback. Read it from one thread only."""

    def __init__(self, node: Node, message_type: type[MessageT], topic: str, qos: QoSProfile) -> None:
        self._subscription = node.create_subscription(
            message_type, topic, _ignore, qos, callback_group=_NeverExecuted())

    def take(self) -> Iterator[MessageT]:
        """Give the messages that have arrived since the last call, oldest first."""
        subscription = self._subscription
        with subscription.handle:
            while (taken := subscription.handle.take_message(subscription.msg_type, subscription.raw)) is not None:
                yield taken[0]


def _ignore(_: Any) -> None:
    """Stand in for the callback that rclpy asks for."""

"""Subscriptions that a thread reads itself.

A callback through an executor costs about 0.3 ms of CPU, taking a message costs a tenth of it. A loop at a fixed rate
therefore reads its inputs at each turn, a thread that works on every message waits for it, and the executor never wakes
up for either.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from rclpy.callback_groups import CallbackGroup
from rclpy.exceptions import InvalidHandle
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import SubscriptionEventCallbacks

MessageT = TypeVar('MessageT')


class TakenByHand(CallbackGroup):
    """The callback group of subscriptions that an executor must leave alone."""

    def add_entity(self, entity: Any) -> None:
        """Keep nothing: rclpy would never forget it."""

    def can_execute(self, entity: Any) -> bool:
        """Keep the executor away."""
        return False


class PolledSubscription(Generic[MessageT]):
    """A subscription without a callback. Read it from one thread only."""

    def __init__(
            self, node: Node, message_type: type[MessageT], topic: str, qos: QoSProfile, *, raw: bool = False) -> None:
        """Subscribe; ``raw`` gives messages as they are serialized."""
        self._subscription = node.create_subscription(
            message_type, topic, _ignore, qos, callback_group=TakenByHand(), raw=raw,
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False))

    def take(self) -> Iterator[MessageT]:
        """Give the messages that have arrived since the last call, oldest first."""
        for message, _ in self._taken():
            yield message

    def _taken(self) -> Iterator[tuple[MessageT, Any]]:
        subscription = self._subscription
        with subscription.handle:
            while (taken := subscription.handle.take_message(subscription.msg_type, subscription.raw)) is not None:
                yield taken


class AwaitedSubscription(PolledSubscription[MessageT]):
    """A subscription that its thread also waits for.

    Attributes:
        missed: how many messages of the publisher :meth:`newest` never gave, because newer ones had come.
    """

    def __init__(self, node: Node, message_type: type[MessageT], topic: str, qos: QoSProfile) -> None:
        super().__init__(node, message_type, topic, qos)
        self.missed = 0
        self._sequence = 0
        self._context = node.context.handle
        self._guard = GuardCondition(None, None, context=node.context)
        self._wait_set = rclpy_implementation.WaitSet(2, 1, 0, 0, 0, 0, self._context)
        node.context.on_shutdown(self.wake)

    def wait(self, timeout_s: float, other: PolledSubscription[Any] | None = None) -> bool:
        """Wait for a message, here or of another subscription; from one thread only.

        Returns:
            False after the time-out, a :meth:`wake`, or when the context ends.
        """
        own, wait_set = self._subscription.handle, self._wait_set
        beside = other._subscription.handle if other is not None else own
        # A shutdown of the context ends the waiting with an error.
        with contextlib.suppress(InvalidHandle, rclpy_implementation.RCLError), \
                self._context, self._guard.handle, own, beside:
            wait_set.clear_entities()
            wait_set.add_guard_condition(self._guard.handle)
            wait_set.add_subscription(own)
            if beside is not own:
                wait_set.add_subscription(beside)
            wait_set.wait(round(1e9 * timeout_s))
            return bool(wait_set.get_ready_entities('subscription'))
        return False

    def newest(self, timeout_s: float) -> MessageT | None:
        """Wait for a message and give the newest; None where :meth:`wait` says False."""
        newest: MessageT | None = None
        if self.wait(timeout_s):
            for message, info in self._taken():
                newest = message
                sequence = info['publication_sequence_number'] or 0
                self.missed += max(0, sequence - self._sequence - 1) if self._sequence else 0
                self._sequence = sequence
        return newest

    def wake(self) -> None:
        """End the waiting, from any thread."""
        with contextlib.suppress(InvalidHandle):  # closed
            self._guard.trigger()

    def close(self) -> None:
        """Free what the waiting needs; nobody may wait any more."""
        self._wait_set.destroy_when_not_in_use()
        self._guard.destroy()


def _ignore(_: Any) -> None:
    """Stand in for the callback that rclpy asks for."""

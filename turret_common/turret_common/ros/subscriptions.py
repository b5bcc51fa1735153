# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that a thread reads itself, without callbacks: polled, awaited, serialized.

A callback through an executor costs about 0.3 ms of CPU time, taking a message a tenth of it. A loop at a fixed rate
therefore polls its inputs in each cycle, a thread that works on every message waits for it, and the executor is not
woken by either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription, SubscriptionEventCallbacks

from turret_common.ros import internals

MessageT = TypeVar('MessageT')


class MessageInfo(NamedTuple):
    """What the middleware knows of a received message.

    Attributes:
        published_ns: when it was published, wall clock.
        received_ns: when it was received, wall clock.
        sequence: its number among the messages of its publisher; None where the middleware has none.
    """

    published_ns: int
    received_ns: int
    sequence: int | None


class PolledSubscription(Generic[MessageT]):
    """A subscription without a callback. Read it from one thread only.

    Attributes:
        subscription: of rclpy, for :class:`turret_common.ros.internals.WaitSet`.
    """

    def __init__(
            self, node: Node, message_type: type[MessageT], topic: str, qos: QoSProfile, *, raw: bool = False) -> None:
        """Subscribe.

        Args:
            node: the subscriber.
            message_type: message class.
            topic: name, absolute or relative to the node's namespace.
            qos: requested quality of service.
            raw: give serialized messages (bytes); annotate such a subscription as ``PolledSubscription[Any]``.
        """
        self._node = node
        self.subscription = node.create_subscription(
            message_type, topic, _ignore, qos, callback_group=internals.UnspunGroup(), raw=raw,
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False))

    def take(self) -> Iterator[MessageT]:
        """Give the messages that have arrived since the last call, oldest first."""
        for message, _ in internals.take(self.subscription):
            yield message

    def take_with_info(self) -> Iterator[tuple[MessageT, MessageInfo]]:
        """Give the messages that have arrived since the last call, oldest first, each with its times and number."""
        for message, info in internals.take(self.subscription):
            yield message, MessageInfo(
                info['source_timestamp'], info['received_timestamp'], info['publication_sequence_number'])

    @property
    def matched(self) -> int:
        """Number of publishers that it receives messages from: not of those with incompatible quality of service."""
        return internals.matched_publishers(self.subscription)

    def destroy(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self.subscription)


class AwaitedSubscription(PolledSubscription[MessageT]):
    """A subscription whose thread also waits for messages.

    Attributes:
        missed: number of messages that :meth:`newest` skipped because newer ones had arrived. Exact with one publisher.
    """

    def __init__(
            self, node: Node, message_type: type[MessageT], topic: str, qos: QoSProfile, *also: PolledSubscription[Any],
            raw: bool = False) -> None:
        """Subscribe; :meth:`wait` then ends on messages of ``also`` too."""
        super().__init__(node, message_type, topic, qos, raw=raw)
        self.missed = 0
        self._sequence = 0
        self._wait_set: internals.WaitSet[Subscription] = internals.WaitSet(
            node, [self.subscription, *(other.subscription for other in also)])

    def wait(self, timeout_s: float) -> bool:
        """Wait for a message, from one thread only.

        Returns:
            False after the time-out, after :meth:`wake`, or when the context is shut down.
        """
        return bool(self._wait_set.wait(timeout_s))

    def newest(self, timeout_s: float) -> MessageT | None:
        """Wait for a message and return the newest; None where :meth:`wait` returns False."""
        newest: MessageT | None = None
        if self.wait(timeout_s):
            for message, info in self.take_with_info():
                newest, sequence = message, info.sequence or 0
                self.missed += max(0, sequence - self._sequence - 1) if self._sequence else 0
                self._sequence = sequence
        return newest

    def wake(self) -> None:
        """End the waiting, from any thread."""
        self._wait_set.wake()

    def close(self) -> None:
        """Free what the waiting needs. No thread may wait after this."""
        self._wait_set.close()


def _ignore(_: Any) -> None:
    """Stand in for the callback that rclpy requires."""

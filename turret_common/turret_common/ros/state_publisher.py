# SPDX-License-Identifier: Apache-2.0
"""Publication of a node's state message: on change, and at a steady rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock
from rclpy.node import Node

from turret_common.ros.qos import STATE


class StatePublisher:
    """Publishes a state message when its key changes and once per period. It fills ``header.stamp`` and ``started``.

    Call :meth:`update` from one thread; :meth:`request` may be called from any.
    """

    def __init__(
            self, node: Node, message_type: type[Any], topic: str, period_s: float, *, min_interval_s: float = 0.0,
            clock: Clock | None = None) -> None:
        """Create the publisher (QoS ``STATE``).

        Args:
            node: the publishing node.
            message_type: a message with ``header`` and ``started``.
            topic: such as ``gimbal/state``.
            period_s: between messages while nothing changes.
            min_interval_s: between messages while the key changes all the time.
            clock: of the stamps; default: the node's.
        """
        self._clock = clock or node.get_clock()
        self._publisher = node.create_publisher(message_type, topic, STATE)
        self._started = self._clock.now().to_msg()
        self._period_s, self._min_interval_s = period_s, min_interval_s
        self._key: Any = None
        self._requested = True
        self._due = self._published = float('-inf')

    def request(self) -> None:
        """Publish at the next :meth:`update`, whatever its key."""
        self._requested = True

    def remaining_s(self) -> float:
        """Return the time until the next steady message is due; not positive when it is due."""
        return 0.0 if self._requested else self._due - time.monotonic()

    def update(self, key: Any, make: Callable[[], Any]) -> bool:
        """Publish ``make()`` if it is due or the key differs from the published one; return whether it was published.

        The key must not contain NaN, which differs from itself.
        """
        now = time.monotonic()
        changed = self._requested or key != self._key
        if now < self._due and not (changed and now - self._published >= self._min_interval_s):
            return False
        self._requested = False  # before make(): a later request refers to a later state
        message = make()
        message.started, message.header.stamp = self._started, self._clock.now().to_msg()
        self._publisher.publish(message)
        self._key, self._published = key, now
        if now >= self._due:  # a message on change does not shift the steady ones
            next_due = self._due + self._period_s
            self._due = next_due if next_due > now else now + self._period_s
        return True

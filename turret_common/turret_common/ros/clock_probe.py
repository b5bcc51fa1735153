# SPDX-License-Identifier: Apache-2.0
"""Measurement of the offset between this host's clock and that of a node on another host."""

from __future__ import annotations

import time
from typing import Any

from rclpy.node import Node
from rclpy.task import Future

from turret_common.ros.time import nanoseconds
from turret_common.threads.clock_offset import ClockMeasurement, ClockOffset
from turret_msgs.srv import GetTime

_PERIOD_S = 0.5
#: An unanswered request is dropped after this time, and a measurement is shown this long after the newest answer [s].
_ANSWER_S = 2.0
_SHOWN_S = 10.0


class ClockProbe:
    """Requests the time of another node regularly. It needs an executor that spins ``node``."""

    def __init__(self, node: Node, service: str) -> None:
        """Start.

        Args:
            node: of this host.
            service: of type ``GetTime`` on the other host.
        """
        self._offset = ClockOffset()
        self._answered = -_SHOWN_S
        self._pending: Future | None = None
        self._requested = 0.0
        self._client = node.create_client(GetTime, service)
        node.create_timer(_PERIOD_S, self._request)

    def newest(self) -> ClockMeasurement | None:
        """Return the estimate; None while the other node does not answer."""
        return self._offset.estimate if time.monotonic() - self._answered < _SHOWN_S else None

    def _request(self) -> None:
        if self._pending is not None and not self._pending.done():
            if time.monotonic() - self._requested < _ANSWER_S:
                return
            self._client.remove_pending_request(self._pending)
        if not self._client.service_is_ready():
            return
        sent_ns, self._requested = time.time_ns(), time.monotonic()

        def take(answer: Any) -> None:
            response = answer.result()
            if response is not None:
                self._offset.add(sent_ns, nanoseconds(response.stamp), time.time_ns())
                self._answered = time.monotonic()

        self._pending = self._client.call_async(GetTime.Request())
        self._pending.add_done_callback(take)

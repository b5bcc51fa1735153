# SPDX-License-Identifier: Apache-2.0
"""Latest message of a topic, for callers that poll instead of subscribing."""

from __future__ import annotations

import asyncio

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.gateway.gateway import Feed, Gateway
from turret_web.names import InterfaceType, RosName

#: A topic that was not requested for this time is unsubscribed [s].
_LINGER_S = 10.0


class LatestMessage:
    """Keeps the latest message of one topic while it is requested, so that only the first request has to wait."""

    def __init__(self, gateway: Gateway, topic: RosName, type_name: InterfaceType, max_age_s: float) -> None:
        """Create it without subscribing.

        Args:
            gateway: access to ROS.
            topic: absolute name.
            type_name: type of its messages.
            max_age_s: maximum age of a message that is returned [s].
        """
        self._gateway = gateway
        self._topic = topic
        self._type = type_name
        self._max_age_s = max_age_s
        self._loop = asyncio.get_running_loop()
        self._message = b''
        self._arrived_s = -max_age_s
        self._next: asyncio.Future[None] = self._loop.create_future()
        self._feed: Feed | None = None
        self._lock = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def get(self, timeout_s: float) -> bytes:
        """Return the latest message, or wait for the next one.

        Raises:
            TurretError: TIMED_OUT, no message arrived in time.
        """
        if self._idle is not None:
            self._idle.cancel()
        self._idle = self._loop.call_later(_LINGER_S, lambda: self._loop.create_task(self.close()))
        async with self._lock:
            if self._feed is None:
                self._feed = await self._gateway.subscribe(self._topic, self._type, self._deliver)
        if self._loop.time() - self._arrived_s > self._max_age_s:
            try:
                await asyncio.wait_for(asyncio.shield(self._next), timeout_s)
            except asyncio.TimeoutError:
                raise TurretError(
                    ReasonCode.TIMED_OUT, f'no message arrived on {self._topic} within {timeout_s:g} s') from None
        return self._message

    async def close(self) -> None:
        """Unsubscribe."""
        if self._idle is not None:
            self._idle.cancel()
        async with self._lock:
            feed, self._feed = self._feed, None
            self._arrived_s = -self._max_age_s
            if feed is not None:
                await feed.close()

    def _deliver(self, data: bytes) -> None:
        self._message = data
        self._arrived_s = self._loop.time()
        arrived, self._next = self._next, self._loop.create_future()
        arrived.set_result(None)

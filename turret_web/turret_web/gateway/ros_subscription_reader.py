# SPDX-License-Identifier: Apache-2.0
"""Reader of serialized messages of many subscriptions with little CPU time per message.

An rclpy executor rebuilds its wait set and wraps each message in a task: about 0.3 ms per message. The reader keeps its
wait set while the subscriptions stay the same and takes the waiting messages when it wakes: about 0.03 ms per message
under load. It takes no more than fit into the path to the loop; the others wait in the middleware, which drops the
oldest.
"""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import suppress
from typing import Any

from rclpy.exceptions import InvalidHandle
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from turret_common.ros.internals import WaitSet
from turret_common.ros.subscriptions import PolledSubscription
from turret_web.gateway.loop_queue import MessageInlet

#: Maximum messages taken from one subscription before the next one is served.
_BATCH = 50
#: If the next message arrives sooner than this [s], the reader waits as long to collect messages: a wake-up costs more
#: than taking a message, and the loop needs CPU time.
_FLOOD_S = 0.001

Raw = PolledSubscription[Any]


class SubscriptionReader:
    """Reads the raw subscriptions of one node on its own thread."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._wait_set: WaitSet[Subscription] = WaitSet(node)
        self._served: dict[Any, tuple[Raw, MessageInlet]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name='ros-reader', daemon=True)
        self._thread.start()

    def subscribe(self, cls: Any, topic: str, qos: QoSProfile, inlet: MessageInlet) -> Raw:
        """Create a subscription and return it; ``inlet`` gets each serialized message on the reader's thread."""
        polled: Raw = PolledSubscription(self._node, cls, topic, qos, raw=True)
        with self._lock:
            self._served = {**self._served, polled.subscription: (polled, inlet)}
            self._wait_set.watch(list(self._served))
        return polled

    def unsubscribe(self, polled: Raw) -> None:
        """Destroy a subscription."""
        with self._lock:
            self._served = {key: served for key, served in self._served.items() if served[0] is not polled}
            self._wait_set.watch(list(self._served))
        polled.destroy()

    def close(self) -> None:
        """Stop the thread. The node destroys the subscriptions."""
        self._closed = True
        self._wait_set.wake()
        self._thread.join(2.0)
        if not self._thread.is_alive():
            self._wait_set.close()

    def _run(self) -> None:
        while not self._closed and self._node.context.ok():
            began = time.monotonic()
            ready = self._wait_set.wait()
            if time.monotonic() - began < _FLOOD_S:
                time.sleep(_FLOOD_S)
            served = self._served
            for subscription in ready:
                if subscription in served:
                    polled, inlet = served[subscription]
                    with suppress(InvalidHandle):  # destroyed meanwhile
                        for data in itertools.islice(polled.take(), min(_BATCH, inlet.room)):
                            inlet.put(data)

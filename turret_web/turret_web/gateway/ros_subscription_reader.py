"""Reader of serialized messages of many subscriptions with little CPU time per message.

An rclpy executor rebuilds its wait set and wraps each message in a task: about 0.3 ms per message. The reader keeps its
wait set while the subscriptions stay the same and takes all waiting messages when it wakes: about 0.03 ms per message
under load. It waits on the same handles as the executors of rclpy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from rclpy.exceptions import InvalidHandle
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import SubscriptionEventCallbacks

from turret_common.ros.internals import UnspunGroup

_NO_TIMEOUT = -1
#: Maximum messages taken from one subscription before the next one is served.
_BATCH = 50
#: If the next message arrives sooner than this [s], the reader waits as long to collect messages: a wake-up costs more
#: than taking a message, and the loop needs CPU time.
_FLOOD_S = 0.001


class SubscriptionReader:
    """Reads the raw subscriptions of one node on its own thread."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._group = UnspunGroup()
        self._guard = GuardCondition(None, None, context=node.context)
        self._subscriptions: dict[Any, Callable[[bytes], None]] = {}
        self._changed = True
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name='ros-reader', daemon=True)
        self._thread.start()

    def subscribe(self, cls: Any, topic: str, qos: QoSProfile, deliver: Callable[[bytes], None]) -> Any:
        """Create a subscription and return it; ``deliver`` gets each serialized message on the reader's thread."""
        subscription = self._node.create_subscription(
            cls, topic, deliver, qos, callback_group=self._group, raw=True,
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False))
        self._change(lambda: self._subscriptions.update({subscription: deliver}))
        return subscription

    def unsubscribe(self, subscription: Any) -> None:
        """Destroy a subscription."""
        self._change(lambda: self._subscriptions.pop(subscription, None))
        self._node.destroy_subscription(subscription)

    def close(self) -> None:
        """Stop the thread. The node destroys the subscriptions."""
        self._closed = True
        self._guard.trigger()
        self._thread.join(2.0)
        self._guard.destroy()

    def _change(self, change: Callable[[], Any]) -> None:
        with self._lock:
            change()
            self._changed = True
        self._guard.trigger()

    def _run(self) -> None:
        while not self._closed and self._node.context.ok():
            with self._lock:
                subscriptions = list(self._subscriptions.items())
                self._changed = False
            # A shutdown of the context ends the wait with an error.
            with suppress(InvalidHandle, rclpy_implementation.RCLError), ExitStack() as held:
                self._serve(subscriptions, held)

    def _serve(self, subscriptions: list[tuple[Any, Callable[[bytes], None]]], held: ExitStack) -> None:
        """Take messages until the subscriptions change. They cannot be destroyed while they are served."""
        context = self._node.context.handle
        handles = [
            (subscription.handle, subscription.msg_type, deliver) for subscription, deliver in subscriptions]
        for handle in (context, self._guard.handle, *(handle for handle, _, _ in handles)):
            held.enter_context(handle)
        wait_set = rclpy_implementation.WaitSet(len(handles), 1, 0, 0, 0, 0, context)
        by_pointer = {handle.pointer: (handle, cls, deliver) for handle, cls, deliver in handles}
        while not self._changed and not self._closed:
            wait_set.clear_entities()
            wait_set.add_guard_condition(self._guard.handle)
            for handle, _, _ in handles:
                wait_set.add_subscription(handle)
            served = time.monotonic()
            wait_set.wait(_NO_TIMEOUT)
            if time.monotonic() - served < _FLOOD_S:
                time.sleep(_FLOOD_S)
            for pointer in wait_set.get_ready_entities('subscription'):
                handle, cls, deliver = by_pointer[pointer]
                for _ in range(_BATCH):
                    taken = handle.take_message(cls, True)
                    if taken is None:
                        break
                    deliver(taken[0])

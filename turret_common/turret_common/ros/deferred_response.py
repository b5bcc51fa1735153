# SPDX-License-Identifier: Apache-2.0
"""Service and action responses that wait until the middleware has discovered the client's reader of responses.

A client calls as soon as it has discovered the service. If the server has not discovered that client yet, as happens on
a busy machine, rmw_fastrtps waits for it for 0.1 s inside ``rmw_send_response`` and then drops the response
(ros2/ros2#1253, ros2/rmw_fastrtps#556). rclpy holds the GIL meanwhile, so every thread of the process stops. A longer
wait (``max_blocking_time`` of the profile ``service``, ros2/rmw_fastrtps#704) stops them longer; docs/design.md has
the figures. This module instead defers the first response to each client without blocking.

The middleware does not tell which client sent a request, only the sequence number of the request within that client.
The first response to a client is therefore sent once more clients are discovered than have been served, and one with
the number that follows is sent after it: it may be for the same client.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.action import ActionServer
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.utilities import get_rmw_implementation_identifier

_CHECK_S = 0.01
#: Fast DDS announces a client again after 3 s when its first announcement was lost.
_TIMEOUT_S = 5.0
#: The keys of what an action server takes, and the service of the action that each comes from.
_ACTION_SERVICES = {'goal': 'send_goal', 'cancel': 'cancel_goal', 'result': 'get_result'}


class DiscoveredClients:
    """The clients of one service that the middleware has discovered, and how many of them have been served."""

    def __init__(self, discover: Callable[[], set[bytes]]) -> None:
        """Start with none served; ``discover`` returns an identity for each client that is discovered now."""
        self._discover = discover
        self._discovered: set[bytes] = set()
        self._served = 0

    def may_be_undiscovered(self, number: int) -> bool:
        """Return whether the client that sent its ``number``-th request may not have been discovered yet.

        A client that outlived an earlier server continues its numbers.
        """
        return number == 1 or self._served == 0

    def take_discovered(self, number: int) -> bool:
        """Return whether the client that sent its ``number``-th request is discovered; if so, count it as served."""
        discovered = self._discover()
        self._served = max(0, self._served - len(self._discovered - discovered))
        self._discovered = discovered
        others = self._served if number == 1 else 0
        if len(discovered) <= others:
            return False
        self._served = max(self._served, others + 1)
        return True


@dataclass
class _Deferred:
    clients: DiscoveredClients
    number: int
    deadline: float
    send: Callable[[], Any]


class _Deferrer:
    """Holds responses until their client is discovered. Used in the executor's thread only."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiting: list[_Deferred] = []
        self._timer = node.create_timer(_CHECK_S, self._check, callback_group=ReentrantCallbackGroup())
        self._timer.cancel()

    def clients(self, service: str) -> DiscoveredClients:
        """Return the clients of a service, given by its full name."""
        topic = f'rr{service}Reply'
        return DiscoveredClients(lambda: {
            bytes(reader.endpoint_gid) for reader in self._node.get_subscriptions_info_by_topic(topic, no_mangle=True)})

    def must_wait(self, clients: DiscoveredClients, number: int) -> bool:
        """Return whether the client that sent its ``number``-th request may not have been discovered yet."""
        return clients.may_be_undiscovered(number) or self._waits(clients, number - 1)

    def _waits(self, clients: DiscoveredClients, number: int) -> bool:
        return any(waiting.clients is clients and waiting.number == number for waiting in self._waiting)

    def send_when_discovered(self, clients: DiscoveredClients, number: int, send: Callable[[], Any]) -> None:
        """Call ``send`` as soon as the client that sent its ``number``-th request is discovered, or after 5 s."""
        self._waiting.append(_Deferred(clients, number, time.monotonic() + _TIMEOUT_S, send))
        self._check()

    def close(self) -> None:
        """Drop what is waiting."""
        self._waiting.clear()
        self._node.destroy_timer(self._timer)

    def _check(self) -> None:
        for waiting in list(self._waiting):
            if self._waits(waiting.clients, waiting.number - 1):
                continue
            if waiting.clients.take_discovered(waiting.number) or time.monotonic() >= waiting.deadline:
                self._waiting.remove(waiting)
                waiting.send()
        if not self._waiting:
            self._timer.cancel()
        elif self._timer.is_canceled():
            self._timer.reset()


def _is_needed() -> bool:
    return bool(get_rmw_implementation_identifier().startswith('rmw_fastrtps'))


def defer_responses(node: Node) -> None:
    """Make all services that a node offers now defer their responses, where the middleware needs it."""
    if not _is_needed():
        return
    deferrer = _Deferrer(node)
    for service in node.services:
        service.send_response = functools.partial(
            _send_response, deferrer, deferrer.clients(service.service_name), service.send_response)


def _send_response(
        deferrer: _Deferrer, clients: DiscoveredClients, send: Callable[[Any, Any], None], response: Any,
        header: Any) -> None:
    number = header.request_id.sequence_number
    if deferrer.must_wait(clients, number):
        deferrer.send_when_discovered(clients, number, lambda: send(response, header))
    else:
        send(response, header)


class DeferredActionServer(ActionServer):
    """An action server that defers its responses to goals, cancellations and requests for results."""

    def __init__(self, node: Node, action_type: Any, action_name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(node, action_type, action_name, *args, **kwargs)
        self._deferrer = _Deferrer(node)
        self._released: deque[dict[str, Any]] = deque()
        name = node.resolve_service_name(action_name)
        self._clients = {
            key: self._deferrer.clients(f'{name}/_action/{service}')
            for key, service in _ACTION_SERVICES.items() if _is_needed()}

    def destroy(self) -> None:
        """Destroy the server."""
        self._deferrer.close()
        super().destroy()

    async def execute(self, taken: dict[str, Any]) -> None:
        """Process what was taken; each kind separately, because each may have to wait."""
        for key, request in taken.items():
            clients = self._clients.get(key)
            if clients is not None and self._deferrer.must_wait(clients, request[0].sequence_number):
                self._deferrer.send_when_discovered(
                    clients, request[0].sequence_number, functools.partial(self._release, {key: request}))
            elif self._released:
                self._release({key: request})
            else:
                await super().execute({key: request})

    def _release(self, request: dict[str, Any]) -> None:
        if not self._released:
            self._node.executor.create_task(self._execute_released)
        self._released.append(request)

    async def _execute_released(self) -> None:
        """Process requests in the order of their arrival: of several tasks, rclpy starts the newest first."""
        while self._released:
            await super().execute(self._released.popleft())

"""Answers that wait until the middleware knows who shall get them.

A client calls as soon as *it* knows the service. When the service's process has not heard of that client yet, as on a
busy machine, rmw_fastrtps looks for it for 0.1 s inside ``send_response``, in which rclpy lets no other thread of the
process run, and then drops the answer for good. Here a client's first answer is held back until the client is known,
and everything else goes on.

The middleware does not say which client sent a request, only that it was its first. So this counts: there must be one
client more than have been answered already.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.action import ActionServer
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.utilities import get_rmw_implementation_identifier

_LOOK_S = 0.01
#: Fast DDS tells of a client again after 3 s when the first word was lost.
_PATIENCE_S = 5.0
#: What an action server takes, and the services that it comes from.
_PARTS = {'goal': 'send_goal', 'cancel': 'cancel_goal', 'result': 'get_result'}


class Clients:
    """Those of one service that the middleware knows, and how many of them have called."""

    def __init__(self, known: Callable[[], set[bytes]]) -> None:
        """Start with none that has called; ``known`` gives an identity for each client that is known now."""
        self._look = known
        self._known: set[bytes] = set()
        self._called = 0

    def expect_one(self) -> bool:
        """Return whether one is known that has not called yet, as far as counting can tell."""
        known = self._look()
        self._called = max(0, self._called - len(self._known - known))
        self._known = known
        return len(known) > self._called

    def count_one(self) -> None:
        """Take note that one of those known has called."""
        self._called += 1


@dataclass
class _Waiting:
    clients: Clients
    give_up: float
    answer: Callable[[], Any]


class _Answers:
    """Holds first answers back. Used in the executor's thread only."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiting: list[_Waiting] = []
        self._timer = node.create_timer(_LOOK_S, self._serve, callback_group=ReentrantCallbackGroup())
        self._timer.cancel()

    def clients(self, service: str) -> Clients:
        """Return the clients of a service, by its full name."""
        topic = f'rr{service}Reply'
        return Clients(lambda: {
            bytes(reader.endpoint_gid) for reader in self._node.get_subscriptions_info_by_topic(topic, no_mangle=True)})

    def hold_back(self, clients: Clients, answer: Callable[[], Any]) -> None:
        """Call ``answer`` as soon as one of the clients is known that has not called before."""
        self._waiting.append(_Waiting(clients, time.monotonic() + _PATIENCE_S, answer))
        self._serve()

    def _serve(self) -> None:
        for waiting in list(self._waiting):
            known = waiting.clients.expect_one()
            if known or time.monotonic() >= waiting.give_up:
                self._waiting.remove(waiting)
                if known:
                    waiting.clients.count_one()
                waiting.answer()
        if not self._waiting:
            self._timer.cancel()
        elif self._timer.is_canceled():
            self._timer.reset()


def _needed() -> bool:
    return bool(get_rmw_implementation_identifier().startswith('rmw_fastrtps'))


def answer_patiently(node: Node) -> None:
    """Make all services patient that a node offers now, where the middleware needs it."""
    if not _needed():
        return
    answers = _Answers(node)
    for service in node.services:
        service.send_response = functools.partial(
            _send_response, answers, answers.clients(service.service_name), service.send_response)


def _send_response(
        answers: _Answers, clients: Clients, send: Callable[[Any, Any], None], response: Any, header: Any) -> None:
    if header.request_id.sequence_number == 1:
        answers.hold_back(clients, lambda: send(response, header))
    else:
        send(response, header)


class PatientActionServer(ActionServer):
    """An action server whose goals, cancellations and results are patient like the answers of services."""

    def __init__(self, node: Node, action_type: Any, action_name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(node, action_type, action_name, *args, **kwargs)
        self._answers = _Answers(node)
        name = node.resolve_service_name(action_name)
        self._clients = {
            part: self._answers.clients(f'{name}/_action/{service}')
            for part, service in _PARTS.items() if _needed()}

    async def execute(self, taken: dict[str, Any]) -> None:
        """Serve what was taken; each part by itself, because each may have to wait."""
        for part, what in taken.items():
            if part in self._clients and what[0].sequence_number == 1:
                self._answers.hold_back(self._clients[part], functools.partial(
                    self._node.executor.create_task, super().execute, {part: what}))
            else:
                await super().execute({part: what})

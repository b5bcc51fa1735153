"""Answers that wait until the middleware knows who shall get them.

A client calls as soon as *it* knows the service. When the service's process has not heard of that client yet, as on a
busy machine, rmw_fastrtps looks for it for 0.1 s inside ``send_response``, in which rclpy lets no other thread of the
process run, and then drops the answer for good. Here a new client's answer is held back until the client is known, and
everything else goes on.

The middleware does not say which client sent a request, only the how manyth of that client it is. So this counts: there
must be one client more than have been answered already.
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

    def may_be_unknown(self, number: int) -> bool:
        """Return whether the one who sends its ``number``-th request may be unknown.

        One that outlived an earlier server goes on counting.
        """
        return number == 1 or self._called == 0

    def one_is_known(self, number: int) -> bool:
        """Return whether the one who sends its ``number``-th request is known, and then count it as one that called."""
        known = self._look()
        self._called = max(0, self._called - len(self._known - known))
        self._known = known
        others = self._called if number == 1 else 0
        if len(known) <= others:
            return False
        self._called = max(self._called, others + 1)
        return True


@dataclass
class _Waiting:
    clients: Clients
    number: int
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

    def hold_back(self, clients: Clients, number: int, answer: Callable[[], Any]) -> None:
        """Call ``answer`` as soon as the client that sends its ``number``-th request is known."""
        self._waiting.append(_Waiting(clients, number, time.monotonic() + _PATIENCE_S, answer))
        self._serve()

    def close(self) -> None:
        """Answer nobody any more."""
        self._waiting.clear()
        self._node.destroy_timer(self._timer)

    def _serve(self) -> None:
        for waiting in list(self._waiting):
            if waiting.clients.one_is_known(waiting.number) or time.monotonic() >= waiting.give_up:
                self._waiting.remove(waiting)
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
    number = header.request_id.sequence_number
    if clients.may_be_unknown(number):
        answers.hold_back(clients, number, lambda: send(response, header))
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

    def destroy(self) -> None:
        """Take the server down."""
        self._answers.close()
        super().destroy()

    async def execute(self, taken: dict[str, Any]) -> None:
        """Serve what was taken; each part by itself, because each may have to wait."""
        for part, what in taken.items():
            clients = self._clients.get(part)
            if clients is not None and clients.may_be_unknown(what[0].sequence_number):
                self._answers.hold_back(clients, what[0].sequence_number, functools.partial(
                    self._node.executor.create_task, super().execute, {part: what}))
            else:
                await super().execute({part: what})

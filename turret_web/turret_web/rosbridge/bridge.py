# SPDX-License-Identifier: Apache-2.0
"""State that the connections of all rosbridge clients share, and the state of one connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Policy, Role
from turret_web.failures import as_refusal
from turret_web.fan_out import encodings
from turret_web.fan_out.send_queue import SendQueue
from turret_web.fan_out.subscription_hub import SubscriptionHub
from turret_web.gateway.gateway import Gateway
from turret_web.names import InterfaceType, RosName, action_name, service_name, topic_name
from turret_web.rosbridge.calls import ServiceCaller
from turret_web.web_parameters import LimitParameters

Operation = Callable[[dict[str, Any]], Awaitable[None]]

#: Levels of status messages, from the fewest messages to the most.
LEVELS = ('none', 'error', 'warning', 'info')

_REQUIRED: Any = object()
_STATUS_UNKNOWN = 0  # of action_msgs/msg/GoalStatus


@dataclass(frozen=True)
class Bridge:
    """State that all connections share."""

    gateway: Gateway
    hub: SubscriptionHub
    policy: Policy
    services: ServiceCaller
    limits: LimitParameters


class Client:
    """One connection: its identity and its outgoing messages.

    Attributes:
        name: name for the log.
        role: role of the session.
        send_queue: outgoing frames of the connection.
        level: status messages that the client requested, one of :data:`LEVELS`.
    """

    def __init__(self, name: str, role: Role, send_queue: SendQueue) -> None:
        self.name = name
        self.role = role
        self.send_queue = send_queue
        self.level = 'error'

    def send(
            self, message: dict[str, Any], request_id: str | int | None = None, compression: str = 'none',
            fragment_size: int | None = None) -> None:
        """Send a message, with the id of the request that it answers."""
        if request_id is not None:
            message['id'] = request_id
        payload = encodings.json_payload(message)
        if compression == 'png':
            payload = encodings.as_png(payload)
        self.send_queue.send(encodings.wire(payload, False, fragment_size, request_id))

    def status(self, level: str, text: str, request_id: str | int | None = None) -> None:
        """Send a status message, if the client requested messages of this level."""
        if LEVELS.index(level) <= LEVELS.index(self.level):
            self.send({'op': 'status', 'level': level, 'msg': text}, request_id)

    def refuse(self, request: dict[str, Any], error: Exception) -> None:
        """Answer a request that failed, in the form in which the caller waits for the answer.

        Args:
            request: the message of the client; any of its members may be missing or wrong.
            error: reason.
        """
        text = str(as_refusal(error))
        operation, request_id = request.get('op'), request_id_of(request)
        if operation == 'call_service':
            service = str(request.get('service')).partition('#')[0]
            self.send({'op': 'service_response', 'service': service, 'values': text, 'result': False}, request_id)
        elif operation == 'send_action_goal':
            self.send({
                'op': 'action_result', 'action': str(request.get('action')).partition('#')[0], 'values': text,
                'status': _STATUS_UNKNOWN, 'result': False}, request_id)
        else:
            self.status('error', text, request_id)


class OperationGroup:
    """A group of operations for one client.

    Attributes:
        operations: operations by their names.
    """

    operations: Mapping[str, Operation]

    @property
    def dropped(self) -> int:
        """Number of messages that were dropped because the client reads too slowly."""
        return 0

    async def close(self) -> None:
        """Release the resources of the client."""


def request_id_of(message: dict[str, Any]) -> str | int | None:
    """Return the id of a request; None if it has none, or one of a wrong type.

    Old clients append the id to the name of a service or action, after a ``#``.
    """
    request_id = message.get('id')
    if isinstance(request_id, (str, int)) and not isinstance(request_id, bool):
        return request_id
    for key in ('service', 'action'):
        name = message.get(key)
        if isinstance(name, str) and '#' in name:
            return name.partition('#')[2]
    return None


def get(message: dict[str, Any], key: str, kind: Any, default: Any = _REQUIRED) -> Any:
    """Return a member of a message, or the default if it is missing or null.

    A number that is whole is an ``int`` also if it is written as 2.0, as some programs do.

    Raises:
        TurretError: INVALID_ARGUMENT, it has another type than ``kind``, or is missing and has no default.
    """
    value = message.get(key)
    if value is None:
        if default is _REQUIRED:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{key}" is missing')
        return default
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{key}" has the wrong type: {type(value).__name__}')
    return value


def get_topic(message: dict[str, Any]) -> RosName:
    """Return the topic of a message (INVALID_ARGUMENT)."""
    return topic_name(get(message, 'topic', str))


def get_service(message: dict[str, Any]) -> RosName:
    """Return the service of a message, without an id after ``#`` (INVALID_ARGUMENT)."""
    return service_name(get(message, 'service', str).partition('#')[0])


def get_action(message: dict[str, Any]) -> RosName:
    """Return the action of a message, without an id after ``#`` (INVALID_ARGUMENT)."""
    return action_name(get(message, 'action', str).partition('#')[0])


def get_type(message: dict[str, Any], kind: str, key: str = 'type') -> InterfaceType:
    """Return a type of a message (INVALID_ARGUMENT)."""
    return InterfaceType(get(message, key, str), kind)


def get_type_if_given(message: dict[str, Any], kind: str) -> InterfaceType | None:
    """Return the type of a message, None if it is missing or empty (INVALID_ARGUMENT)."""
    text = get(message, 'type', str, None)
    return InterfaceType(text, kind) if text else None


def get_fragment_size(message: dict[str, Any]) -> int | None:
    """Return the requested size of fragments, None for whole messages (OUT_OF_RANGE)."""
    size: int | None = get(message, 'fragment_size', int, None)
    if size is not None and size < 16:
        raise TurretError(ReasonCode.OUT_OF_RANGE, f'"fragment_size" is {size}; the minimum is 16')
    return size


def get_compression(message: dict[str, Any], allowed: tuple[str, ...]) -> str:
    """Return the requested compression (NOT_SUPPORTED)."""
    compression: str = get(message, 'compression', str, 'none')
    if compression not in allowed:
        raise TurretError(ReasonCode.NOT_SUPPORTED, f'compression "{compression}" is none of {", ".join(allowed)}')
    return compression

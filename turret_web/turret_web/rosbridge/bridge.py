"""What the connections of all rosbridge clients share, and what each of them is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Policy, Role
from turret_web.fan_out import encodings
from turret_web.fan_out.send_queue import SendQueue
from turret_web.fan_out.subscription_hub import SubscriptionHub
from turret_web.gateway.gateway import Gateway
from turret_web.rosbridge.calls import ServiceCaller
from turret_web.web_parameters import LimitParameters

Operation = Callable[[dict[str, Any]], Awaitable[None]]

#: Levels of status messages, by what a client that asked for the level gets to hear.
LEVELS = ('none', 'error', 'warning', 'info')

_REQUIRED: Any = object()


@dataclass(frozen=True)
class Bridge:
    """What all connections share."""

    gateway: Gateway
    hub: SubscriptionHub
    policy: Policy
    services: ServiceCaller
    limits: LimitParameters


class Client:
    """One connection: who it is and how it is answered.

    Attributes:
        name: for the log.
        role: what it may do.
        send_queue: of the connection.
        level: which status messages it wants, one of :data:`LEVELS`.
    """

    def __init__(self, name: str, role: Role, send_queue: SendQueue) -> None:
        self.name = name
        self.role = role
        self.send_queue = send_queue
        self.level = 'error'

    def send(
            self, message: dict[str, Any], request_id: str | int | None = None, compression: str = 'none',
            fragment_size: int | None = None) -> None:
        """Send a message, with the id of what it answers."""
        if request_id is not None:
            message['id'] = request_id
        payload = encodings.json_payload(message)
        self.send_queue.send(encodings.wire(payload, compression, fragment_size, request_id))

    def status(self, level: str, text: str, request_id: str | int | None = None) -> None:
        """Send a status message, where the client wants those of this level."""
        if LEVELS.index(level) <= LEVELS.index(self.level):
            self.send({'op': 'status', 'level': level, 'msg': text}, request_id)


class OperationGroup:
    """Some of the operations, for one client.

    Attributes:
        operations: by their names.
    """

    operations: Mapping[str, Operation]

    @property
    def dropped(self) -> int:
        """Messages that the client was too slow for."""
        return 0

    async def close(self) -> None:
        """Give back what the client holds."""


def get(message: dict[str, Any], key: str, kind: Any, default: Any = _REQUIRED) -> Any:
    """Return a member of a message, or the default where it is missing or null.

    Raises:
        TurretError: INVALID_ARGUMENT, it has another type than ``kind``, or is missing and has no default.
    """
    value = message.get(key)
    if value is None:
        if default is _REQUIRED:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{key}" is missing')
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{key}" has the wrong type: {type(value).__name__}')
    return value


def get_name(message: dict[str, Any], key: str) -> str:
    """Return a member that names something in the ROS graph, absolute."""
    name: str = get(message, key, str)
    return name if name.startswith('/') else f'/{name}'


def get_fragment_size(message: dict[str, Any]) -> int | None:
    """Return the wish for fragments of a size; unreasonably small ones are refused."""
    size: int | None = get(message, 'fragment_size', int, None)
    if size is not None and size < 16:
        raise TurretError(ReasonCode.OUT_OF_RANGE, f'"fragment_size" is {size}; fragments below 16 are not made')
    return size


def get_compression(message: dict[str, Any], allowed: tuple[str, ...]) -> str:
    """Return the wish for a compression."""
    compression: str = get(message, 'compression', str, 'none')
    if compression not in allowed:
        raise TurretError(ReasonCode.NOT_SUPPORTED, f'compression "{compression}" is none of {", ".join(allowed)}')
    return compression

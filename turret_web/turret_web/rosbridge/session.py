"""The rosbridge v2 protocol for one client: messages with an ``op``, over whatever carries them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.messages.cdr import CodecError
from turret_common.reason_codes import ReasonCode
from turret_web.rosbridge.actions import ActionOperations
from turret_web.rosbridge.bridge import LEVELS, Bridge, Client, Operation, OperationGroup, get
from turret_web.rosbridge.limits import Allowance, check_depth
from turret_web.rosbridge.services import ServiceOperations
from turret_web.rosbridge.topics import TopicOperations
from turret_web.web_parameters import LimitParameters

#: Messages in fragments that may be incomplete at one time.
_UNFINISHED = 8


def embedded_operations(bridge: Bridge, client: Client) -> list[OperationGroup]:
    """Return what does the work of one client in our own bridge."""
    return [ActionOperations(bridge, client), ServiceOperations(bridge, client), TopicOperations(bridge, client)]


class RosbridgeSession:
    """Does what one client asks for, as far as its role may, and cleans up after it."""

    def __init__(self, limits: LimitParameters, client: Client, parts: Sequence[OperationGroup]) -> None:
        """Make it.

        Args:
            limits: on what the client may ask for.
            client: who it is for.
            parts: what does the work; given up in this order.
        """
        self._limits = limits
        self._client = client
        self._allowance = Allowance(limits.messages_per_s)
        self._unfinished: dict[str, _Fragments] = {}
        self._parts = parts
        self._operations: dict[str, Operation] = {'set_level': self._set_level, 'fragment': self._fragment}
        for part in parts:
            self._operations.update(part.operations)

    @property
    def dropped(self) -> int:
        """Messages that the client was too slow for."""
        return sum(part.dropped for part in self._parts)

    async def receive(self, data: str | bytes) -> None:
        """Do what one message asks for; whatever is wrong with it is told to the client as a ``status``.

        Returns only when the client may send the next one: one that sends too fast is slowed down.
        """
        delay_s = self._allowance.spend(asyncio.get_running_loop().time())
        if delay_s > 0.0:
            await asyncio.sleep(delay_s)
        request_id = None
        try:
            message = self._parse(data)
            request_id = get(message, 'id', (str, int), None)
            operation = self._operations.get(get(message, 'op', str))
            if operation is None:
                raise TurretError(ReasonCode.NOT_SUPPORTED, f'operation "{message["op"]}" is not supported')
            await operation(message)
        except (TurretError, CodecError) as error:
            self._client.status('error', str(error), request_id)

    async def close(self) -> None:
        """Give back everything that the client holds."""
        for part in self._parts:
            await part.close()

    def _parse(self, data: str | bytes) -> dict[str, Any]:
        try:
            message = fast_json.loads(data)
        except fast_json.JSONDecodeError as error:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'not a JSON message: {error}') from None
        if not isinstance(message, dict):
            raise TurretError(ReasonCode.INVALID_ARGUMENT, 'a message is a JSON object')
        check_depth(message, self._limits.json_depth)
        return message

    async def _set_level(self, message: dict[str, Any]) -> None:
        level = get(message, 'level', str)
        if level not in LEVELS:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'level "{level}" is none of {", ".join(LEVELS)}')
        self._client.level = level

    async def _fragment(self, message: dict[str, Any]) -> None:
        """Keep a part of a message; do what it asks for when the last part is there."""
        name, data = str(get(message, 'id', (str, int))), get(message, 'data', str)
        number, total = get(message, 'num', int), get(message, 'total', int)
        if not 0 <= number < total <= self._limits.message_bytes:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'fragment {number} of {total} cannot be')
        if name not in self._unfinished and len(self._unfinished) >= _UNFINISHED:
            del self._unfinished[next(iter(self._unfinished))]  # the oldest will never be finished
        parts = self._unfinished.pop(name, None) or _Fragments()
        parts.add(number, data)
        if parts.size > self._limits.message_bytes:
            raise TurretError(ReasonCode.TOO_LARGE, f'message {name} is larger than {self._limits.message_bytes} bytes')
        if parts.count == total:
            await self.receive(parts.joined())
        else:
            self._unfinished[name] = parts


class _Fragments:
    """The fragments of one message as far as they have come."""

    def __init__(self) -> None:
        self._parts: dict[int, str] = {}
        self.size = 0

    @property
    def count(self) -> int:
        return len(self._parts)

    def add(self, number: int, data: str) -> None:
        self.size += len(data) - len(self._parts.get(number, ''))
        self._parts[number] = data

    def joined(self) -> str:
        return ''.join(self._parts[number] for number in sorted(self._parts))

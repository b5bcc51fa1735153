# SPDX-License-Identifier: Apache-2.0
"""The rosbridge v2 protocol for one client: messages with an ``op``, independent of the transport."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.rosbridge.actions import ActionOperations
from turret_web.rosbridge.bridge import LEVELS, Bridge, Client, Operation, OperationGroup, get
from turret_web.rosbridge.limits import Allowance, parse_json, peek
from turret_web.rosbridge.services import ServiceOperations
from turret_web.rosbridge.topics import TopicOperations
from turret_web.web_parameters import LimitParameters

log = logging.getLogger(__name__)

#: Maximum number of messages in fragments that are incomplete at the same time, and their memory as a multiple of the
#: maximum size of a message; and the memory of a fragment beside its text [bytes].
_UNFINISHED = 8
_UNFINISHED_SIZE = 2
_FRAGMENT_BYTES = 100


def embedded_operations(bridge: Bridge, client: Client) -> list[OperationGroup]:
    """Return the operations of the embedded bridge for one client."""
    return [ActionOperations(bridge, client), ServiceOperations(bridge, client), TopicOperations(bridge, client)]


class RosbridgeSession:
    """Executes the requests of one client within its role and limits, and releases its resources at the end."""

    def __init__(self, limits: LimitParameters, client: Client, groups: Sequence[OperationGroup]) -> None:
        """Create a session.

        Args:
            limits: limits on requests.
            client: connection of the client.
            groups: operations; closed in this order.
        """
        self._limits = limits
        self._client = client
        self._allowance = Allowance(limits.messages_per_s)
        self._unfinished: dict[str, _Fragments] = {}
        self._groups = groups
        self._operations: dict[str, Operation] = {'set_level': self._set_level, 'fragment': self._fragment}
        for group in groups:
            self._operations.update(group.operations)

    @property
    def dropped(self) -> int:
        """Number of messages that were dropped because the client reads too slowly."""
        return sum(group.dropped for group in self._groups)

    async def receive(self, data: str | bytes) -> None:
        """Execute one message. Whatever is wrong with it is answered in the form that the operation answers with.

        Returns when the client may send the next message: a client that sends too fast is slowed down.
        """
        delay_s = self._allowance.spend(asyncio.get_running_loop().time(), len(data))
        if delay_s > 0.0:
            await asyncio.sleep(delay_s)
        await self._execute(data)

    async def _execute(self, data: str | bytes) -> None:
        message: dict[str, Any] = {}
        try:
            parsed = parse_json(data, self._limits)
            if not isinstance(parsed, dict):
                raise TurretError(ReasonCode.INVALID_ARGUMENT, 'a message is a JSON object')
            message = parsed
            get(message, 'id', (str, int), None)
            operation = self._operations.get(get(message, 'op', str))
            if operation is None:
                raise TurretError(ReasonCode.NOT_SUPPORTED, f'operation "{message["op"]:.60}" is not supported')
            await operation(message)
        except Exception as error:  # noqa: BLE001  boundary: the connection must survive any message
            self._client.refuse(message or peek(data), error)

    async def close(self) -> None:
        """Release the resources of the client."""
        for group in self._groups:
            try:
                await group.close()
            except Exception as error:  # noqa: BLE001  boundary: the other groups must still be closed
                log.error('%s: closing failed: %s', self._client.name, error)

    async def _set_level(self, message: dict[str, Any]) -> None:
        level = get(message, 'level', str)
        if level not in LEVELS:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'level "{level:.60}" is none of {", ".join(LEVELS)}')
        self._client.level = level

    async def _fragment(self, message: dict[str, Any]) -> None:
        """Keep a part of a message; execute the message when all parts have arrived."""
        name, data = str(get(message, 'id', (str, int))), get(message, 'data', str)
        number, total = get(message, 'num', int), get(message, 'total', int)
        if not 0 <= number < total <= self._limits.message_bytes:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'invalid fragment number {number} of {total}')
        limit = self._limits.message_bytes
        parts = self._unfinished.pop(name, None) or _Fragments()
        parts.add(number, data)
        if parts.size > limit or parts.memory > _UNFINISHED_SIZE * limit:
            raise TurretError(ReasonCode.TOO_LARGE, f'message {name:.60} is larger than {limit} bytes')
        if parts.count == total:
            await self._execute(parts.joined())
            return
        self._unfinished[name] = parts
        while len(self._unfinished) > _UNFINISHED or sum(
                other.memory for other in self._unfinished.values()) > _UNFINISHED_SIZE * limit:
            oldest = next(iter(self._unfinished))
            del self._unfinished[oldest]
            self._client.refuse({'id': oldest}, TurretError(
                ReasonCode.TOO_LARGE, 'too many fragments are incomplete: the message that waited longest is dropped'))


class _Fragments:
    """Fragments of one message that have arrived."""

    def __init__(self) -> None:
        self._parts: dict[int, str] = {}
        self.size = 0
        self.memory = 0

    @property
    def count(self) -> int:
        return len(self._parts)

    def add(self, number: int, data: str) -> None:
        replaced = self._parts.pop(number, None)
        if replaced is not None:
            self.size -= len(replaced)
            self.memory -= _memory(replaced)
        self._parts[number] = data
        self.size += len(data)
        self.memory += _memory(data)

    def joined(self) -> str:
        return ''.join(self._parts[number] for number in sorted(self._parts))


def _memory(text: str) -> int:
    return sys.getsizeof(text) + _FRAGMENT_BYTES

# SPDX-License-Identifier: Apache-2.0
"""rosbridge operations on services: call_service, and advertise_service with its related operations."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Use
from turret_web.gateway.gateway import Closable, ServiceCodec
from turret_web.names import RosName
from turret_web.rosbridge.bridge import (
    Bridge,
    Client,
    OperationGroup,
    get,
    get_compression,
    get_fragment_size,
    get_service,
    get_type,
    get_type_if_given,
    request_id_of,
)


class ServiceOperations(OperationGroup):
    """Service calls of one client, and the services that it offers."""

    def __init__(self, bridge: Bridge, client: Client) -> None:
        self._bridge = bridge
        self._client = client
        self._calls: set[asyncio.Task[None]] = set()
        self._offered: dict[RosName, OfferedService] = {}
        self.operations = {
            'call_service': self._call_service,
            'advertise_service': self._advertise_service,
            'unadvertise_service': self._unadvertise_service,
            'service_response': self._service_response,
        }

    async def close(self) -> None:
        """Cancel pending calls and withdraw the offered services."""
        for call in self._calls:
            call.cancel()
        for offered in self._offered.values():
            await offered.close()

    async def _call_service(self, message: dict[str, Any]) -> None:
        limit = self._bridge.limits.calls
        if len(self._calls) >= limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'more than {limit} pending calls on one connection')
        task = asyncio.create_task(self._call(message))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, message: dict[str, Any]) -> None:
        try:
            compression, fragment_size = get_compression(message, ('none', 'png')), get_fragment_size(message)
            max_s = self._bridge.limits.call_s
            timeout_s = get(message, 'timeout', (int, float), max_s)
            values = await self._bridge.services.call(
                self._client.name, self._client.role, get_service(message), get(message, 'args', (dict, list), {}),
                min(timeout_s, max_s) if timeout_s > 0 else max_s, get_type_if_given(message, 'srv'))
            self._client.send(
                {'op': 'service_response', 'service': message['service'].partition('#')[0], 'values': values,
                 'result': True}, request_id_of(message), compression, fragment_size)
        except Exception as error:  # noqa: BLE001  boundary: the caller waits for an answer
            self._client.refuse(message, error)

    async def _advertise_service(self, message: dict[str, Any]) -> None:
        service = get_service(message)
        self._bridge.policy.check(Use.OFFER, self._client.role, service)
        type_name = get_type(message, 'srv')
        codec = self._bridge.gateway.service(type_name)
        if service in self._offered:
            await self._offered.pop(service).close()
        await self._bridge.gateway.withdrawn(service)
        if self._bridge.gateway.service_type(service) is not None:
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'service {service} exists already')
        offered = OfferedService(self._client, service, codec, self._bridge.limits.call_s)
        offered.handle = await self._bridge.gateway.offer_service(service, type_name, offered.answer)
        self._offered[service] = offered

    async def _unadvertise_service(self, message: dict[str, Any]) -> None:
        self._offered_service(message)
        await self._offered.pop(get_service(message)).close()

    async def _service_response(self, message: dict[str, Any]) -> None:
        offered, request_id = self._offered_service(message), str(get(message, 'id', (str, int)))
        if get(message, 'result', bool, True):
            offered.take(request_id, get(message, 'values', dict, {}))
        else:
            offered.fail(request_id, str(message.get('values') or ''))

    def _offered_service(self, message: dict[str, Any]) -> OfferedService:
        service = get_service(message)
        if service not in self._offered:
            raise TurretError(ReasonCode.NOT_FOUND, f'service {service} is not advertised by this client')
        return self._offered[service]


class OfferedService:
    """A service that a client offers: requests are sent as ``call_service``, answers arrive as ``service_response``."""

    def __init__(self, client: Client, name: RosName, codec: ServiceCodec, timeout_s: float) -> None:
        self._client = client
        self._name = name
        self._codec = codec
        self._timeout_s = timeout_s
        self._ids = (f'service_request:{name}:{number}' for number in itertools.count(1))
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self.handle: Closable | None = None

    async def answer(self, request: bytes) -> bytes:
        """Send one request to the client and return its answer."""
        request_id = next(self._ids)
        self._waiting[request_id] = asyncio.get_running_loop().create_future()
        self._client.send(
            {'op': 'call_service', 'service': self._name, 'args': self._codec.request.to_json(request)}, request_id)
        try:
            return await asyncio.wait_for(self._waiting[request_id], self._timeout_s)
        finally:
            del self._waiting[request_id]

    def take(self, request_id: str, values: dict[str, Any]) -> None:
        """Accept the answer of the client to one request.

        Raises:
            TurretError: NOT_FOUND, no such request is pending.
            CodecError: the values do not fit; the request stays pending.
        """
        self._pending(request_id).set_result(self._codec.response.encode(values, time.time_ns()))

    def fail(self, request_id: str, reason: str) -> None:
        """End one request without an answer, for the reason that the client gives (NOT_FOUND)."""
        self._pending(request_id).set_exception(
            TurretError(ReasonCode.IO_ERROR, f'the client could not answer {request_id}: {reason:.200}'))

    def _pending(self, request_id: str) -> asyncio.Future[bytes]:
        waiting = self._waiting.get(request_id)
        if waiting is None or waiting.done():
            raise TurretError(ReasonCode.NOT_FOUND, f'no request {request_id:.60} is pending')
        return waiting

    async def close(self) -> None:
        """Withdraw the service and cancel pending requests."""
        for waiting in self._waiting.values():
            waiting.cancel()
        if self.handle is not None:
            await self.handle.close()

"""rosbridge operations on services: call_service, and advertise_service with what belongs to it."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.cdr import CodecError
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Use
from turret_web.gateway.gateway import Closable, ServiceCodec
from turret_web.rosbridge.bridge import (
    Bridge,
    Client,
    OperationGroup,
    get,
    get_compression,
    get_fragment_size,
    get_name,
)


class ServiceOperations(OperationGroup):
    """What one client calls, and the services that it offers."""

    def __init__(self, bridge: Bridge, client: Client) -> None:
        self._bridge = bridge
        self._client = client
        self._calls: set[asyncio.Task[None]] = set()
        self._offered: dict[str, OfferedService] = {}
        self.operations = {
            'call_service': self._call_service,
            'advertise_service': self._advertise_service,
            'unadvertise_service': self._unadvertise_service,
            'service_response': self._service_response,
        }

    async def close(self) -> None:
        """Forget the calls under way and take the offered services back."""
        for call in self._calls:
            call.cancel()
        for offered in self._offered.values():
            await offered.close()

    async def _call_service(self, message: dict[str, Any]) -> None:
        limit = self._bridge.limits.calls
        if len(self._calls) >= limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'more than {limit} calls under way on one connection')
        task = asyncio.create_task(self._call(message))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, message: dict[str, Any]) -> None:
        name, hash_, old_id = str(message.get('service')).partition('#')
        request_id = message.get('id') or (old_id if hash_ else None)
        answer: dict[str, Any] = {'op': 'service_response', 'service': name}
        compression, fragment_size = 'none', None
        try:
            compression, fragment_size = get_compression(message, ('none', 'png')), get_fragment_size(message)
            max_s = self._bridge.limits.call_s
            timeout_s = get(message, 'timeout', (int, float), max_s)
            answer['values'] = await self._bridge.services.call(
                self._client.name, self._client.role, get_name({'service': name}, 'service'),
                get(message, 'args', (dict, list), {}), min(timeout_s, max_s) if timeout_s > 0 else max_s,
                get(message, 'type', str, None))
            answer['result'] = True
        except (TurretError, CodecError) as error:
            answer['values'], answer['result'] = str(error), False
        self._client.send(answer, request_id, compression, fragment_size)

    async def _advertise_service(self, message: dict[str, Any]) -> None:
        service = get_name(message, 'service')
        self._bridge.policy.check(Use.OFFER, self._client.role, service)
        codec = self._bridge.gateway.service(get(message, 'type', str))
        if service in self._offered:
            await self._offered.pop(service).close()
        if self._bridge.gateway.service_type(service) is not None:
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'service {service} exists already')
        offered = OfferedService(self._client, service, codec, self._bridge.limits.call_s)
        offered.handle = await self._bridge.gateway.offer_service(
            service, codec.request.kind.name.removesuffix('_Request'), offered.answer)
        self._offered[service] = offered

    async def _unadvertise_service(self, message: dict[str, Any]) -> None:
        service = get_name(message, 'service')
        if service not in self._offered:
            raise TurretError(ReasonCode.NOT_FOUND, f'service {service} is not advertised by this client')
        await self._offered.pop(service).close()

    async def _service_response(self, message: dict[str, Any]) -> None:
        service = get_name(message, 'service')
        if service not in self._offered:
            raise TurretError(ReasonCode.NOT_FOUND, f'service {service} is not advertised by this client')
        self._offered[service].take(
            str(get(message, 'id', (str, int))), get(message, 'values', dict, {}), get(message, 'result', bool, True))


class OfferedService:
    """A service that a client answers: requests go out as ``call_service``, answers come as ``service_response``."""

    def __init__(self, client: Client, name: str, codec: ServiceCodec, timeout_s: float) -> None:
        self._client = client
        self._name = name
        self._codec = codec
        self._timeout_s = timeout_s
        self._ids = (f'service_request:{name}:{number}' for number in itertools.count())
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self.handle: Closable | None = None

    async def answer(self, request: bytes) -> bytes:
        """Have the client answer one request."""
        request_id = next(self._ids)
        self._waiting[request_id] = asyncio.get_running_loop().create_future()
        self._client.send(
            {'op': 'call_service', 'service': self._name, 'args': self._codec.request.to_json(request)}, request_id)
        try:
            return await asyncio.wait_for(self._waiting[request_id], self._timeout_s)
        finally:
            del self._waiting[request_id]

    def take(self, request_id: str, values: dict[str, Any], success: bool) -> None:
        """Take the client's answer to one request.

        Raises:
            TurretError: NOT_FOUND, no such request waits.
            CodecError: the values do not fit; the request goes on waiting for others.
        """
        waiting = self._waiting.get(request_id)
        if waiting is None or waiting.done():
            raise TurretError(ReasonCode.NOT_FOUND, f'no request {request_id} waits for an answer')
        if success:
            waiting.set_result(self._codec.response.encode(values, time.time_ns()))
        else:
            waiting.set_exception(TurretError(ReasonCode.IO_ERROR, f'the client could not answer {request_id}'))

    async def close(self) -> None:
        """Take the service out of the graph and give up what waits."""
        for waiting in self._waiting.values():
            waiting.cancel()
        if self.handle is not None:
            await self.handle.close()

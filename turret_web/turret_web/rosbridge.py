"""The rosbridge v2 protocol for one client: JSON objects with an ``op``, over whatever carries them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web import frames
from turret_web.cdr import CodecError
from turret_web.gateway import Emitter, Gateway
from turret_web.outbox import Outbox
from turret_web.policy import Policy, Role
from turret_web.services import call_service
from turret_web.topics import ENCODINGS, Delivery, Subscription, Topics
from turret_web.web_parameters import LimitParameters

log = logging.getLogger(__name__)

ValueT = TypeVar('ValueT')
_REQUIRED: Any = object()


class RosbridgeSession:
    """Does what one client asks for, as far as its role may, and cleans up after it."""

    def __init__(
            self, gateway: Gateway, topics: Topics, policy: Policy, limits: LimitParameters, role: Role,
            outbox: Outbox) -> None:
        self._gateway = gateway
        self._topics = topics
        self._policy = policy
        self._limits = limits
        self._role = role
        self._outbox = outbox
        self._subscriptions: dict[tuple[str, str | None], Subscription] = {}
        self._emitters: dict[str, tuple[str, Emitter]] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._operations: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            'subscribe': self._subscribe,
            'unsubscribe': self._unsubscribe,
            'advertise': self._advertise,
            'unadvertise': self._unadvertise,
            'publish': self._publish,
            'call_service': self._call_service,
        }

    async def receive(self, data: str | bytes) -> None:
        """Do what one message asks for; whatever is wrong with it is told to the client as a ``status``."""
        request_id = None
        try:
            message = self._parse(data)
            request_id = message.get('id')
            operation = self._operations.get(_get(message, 'op', str))
            if operation is None:
                raise TurretError(ReasonCode.NOT_SUPPORTED, f'operation "{message["op"]}" is not supported here')
            await operation(message)
        except (TurretError, CodecError) as error:
            self._complain(str(error), request_id)

    async def close(self) -> None:
        """Give back everything that the client holds."""
        for call in self._calls:
            call.cancel()
        for subscription in self._subscriptions.values():
            await subscription.close()
        for _, emitter in self._emitters.values():
            await emitter.close()

    def _parse(self, data: str | bytes) -> dict[str, Any]:
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'not a JSON message: {error}') from None
        if not isinstance(message, dict):
            raise TurretError(ReasonCode.INVALID_ARGUMENT, 'a message is a JSON object')
        return message

    def _send(self, message: dict[str, Any], request_id: Any) -> None:
        if request_id is not None:
            message['id'] = request_id
        self._outbox.send(frames.frame(orjson.dumps(message)))

    def _complain(self, text: str, request_id: Any) -> None:
        self._send({'op': 'status', 'level': 'error', 'msg': text}, request_id)

    async def _subscribe(self, message: dict[str, Any]) -> None:
        name = _get(message, 'topic', str)
        topic = _absolute(name)
        self._policy.check_subscribe(topic)
        key = (topic, _get(message, 'id', str, None))
        compression = _get(message, 'compression', str, 'none')
        if compression not in ENCODINGS:
            raise TurretError(
                ReasonCode.NOT_SUPPORTED, f'compression "{compression}" is none of {", ".join(ENCODINGS)}')
        if key not in self._subscriptions and len(self._subscriptions) >= self._limits.subscriptions:
            raise TurretError(
                ReasonCode.RATE_LIMITED, f'more than {self._limits.subscriptions} subscriptions on one connection')
        delivery = Delivery(
            name, throttle_s=max(0, _get(message, 'throttle_rate', int, 0)) / 1000,
            queue=min(max(0, _get(message, 'queue_length', int, 0)), 1000), compression=compression)
        subscription = await self._topics.subscribe(topic, _get(message, 'type', str, None), self._outbox, delivery)
        replaced = self._subscriptions.pop(key, None)
        self._subscriptions[key] = subscription
        if replaced is not None:
            await replaced.close()

    async def _unsubscribe(self, message: dict[str, Any]) -> None:
        topic = _absolute(_get(message, 'topic', str))
        request_id = _get(message, 'id', str, None)
        keys = [key for key in self._subscriptions if key[0] == topic and request_id in (None, key[1])]
        if not keys:
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no such subscription to {topic}')
        for key in keys:
            await self._subscriptions.pop(key).close()

    async def _advertise(self, message: dict[str, Any]) -> None:
        topic = _absolute(_get(message, 'topic', str))
        type_name = _get(message, 'type', str)
        self._policy.check_publish(self._role, topic)
        codec = self._gateway.message(type_name)
        known = self._gateway.topics().get(topic)
        if known and codec.kind.name not in known:
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'topic {topic} has type {known[0]}, not {codec.kind.name}')
        if topic not in self._emitters:
            depth = min(max(1, _get(message, 'queue_size', int, 1)), 1000)
            emitter = await self._gateway.advertise(
                topic, codec.kind.name, latch=_get(message, 'latch', bool, False), depth=depth)
            self._emitters[topic] = (codec.kind.name, emitter)

    async def _unadvertise(self, message: dict[str, Any]) -> None:
        topic = _absolute(_get(message, 'topic', str))
        if topic not in self._emitters:
            raise TurretError(ReasonCode.NOT_FOUND, f'topic {topic} is not advertised')
        await self._emitters.pop(topic)[1].close()

    async def _publish(self, message: dict[str, Any]) -> None:
        topic = _absolute(_get(message, 'topic', str))
        self._policy.check_publish(self._role, topic)
        if topic not in self._emitters:
            await self._advertise(message if message.get('type') else {**message, 'type': self._type_of(topic)})
        type_name, emitter = self._emitters[topic]
        emitter.publish(self._gateway.message(type_name).encode(_get(message, 'msg', dict, {}), time.time_ns()))

    def _type_of(self, topic: str) -> str:
        known = self._gateway.topics().get(topic)
        if not known:
            raise TurretError(ReasonCode.NOT_FOUND, f'topic {topic} is not known: advertise it with its type first')
        return known[0]

    async def _call_service(self, message: dict[str, Any]) -> None:
        task = asyncio.create_task(self._answer_call(message))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _answer_call(self, message: dict[str, Any]) -> None:
        request_id = message.get('id')
        service = message.get('service')
        try:
            name = _absolute(_get(message, 'service', str))
            timeout_s = _get(message, 'timeout', (int, float), self._limits.call_s)
            values = await call_service(
                self._gateway, self._policy, self._role, name, _get(message, 'type', str, None),
                message.get('args') or {}, timeout_s if 0 < timeout_s < self._limits.call_s else self._limits.call_s)
        except (TurretError, CodecError) as error:
            answer = {'values': str(error), 'result': False}
        else:
            answer = {'values': values, 'result': True}
        self._send({'op': 'service_response', 'service': service, **answer}, request_id)


def _absolute(name: str) -> str:
    return name if name.startswith('/') else f'/{name}'


def _get(message: dict[str, Any], key: str, kind: Any, default: Any = _REQUIRED) -> Any:
    """Return a member of a message, or the default where it is missing or null; refuse another type."""
    value = message.get(key)
    if value is None:
        if default is _REQUIRED:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{key}" is missing')
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{key}" has the wrong type: {type(value).__name__}')
    return value

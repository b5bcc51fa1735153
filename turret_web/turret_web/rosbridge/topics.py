"""rosbridge operations on topics: subscribe, unsubscribe, advertise, unadvertise, publish."""

from __future__ import annotations

import time
from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Use
from turret_web.fan_out.encodings import COMPRESSIONS
from turret_web.fan_out.subscription_hub import Delivery, Subscription
from turret_web.gateway.gateway import Publisher
from turret_web.rosbridge.bridge import (
    Bridge,
    Client,
    OperationGroup,
    get,
    get_compression,
    get_fragment_size,
    get_name,
)

_MAX_QUEUE = 1000


class TopicOperations(OperationGroup):
    """What one client subscribes to and publishes."""

    def __init__(self, bridge: Bridge, client: Client) -> None:
        self._bridge = bridge
        self._client = client
        self._subscriptions: dict[tuple[str, str | int | None], Subscription] = {}
        self._publishers_by_topic: dict[str, tuple[Codec, Publisher]] = {}
        self.operations = {
            'subscribe': self._subscribe,
            'unsubscribe': self._unsubscribe,
            'advertise': self._advertise,
            'unadvertise': self._unadvertise,
            'publish': self._publish,
        }

    @property
    def dropped(self) -> int:
        """Messages that the client was too slow for, of its present subscriptions."""
        return sum(subscription.dropped for subscription in self._subscriptions.values())

    async def close(self) -> None:
        """End everything."""
        for subscription in self._subscriptions.values():
            await subscription.close()
        for _, publisher in self._publishers_by_topic.values():
            await publisher.close()

    async def _subscribe(self, message: dict[str, Any]) -> None:
        topic = get_name(message, 'topic')
        self._bridge.policy.check(Use.SUBSCRIBE, self._client.role, topic)
        key = (topic, get(message, 'id', (str, int), None))
        limit = self._bridge.limits.subscriptions
        if key not in self._subscriptions and len(self._subscriptions) >= limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'more than {limit} subscriptions on one connection')
        delivery = Delivery(
            get(message, 'topic', str),
            throttle_s=max(0, get(message, 'throttle_rate', int, 0)) / 1000,
            queue=min(max(0, get(message, 'queue_length', int, 0)), _MAX_QUEUE),
            compression=get_compression(message, COMPRESSIONS),
            fragment_size=get_fragment_size(message))
        subscription = await self._bridge.hub.subscribe(
            topic, get(message, 'type', str, None), self._client.send_queue, delivery)
        replaced = self._subscriptions.pop(key, None)
        self._subscriptions[key] = subscription
        if replaced is not None:
            await replaced.close()

    async def _unsubscribe(self, message: dict[str, Any]) -> None:
        topic = get_name(message, 'topic')
        request_id = get(message, 'id', (str, int), None)
        keys = [key for key in self._subscriptions if key[0] == topic and request_id in (None, key[1])]
        if not keys:
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no such subscription to {topic}')
        for key in keys:
            await self._subscriptions.pop(key).close()

    async def _advertise(self, message: dict[str, Any]) -> None:
        topic = get_name(message, 'topic')
        await self._publisher(topic, get(message, 'type', str), message)

    async def _unadvertise(self, message: dict[str, Any]) -> None:
        topic = get_name(message, 'topic')
        if topic not in self._publishers_by_topic:
            self._client.status('warning', f'topic {topic} is not advertised', message.get('id'))
            return
        await self._publishers_by_topic.pop(topic)[1].close()

    async def _publish(self, message: dict[str, Any]) -> None:
        topic = get_name(message, 'topic')
        if topic in self._publishers_by_topic:
            codec, publisher = self._publishers_by_topic[topic]
        else:
            codec, publisher = await self._publisher(topic, get(message, 'type', str, None), message)
        publisher.publish(codec.encode(get(message, 'msg', dict, {}), time.time_ns()))

    async def _publisher(self, topic: str, type_name: str | None, message: dict[str, Any]) -> tuple[Codec, Publisher]:
        """Return this client's publisher of a topic, made now where there is none yet."""
        self._bridge.policy.check(Use.PUBLISH, self._client.role, topic)
        gateway = self._bridge.gateway
        known = gateway.topics().get(topic, [])
        if type_name is None:
            if not known:
                raise TurretError(ReasonCode.NOT_FOUND, f'topic {topic} is not known: advertise it with its type first')
            type_name = known[0]
        codec = gateway.message(type_name)
        if known and codec.kind.name not in known:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'topic {topic} has type {known[0]}, not {codec.kind.name}')
        if topic not in self._publishers_by_topic:
            depth = min(max(1, get(message, 'queue_size', int, 1)), _MAX_QUEUE)
            publisher = await gateway.advertise(
                topic, codec.kind.name, latch=get(message, 'latch', bool, False), depth=depth)
            self._publishers_by_topic[topic] = (codec, publisher)
        return self._publishers_by_topic[topic]

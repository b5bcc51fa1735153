# SPDX-License-Identifier: Apache-2.0
"""rosbridge operations on topics: subscribe, unsubscribe, advertise, unadvertise, publish."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Use
from turret_web.fan_out.encodings import COMPRESSIONS
from turret_web.fan_out.subscription_hub import Delivery, Subscription
from turret_web.gateway.gateway import Publisher
from turret_web.names import InterfaceType, RosName, topic_name
from turret_web.rosbridge.bridge import (
    Bridge,
    Client,
    OperationGroup,
    get,
    get_compression,
    get_fragment_size,
    get_topic,
    get_type,
    get_type_if_given,
    request_id_of,
)

_MAX_QUEUE = 1000


class _Requests:
    """The subscriptions of one client to one topic, which share one stream of messages.

    A ``publish`` message does not name the subscription that it belongs to, so a stream for each subscription would
    deliver every message several times.

    Attributes:
        deliveries: how each subscription gets its messages, by its id.
        type_name: type that the client expects; None for any type.
        subscription: the stream; None while it is being created.
    """

    def __init__(
            self, deliveries: dict[str | int | None, Delivery], type_name: InterfaceType | None = None) -> None:
        self.deliveries = deliveries
        self.type_name = type_name
        self.subscription: Subscription | None = None

    def combined(self) -> Delivery:
        """Return the settings that suit all subscriptions, as rosbridge_suite chooses them."""
        wanted = list(self.deliveries.values())
        return Delivery(
            wanted[0].name,
            throttle_s=min(delivery.throttle_s for delivery in wanted),
            queue=max(delivery.queue for delivery in wanted),
            compression=max((delivery.compression for delivery in wanted), key=COMPRESSIONS.index),
            fragment_size=min(
                (delivery.fragment_size for delivery in wanted if delivery.fragment_size is not None), default=None))


class TopicOperations(OperationGroup):
    """Subscriptions and publishers of one client."""

    def __init__(self, bridge: Bridge, client: Client) -> None:
        self._bridge = bridge
        self._client = client
        self._subscriptions: dict[str, _Requests] = {}  # by the name of the topic as the client wrote it
        self._publishers: dict[RosName, tuple[Codec, Publisher]] = {}
        self.operations = {
            'subscribe': self._subscribe,
            'unsubscribe': self._unsubscribe,
            'advertise': self._advertise,
            'unadvertise': self._unadvertise,
            'publish': self._publish,
        }

    @property
    def dropped(self) -> int:
        """Number of messages of the current subscriptions that were dropped because the client reads too slowly."""
        return sum(
            requests.subscription.dropped for requests in self._subscriptions.values() if requests.subscription)

    async def close(self) -> None:
        """Close all subscriptions and publishers."""
        for requests in self._subscriptions.values():
            if requests.subscription is not None:
                await requests.subscription.close()
        for _, publisher in self._publishers.values():
            await publisher.close()

    async def _subscribe(self, message: dict[str, Any]) -> None:
        topic = get_topic(message)
        self._bridge.policy.check(Use.SUBSCRIBE, self._client.role, topic)
        request_id, name = request_id_of(message), get(message, 'topic', str)
        delivery = Delivery(
            name,
            throttle_s=max(0, get(message, 'throttle_rate', (int, float), 0)) / 1000,
            queue=min(max(0, get(message, 'queue_length', int, 0)), _MAX_QUEUE),
            compression=get_compression(message, COMPRESSIONS),
            fragment_size=get_fragment_size(message))
        limit = self._bridge.limits.subscriptions
        known = self._subscriptions.get(name, _Requests({}))
        if request_id not in known.deliveries and self._count() >= limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'more than {limit} subscriptions on one connection')
        requests = _Requests({**known.deliveries, request_id: delivery}, get_type_if_given(message, 'msg'))
        await self._replace(known, topic, name, requests, request_id)

    async def _replace(
            self, known: _Requests, topic: RosName, name: str, requests: _Requests,
            request_id: str | int | None) -> None:
        """Replace the stream of a topic by one that suits other subscriptions."""
        requests.subscription = await self._bridge.hub.subscribe(
            topic, requests.type_name, self._client.send_queue, requests.combined(),
            lambda text: self._client.status('error', text, request_id))
        self._subscriptions[name] = requests
        if known.subscription is not None:
            await known.subscription.close()

    def _count(self) -> int:
        return sum(len(requests.deliveries) for requests in self._subscriptions.values())

    async def _unsubscribe(self, message: dict[str, Any]) -> None:
        topic, request_id = get_topic(message), request_id_of(message)
        names = [
            name for name, requests in self._subscriptions.items()
            if topic_name(name) == topic and (request_id is None or request_id in requests.deliveries)]
        if not names:
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no such subscription to {topic}')
        for name in names:
            requests = self._subscriptions[name]
            left = {key: delivery for key, delivery in requests.deliveries.items() if key != request_id}
            if request_id is None or not left:
                del self._subscriptions[name]
                if requests.subscription is not None:
                    await requests.subscription.close()
                continue
            remaining = _Requests(left, requests.type_name)
            changed = remaining.combined() != requests.combined()
            requests.deliveries = left
            if changed:
                with suppress(TurretError):  # the topic has ended or has another type now: the stream stays
                    await self._replace(requests, topic, name, remaining, next(iter(left)))

    async def _advertise(self, message: dict[str, Any]) -> None:
        await self._publisher(get_topic(message), get_type(message, 'msg'), message)

    async def _unadvertise(self, message: dict[str, Any]) -> None:
        topic = get_topic(message)
        if topic not in self._publishers:
            self._client.status('warning', f'topic {topic} is not advertised', request_id_of(message))
            return
        await self._publishers.pop(topic)[1].close()

    async def _publish(self, message: dict[str, Any]) -> None:
        topic = get_topic(message)
        if topic in self._publishers:
            codec, publisher = self._publishers[topic]
        else:
            codec, publisher = await self._publisher(topic, get_type_if_given(message, 'msg'), message)
        publisher.publish(codec.encode(get(message, 'msg', dict, {}), time.time_ns()))

    async def _publisher(
            self, topic: RosName, type_name: InterfaceType | None, message: dict[str, Any]) -> tuple[Codec, Publisher]:
        """Return the publisher of this client for a topic; it is created if there is none yet."""
        self._bridge.policy.check(Use.PUBLISH, self._client.role, topic)
        gateway = self._bridge.gateway
        known = gateway.topics().get(topic, [])
        if type_name is None:
            if not known:
                raise TurretError(
                    ReasonCode.NOT_FOUND, f'topic {topic} does not exist yet: advertise it with its type first')
            type_name = InterfaceType(known[0], 'msg')
        codec = gateway.message(type_name)
        if known and type_name not in known:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'topic {topic} has type {known[0]}, not {type_name}')
        if topic not in self._publishers:
            depth = min(max(1, get(message, 'queue_size', int, 1)), _MAX_QUEUE)
            publisher = await gateway.advertise(
                topic, type_name, latch=get(message, 'latch', bool, False), depth=depth)
            self._publishers[topic] = (codec, publisher)
        return self._publishers[topic]

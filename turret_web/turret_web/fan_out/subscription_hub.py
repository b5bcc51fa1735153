"""Fan-out: one ROS subscription per topic, each message converted once per encoding, any number of clients."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Container
from dataclasses import dataclass

from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec, CodecError
from turret_common.reason_codes import ReasonCode
from turret_web.fan_out import encodings
from turret_web.fan_out.json_rounding import rounded
from turret_web.fan_out.send_queue import SendQueue
from turret_web.gateway.gateway import Feed, Gateway

log = logging.getLogger(__name__)

#: Messages of a reliable topic that wait for a client that did not ask for a queue length.
DEFAULT_QUEUE = 100

#: Messages of topics up to this rate are deflated for clients that offered it [Hz]: the others would cost too much.
_DEFLATED_RATE_HZ = 20.0
_MIN_DEFLATED_BYTES = 256  # [bytes]


@dataclass(frozen=True)
class Delivery:
    """How a client wants its messages.

    Attributes:
        name: of the topic, as the client wrote it.
        throttle_s: smallest time between two messages [s]; 0 for every message.
        queue: messages that may wait; 0 for the default: the newest of a stream, :data:`DEFAULT_QUEUE` otherwise.
        compression: one of :data:`turret_web.fan_out.encodings.COMPRESSIONS`.
        fragment_size: largest length of a text message [characters]; None for any.
    """

    name: str
    throttle_s: float = 0.0
    queue: int = 0
    compression: str = 'none'
    fragment_size: int | None = None


class Sample:
    """One message as it came from ROS, with its encodings as far as somebody asked for them."""

    __slots__ = ('_codec', '_data', '_decimals', '_payloads', '_received_ns', '_wires')

    def __init__(self, data: bytes, codec: Codec, decimals: int | None) -> None:
        self._data = data
        self._codec = codec
        self._decimals = decimals
        self._received_ns = time.time_ns()
        self._payloads: dict[tuple[str, str], bytes] = {}
        self._wires: dict[tuple[str, str, int | None], bytes] = {}

    def payload(self, delivery: Delivery) -> bytes:
        """Return the ``publish`` message, JSON or CBOR.

        Raises:
            CodecError: the bytes are no message of this type.
        """
        key = (delivery.name, delivery.compression)
        payload = self._payloads.get(key)
        if payload is None:
            payload = self._payloads[key] = self._encode(*key)
        return payload

    def wire(self, delivery: Delivery) -> bytes:
        """Return the ``publish`` message as WebSocket frames. Raises as :meth:`payload`."""
        key = (delivery.name, delivery.compression, delivery.fragment_size)
        wire = self._wires.get(key)
        if wire is None:
            wire = self._wires[key] = encodings.wire(
                self.payload(delivery), delivery.compression, delivery.fragment_size)
        return wire

    def _encode(self, name: str, compression: str) -> bytes:
        if compression == 'cbor-raw':
            return encodings.publish_cbor_raw(name, self._data, self._received_ns)
        if compression == 'cbor':
            return encodings.publish_cbor(name, self._codec.to_cbor(self._data))
        values = self._codec.to_json(self._data)
        return encodings.publish_json(name, values if self._decimals is None else rounded(values, self._decimals))


class Subscription:
    """One client's subscription to one topic: throttles, and holds what the client has not read yet.

    While throttled, the newest ``queue`` messages (at least one) wait for their turn, so the last message before a
    silence always arrives. While the client reads too slowly, the oldest waiting message is dropped for a new one.

    Attributes:
        dropped: messages that the client did not get.
    """

    def __init__(self, topic: SharedTopic, send_queue: SendQueue, delivery: Delivery) -> None:
        self._topic = topic
        self._outbox = send_queue
        self._delivery = delivery
        self._loop = asyncio.get_running_loop()
        self._throttled: deque[Sample] = deque(maxlen=max(1, delivery.queue))
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._unsent: deque[Sample] = deque(
            maxlen=delivery.queue or (1 if topic.newest_only else DEFAULT_QUEUE))
        self._plain = delivery.compression == 'none' and delivery.fragment_size is None
        self.dropped = 0

    def offer(self, sample: Sample) -> None:
        """Take a new message of the topic."""
        if self._delivery.throttle_s:
            if self._timer is not None or self._loop.time() < self._due:
                self.dropped += len(self._throttled) == self._throttled.maxlen
                self._throttled.append(sample)
                if self._timer is None:
                    self._timer = self._loop.call_at(self._due, self._release)
                return
            self._due = self._loop.time() + self._delivery.throttle_s
        self._push(sample)

    def _release(self) -> None:
        """The next throttled message is due."""
        self._timer = None
        self._due += self._delivery.throttle_s
        self._push(self._throttled.popleft())
        if self._throttled:
            self._timer = self._loop.call_at(self._due, self._release)

    def _push(self, sample: Sample) -> None:
        try:
            sample.payload(self._delivery)
        except CodecError as error:
            self._topic.report_conversion_error(error)
            return
        if not self._unsent:
            self._outbox.wake(self)
        self.dropped += len(self._unsent) == self._unsent.maxlen
        self._unsent.append(sample)

    def next_frame(self) -> bytes:
        """Return the next frame for the client."""
        sample = self._unsent.popleft()
        deflater = self._outbox.deflater
        if deflater is not None and self._plain and self._topic.is_slow:
            payload = sample.payload(self._delivery)
            if len(payload) > _MIN_DEFLATED_BYTES:
                return deflater.text_frame(payload)
        return sample.wire(self._delivery)

    def has_frames(self) -> bool:
        """Say whether the client is still to be sent something."""
        return bool(self._unsent)

    async def close(self) -> None:
        """End it; the ROS subscription ends with its last client."""
        if self._timer is not None:
            self._timer.cancel()
        self._outbox.forget(self)
        await self._topic.remove(self)


class SharedTopic:
    """One ROS subscription and the clients that share it."""

    def __init__(self, hub: SubscriptionHub, name: str, codec: Codec, decimals: int | None) -> None:
        self._hub = hub
        self._codec = codec
        self._decimals = decimals
        self._subscriptions: set[Subscription] = set()
        self._feed: Feed | None = None
        self._latched: Sample | None = None
        self._error_reported = False
        self._loop = asyncio.get_running_loop()
        self._arrived = 0.0
        self._interval_s = 1.0
        self.name = name
        self.type_name = codec.kind.name

    async def open(self, gateway: Gateway) -> None:
        """Subscribe in ROS."""
        self._feed = await gateway.subscribe(self.name, self.type_name, self._deliver)

    def add(self, subscription: Subscription) -> None:
        """Give a client the messages from now on, and the latched one where there is one."""
        self._subscriptions.add(subscription)
        if self._latched is not None:
            subscription.offer(self._latched)

    async def remove(self, subscription: Subscription) -> None:
        """Take a client out."""
        self._subscriptions.discard(subscription)
        await self._hub.release(self)

    @property
    def newest_only(self) -> bool:
        """Whether old messages are of no worth."""
        return self._feed is not None and self._feed.newest_only

    @property
    def is_slow(self) -> bool:
        """Whether its messages come so seldom that bytes are dearer than the time to save them."""
        return self._interval_s * _DEFLATED_RATE_HZ > 1.0

    @property
    def idle(self) -> bool:
        """Whether nobody subscribes any more."""
        return not self._subscriptions

    async def close(self) -> None:
        """End the ROS subscription."""
        if self._feed is not None:
            await self._feed.close()

    def report_conversion_error(self, error: CodecError) -> None:
        """Log that a message could not be converted, once per topic."""
        if not self._error_reported:
            self._error_reported = True
            log.error('%s: %s', self.name, error)

    def _deliver(self, data: bytes) -> None:
        now = self._loop.time()
        self._interval_s += 0.2 * (min(now - self._arrived, 1.0) - self._interval_s)
        self._arrived = now
        sample = Sample(data, self._codec, self._decimals if self.is_slow else None)
        if self._feed is None or self._feed.latched:
            self._latched = sample
        for subscription in self._subscriptions:
            subscription.offer(sample)


class SubscriptionHub:
    """All topics that some client listens to."""

    def __init__(self, gateway: Gateway, rounded_topics: Container[str] = (), decimals: int = 4) -> None:
        """Make it.

        Args:
            gateway: the ROS side.
            rounded_topics: topics whose numbers are rounded in JSON.
            decimals: to so many.
        """
        self._gateway = gateway
        self._rounded = rounded_topics
        self._decimals = decimals
        self._topics: dict[str, SharedTopic] = {}
        self._lock = asyncio.Lock()

    async def subscribe(
            self, name: str, type_name: str | None, send_queue: SendQueue, delivery: Delivery) -> Subscription:
        """Subscribe a client.

        Args:
            name: absolute name of the topic.
            type_name: what the client takes the topic for; None for whatever it is.
            send_queue: of the client.
            delivery: how it wants the messages.

        Raises:
            TurretError: the topic does not exist and no type was given, the type does not, or it is another one.
        """
        async with self._lock:
            topic = self._topics.get(name)
            if topic is None:
                topic = await self._open(name, type_name)
            elif type_name is not None:
                self._check_type(name, type_name, topic.type_name)
            subscription = Subscription(topic, send_queue, delivery)
            topic.add(subscription)
        return subscription

    async def release(self, topic: SharedTopic) -> None:
        """Close a topic that nobody listens to any more."""
        async with self._lock:
            if topic.idle and self._topics.get(topic.name) is topic:
                del self._topics[topic.name]
                await topic.close()

    async def _open(self, name: str, type_name: str | None) -> SharedTopic:
        actual = self._gateway.topics().get(name)
        if actual and type_name is not None:
            self._check_type(name, type_name, actual[0])
        elif actual:
            type_name = actual[0]
        elif type_name is None:
            raise TurretError(ReasonCode.NOT_FOUND, f'topic {name} does not exist yet; give its type to wait for it')
        codec = self._gateway.message(type_name)
        topic = SharedTopic(self, name, codec, self._decimals if name in self._rounded else None)
        await topic.open(self._gateway)
        self._topics[name] = topic
        return topic

    def _check_type(self, name: str, wanted: str, actual: str) -> None:
        if self._gateway.message(wanted).kind.name != actual:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'topic {name} has type {actual}, not {wanted}')

"""Fan-out: one ROS subscription per topic, each message converted once per encoding, any number of clients."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web import frames
from turret_web.cdr import Codec, CodecError
from turret_web.gateway import Feed, Gateway
from turret_web.outbox import Outbox

log = logging.getLogger(__name__)

#: Messages of a reliable topic that wait for a client that did not ask for a queue length.
DEFAULT_QUEUE = 100


class Sample:
    """One message as it came from ROS, with its encodings as far as somebody asked for them."""

    __slots__ = ('_encoded', 'codec', 'data')

    def __init__(self, data: bytes, codec: Codec) -> None:
        self.data = data
        self.codec = codec
        self._encoded: dict[tuple[str, str], bytes] = {}

    def frame(self, name: str, compression: str) -> bytes:
        """Return the publish message as a WebSocket frame.

        Args:
            name: of the topic, as the client wrote it.
            compression: a key of :data:`ENCODINGS`.

        Raises:
            CodecError: the bytes are no message of this type.
        """
        key = (name, compression)
        encoded = self._encoded.get(key)
        if encoded is None:
            encoded = self._encoded[key] = ENCODINGS[compression](self, name)
        return encoded


def _json_payload(sample: Sample, name: str) -> bytes:
    return b'{"op":"publish","topic":%b,"msg":%b}' % (
        orjson.dumps(name), orjson.dumps(sample.codec.to_json(sample.data)))


#: How a publish message may be encoded, by the name that rosbridge has for it.
ENCODINGS: dict[str, Callable[[Sample, str], bytes]] = {
    'none': lambda sample, name: frames.frame(_json_payload(sample, name)),
}


@dataclass(frozen=True)
class Delivery:
    """How a client wants its messages.

    Attributes:
        name: of the topic, as the client wrote it.
        throttle_s: smallest time between two messages [s]; 0 for every message.
        queue: messages that may wait; 0 for the default: the newest of a stream, :data:`DEFAULT_QUEUE` otherwise.
        compression: a key of :data:`ENCODINGS`.
    """

    name: str
    throttle_s: float = 0.0
    queue: int = 0
    compression: str = 'none'


class Subscription:
    """One client's subscription to one topic: throttles, and holds what the client has not read yet.

    While throttled, the newest ``queue`` messages (at least one) wait for their turn, so the last message before a
    silence always arrives. While the client reads too slowly, the oldest waiting message is dropped for a new one.

    Attributes:
        dropped: messages that the client did not get.
    """

    def __init__(self, topic: Topic, outbox: Outbox, delivery: Delivery) -> None:
        self._topic = topic
        self._outbox = outbox
        self._delivery = delivery
        self._loop = asyncio.get_running_loop()
        self._throttled: deque[Sample] = deque(maxlen=max(1, delivery.queue))
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._unsent: deque[Sample] = deque(
            maxlen=delivery.queue or (1 if topic.newest_only else DEFAULT_QUEUE))
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
            sample.frame(self._delivery.name, self._delivery.compression)
        except CodecError as error:
            self._topic.complain(error)
            return
        if not self._unsent:
            self._outbox.wake(self)
        self.dropped += len(self._unsent) == self._unsent.maxlen
        self._unsent.append(sample)

    def next_frame(self) -> bytes:
        """Return the next frame for the client."""
        return self._unsent.popleft().frame(self._delivery.name, self._delivery.compression)

    def has_frames(self) -> bool:
        """Say whether the client is still to be sent something."""
        return bool(self._unsent)

    async def close(self) -> None:
        """End it; the ROS subscription ends with its last client."""
        if self._timer is not None:
            self._timer.cancel()
        self._outbox.forget(self)
        await self._topic.remove(self)


class Topic:
    """One ROS subscription and the clients that share it.

    Attributes:
        newest_only: as :class:`~turret_web.gateway.Feed` says.
    """

    def __init__(self, topics: Topics, name: str, type_name: str, codec: Codec) -> None:
        self._topics = topics
        self._codec = codec
        self._subscriptions: set[Subscription] = set()
        self._feed: Feed | None = None
        self._latched: Sample | None = None
        self._complained = False
        self.name = name
        self.type_name = type_name
        self.newest_only = False

    async def open(self, gateway: Gateway) -> None:
        """Subscribe in ROS."""
        self._feed = await gateway.subscribe(self.name, self.type_name, self._deliver)
        self.newest_only = self._feed.newest_only

    def add(self, subscription: Subscription) -> None:
        """Give a client the messages from now on, and the latched one where there is one."""
        self._subscriptions.add(subscription)
        if self._latched is not None:
            subscription.offer(self._latched)

    async def remove(self, subscription: Subscription) -> None:
        """Take a client out."""
        self._subscriptions.discard(subscription)
        await self._topics.release(self)

    @property
    def idle(self) -> bool:
        """Whether nobody subscribes any more."""
        return not self._subscriptions

    async def close(self) -> None:
        """End the ROS subscription."""
        if self._feed is not None:
            await self._feed.close()

    def complain(self, error: CodecError) -> None:
        """Log that a message could not be converted, once per topic."""
        if not self._complained:
            self._complained = True
            log.error('%s: %s', self.name, error)

    def _deliver(self, data: bytes) -> None:
        sample = Sample(data, self._codec)
        if self._feed is None or self._feed.latched:
            self._latched = sample
        for subscription in self._subscriptions:
            subscription.offer(sample)


class Topics:
    """All topics that some client listens to."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._topics: dict[str, Topic] = {}
        self._lock = asyncio.Lock()

    async def subscribe(self, name: str, type_name: str | None, outbox: Outbox, delivery: Delivery) -> Subscription:
        """Subscribe a client.

        Args:
            name: absolute name of the topic.
            type_name: what the client takes the topic for; None for whatever it is.
            outbox: of the client.
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
            subscription = Subscription(topic, outbox, delivery)
            topic.add(subscription)
        return subscription

    async def release(self, topic: Topic) -> None:
        """Close a topic that nobody listens to any more."""
        async with self._lock:
            if topic.idle and self._topics.get(topic.name) is topic:
                del self._topics[topic.name]
                await topic.close()

    async def _open(self, name: str, type_name: str | None) -> Topic:
        actual = self._gateway.topics().get(name)
        if actual and type_name is not None:
            self._check_type(name, type_name, actual[0])
        elif actual:
            type_name = actual[0]
        elif type_name is None:
            raise TurretError(ReasonCode.NOT_FOUND, f'topic {name} does not exist yet; give its type to wait for it')
        codec = self._gateway.message(type_name)
        topic = Topic(self, name, codec.kind.name, codec)
        await topic.open(self._gateway)
        self._topics[name] = topic
        return topic

    def _check_type(self, name: str, wanted: str, actual: str) -> None:
        if self._gateway.message(wanted).kind.name != actual:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'topic {name} has type {actual}, not {wanted}')

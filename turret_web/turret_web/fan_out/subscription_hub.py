# SPDX-License-Identifier: Apache-2.0
"""Fan-out: one ROS subscription per topic, each message converted once per encoding, any number of clients."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import time
from collections.abc import Callable, Container
from dataclasses import dataclass

from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec, CodecError
from turret_common.reason_codes import ReasonCode
from turret_web.failures import as_refusal
from turret_web.fan_out import converter, encodings
from turret_web.fan_out.backlog import Backlog
from turret_web.fan_out.converter import Conversion, Converter
from turret_web.fan_out.send_queue import SendQueue
from turret_web.gateway.gateway import Feed, Gateway
from turret_web.names import InterfaceType, RosName

log = logging.getLogger(__name__)

#: Maximum number of waiting messages of a reliable topic, for a client that requested no queue length.
DEFAULT_QUEUE = 100
#: Messages of topics up to this rate are deflated for clients that support it; of faster ones it costs too much [Hz].
_DEFLATED_RATE_HZ = 20.0
_MIN_DEFLATED_BYTES = 256
#: Larger messages are converted by another process [bytes]: the loop must not be blocked. PNG and fragments cost more.
_LARGE_BYTES = 64 * 1024
_LARGE_EXPENSIVE_BYTES = 8 * 1024
#: So are the messages of a subscription after several in a row that took more CPU time than this [s].
_SLOW_S = 0.002
_SLOW_COUNT = 3
#: Memory of a serialized message with its encodings, as a multiple of its size, and the constant part [bytes].
_MEMORY_FACTOR = 3
_MEMORY_BYTES = 500
#: Interval at which topics are checked whose clients wait for another type than the subscribed one [s].
_REVIEW_S = 1.0


@dataclass(frozen=True)
class Delivery:
    """How messages are delivered to a client.

    Attributes:
        name: name of the topic as the client wrote it.
        throttle_s: minimum time between two messages [s]; 0 for every message.
        queue: maximum number of waiting messages; 0 for the default: 1 for streams, otherwise :data:`DEFAULT_QUEUE`.
        compression: one of :data:`turret_web.fan_out.encodings.COMPRESSIONS`.
        fragment_size: maximum length of a text message [characters]; None for any.
    """

    name: str
    throttle_s: float = 0.0
    queue: int = 0
    compression: str = 'none'
    fragment_size: int | None = None

    @functools.cached_property
    def key(self) -> tuple[str, str, int | None]:
        """What the frames of a message depend on."""
        return self.name, self.compression, self.fragment_size

    @functools.cached_property
    def large_bytes(self) -> float:
        """Size above which serialized messages are converted by another process [bytes]."""
        if self.compression == 'cbor-raw':
            return math.inf
        is_cheap = self.fragment_size is None and self.compression != 'png'
        return _LARGE_BYTES if is_cheap else _LARGE_EXPENSIVE_BYTES


class Sample:
    """One message of a topic, with the encodings that clients need.

    Attributes:
        converted: keys of the deliveries for which this process has converted the message.
        conversions: conversions by another process, by the keys of the deliveries.
        length: size of the serialized message [bytes].
        size: estimated memory [bytes].
    """

    __slots__ = (
        '_codec', '_data', '_decimals', '_payloads', '_received_ns', '_wires', 'conversions', 'converted', 'length',
        'size')

    def __init__(self, data: bytes, codec: Codec, decimals: int | None) -> None:
        self._data = data
        self._codec = codec
        self._decimals = decimals
        self._received_ns = time.time_ns()
        self._payloads: dict[tuple[str, str], bytes] = {}
        self._wires: dict[tuple[str, str, int | None], bytes] = {}
        self.converted: set[tuple[str, str, int | None]] = set()
        self.conversions: dict[tuple[str, str, int | None], asyncio.Future[bytes]] = {}
        self.length = len(data)
        self.size = _MEMORY_FACTOR * len(data) + _MEMORY_BYTES

    def conversion(self, delivery: Delivery) -> Conversion:
        """Return the request to convert it for a client."""
        return Conversion(
            self._codec.kind, self._data, self._decimals, self._received_ns, delivery.name, delivery.compression,
            delivery.fragment_size)

    def convert(self, delivery: Delivery) -> None:
        """Convert it for a client: its payload, which may be compressed for each client, or the frames.

        Raises:
            CodecError: the bytes are not a message of this type.
        """
        if delivery.compression == 'none' and delivery.fragment_size is None:
            self.payload(delivery)
        else:
            self.wire(delivery)
        self.converted.add(delivery.key)

    def payload(self, delivery: Delivery) -> bytes:
        """Return the ``publish`` message, JSON or CBOR. Raises as :meth:`convert`."""
        key = delivery.key[:2]
        payload = self._payloads.get(key)
        if payload is None:
            payload = self._payloads[key] = converter.payload(self._codec, self.conversion(delivery))
        return payload

    def wire(self, delivery: Delivery) -> bytes:
        """Return the ``publish`` message as WebSocket frames. Raises as :meth:`convert`."""
        wire = self._wires.get(delivery.key)
        if wire is None:
            wire = self._wires[delivery.key] = encodings.wire(
                self.payload(delivery), encodings.is_binary(delivery.compression), delivery.fragment_size)
        return wire

    def set_wire(self, delivery: Delivery, wire: bytes) -> None:
        """Keep frames that were converted elsewhere."""
        self._wires[delivery.key] = wire


class Subscription:
    """The messages of one topic for one client.

    While throttled, the newest ``queue`` messages (at least one) wait for their time, so the last message before a
    pause always arrives. While the client reads too slowly, the oldest waiting messages are dropped.
    """

    def __init__(
            self, topic: SharedTopic, send_queue: SendQueue, delivery: Delivery,
            on_error: Callable[[str], None]) -> None:
        self._topic = topic
        self._send_queue = send_queue
        self._delivery = delivery
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._converting = False
        self._closed = False
        self._throttled: Backlog[Sample] = Backlog(lambda: max(1, delivery.queue), send_queue.budget)
        self._unconverted: Backlog[Sample] = Backlog(self._depth, send_queue.budget)
        self._unsent: Backlog[Sample] = Backlog(self._depth, send_queue.budget)
        self._plain = delivery.compression == 'none' and delivery.fragment_size is None
        self._was_slow = False
        self._slow_count = 0
        self.on_error = on_error

    @property
    def dropped(self) -> int:
        """Number of messages that the client did not get."""
        return self._throttled.dropped + self._unconverted.dropped + self._unsent.dropped

    def _depth(self) -> int:
        return self._delivery.queue or (1 if self._topic.newest_only else DEFAULT_QUEUE)

    def offer(self, sample: Sample) -> None:
        """Add a new message of the topic."""
        if self._delivery.throttle_s:
            if self._timer is not None or self._loop.time() < self._due:
                self._throttled.append(sample)
                if self._timer is None:
                    self._timer = self._loop.call_at(self._due, self._release)
                return
            self._due = self._loop.time() + self._delivery.throttle_s
        self._push(sample)

    def _release(self) -> None:
        """Send the next throttled message."""
        self._timer = None
        if not self._throttled:
            return
        self._due += self._delivery.throttle_s
        self._push(self._throttled.popleft())
        if self._throttled:
            self._timer = self._loop.call_at(self._due, self._release)

    def _push(self, sample: Sample) -> None:
        if self._converting or self._slow_count >= _SLOW_COUNT or sample.length > self._delivery.large_bytes:
            self._unconverted.append(sample)
            self._convert_next()
            return
        if self._delivery.key not in sample.converted:
            try:
                self._convert_here(sample)
            except CodecError as error:
                self._topic.report_conversion_error(error)
                return
        self._ready(sample)

    def _convert_here(self, sample: Sample) -> None:
        """Convert a message in this process, and count those in a row that took much CPU time. Raises CodecError."""
        # The clock of CPU time is a system call, so it judges only after a conversion that the other clock found slow.
        clock = time.thread_time if self._was_slow else time.monotonic
        began = clock()
        sample.convert(self._delivery)
        slow = clock() - began > _SLOW_S
        self._slow_count = self._slow_count + 1 if slow and self._was_slow else 0
        self._was_slow = slow

    def _ready(self, sample: Sample) -> None:
        if not self._unsent:
            self._send_queue.wake(self)
        if not self._unsent.append(sample):
            self._send_queue.forget(self)

    def _convert_next(self) -> None:
        """Request the conversion of the next message by another process, one at a time."""
        if not self._converting and self._unconverted:
            self._converting = True
            self._send_queue.conversions.request(self._convert)

    def _convert(self) -> None:
        if not self._unconverted:  # closed meanwhile
            self._converted()
            return
        sample = self._unconverted.popleft()
        future = self._topic.convert(sample, self._delivery)
        future.add_done_callback(functools.partial(self._on_converted, sample))

    def _on_converted(self, sample: Sample, future: asyncio.Future[bytes]) -> None:
        error = None if future.cancelled() else future.exception()
        if isinstance(error, CodecError):
            self._topic.report_conversion_error(error)
        elif error is not None:
            as_refusal(error if isinstance(error, Exception) else RuntimeError(str(error)))
        elif not future.cancelled() and not self._closed:
            self._ready(sample)
        self._converted()

    def _converted(self) -> None:
        self._converting = False
        self._send_queue.conversions.release()
        self._convert_next()

    def next_frame(self) -> bytes:
        """Return the next frame for the client."""
        sample = self._unsent.popleft()
        deflater = self._send_queue.deflater
        if deflater is not None and self._plain and self._topic.is_slow and self._delivery.key in sample.converted:
            payload = sample.payload(self._delivery)
            if len(payload) > _MIN_DEFLATED_BYTES:
                return deflater.text_frame(payload)
        return sample.wire(self._delivery)

    def has_frames(self) -> bool:
        """Return whether another frame waits."""
        return bool(self._unsent)

    async def close(self) -> None:
        """Remove the subscription; the ROS subscription ends with its last client."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._send_queue.forget(self)
        for backlog in (self._throttled, self._unconverted, self._unsent):
            backlog.clear()
        await self._topic.remove(self)


class SharedTopic:
    """One ROS subscription and the clients that share it.

    It waits without a subscription while the topic is subscribed with another type: one process cannot subscribe to a
    topic with two types.
    """

    def __init__(self, hub: SubscriptionHub, name: RosName, type_name: InterfaceType, codec: Codec,
                 decimals: int | None) -> None:
        self._hub = hub
        self._codec = codec
        self._decimals = decimals
        self._subscriptions: set[Subscription] = set()
        self._feed: Feed | None = None
        self._latched: tuple[int, Sample] | None = None
        self._error_reported = False
        self._loop = asyncio.get_running_loop()
        self._arrived = 0.0
        self._interval_s = 1.0
        self.name = name
        self.type_name = type_name

    async def open(self, gateway: Gateway) -> None:
        """Subscribe in ROS."""
        self._feed = await gateway.subscribe(self.name, self.type_name, self._deliver)

    @property
    def is_open(self) -> bool:
        """Whether it is subscribed in ROS."""
        return self._feed is not None

    def add(self, subscription: Subscription) -> None:
        """Add a client. It gets the messages from now on, and the latched one of publishers that still exist."""
        self._subscriptions.add(subscription)
        if self._latched is not None and self._feed is not None and self._feed.latched:
            epoch, sample = self._latched
            if epoch == self._feed.epoch:
                subscription.offer(sample)

    async def remove(self, subscription: Subscription) -> None:
        """Remove a client."""
        self._subscriptions.discard(subscription)
        await self._hub.release(self)

    @property
    def newest_only(self) -> bool:
        """Whether only the latest message matters."""
        return self._feed is not None and self._feed.newest_only

    @property
    def is_slow(self) -> bool:
        """Whether its rate is so low that saving bytes is worth the CPU time."""
        return self._interval_s * _DEFLATED_RATE_HZ > 1.0

    @property
    def idle(self) -> bool:
        """Whether it has no clients."""
        return not self._subscriptions

    async def close(self) -> None:
        """Unsubscribe in ROS."""
        feed, self._feed, self._latched = self._feed, None, None
        if feed is not None:
            await feed.close()

    def report_error(self, text: str) -> None:
        """Send an error to all clients."""
        for subscription in self._subscriptions:
            subscription.on_error(text)

    def report_conversion_error(self, error: CodecError) -> None:
        """Report a message that could not be converted, once per topic: to the clients and in the log."""
        if not self._error_reported:
            self._error_reported = True
            log.error('%s: %s', self.name, error)
            self.report_error(f'{self.name}: {error}')

    def convert(self, sample: Sample, delivery: Delivery) -> asyncio.Future[bytes]:
        """Convert a message by another process, once for all clients with the same encoding."""
        return self._hub.convert(sample, delivery)

    def _deliver(self, data: bytes) -> None:
        now = self._loop.time()
        self._interval_s += 0.2 * (min(now - self._arrived, 1.0) - self._interval_s)
        self._arrived = now
        sample = Sample(data, self._codec, self._decimals if self.is_slow else None)
        if self._feed is None or self._feed.latched:
            self._latched = (self._feed.epoch if self._feed is not None else 0, sample)
        for subscription in self._subscriptions:
            subscription.offer(sample)


class SubscriptionHub:
    """All topics that clients subscribe to."""

    def __init__(self, gateway: Gateway, rounded_topics: Container[str] = (), decimals: int = 4) -> None:
        """Create a hub without topics.

        Args:
            gateway: access to ROS.
            rounded_topics: topics whose numbers are rounded in JSON.
            decimals: decimals of rounded numbers.
        """
        self._gateway = gateway
        self._rounded = rounded_topics
        self._decimals = decimals
        self._topics: dict[tuple[RosName, InterfaceType], SharedTopic] = {}
        self._lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._converter = Converter()
        self._conversions: set[asyncio.Task[bytes]] = set()
        self._review_timer: asyncio.TimerHandle | None = None

    async def subscribe(
            self, name: RosName, type_name: InterfaceType | None, send_queue: SendQueue, delivery: Delivery,
            on_error: Callable[[str], None] = lambda _: None) -> Subscription:
        """Subscribe a client.

        Args:
            name: absolute name of the topic.
            type_name: type that the client expects; None for any type.
            send_queue: outgoing frames of the client.
            delivery: how the client gets the messages.
            on_error: gets errors of the subscription that occur later.

        Raises:
            TurretError: the topic does not exist and no type was given, the type is not installed, or the topic has
                another one.
        """
        async with self._lock:
            actual = self._gateway.topics().get(name, [])
            if type_name is None:
                if not actual:
                    raise TurretError(
                        ReasonCode.NOT_FOUND, f'topic {name} does not exist yet; give its type to wait for it')
                type_name = InterfaceType(actual[0], 'msg')
            codec = self._gateway.message(type_name)
            if actual and type_name not in actual:
                raise TurretError(ReasonCode.INVALID_ARGUMENT, f'topic {name} has type {actual[0]}, not {type_name}')
            topic = self._topics.get((name, type_name))
            if topic is None:
                topic = SharedTopic(
                    self, name, type_name, codec, self._decimals if name in self._rounded else None)
                await self._open(topic, actual)
                self._topics[name, type_name] = topic
            subscription = Subscription(topic, send_queue, delivery, on_error)
            topic.add(subscription)
        return subscription

    async def release(self, topic: SharedTopic) -> None:
        """Close a topic that has no clients any more."""
        async with self._lock:
            if topic.idle and self._topics.get((topic.name, topic.type_name)) is topic:
                del self._topics[topic.name, topic.type_name]
                await topic.close()

    async def close(self) -> None:
        """End the process that converts large messages."""
        if self._review_timer is not None:
            self._review_timer.cancel()
        await self._converter.close()

    def convert(self, sample: Sample, delivery: Delivery) -> asyncio.Future[bytes]:
        """Convert a message by another process, once for all clients with the same encoding."""
        if delivery.key not in sample.conversions:
            task = self._loop.create_task(self._convert(sample, delivery))
            self._conversions.add(task)  # the loop keeps no reference, and the sample may be dropped meanwhile
            task.add_done_callback(self._conversions.discard)
            sample.conversions[delivery.key] = task
        return sample.conversions[delivery.key]

    async def _convert(self, sample: Sample, delivery: Delivery) -> bytes:
        wire = await self._converter.convert(sample.conversion(delivery))
        sample.set_wire(delivery, wire)
        return wire

    async def _open(self, topic: SharedTopic, actual: list[str]) -> None:
        """Subscribe a topic in ROS, unless it is subscribed with another type and has no publisher of this type yet."""
        others = [
            other for other in self._topics.values()
            if other.name == topic.name and other is not topic and other.is_open]
        if others and not actual:
            self._schedule_review()
            return
        for other in others:
            await other.close()
            other.report_error(f'topic {topic.name} has type {topic.type_name}, not {other.type_name}')
        if others:
            self._schedule_review()
        await topic.open(self._gateway)

    def _schedule_review(self) -> None:
        if self._review_timer is None:
            self._review_timer = self._loop.call_later(_REVIEW_S, lambda: self._loop.create_task(self._review()))

    async def _review(self) -> None:
        """Open the topics that wait, as soon as the actual type is known to be theirs."""
        self._review_timer = None
        async with self._lock:
            waiting = [topic for topic in self._topics.values() if not topic.is_open]
            actual = self._gateway.topics() if waiting else {}
            for topic in waiting:
                if topic.type_name in actual.get(topic.name, ()):
                    await self._open(topic, actual[topic.name])
            if any(not topic.is_open for topic in self._topics.values()):
                self._schedule_review()

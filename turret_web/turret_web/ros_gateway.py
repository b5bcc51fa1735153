"""The ROS side of the web part: :class:`turret_web.gateway.Gateway` with rclpy.

Messages stay serialized. What arrives on the executor's thread is handed to the asyncio loop in batches; entities are
made and destroyed on a thread of their own, because the middleware may take milliseconds for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message, serialize_message

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.cdr import Codec
from turret_web.gateway import ServiceCodec
from turret_web.ros_schema import UnknownTypeError, interface, schema

ResultT = TypeVar('ResultT')

_IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
_RELIABLE_DEPTH = 100


class _Handover:
    """Passes work from the executor's thread to the loop, waking the loop once per batch."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._work: deque[tuple[Callable[[Any], None], Any]] = deque()

    def put(self, target: Callable[[Any], None], value: Any) -> None:
        self._work.append((target, value))
        if len(self._work) == 1:
            self._loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        for _ in range(len(self._work)):
            target, value = self._work[0]
            try:
                target(value)
            finally:
                self._work.popleft()
        if self._work:
            self._loop.call_soon(self._run)


class _RosFeed:
    """A subscription."""

    def __init__(
            self, gateway: RosGateway, topic: str, type_name: str, deliver: Callable[[bytes], None]) -> None:
        self._gateway = gateway
        self._deliver = deliver
        self._open = True
        node = gateway.node
        publishers = [info.qos_profile for info in node.get_publishers_info_by_topic(topic)]
        self.latched = bool(publishers) and all(
            qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in publishers)
        reliable = bool(publishers) and all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in publishers)
        self.newest_only = type_name in _IMAGE_TYPES or not reliable
        self._subscription = node.create_subscription(
            interface(type_name, 'msg'), topic, self._receive,
            QoSProfile(
                depth=1 if self.newest_only else _RELIABLE_DEPTH,
                reliability=ReliabilityPolicy.BEST_EFFORT if self.newest_only else ReliabilityPolicy.RELIABLE,
                durability=DurabilityPolicy.TRANSIENT_LOCAL if self.latched else DurabilityPolicy.VOLATILE),
            callback_group=gateway.group, raw=True,
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False))

    def _receive(self, data: bytes) -> None:
        self._gateway.handover.put(self._pass_on, data)

    def _pass_on(self, data: bytes) -> None:
        if self._open:
            self._deliver(data)

    async def close(self) -> None:
        """End it."""
        self._open = False
        await self._gateway.work(self._gateway.node.destroy_subscription, self._subscription)


class _RosEmitter:
    """A publisher."""

    def __init__(self, gateway: RosGateway, topic: str, type_name: str, latch: bool, depth: int) -> None:
        self._gateway = gateway
        self._publisher = gateway.node.create_publisher(
            interface(type_name, 'msg'), topic,
            QoSProfile(
                depth=depth, reliability=ReliabilityPolicy.RELIABLE,
                durability=DurabilityPolicy.TRANSIENT_LOCAL if latch else DurabilityPolicy.VOLATILE),
            event_callbacks=PublisherEventCallbacks(use_default_callbacks=False))

    def publish(self, data: bytes) -> None:
        """Publish one serialized message."""
        self._publisher.publish(data)

    async def close(self) -> None:
        """End it."""
        await self._gateway.work(self._gateway.node.destroy_publisher, self._publisher)


class RosGateway:
    """Fulfils :class:`turret_web.gateway.Gateway` for one node.

    Attributes:
        node: the node whose name the ROS graph shows.
        group: callback group of everything made here.
        handover: the way to the loop.
        namespace: of the turret.
    """

    def __init__(self, node: Node, loop: asyncio.AbstractEventLoop) -> None:
        self.node = node
        self.namespace: str = node.get_namespace().rstrip('/')
        self.group = ReentrantCallbackGroup()
        self.handover = _Handover(loop)
        self._loop = loop
        self._worker = ThreadPoolExecutor(1, thread_name_prefix='ros-entities')
        self._clients: dict[str, Any] = {}
        self._codecs: dict[str, Codec] = {}
        self._services: dict[str, ServiceCodec] = {}

    async def work(self, function: Callable[..., ResultT], *args: Any, **kwargs: Any) -> ResultT:
        """Run a function that changes ROS entities, one at a time, away from the loop."""
        return await self._loop.run_in_executor(self._worker, partial(function, *args, **kwargs))

    def close(self) -> None:
        """End the worker thread. The node destroys its entities itself."""
        self._worker.shutdown()

    def topics(self) -> dict[str, list[str]]:
        """Return the types of every topic by name."""
        return dict(self.node.get_topic_names_and_types())

    def services(self) -> dict[str, list[str]]:
        """Return the types of every service by name."""
        return dict(self.node.get_service_names_and_types())

    def message(self, type_name: str) -> Codec:
        """Return the codec of a message type."""
        codec = self._codecs.get(type_name)
        if codec is None:
            codec = self._codecs[type_name] = Codec(schema(_interface(type_name, 'msg')))
        return codec

    def service(self, type_name: str) -> ServiceCodec:
        """Return the codecs of a service type."""
        codec = self._services.get(type_name)
        if codec is None:
            cls = _interface(type_name, 'srv')
            codec = self._services[type_name] = ServiceCodec(Codec(schema(cls.Request)), Codec(schema(cls.Response)))
        return codec

    async def subscribe(self, topic: str, type_name: str, deliver: Callable[[bytes], None]) -> _RosFeed:
        """Subscribe with a quality of service that suits the publishers."""
        return await self.work(_RosFeed, self, topic, type_name, deliver)

    async def advertise(self, topic: str, type_name: str, *, latch: bool, depth: int) -> _RosEmitter:
        """Become a publisher."""
        return await self.work(_RosEmitter, self, topic, type_name, latch, depth)

    async def call(self, service: str, type_name: str, request: bytes, timeout_s: float) -> bytes:
        """Call a service."""
        cls = _interface(type_name, 'srv')
        client: Any = self._clients.get(service) or await self.work(self._client, service, cls)
        deadline = self._loop.time() + timeout_s
        while not client.service_is_ready():
            if service not in self.services() or self._loop.time() > deadline:
                raise TurretError(ReasonCode.NOT_READY, f'service {service} is not offered by anybody now')
            await asyncio.sleep(0.02)
        answer: asyncio.Future[bytes] = self._loop.create_future()
        future = client.call_async(deserialize_message(request, cls.Request))
        future.add_done_callback(lambda done: self.handover.put(partial(_answer, answer), done))
        try:
            return await asyncio.wait_for(answer, deadline - self._loop.time())
        except asyncio.TimeoutError:
            client.remove_pending_request(future)
            raise TurretError(
                ReasonCode.TIMED_OUT, f'service {service} did not answer within {timeout_s:g} s') from None

    def _client(self, service: str, cls: Any) -> Any:
        if service not in self._clients:
            self._clients[service] = self.node.create_client(cls, service, callback_group=self.group)
        return self._clients[service]


def _answer(answer: asyncio.Future[bytes], done: Any) -> None:
    """Give the response, still serialized as everything here, to the one who awaits it."""
    if answer.done():
        return
    if done.exception() is not None:
        answer.set_exception(TurretError(ReasonCode.INTERNAL_ERROR, str(done.exception())))
    else:
        answer.set_result(serialize_message(done.result()))


def _interface(name: str, kind: str) -> Any:
    try:
        return interface(name, kind)
    except UnknownTypeError as error:
        raise TurretError(ReasonCode.UNKNOWN_NAME, str(error)) from None

"""The ROS side of the web part: :class:`turret_web.gateway.gateway.Gateway` with rclpy.

Messages stay serialized. What arrives on threads of ROS is handed to the asyncio loop in batches; entities are made and
destroyed on a thread of their own, because the middleware may take milliseconds for it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from action_msgs.msg import GoalStatus
from rclpy.action import CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.task import Future

from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec
from turret_common.messages.ros_schema import UnknownTypeError, interface, schema
from turret_common.reason_codes import ReasonCode
from turret_common.ros.deferred_response import DeferredActionServer
from turret_web.gateway.gateway import ActionCodec, ActionHandler, Feed, NodeDetails, ServiceCodec
from turret_web.gateway.loop_queue import LoopQueue, MessageInlet
from turret_web.gateway.ros_subscription_reader import SubscriptionReader

log = logging.getLogger(__name__)

ResultT = TypeVar('ResultT')

_IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
_RELIABLE_DEPTH = 100
#: Time between two looks whether publishers with another quality of service have come [s].
_REVIEW_S = 1.0
#: A server that is there is matched within this time [s], and looked for at this interval [s].
_MATCHED_S = 1.0
_MATCHING_S = 0.01
#: Time between two looks whether the server of a call under way is still there [s].
_ALIVE_S = 1.0


class _UntrackedGroup(ReentrantCallbackGroup):
    """A callback group that does not remember every entity there ever was, as those of rclpy do."""

    def add_entity(self, entity: Any) -> None:
        """Keep nothing."""


class _RosFeed:
    """A subscription whose quality of service follows the publishers that there are."""

    def __init__(self, gateway: RosGateway, topic: str, cls: Any, deliver: Callable[[bytes], None]) -> None:
        self._gateway = gateway
        self._topic = topic
        self._cls = cls
        self._deliver = deliver
        self._open = True
        self._inlet = MessageInlet(gateway.loop_queue, deliver, 1)
        self._publishers = gateway.node.count_publishers(topic)
        self._qos = self._suitable_qos()
        self._subscription = self._subscribe()

    @property
    def latched(self) -> bool:
        """Whether the publishers keep their newest message."""
        return bool(self._qos.durability == DurabilityPolicy.TRANSIENT_LOCAL)

    @property
    def newest_only(self) -> bool:
        """Whether only the newest message is of worth."""
        return bool(self._qos.reliability == ReliabilityPolicy.BEST_EFFORT)

    def review(self) -> None:
        """Subscribe anew where publishers have come that want it otherwise."""
        publishers = self._gateway.node.count_publishers(self._topic)
        if not self._open or publishers in (0, self._publishers):
            return
        self._publishers = publishers
        qos = self._suitable_qos()
        if qos != self._qos:
            self._gateway.reader.unsubscribe(self._subscription)
            self._qos = qos
            self._subscription = self._subscribe()

    def _suitable_qos(self) -> QoSProfile:
        """Return what every publisher there is can serve; where there is none, what any publisher could."""
        offered = [info.qos_profile for info in self._gateway.node.get_publishers_info_by_topic(self._topic)]
        latched = all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
        reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
        keep_all = bool(offered) and reliable and schema(self._cls).name not in _IMAGE_TYPES
        return QoSProfile(
            depth=_RELIABLE_DEPTH if keep_all else 1,
            reliability=ReliabilityPolicy.RELIABLE if keep_all else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if offered and latched else DurabilityPolicy.VOLATILE)

    def _subscribe(self) -> Any:
        self._inlet.close()
        self._inlet = MessageInlet(self._gateway.loop_queue, self._deliver, self._qos.depth)
        return self._gateway.reader.subscribe(self._cls, self._topic, self._qos, self._inlet.put)

    async def close(self) -> None:
        """End it."""
        self._open = False
        self._inlet.close()
        self._gateway.feeds.discard(self)
        await self._gateway.work(lambda: self._gateway.reader.unsubscribe(self._subscription))


class _RosPublisher:
    """A publisher."""

    def __init__(self, gateway: RosGateway, topic: str, cls: Any, latch: bool, depth: int) -> None:
        self._gateway = gateway
        self._publisher = gateway.node.create_publisher(
            cls, topic,
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


class _RosServer:
    """A service or an action that is offered here."""

    def __init__(self, gateway: RosGateway, destroy: Callable[[], Any]) -> None:
        self._gateway = gateway
        self._destroy = destroy

    async def close(self) -> None:
        """Offer it no longer."""
        await self._gateway.work(self._destroy)


class RosGateway:
    """Fulfils :class:`turret_web.gateway.gateway.Gateway` for one node.

    Attributes:
        node: the node whose name the ROS graph shows.
        loop_queue: the way to the loop.
        reader: takes the messages of all subscriptions.
        feeds: the subscriptions.
        namespace: of the turret.
    """

    def __init__(self, node: Node, loop: asyncio.AbstractEventLoop) -> None:
        self.node = node
        self.namespace: str = node.get_namespace().rstrip('/')
        self.loop_queue = LoopQueue(loop)
        self.reader = SubscriptionReader(node)
        self.feeds: set[_RosFeed] = set()
        self._group = _UntrackedGroup()
        self._loop = loop
        self._worker = ThreadPoolExecutor(1, thread_name_prefix='ros-entities')
        self._clients: dict[tuple[str, str], Any] = {}
        self._codecs: dict[Any, Codec] = {}

    async def work(self, function: Callable[..., ResultT], *args: Any) -> ResultT:
        """Run a function that changes ROS entities, one at a time, away from the loop."""
        return await self._loop.run_in_executor(self._worker, function, *args)

    def close(self) -> None:
        """End the threads. The node destroys its entities itself."""
        self._worker.shutdown()
        self.reader.close()

    # --- the graph ---

    def topics(self) -> dict[str, list[str]]:
        """Return the types of every topic by name."""
        return dict(self.node.get_topic_names_and_types())

    def services(self) -> dict[str, list[str]]:
        """Return the types of every service by name."""
        return dict(self.node.get_service_names_and_types())

    def service_type(self, service: str) -> str | None:
        """Return the type of a service; of one in use without a look at the whole graph."""
        if not self.node.count_services(service):  # the graph also names services that only have clients
            return None
        for name, type_name in self._clients:
            if name == service:
                return type_name
        return next(iter(self.services().get(service, ())), None)

    def nodes(self) -> list[str]:
        """Return the names of all nodes."""
        return [_join(namespace, name) for name, namespace in self.node.get_node_names_and_namespaces()]

    def node_details(self, node: str) -> NodeDetails:
        """Return what a node has."""
        namespace, _, name = node.rpartition('/')

        def names(ask: Callable[[str, str], list[Any]]) -> list[str]:
            return sorted(found for found, _ in ask(name, namespace or '/'))
        try:
            return NodeDetails(
                publishing=names(self.node.get_publisher_names_and_types_by_node),
                subscribing=names(self.node.get_subscriber_names_and_types_by_node),
                services=names(self.node.get_service_names_and_types_by_node))
        except NodeNameNonExistentError:
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no node {node}') from None

    def publishers(self, topic: str) -> list[str]:
        """Return the nodes that publish a topic."""
        return _node_names(self.node.get_publishers_info_by_topic(topic))

    def subscribers(self, topic: str) -> list[str]:
        """Return the nodes that subscribe to a topic."""
        return _node_names(self.node.get_subscriptions_info_by_topic(topic))

    def now_ns(self) -> int:
        """Return ROS time [ns]."""
        return int(self.node.get_clock().now().nanoseconds)

    # --- types ---

    def message(self, type_name: str) -> Codec:
        """Return the codec of a message type."""
        return self._codec(_interface(type_name, 'msg'))

    def service(self, type_name: str) -> ServiceCodec:
        """Return the codecs of a service type."""
        cls = _interface(type_name, 'srv')
        return ServiceCodec(self._codec(cls.Request), self._codec(cls.Response))

    def action(self, type_name: str) -> ActionCodec:
        """Return the codecs of an action type."""
        cls = _interface(type_name, 'action')
        return ActionCodec(self._codec(cls.Goal), self._codec(cls.Result), self._codec(cls.Feedback))

    def _codec(self, cls: Any) -> Codec:
        if cls not in self._codecs:
            self._codecs[cls] = Codec(schema(cls))
        return self._codecs[cls]

    # --- topics ---

    async def subscribe(self, topic: str, type_name: str, deliver: Callable[[bytes], None]) -> Feed:
        """Subscribe with a quality of service that suits the publishers."""
        feed = await self.work(_RosFeed, self, topic, _interface(type_name, 'msg'), deliver)
        if not self.feeds:
            self._loop.call_later(_REVIEW_S, self._review)
        self.feeds.add(feed)
        return feed

    def _review(self) -> None:
        for feed in self.feeds:
            self._worker.submit(feed.review)
        if self.feeds:
            self._loop.call_later(_REVIEW_S, self._review)

    async def advertise(self, topic: str, type_name: str, *, latch: bool, depth: int) -> _RosPublisher:
        """Become a publisher."""
        return await self.work(_RosPublisher, self, topic, _interface(type_name, 'msg'), latch, depth)

    # --- services ---

    async def call(self, service: str, type_name: str, request: bytes, timeout_s: float) -> bytes:
        """Call a service."""
        cls = _interface(type_name, 'srv')
        begun = self._loop.time()
        deadline = begun + timeout_s
        client: Any = self._clients.get((service, type_name)) or await self.work(self._client, service, type_name, cls)
        while not client.service_is_ready():
            if self._loop.time() > begun + _MATCHED_S:
                raise TurretError(ReasonCode.NOT_READY, f'service {service} is not offered by anybody now')
            await asyncio.sleep(_MATCHING_S)
        answer: asyncio.Future[bytes] = self._loop.create_future()
        future = client.call_async(deserialize_message(request, cls.Request))
        future.add_done_callback(lambda done: self.loop_queue.put(partial(_pass_answer, answer), done))
        try:
            while True:
                await asyncio.wait([answer], timeout=min(_ALIVE_S, deadline - self._loop.time()))
                if answer.done():
                    return answer.result()
                if self._loop.time() >= deadline:
                    raise TurretError(
                        ReasonCode.TIMED_OUT, f'service {service} did not answer within {timeout_s:g} s')
                if not client.service_is_ready():
                    raise TurretError(ReasonCode.NOT_READY, f'service {service} went away before it answered')
        finally:
            if not answer.done():
                answer.cancel()
                client.remove_pending_request(future)

    def _client(self, service: str, type_name: str, cls: Any) -> Any:
        key = (service, type_name)
        if key not in self._clients:
            self._clients[key] = self.node.create_client(cls, service, callback_group=self._group)
        return self._clients[key]

    async def offer_service(
            self, service: str, type_name: str, answer: Callable[[bytes], Awaitable[bytes]]) -> _RosServer:
        """Offer a service."""
        cls = _interface(type_name, 'srv')

        async def callback(request: Any, response: Any) -> Any:
            data = await self._on_loop(answer(serialize_message(request)))
            return response if data is None else deserialize_message(data, cls.Response)
        server = await self.work(
            lambda: self.node.create_service(cls, service, callback, callback_group=self._group))
        return _RosServer(self, lambda: self.node.destroy_service(server))

    # --- actions ---

    async def offer_action(self, action: str, type_name: str, handler: ActionHandler) -> _RosServer:
        """Offer an action."""
        cls = _interface(type_name, 'action')

        async def execute(goal: Any) -> Any:
            end = await self._on_loop(handler.execute(
                _goal_id(goal), serialize_message(goal.request),
                lambda data: goal.publish_feedback(deserialize_message(data, cls.Feedback))))
            status, data = end or (GoalStatus.STATUS_ABORTED, None)
            ends = {GoalStatus.STATUS_SUCCEEDED: goal.succeed, GoalStatus.STATUS_CANCELED: goal.canceled}
            ends.get(status, goal.abort)()
            return cls.Result() if data is None else deserialize_message(data, cls.Result)

        def cancel(goal: Any) -> CancelResponse:
            self.loop_queue.put(handler.cancel, _goal_id(goal))
            return CancelResponse.ACCEPT
        server = await self.work(lambda: DeferredActionServer(
            self.node, cls, action, execute, cancel_callback=cancel, callback_group=self._group))
        return _RosServer(self, server.destroy)

    async def _on_loop(self, work: Awaitable[ResultT]) -> ResultT | None:
        """From a callback of the executor, await something of the loop; None where the client did not do its part."""
        done: Any = Future(executor=self.node.executor)

        async def run() -> None:
            result = None
            try:
                result = await work
            except (TurretError, asyncio.TimeoutError, asyncio.CancelledError) as error:
                self.node.get_logger().warning(f'a client did not do its part: {error}')
            finally:
                done.set_result(result)
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(run()))
        result: ResultT | None = await done
        return result


def _pass_answer(answer: asyncio.Future[bytes], done: Any) -> None:
    """Give the response, serialized as everything here, to the one who awaits it."""
    if not answer.done():
        answer.set_result(serialize_message(done.result()))


def _interface(name: str, kind: str) -> Any:
    try:
        return interface(name, kind)
    except UnknownTypeError as error:
        raise TurretError(ReasonCode.UNKNOWN_NAME, str(error)) from None


def _goal_id(goal: Any) -> str:
    return uuid.UUID(bytes=bytes(goal.goal_id.uuid)).hex


def _join(namespace: str, name: str) -> str:
    return f'{namespace.rstrip("/")}/{name}'


def _node_names(endpoints: list[Any]) -> list[str]:
    return sorted({_join(endpoint.node_namespace, endpoint.node_name) for endpoint in endpoints})

# SPDX-License-Identifier: Apache-2.0
"""Implementation of :class:`turret_web.gateway.gateway.Gateway` with rclpy.

Messages stay serialized. What arrives on threads of ROS is passed to the asyncio loop in batches; entities are created
and destroyed on their own thread, because the middleware may take milliseconds for it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, TypeVar

from action_msgs.msg import GoalStatus
from rclpy.action import CancelResponse
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.task import Future

from turret_common.errors import TurretError
from turret_common.interface import SERVICES
from turret_common.messages.cdr import Codec
from turret_common.messages.ros_schema import UnknownTypeError, interface, schema
from turret_common.reason_codes import ReasonCode
from turret_common.ros.deferred_response import DeferredActionServer
from turret_common.ros.internals import RclError, UntrackedGroup
from turret_common.ros.qos import NEWEST, FollowedQos, profile, suiting
from turret_web.failures import as_refusal
from turret_web.gateway.gateway import ActionCodec, ActionHandler, Feed, NodeDetails, ServiceCodec
from turret_web.gateway.loop_queue import LoopQueue, MessageInlet
from turret_web.gateway.ros_response_reader import ResponseReader
from turret_web.gateway.ros_subscription_reader import SubscriptionReader
from turret_web.names import InterfaceType, RosName

log = logging.getLogger(__name__)

ResultT = TypeVar('ResultT')

_IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
_RELIABLE_DEPTH = 100
#: Interval at which the publishers of all subscribed topics are compared [s].
_REVIEW_S = 1.0
#: Fast DDS discovers an existing server within this time (3.7 s seen) [s], checked at this interval [s].
_MATCHED_S = 5.0
_MATCHING_S = 0.01
#: Interval at which the server of a pending call is checked [s].
_ALIVE_S = 1.0
#: Calls of one service at the same time. The queue of a service holds 10 requests; more are lost without a word.
_CALLS_PER_SERVICE = 8
#: A client without calls for this time is destroyed [s].
_CLIENT_IDLE_S = 30.0
#: Maximum time that the requests in progress of an offered service or action get when it is withdrawn [s].
_FINISH_S = 5.0
#: What the members of an interface class are, by kind.
_MEMBERS = {
    'msg': ('get_fields_and_field_types',), 'srv': ('Request', 'Response'), 'action': ('Goal', 'Result', 'Feedback')}


class _RosFeed:
    """A subscription whose QoS follows the publishers of the topic.

    Attributes:
        newest_only: whether only the latest message matters. It is read for each message and client.
        topic: name of the topic.
    """

    def __init__(self, gateway: RosGateway, topic: RosName, cls: Any, deliver: Callable[[bytes], None]) -> None:
        self._gateway = gateway
        self._cls = cls
        self._deliver = deliver
        self._is_image = schema(cls).name in _IMAGE_TYPES
        self._open = True
        self.topic = topic
        self._inlet = MessageInlet(gateway.loop_queue, deliver, 1)
        self._followed = FollowedQos(gateway.node, topic, self._choose)
        self.newest_only = self._matters_only_newest()
        self._subscription = self._subscribe()

    @property
    def latched(self) -> bool:
        """Whether there are publishers, and all of them keep their latest message."""
        return self._followed.latched and self._gateway.node.count_publishers(self.topic) > 0

    @property
    def epoch(self) -> int:
        """Number that changes when a publisher has ended."""
        return self._followed.departures

    def _matters_only_newest(self) -> bool:
        return self._is_image or (
            bool(self._followed.publishers) and self._followed.qos.reliability == ReliabilityPolicy.BEST_EFFORT)

    def review(self) -> None:
        """Subscribe again if the publishers need another QoS, or if a latched publisher has ended but others remain."""
        if not self._open:
            return
        departures = self._followed.departures
        changed = self._followed.review()
        self.newest_only = self._matters_only_newest()
        refresh = self._followed.departures != departures and self.latched
        if changed or refresh:
            self._gateway.reader.unsubscribe(self._subscription)
            self._subscription = self._subscribe()

    def _choose(self, offered: list[QoSProfile]) -> QoSProfile:
        """Return a profile that matches all publishers; without publishers, one that matches any."""
        suited = suiting(offered, _RELIABLE_DEPTH)
        if self._is_image:
            is_kept = suited.durability == DurabilityPolicy.TRANSIENT_LOCAL
            return suiting(offered, 1) if is_kept else NEWEST
        if offered and suited.reliability == ReliabilityPolicy.BEST_EFFORT:
            return suiting(offered, 1)
        return suited

    def _subscribe(self) -> Any:
        self._inlet.close()
        qos = self._followed.qos
        self._inlet = MessageInlet(self._gateway.loop_queue, self._deliver, qos.depth)
        return self._gateway.reader.subscribe(self._cls, self.topic, qos, self._inlet)

    async def close(self) -> None:
        """Unsubscribe."""
        self._open = False
        self._inlet.close()
        self._gateway.feeds.discard(self)
        await self._gateway.work(lambda: self._gateway.reader.unsubscribe(self._subscription))


class _RosPublisher:
    """A publisher."""

    def __init__(self, gateway: RosGateway, topic: RosName, cls: Any, latch: bool, depth: int) -> None:
        self._gateway = gateway
        self._publisher = gateway.node.create_publisher(
            cls, topic, profile(reliable=True, latched=latch, depth=depth),
            event_callbacks=PublisherEventCallbacks(use_default_callbacks=False))

    def publish(self, data: bytes) -> None:
        """Publish one serialized message."""
        self._publisher.publish(data)

    async def close(self) -> None:
        """Destroy the publisher."""
        await self._gateway.work(self._gateway.node.destroy_publisher, self._publisher)


class _RosServer:
    """A service or an action that a client offers. Requests in progress are counted on the executor's thread."""

    def __init__(self, gateway: RosGateway, name: RosName) -> None:
        self._gateway = gateway
        self._name = name
        self._in_progress = 0
        self.destroy: Callable[[], Any] = lambda: None

    def start(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Start work on the loop for a request; :meth:`result` must follow."""
        self._in_progress += 1
        return self._gateway.start_on_loop(work)

    async def result(self, started: Any) -> Any:
        """Await the result of work that was started; None if the client did not answer."""
        try:
            return await started
        finally:
            self._in_progress -= 1

    async def close(self) -> None:
        """Destroy the server when no request is in progress any more.

        It is destroyed on the executor's thread: rclpy raises an error in the executor if the entity of a running
        callback is destroyed.
        """
        with self._gateway.withdrawing(self._name):
            await self._finish()

    async def _finish(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _FINISH_S
        while self._in_progress and loop.time() < deadline:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # responses of finished requests leave in later iterations of the executor
        done = loop.create_future()

        def destroy() -> None:
            self.destroy()
            loop.call_soon_threadsafe(done.set_result, None)
        executor = self._gateway.node.executor
        if executor is None:
            self.destroy()
            return
        executor.create_task(destroy)
        await asyncio.wait([done], timeout=_FINISH_S)


class _ServiceClient:
    """A service client that all calls of a service share. One that is not permanent is destroyed when it is idle."""

    def __init__(self, client: Any, permanent: bool = False) -> None:
        self.client = client
        self.permanent = permanent
        self.slots = asyncio.Semaphore(_CALLS_PER_SERVICE)
        self.users = 0
        self.used_s = 0.0


class RosGateway:
    """Access to ROS for one node.

    Attributes:
        node: node in the ROS graph.
        loop_queue: queue of calls for the loop.
        reader: reader of the messages of all subscriptions.
        feeds: subscriptions.
        namespace: namespace of the turret.
    """

    def __init__(self, node: Node, loop: asyncio.AbstractEventLoop) -> None:
        self.node = node
        self.namespace: str = node.get_namespace().rstrip('/')
        self.loop_queue = LoopQueue(loop)
        self.reader = SubscriptionReader(node)
        self.feeds: set[_RosFeed] = set()
        self._group = UntrackedGroup()
        self._loop = loop
        self._worker = ThreadPoolExecutor(1, thread_name_prefix='ros-entities')
        self._responses = ResponseReader(node, 'ros-responses')
        self._safety_responses = ResponseReader(node, 'ros-safety')
        self._clients = {
            (name, type_name): _ServiceClient(
                self._safety_responses.create_client(_interface(type_name, 'srv'), name), permanent=True)
            for name, type_name in self._safety_services()}
        self._codecs: dict[Any, Codec] = {}
        self._offered: set[RosName] = set()
        self._withdrawn: dict[RosName, asyncio.Future[None]] = {}
        self._review_timer: asyncio.TimerHandle | None = None

    def _safety_services(self) -> list[tuple[RosName, InterfaceType]]:
        """Return names and types of stop, heartbeat, lease and the like. Their clients always exist."""
        return [
            (RosName(f'{self.namespace}/{service.name}'), InterfaceType(service.type, 'srv'))
            for service in SERVICES if service.node == 'safety']

    async def work(self, function: Callable[..., ResultT], *args: Any) -> ResultT:
        """Run a function that creates or destroys ROS entities, one at a time, away from the loop."""
        return await self._loop.run_in_executor(self._worker, function, *args)

    def close(self) -> None:
        """Stop the threads. The node destroys its entities itself."""
        self._worker.shutdown()
        self.reader.close()
        self._responses.close()
        self._safety_responses.close()

    # --- the graph ---

    def topics(self) -> dict[str, list[str]]:
        """Return the types of every topic by name, without topics that only this node subscribes to."""
        topics = dict(self.node.get_topic_names_and_types())
        for name in {feed.topic for feed in self.feeds}:
            types = self._types_of_others(name)
            if types:
                topics[name] = types
            else:
                topics.pop(name, None)
        return topics

    def _types_of_others(self, topic: RosName) -> list[str]:
        """Return the types of a topic by its publishers, or if there are none, by the subscribers of other nodes."""
        publishers = [info.topic_type for info in self.node.get_publishers_info_by_topic(topic)]
        own = (self.node.get_name(), self.node.get_namespace())
        return list(dict.fromkeys(publishers or [
            info.topic_type for info in self.node.get_subscriptions_info_by_topic(topic)
            if (info.node_name, info.node_namespace) != own]))

    def services(self) -> dict[str, list[str]]:
        """Return the types of every service by name."""
        called = {name for name, _ in self._clients}  # the graph also names services that only have clients
        return {
            name: types for name, types in self.node.get_service_names_and_types()
            if name not in called or self.node.count_services(name)}

    def service_type(self, service: RosName) -> InterfaceType | None:
        """Return the type of a service that has a server; without reading the whole graph for one in use.

        The services of the safety node always exist: a call just after the start waits until they are discovered.
        """
        exists = self.node.count_services(service) > 0  # the graph also names services that only have clients
        for (name, type_name), client in self._clients.items():
            if name == service and (exists or client.permanent):
                return type_name
        if not exists:
            return None
        types = self.services().get(service)
        return InterfaceType(types[0], 'srv') if types else None

    def nodes(self) -> list[str]:
        """Return the names of all nodes."""
        return [_join(namespace, name) for name, namespace in self.node.get_node_names_and_namespaces()]

    def node_details(self, node: RosName) -> NodeDetails:
        """Return topics and services of a node."""
        namespace, _, name = node.rpartition('/')

        def names(query: Callable[[str, str], list[Any]]) -> list[str]:
            return sorted(found for found, _ in query(name, namespace or '/'))
        try:
            return NodeDetails(
                publishing=names(self.node.get_publisher_names_and_types_by_node),
                subscribing=names(self.node.get_subscriber_names_and_types_by_node),
                services=names(self.node.get_service_names_and_types_by_node))
        except NodeNameNonExistentError:
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no node {node}') from None

    def publishers(self, topic: RosName) -> list[str]:
        """Return the nodes that publish a topic."""
        return _node_names(self.node.get_publishers_info_by_topic(topic))

    def subscribers(self, topic: RosName) -> list[str]:
        """Return the nodes that subscribe to a topic."""
        return _node_names(self.node.get_subscriptions_info_by_topic(topic))

    def now_ns(self) -> int:
        """Return ROS time [ns]."""
        return int(self.node.get_clock().now().nanoseconds)

    # --- types ---

    def message(self, type_name: InterfaceType) -> Codec:
        """Return the codec of a message type."""
        return self._codec(_interface(type_name, 'msg'))

    def service(self, type_name: InterfaceType) -> ServiceCodec:
        """Return the codecs of a service type."""
        cls = _interface(type_name, 'srv')
        return ServiceCodec(self._codec(cls.Request), self._codec(cls.Response))

    def action(self, type_name: InterfaceType) -> ActionCodec:
        """Return the codecs of an action type."""
        cls = _interface(type_name, 'action')
        return ActionCodec(self._codec(cls.Goal), self._codec(cls.Result), self._codec(cls.Feedback))

    def _codec(self, cls: Any) -> Codec:
        if cls not in self._codecs:
            self._codecs[cls] = Codec(schema(cls))
        return self._codecs[cls]

    # --- topics ---

    async def subscribe(self, topic: RosName, type_name: InterfaceType, deliver: Callable[[bytes], None]) -> Feed:
        """Subscribe with a QoS that is compatible with the publishers."""
        feed = await self._create(topic, type_name, _RosFeed, self, topic, _interface(type_name, 'msg'), deliver)
        self.feeds.add(feed)
        if self._review_timer is None:
            self._review_timer = self._loop.call_later(_REVIEW_S, self._review)
        return feed

    def _review(self) -> None:
        self._review_timer = None
        for feed in self.feeds:
            self._worker.submit(feed.review)
        idle_since_s = self._loop.time() - _CLIENT_IDLE_S
        for key, shared in list(self._clients.items()):
            if not (shared.permanent or shared.users) and shared.used_s < idle_since_s:
                del self._clients[key]
                self._worker.submit(self._responses.destroy_client, shared.client)
        if self.feeds or not all(shared.permanent for shared in self._clients.values()):
            self._review_timer = self._loop.call_later(_REVIEW_S, self._review)

    async def advertise(
            self, topic: RosName, type_name: InterfaceType, *, latch: bool, depth: int) -> _RosPublisher:
        """Create a publisher."""
        return await self._create(
            topic, type_name, _RosPublisher, self, topic, _interface(type_name, 'msg'), latch, depth)

    async def _create(
            self, topic: RosName, type_name: InterfaceType, function: Callable[..., ResultT], *args: Any) -> ResultT:
        """Create an entity of a topic. The middleware refuses a second type of a topic in one process."""
        try:
            return await self.work(function, *args)
        except RclError as error:
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT,
                f'topic {topic} cannot be used with type {type_name}: another client uses another type') from error

    # --- services ---

    async def call(self, service: RosName, type_name: InterfaceType, request: bytes, timeout_s: float) -> bytes:
        """Call a service."""
        cls = _interface(type_name, 'srv')
        deadline = self._loop.time() + timeout_s
        async with self._client(service, type_name, cls, deadline) as client:
            await self._wait_for_server(service, client, deadline)
            answer: asyncio.Future[bytes] = self._loop.create_future()
            future = client.call_async(deserialize_message(request, cls.Request))
            future.add_done_callback(lambda done: self.loop_queue.put(partial(_pass_answer, answer), done))
            try:
                while True:
                    await asyncio.wait([answer], timeout=max(0.0, min(_ALIVE_S, deadline - self._loop.time())))
                    if answer.done():
                        return answer.result()
                    if self._loop.time() >= deadline:
                        raise TurretError(
                            ReasonCode.TIMED_OUT, f'service {service} did not answer within {timeout_s:g} s')
                    if not client.service_is_ready():
                        raise TurretError(ReasonCode.NOT_READY, f'service {service} ended before it answered')
            finally:
                if not answer.done():
                    answer.cancel()
                    client.remove_pending_request(future)

    async def _wait_for_server(self, service: RosName, client: Any, deadline: float) -> None:
        """Wait until the client has discovered the server."""
        deadline = min(deadline, self._loop.time() + _MATCHED_S)
        while not client.service_is_ready():
            if self._loop.time() > deadline:
                raise TurretError(ReasonCode.NOT_READY, f'service {service} has no server now')
            await asyncio.sleep(_MATCHING_S)

    @asynccontextmanager
    async def _client(
            self, service: RosName, type_name: InterfaceType, cls: Any, deadline: float) -> AsyncIterator[Any]:
        """Provide a client of a service, and one of its slots."""
        key = (service, type_name)
        if key not in self._clients:
            self._check_service(service, type_name)
            client = await self.work(self._responses.create_client, cls, service)
            if key in self._clients:  # created by another call meanwhile
                self._worker.submit(self._responses.destroy_client, client)
            else:
                self._clients[key] = _ServiceClient(client)
                if self._review_timer is None:
                    self._review_timer = self._loop.call_later(_REVIEW_S, self._review)
        shared = self._clients[key]
        shared.users += 1
        try:
            if shared.slots.locked():
                try:
                    await asyncio.wait_for(shared.slots.acquire(), max(0.0, deadline - self._loop.time()))
                except asyncio.TimeoutError:
                    raise TurretError(ReasonCode.TIMED_OUT, f'service {service} is busy with other calls') from None
            else:
                await shared.slots.acquire()
            try:
                yield shared.client
            finally:
                shared.slots.release()
        finally:
            shared.users -= 1
            shared.used_s = self._loop.time()

    def _check_service(self, service: RosName, type_name: InterfaceType) -> None:
        """Refuse a service without a server of this type, before a client is created for it."""
        types = self.services().get(service, []) if self.node.count_services(service) else []
        if not types:
            raise TurretError(ReasonCode.NOT_FOUND, f'service {service} does not exist')
        if type_name not in types:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'service {service} has type {types[0]}, not {type_name}')

    @contextmanager
    def _offering(self, name: RosName) -> Iterator[None]:
        """Reserve the name of a service or action while it is created, and then until it is withdrawn.

        Raises:
            TurretError: ALREADY_EXISTS, another client offers it; the graph does not show that at once.
        """
        if name in self._offered:
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'{name} is offered by another client already')
        self._offered.add(name)
        try:
            yield
        except BaseException:
            self._offered.discard(name)
            raise

    @contextmanager
    def withdrawing(self, name: RosName) -> Iterator[None]:
        """Mark the service or action of a client as being withdrawn."""
        gone = self._withdrawn[name] = self._loop.create_future()
        try:
            yield
        finally:
            self._offered.discard(name)
            if self._withdrawn.get(name) is gone:
                del self._withdrawn[name]
            gone.set_result(None)

    async def withdrawn(self, name: RosName) -> None:
        """Wait until a service or action that a client withdraws no longer exists."""
        while name in self._withdrawn:
            await asyncio.shield(self._withdrawn[name])

    async def offer_service(
            self, service: RosName, type_name: InterfaceType,
            answer: Callable[[bytes], Coroutine[Any, Any, bytes]]) -> _RosServer:
        """Offer a service."""
        cls = _interface(type_name, 'srv')
        server = _RosServer(self, service)

        async def callback(request: Any, response: Any) -> Any:
            data = await server.result(server.start(answer(serialize_message(request))))
            return response if data is None else deserialize_message(data, cls.Response)
        with self._offering(service):
            entity = await self.work(
                lambda: self.node.create_service(cls, service, callback, callback_group=self._group))
        server.destroy = lambda: self.node.destroy_service(entity)
        return server

    # --- actions ---

    async def offer_action(self, action: RosName, type_name: InterfaceType, handler: ActionHandler) -> _RosServer:
        """Offer an action."""
        cls = _interface(type_name, 'action')
        server = _RosServer(self, action)
        results: dict[str, Any] = {}

        def accept(goal: Any) -> None:
            """Pass the goal to the client at once: rclpy does not start goals in the order in which they arrived."""
            results[_goal_id(goal)] = server.start(handler.execute(
                _goal_id(goal), serialize_message(goal.request),
                lambda data: goal.publish_feedback(deserialize_message(data, cls.Feedback))))
            goal.execute()

        async def execute(goal: Any) -> Any:
            status, data = await server.result(results.pop(_goal_id(goal))) or (GoalStatus.STATUS_ABORTED, None)
            if status == GoalStatus.STATUS_SUCCEEDED:
                goal.succeed()
            elif status == GoalStatus.STATUS_CANCELED and goal.is_cancel_requested:
                goal.canceled()
            else:
                goal.abort()
            return cls.Result() if data is None else deserialize_message(data, cls.Result)

        def cancel(goal: Any) -> CancelResponse:
            self.loop_queue.put(handler.cancel, _goal_id(goal))
            return CancelResponse.ACCEPT
        with self._offering(action):
            entity = await self.work(lambda: DeferredActionServer(
                self.node, cls, action, execute, handle_accepted_callback=accept, cancel_callback=cancel,
                callback_group=self._group))
        server.destroy = entity.destroy
        return server

    def start_on_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        """From a callback of the executor, start work on the loop; return a future of the executor for its result.

        The result is None if the client did not answer.
        """
        executor: Any = self.node.executor
        done = Future(executor=executor)

        async def run() -> None:
            result = None
            try:
                result = await work
            except (TurretError, asyncio.TimeoutError, asyncio.CancelledError) as error:
                log.warning('a client did not answer a request: %s', error or type(error).__name__)
            except Exception as error:  # noqa: BLE001  boundary: the caller in the graph waits for an answer
                as_refusal(error)
            finally:
                executor.create_task(done.set_result, result)  # wakes the executor; set_result alone would not
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(run()))
        return done


def _pass_answer(answer: asyncio.Future[bytes], done: Any) -> None:
    """Set the serialized response as the result of the caller's future."""
    if not answer.done():
        answer.set_result(serialize_message(done.result()))


def _interface(name: InterfaceType, kind: str) -> Any:
    """Return the class of a type (UNKNOWN_NAME)."""
    try:
        cls = interface(name, kind)
    except UnknownTypeError as error:
        raise TurretError(ReasonCode.UNKNOWN_NAME, str(error)) from None
    if not all(hasattr(cls, member) for member in _MEMBERS[kind]):
        raise TurretError(ReasonCode.UNKNOWN_NAME, f'{name} is not a {kind} type')
    return cls


def _goal_id(goal: Any) -> str:
    return uuid.UUID(bytes=bytes(goal.goal_id.uuid)).hex


def _join(namespace: str, name: str) -> str:
    return f'{namespace.rstrip("/")}/{name}'


def _node_names(endpoints: list[Any]) -> list[str]:
    return sorted({_join(endpoint.node_namespace, endpoint.node_name) for endpoint in endpoints})

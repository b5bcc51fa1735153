# SPDX-License-Identifier: Apache-2.0
"""A gateway without ROS, a server on a free port, and clients, for the tests of the web part."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec
from turret_common.messages.schema import Field, Primitive, Sequence, Struct, Text
from turret_common.reason_codes import ReasonCode
from turret_web.gateway.gateway import ActionCodec, ActionHandler, NodeDetails, ServiceCodec
from turret_web.names import InterfaceType
from turret_web.server import WebServer
from turret_web.web_parameters import LimitParameters, WebParameters

#: The built panel.
PANEL = Path(__file__).parents[1] / 'turret_web' / 'panel'

TIME = Struct('builtin_interfaces/msg/Time', (
    Field('sec', Primitive('int32'), 0), Field('nanosec', Primitive('uint32'), 0)))
HEADER = Struct('std_msgs/msg/Header', (Field('stamp', TIME, {}), Field('frame_id', Text(), '')))
NOTE = Struct('demo_msgs/msg/Note', (Field('text', Text(), ''), Field('number', Primitive('float64'), 0.0)))
STATUS = Struct('turret_msgs/msg/TurretStatus', (Field('header', HEADER, {}), Field('seq', Primitive('uint32'), 0)))
JPEG = Struct('sensor_msgs/msg/CompressedImage', (
    Field('header', HEADER, {}), Field('format', Text(), ''), Field('data', Sequence(Primitive('uint8')), [])))
IMAGE = Struct('sensor_msgs/msg/Image', (
    Field('header', HEADER, {}), Field('height', Primitive('uint32'), 0), Field('width', Primitive('uint32'), 0),
    Field('encoding', Text(), ''), Field('is_bigendian', Primitive('uint8'), 0), Field('step', Primitive('uint32'), 0),
    Field('data', Sequence(Primitive('uint8')), [])))
CAMERA_STATE = Struct('turret_msgs/msg/CameraState', (
    Field('message', Text(), ''),
    Field('audio', Struct('turret_msgs/msg/AudioState', (
        Field('message', Text(), ''), Field('source', Text(), ''))), {})))
AUDIO = Struct('turret_msgs/msg/AudioChunk', (
    Field('header', HEADER, {}), Field('format', Text(), ''), Field('data', Sequence(Primitive('uint8')), [])))
ADD_REQUEST = Struct('demo_msgs/srv/Add_Request', (
    Field('a', Primitive('int64'), 0), Field('b', Primitive('int64'), 0)))
ADD_RESPONSE = Struct('demo_msgs/srv/Add_Response', (Field('sum', Primitive('int64'), 0),))
COUNT_GOAL = Struct('demo_msgs/action/Count_Goal', (Field('to', Primitive('int32'), 0),))
COUNT_RESULT = Struct('demo_msgs/action/Count_Result', (Field('reached', Primitive('int32'), 0),))
COUNT_FEEDBACK = Struct('demo_msgs/action/Count_Feedback', (Field('at', Primitive('int32'), 0),))

PARAMETER_DESCRIPTOR = Struct('rcl_interfaces/msg/ParameterDescriptor', (
    Field('name', Text(), ''), Field('type', Primitive('uint8'), 0), Field('description', Text(), '')))
DESCRIBE_REQUEST = Struct('rcl_interfaces/srv/DescribeParameters_Request', (Field('names', Sequence(Text()), []),))
DESCRIBE_RESPONSE = Struct('rcl_interfaces/srv/DescribeParameters_Response', (
    Field('descriptors', Sequence(PARAMETER_DESCRIPTOR), []),))
DESCRIBE = InterfaceType('rcl_interfaces/srv/DescribeParameters', 'srv')

ADD = InterfaceType('demo_msgs/srv/Add', 'srv')
COUNT = 'demo_msgs/action/Count'


class FakeFeed:
    def __init__(self, gateway: FakeGateway, topic: str, deliver: Callable[[bytes], None]) -> None:
        self.latched = topic in gateway.latched
        self.epoch = 0
        self.newest_only = topic in gateway.streams
        self._gateway, self._topic, self._deliver = gateway, topic, deliver
        gateway.feeds.setdefault(topic, []).append(deliver)

    async def close(self) -> None:
        self._gateway.feeds[self._topic].remove(self._deliver)


class FakePublisher:
    def __init__(self, gateway: FakeGateway, topic: str, codec: Codec) -> None:
        self._gateway, self._topic, self._codec = gateway, topic, codec
        gateway.published_topics.append(topic)

    def publish(self, data: bytes) -> None:
        self._gateway.published.append((self._topic, self._codec.to_json(data)))

    async def close(self) -> None:
        self._gateway.published_topics.remove(self._topic)


class FakeServer:
    def __init__(self, remove: Callable[[], Any]) -> None:
        self._remove = remove

    async def close(self) -> None:
        self._remove()


@dataclass
class FakeGateway:
    """What a test puts into the graph, and what was asked of it."""

    namespace: str = '/turret'
    latched: set[str] = field(default_factory=set)
    streams: set[str] = field(default_factory=set)
    feeds: dict[str, list[Callable[[bytes], None]]] = field(default_factory=dict)
    published_topics: list[str] = field(default_factory=list)
    published: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    offered: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.types = {kind.name: Codec(kind) for kind in (
            NOTE, STATUS, JPEG, IMAGE, HEADER, TIME, CAMERA_STATE, AUDIO)}
        self.service_types = {
            ADD: ServiceCodec(Codec(ADD_REQUEST), Codec(ADD_RESPONSE)),
            DESCRIBE: ServiceCodec(Codec(DESCRIBE_REQUEST), Codec(DESCRIBE_RESPONSE))}
        self.topic_types = {'/turret/status': STATUS.name, '/turret/vision/note': NOTE.name}
        self.answers: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {}

    def serve(self, name: str, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Offer a service of type Add."""
        async def answer_later(values: dict[str, Any]) -> dict[str, Any]:
            return answer(values)
        self.answers[name] = answer_later

    def declare(self, node: str, **parameters: tuple[int, str]) -> None:
        """Offer ``describe_parameters`` of a node, with type and description of each parameter."""
        async def describe(values: dict[str, Any]) -> dict[str, Any]:
            found = {name: parameters.get(name, (0, '')) for name in values['names']}
            return {'descriptors': [
                {'name': name, 'type': kind, 'description': text} for name, (kind, text) in found.items()]}
        self.answers[f'{node}/describe_parameters'] = describe

    def emit(self, topic: str, values: dict[str, Any]) -> None:
        """Publish on a topic, as another node would."""
        data = self.types[self.topic_types[topic]].encode(values, 0)
        for deliver in list(self.feeds.get(topic, [])):
            deliver(data)

    def topics(self) -> dict[str, list[str]]:
        return {name: [kind] for name, kind in self.topic_types.items()}

    def services(self) -> dict[str, list[str]]:
        return {name: [ADD] for name in self.answers}

    def service_type(self, service: str) -> InterfaceType | None:
        action, inside_action, _ = service.partition('/_action/')
        if inside_action:
            known = action in self.offered or any(name.startswith(f'{action}/_action/') for name in self.answers)
            return InterfaceType(f'{COUNT}_SendGoal', 'srv') if known else None
        if service in self.answers and service.endswith('/describe_parameters'):
            return DESCRIBE
        return ADD if service in self.answers or service in self.offered else None

    def nodes(self) -> list[str]:
        return ['/turret/status', '/turret/web']

    def node_details(self, node: str) -> NodeDetails:
        if node not in self.nodes():
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no node {node}')
        return NodeDetails(publishing=['/turret/status'], subscribing=[], services=['/turret/status/get_faults'])

    def publishers(self, topic: str) -> list[str]:
        return ['/turret/status']

    def subscribers(self, topic: str) -> list[str]:
        return []

    def now_ns(self) -> int:
        return 12 * 10**9 + 34

    def message(self, type_name: str) -> Codec:
        if type_name not in self.types:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'type {type_name} is not installed')
        return self.types[type_name]

    def service(self, type_name: str) -> ServiceCodec:
        if type_name not in self.service_types:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'type {type_name} is not installed')
        return self.service_types[type_name]

    def action(self, type_name: str) -> ActionCodec:
        if type_name != COUNT:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'type {type_name} is not installed')
        return ActionCodec(Codec(COUNT_GOAL), Codec(COUNT_RESULT), Codec(COUNT_FEEDBACK))

    async def subscribe(self, topic: str, type_name: str, deliver: Callable[[bytes], None]) -> FakeFeed:
        return FakeFeed(self, topic, deliver)

    async def advertise(self, topic: str, type_name: str, *, latch: bool, depth: int) -> FakePublisher:
        return FakePublisher(self, topic, self.message(type_name))

    async def call(self, service: str, type_name: str, request: bytes, timeout_s: float) -> bytes:
        codec = self.service(type_name)
        values = codec.request.to_json(request)
        self.calls.append((service, values))
        try:
            if callable(offered := self.offered.get(service)):  # by a client; actions are in there too
                return await asyncio.wait_for(offered(request), timeout_s)
            if service not in self.answers:
                raise TurretError(ReasonCode.NOT_FOUND, f'service {service} does not exist any more')
            answer = await asyncio.wait_for(self.answers[service](values), timeout_s)
        except asyncio.TimeoutError:
            raise TurretError(ReasonCode.TIMED_OUT, f'service {service} did not answer') from None
        return codec.response.encode(answer, 0)

    async def withdrawn(self, name: str) -> None:
        pass

    async def offer_service(
            self, service: str, type_name: str, answer: Callable[[bytes], Awaitable[bytes]]) -> FakeServer:
        self.offered[service] = answer
        return FakeServer(lambda: self.offered.pop(service))

    async def offer_action(self, action: str, type_name: str, handler: ActionHandler) -> FakeServer:
        self.offered[action] = handler
        return FakeServer(lambda: self.offered.pop(action))


class BridgeClient:
    """A rosbridge client that speaks the protocol by hand."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def receive(self, timeout_s: float = 5.0) -> Any:
        """Return the next message: an object, or bytes for a binary one."""
        message = await self.socket.receive(timeout_s)
        if message.type is aiohttp.WSMsgType.TEXT:
            return json.loads(message.data)
        assert message.type is aiohttp.WSMsgType.BINARY, message
        return message.data

    async def settle(self) -> None:
        """Return when the server has done everything asked before."""
        assert (await self.ask(op='no such operation', id='settle'))['id'] == 'settle'

    async def ask(self, **message: Any) -> Any:
        """Send a message and return the next one that comes back."""
        await self.send(**message)
        return await self.receive()

    async def error(self, **message: Any) -> str:
        """Send a message and return the text of the error status that must follow."""
        answer = await self.ask(**message)
        assert (answer['op'], answer['level']) == ('status', 'error'), answer
        return str(answer['msg'])


@dataclass
class RunningServer:
    """A running server and a client session for it."""

    url: str
    session: aiohttp.ClientSession
    server: WebServer

    @asynccontextmanager
    async def connect(self, **options: Any) -> AsyncIterator[BridgeClient]:
        """Connect to ``/rosbridge``."""
        async with self.session.ws_connect(f'{self.url}/rosbridge', max_msg_size=0, **options) as socket:
            yield BridgeClient(socket)

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        """Return status and body, decoded where it is JSON."""
        return await self.request('GET', path, **options)

    async def request(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.session.request(
                method, self.url + path, allow_redirects=False, **options) as response:
            body = await response.read()
            return response.status, json.loads(body) if response.content_type == 'application/json' else body


@asynccontextmanager
async def serving(
        gateway: FakeGateway, panel: Path | None = None, limits: dict[str, Any] | None = None,
        **parameters: Any) -> AsyncIterator[RunningServer]:
    """Run a server on a free port."""
    settings = replace(WebParameters(), port=0, limits=replace(LimitParameters(), **(limits or {})), **parameters)
    server = WebServer(gateway, settings, panel)
    await server.start()
    try:
        async with aiohttp.ClientSession(
                cookie_jar=aiohttp.CookieJar(unsafe=True), connector=aiohttp.TCPConnector(force_close=True)) as session:
            yield RunningServer(f'http://127.0.0.1:{server.address[1]}', session, server)
    finally:
        await server.stop()


def on_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an asynchronous test on a loop of its own; a test that hangs fails."""
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def bounded() -> None:
            await asyncio.wait_for(test(*args, **kwargs), 30.0)
        asyncio.run(bounded())
    return run


async def until(condition: Callable[[], Any], timeout_s: float = 5.0) -> Any:
    """Return the first true value of a condition; fail after a while."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not (value := condition()):
        assert asyncio.get_running_loop().time() < deadline, 'condition not met in time'
        await asyncio.sleep(0.002)
    return value


async def read_until(content: aiohttp.StreamReader, end: bytes) -> bytes:
    """Return what arrives up to the given bytes; ``readuntil`` of aiohttp before 3.10 looks for the first of them."""
    read = b''
    while not read.endswith(end):
        read += await content.readexactly(1)
    return read

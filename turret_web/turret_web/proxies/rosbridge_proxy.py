# SPDX-License-Identifier: Apache-2.0
"""Proxy for the upstream rosbridge server: messages are checked in both directions.

No message of a client is forwarded unchanged. A new message is built from the known members, with names and types that
were parsed. Every client has its own connection to the server, and ids carry a mark of the connection, because the
server keeps the goals of all its clients in one table. ``rosapi`` and offered services are served as in the embedded
bridge: those of the server have no access lists.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.hosts import is_loopback
from turret_web.access.policy import Use
from turret_web.fan_out import frames
from turret_web.fan_out.backlog import Backlog
from turret_web.fan_out.send_queue import SendQueue
from turret_web.fan_out.subscription_hub import DEFAULT_QUEUE
from turret_web.names import InterfaceType, RosName
from turret_web.rosbridge.actions import check_action
from turret_web.rosbridge.bridge import (
    Bridge,
    Client,
    Operation,
    OperationGroup,
    get,
    get_action,
    get_service,
    get_topic,
    get_type,
    get_type_if_given,
    request_id_of,
)
from turret_web.rosbridge.rosapi import Rosapi

log = logging.getLogger(__name__)

_CONNECT_S = 5.0
#: Time beyond its timeout that the server has to report that a request timed out [s].
_GRACE_S = 2.0
_MAX_MESSAGE = 64 * 1024 * 1024
#: Maximum of the numbers that are forwarded, which may not be negative.
_MAX_NUMBER = 2**31 - 1
#: Members that are forwarded, by operation, with their types. Names, types and ids are written from parsed values.
_ADVERTISE = {'latch': bool, 'queue_size': int}
_PUBLISH = {**_ADVERTISE, 'msg': dict}
_GOAL = {'args': (dict, list), 'feedback': bool}

_marks = itertools.count(1)


def check_upstream(url: str, schemes: tuple[str, ...]) -> str:
    """Return the address of an upstream server. It must run on this machine, because nothing else protects it.

    Raises:
        TurretError: INVALID_ARGUMENT, it is not such an address.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and is_loopback(parts.hostname or '') and parts.port is not None
    except ValueError:
        good = False
    if not good:
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT,
            f'"{url}" is not an address of a server on this machine, such as {schemes[0]}://127.0.0.1:9090')
    return url


class UpstreamBridge:
    """Connections to the upstream bridge."""

    def __init__(self, url: str) -> None:
        """Create it without connecting. Raises as :func:`check_upstream`."""
        self._url = check_upstream(url, ('ws',))
        self._session: aiohttp.ClientSession | None = None

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        """Open a connection for one client.

        Raises:
            TurretError: NOT_READY, the server does not answer.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession()
        opening = asyncio.ensure_future(self._open(self._session))
        try:
            socket: aiohttp.ClientWebSocketResponse = await asyncio.wait_for(opening, _CONNECT_S)
            return socket
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            raise TurretError(
                ReasonCode.NOT_READY,  # without the path, which may be secret
                f'the rosbridge server on {urlsplit(self._url).netloc} does not answer') from error

    async def _open(self, session: aiohttp.ClientSession) -> Any:
        return await session.ws_connect(self._url, max_msg_size=_MAX_MESSAGE)

    async def close(self) -> None:
        """Close the session that all connections share."""
        if self._session is not None:
            await self._session.close()


class _Frame(bytes):
    """A WebSocket frame that waits for a client."""

    @property
    def size(self) -> int:
        """Memory that it takes [bytes]."""
        return len(self)


class _TopicFrames:
    """Waiting frames of one topic for a client; the oldest ones are dropped when it is full."""

    def __init__(self, send_queue: SendQueue, depth: int) -> None:
        self._send_queue = send_queue
        self._frames: Backlog[_Frame] = Backlog(lambda: depth, send_queue.budget)

    @property
    def dropped(self) -> int:
        return self._frames.dropped

    def offer(self, frame: bytes) -> None:
        if not self._frames:
            self._send_queue.wake(self)
        if not self._frames.append(_Frame(frame)):
            self._send_queue.forget(self)

    def next_frame(self) -> bytes:
        return self._frames.popleft()

    def has_frames(self) -> bool:
        return bool(self._frames)

    def close(self) -> None:
        self._send_queue.forget(self)
        self._frames.clear()


class _Topic:
    """A topic that a client subscribed to, with the name and the ids that the client used."""

    def __init__(self, name: str, frames: _TopicFrames) -> None:
        self.name = name
        self.frames = frames
        self.ids: set[str | int | None] = set()


class _Pending(NamedTuple):
    """A request that the server has not answered yet, with the name that the client used."""

    name: str
    timer: asyncio.TimerHandle


class ProxyOperations(OperationGroup):
    """Operations on topics, calls and goals of one client by the upstream server, in place of the embedded ones."""

    def __init__(
            self, bridge: Bridge, client: Client, upstream: aiohttp.ClientWebSocketResponse,
            own_call: Operation, lost: Callable[[], Any]) -> None:
        """Create the operations and start to read the messages of the server.

        Args:
            bridge: state that all connections share.
            client: connection of the client.
            upstream: connection to the server for this client.
            own_call: operation for calls of ``rosapi``.
            lost: called when the server closes the connection.
        """
        self._bridge = bridge
        self._client = client
        self._upstream = upstream
        self._own_call = own_call
        self._mark = f'{next(_marks)}:'
        self._topics: dict[str, _Topic] = {}
        self._advertised: set[str] = set()
        self._calls: dict[str, _Pending] = {}
        self._goals: dict[str, _Pending] = {}
        self._own_ids = (f'own:{number}' for number in itertools.count(1))
        self.operations = {
            'subscribe': self._subscribe, 'unsubscribe': self._unsubscribe, 'advertise': self._advertise,
            'unadvertise': self._unadvertise, 'publish': self._publish, 'call_service': self._call_service,
            'send_action_goal': self._send_goal, 'cancel_action_goal': self._cancel_goal}
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            'publish': self._on_message, 'service_response': self._on_response, 'status': self._on_status,
            'action_feedback': self._on_feedback, 'action_result': self._on_result}
        self._reading = asyncio.get_running_loop().create_task(self._read(lost))

    @property
    def dropped(self) -> int:
        """Number of messages that were dropped because the client reads too slowly."""
        return sum(topic.frames.dropped for topic in self._topics.values())

    async def close(self) -> None:
        """Close the connection; the server then releases the resources of the client."""
        self._reading.cancel()
        for pending in (*self._calls.values(), *self._goals.values()):
            pending.timer.cancel()
        await self._upstream.close()

    # --- from the client ---

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            await self._upstream.send_str(fast_json.dumps(message).decode())
        except ConnectionError:
            raise TurretError(ReasonCode.NOT_READY, 'the rosbridge server closed the connection') from None

    def _id(self, request_id: str | int | None) -> str:
        """Return the id under which the server knows a message."""
        return self._mark + (fast_json.dumps(request_id).decode() if request_id is not None else next(self._own_ids))

    def _own_id(self, marked: object) -> str | int | None:
        """Return the id that the client gave; None if it gave none, or the id belongs to another connection."""
        if not isinstance(marked, str) or not marked.startswith(self._mark):
            return None
        text = marked.removeprefix(self._mark)
        own: str | int | None = None if text.startswith('own:') else fast_json.loads(text)
        return own

    async def _subscribe(self, message: dict[str, Any]) -> None:
        name = get_topic(message)
        self._bridge.policy.check(Use.SUBSCRIBE, self._client.role, name)
        limit = self._bridge.limits.subscriptions
        if sum(len(topic.ids) for topic in self._topics.values()) >= limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'more than {limit} subscriptions on one connection')
        queue = min(max(0, get(message, 'queue_length', int, 0)), DEFAULT_QUEUE) or DEFAULT_QUEUE
        request_id = request_id_of(message)
        compression = get(message, 'compression', str, 'none')
        forwarded = {
            'op': 'subscribe', 'topic': name, 'id': self._id(request_id), 'queue_length': queue,
            'compression': compression if compression == 'cbor' else 'none', **_type(message, 'msg'),
            'throttle_rate': round(min(max(0, get(message, 'throttle_rate', (int, float), 0)), _MAX_NUMBER))}
        topic = self._topics.setdefault(name, _Topic(message['topic'], _TopicFrames(self._client.send_queue, queue)))
        topic.ids.add(request_id)
        await self._send(forwarded)

    async def _unsubscribe(self, message: dict[str, Any]) -> None:
        name, request_id = get_topic(message), request_id_of(message)
        topic = self._topics.get(name)
        if topic is None or (request_id is not None and request_id not in topic.ids):
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no such subscription to {name}')
        for own_id in [request_id] if request_id is not None else list(topic.ids):
            topic.ids.discard(own_id)
            await self._send({'op': 'unsubscribe', 'topic': name, 'id': self._id(own_id)})
        if not topic.ids:
            del self._topics[name]
            topic.frames.close()

    async def _advertise(self, message: dict[str, Any]) -> None:
        name = self._publishable(message)
        await self._send({
            'op': 'advertise', 'topic': name, 'id': self._id(name), **_type(message, 'msg'),
            **_members(message, _ADVERTISE)})
        self._advertised.add(name)

    async def _publish(self, message: dict[str, Any]) -> None:
        name = self._publishable(message)
        if name not in self._advertised:
            await self._advertise(message)
        await self._send({'op': 'publish', 'topic': name, **_type(message, 'msg'), **_members(message, _PUBLISH)})

    async def _unadvertise(self, message: dict[str, Any]) -> None:
        name = self._publishable(message)
        self._advertised.discard(name)
        await self._send({'op': 'unadvertise', 'topic': name, 'id': self._id(name)})

    def _publishable(self, message: dict[str, Any]) -> RosName:
        name = get_topic(message)
        self._bridge.policy.check(Use.PUBLISH, self._client.role, name)
        return name

    async def _call_service(self, message: dict[str, Any]) -> None:
        name = get_service(message)
        if name.startswith(Rosapi.PREFIX):
            await self._own_call(message)
            return
        marked = self._id(request_id_of(message))
        args = get(message, 'args', (dict, list), {})
        max_s = self._bridge.limits.call_s
        timeout_s = get(message, 'timeout', (int, float), max_s)
        timeout_s = min(timeout_s, max_s) if timeout_s > 0 else max_s
        type_name = get_type_if_given(message, 'srv')
        with self._awaiting(self._calls, marked, message, 'service', timeout_s):
            await self._bridge.services.prepare(self._client.role, name, args, max_s)
            actual = self._bridge.services.resolve(name, type_name)
            self._bridge.services.record(self._client.name, self._client.role, name)
            await self._send({
                'op': 'call_service', 'service': name, 'id': marked, 'args': args, 'timeout': timeout_s,
                'type': actual})

    async def _send_goal(self, message: dict[str, Any]) -> None:
        name, marked = get_action(message), self._id(request_id_of(message))
        self._bridge.policy.check(Use.SEND_GOAL, self._client.role, name)
        type_name = get_type(message, 'action', 'action_type')
        forwarded = {
            'op': 'send_action_goal', 'action': name, 'id': marked, 'action_type': type_name,
            **_members(message, _GOAL)}
        check_action(self._bridge.gateway, name, type_name)
        with self._awaiting(self._goals, marked, message, 'action', self._bridge.limits.goal_s):
            self._bridge.services.record(
                self._client.name, self._client.role, RosName(f'{name}/_action/send_goal'))
            await self._send(forwarded)

    async def _cancel_goal(self, message: dict[str, Any]) -> None:
        name, marked = get_action(message), self._id(request_id_of(message))
        self._bridge.policy.check(Use.SEND_GOAL, self._client.role, name)
        if marked not in self._goals:
            raise TurretError(ReasonCode.NOT_FOUND, f'no goal {request_id_of(message)!s:.60} is active')
        await self._send({'op': 'cancel_action_goal', 'action': name, 'id': marked})

    @contextmanager
    def _awaiting(
            self, pending: dict[str, _Pending], marked: str, message: dict[str, Any], kind: str,
            timeout_s: float) -> Iterator[None]:
        """Register a request while it is sent; it is refused if the server does not answer it in time.

        Raises:
            TurretError: RATE_LIMITED, or ALREADY_EXISTS, its id is pending already.
        """
        limit = self._bridge.limits.calls
        if len(pending) >= limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'more than {limit} pending on one connection')
        if marked in pending:
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'id {self._own_id(marked)!s:.60} is pending already')

        def expire() -> None:
            del pending[marked]
            self._client.refuse(message, TurretError(
                ReasonCode.TIMED_OUT, f'the rosbridge server did not answer within {timeout_s:g} s'))
        pending[marked] = _Pending(
            message[kind].partition('#')[0], asyncio.get_running_loop().call_later(timeout_s + _GRACE_S, expire))
        try:
            yield
        except BaseException:
            if marked in pending:
                pending.pop(marked).timer.cancel()
            raise

    # --- from the server ---

    async def _read(self, lost: Callable[[], Any]) -> None:
        """Forward answers to requests of the client, and nothing else."""
        async for message in self._upstream:  # ends without an error when the connection ends
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(message.data, fast_json.loads)
            elif message.type is aiohttp.WSMsgType.BINARY:
                self._take(message.data, _from_cbor)
        log.warning('the rosbridge server closed the connection of %s', self._client.name)
        lost()

    def _take(self, data: Any, parse: Callable[[Any], Any]) -> None:
        try:
            message = parse(data)
            self._handlers[message['op']](message)
        except (ValueError, TypeError, LookupError) as error:  # the server's output is checked as well
            log.warning('unexpected message of the rosbridge server: %s', error)

    def _on_message(self, message: dict[str, Any]) -> None:
        topic = self._topics.get(message['topic'])
        if topic is None:
            return  # unsubscribed meanwhile
        message = {'op': 'publish', 'topic': topic.name, 'msg': message['msg']}
        topic.frames.offer(_frame(message))

    def _on_response(self, message: dict[str, Any]) -> None:
        call = self._calls.pop(message['id'])
        call.timer.cancel()
        self._answer(message, ('values', 'result'), op='service_response', service=call.name)

    def _on_feedback(self, message: dict[str, Any]) -> None:
        self._answer(message, ('values',), op='action_feedback', action=self._goals[message['id']].name)

    def _on_result(self, message: dict[str, Any]) -> None:
        goal = self._goals.pop(message['id'])
        goal.timer.cancel()
        self._answer(message, ('values', 'status', 'result'), op='action_result', action=goal.name)

    def _answer(self, message: dict[str, Any], keys: tuple[str, ...], **members: str) -> None:
        self._client.send(
            {**members, **{key: message[key] for key in keys if key in message}}, self._own_id(message['id']))

    def _on_status(self, message: dict[str, Any]) -> None:
        marked = message.get('id')
        self._client.status(message['level'], str(message.get('msg', '')).replace(self._mark, ''), self._own_id(marked))


def _from_cbor(data: bytes) -> Any:
    import cbor2  # imported only when a client requests CBOR
    try:
        return cbor2.loads(data)
    except cbor2.CBORDecodeError as error:
        raise ValueError(str(error)) from error


def _frame(message: dict[str, Any]) -> bytes:
    """Return a message as a frame: JSON, or CBOR for what JSON cannot hold."""
    try:
        return frames.frame(fast_json.dumps(message))
    except TypeError:
        import cbor2
        return frames.frame(cbor2.dumps(message), frames.BINARY)


def _members(message: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a message that are forwarded (INVALID_ARGUMENT, one has a wrong type)."""
    members = {key: get(message, key, kind) for key, kind in kinds.items() if message.get(key) is not None}
    return {key: min(max(0, value), _MAX_NUMBER) if kinds[key] is int else value for key, value in members.items()}


def _type(message: dict[str, Any], kind: str) -> dict[str, InterfaceType]:
    """Return the type of a message as a member (INVALID_ARGUMENT)."""
    type_name = get_type_if_given(message, kind)
    return {} if type_name is None else {'type': type_name}

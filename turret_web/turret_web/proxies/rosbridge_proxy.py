"""The stock rosbridge server behind the front door: what a client asks of it is checked, and so is what comes back.

Nothing a client wrote goes through as it is. A message is made anew of the members that are known, under the names that
were checked. Every connection is one of its own to the server, and ids carry the connection's mark, because the server
keeps the goals of all its clients in one table. ``rosapi`` and offered services are served by ourselves, as in
the embedded bridge: the stock ones know no lists.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.hosts import is_loopback
from turret_web.access.policy import Use
from turret_web.fan_out import frames
from turret_web.fan_out.send_queue import SendQueue
from turret_web.fan_out.subscription_hub import DEFAULT_QUEUE
from turret_web.rosbridge.bridge import Bridge, Client, Operation, OperationGroup, get, get_name
from turret_web.rosbridge.rosapi import Rosapi

log = logging.getLogger(__name__)

_CONNECT_S = 5.0
_MAX_MESSAGE = 64 * 1024 * 1024
#: Members that go through, by operation; names and ids are written anew.
_SUBSCRIBE = ('type', 'throttle_rate')
_PUBLISH = ('type', 'latch', 'queue_size', 'msg')
_GOAL = ('action_type', 'args', 'feedback')

_marks = itertools.count(1)


def check_upstream(url: str, schemes: tuple[str, ...]) -> str:
    """Return the address of a stock server, which has to run on this machine: nothing else protects it.

    Raises:
        TurretError: INVALID_ARGUMENT, it is none.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and is_loopback(parts.hostname or '') and parts.port is not None
    except ValueError:
        good = False
    if not good:
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT,
            f'"{url}" is no address of a server on this machine, like {schemes[0]}://127.0.0.1:9090')
    return url


class UpstreamBridge:
    """The way to the stock bridge."""

    def __init__(self, url: str) -> None:
        """Make it, without connecting. Raises as :func:`check_upstream`."""
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
                ReasonCode.NOT_READY,  # without its path, which may be a secret of ours
                f'the rosbridge server on {urlsplit(self._url).netloc} does not answer') from error

    async def _open(self, session: aiohttp.ClientSession) -> Any:
        return await session.ws_connect(self._url, max_msg_size=_MAX_MESSAGE)

    async def close(self) -> None:
        """End what all connections share."""
        if self._session is not None:
            await self._session.close()


class _Backlog:
    """Frames of one topic that wait for a client; the oldest goes for a new one."""

    def __init__(self, send_queue: SendQueue, room: int) -> None:
        self._outbox = send_queue
        self._frames: deque[bytes] = deque(maxlen=room)
        self.dropped = 0

    def offer(self, frame: bytes) -> None:
        if not self._frames:
            self._outbox.wake(self)
        self.dropped += len(self._frames) == self._frames.maxlen
        self._frames.append(frame)

    def next_frame(self) -> bytes:
        return self._frames.popleft()

    def has_frames(self) -> bool:
        return bool(self._frames)


class _Topic:
    """One topic that a client subscribed to, under the name and with the ids that it used."""

    def __init__(self, name: str, backlog: _Backlog) -> None:
        self.name = name
        self.backlog = backlog
        self.ids: set[str | int | None] = set()


class ProxyOperations(OperationGroup):
    """Topics, calls and goals of one client, by the stock server, in the place of those operations of our own."""

    def __init__(
            self, bridge: Bridge, client: Client, upstream: aiohttp.ClientWebSocketResponse,
            own_call: Operation, lost: Callable[[], Any]) -> None:
        """Make it; it begins to read what comes back.

        Args:
            bridge: what all clients share.
            client: who it is for.
            upstream: the connection for this client.
            own_call: serves the calls of ``rosapi``.
            lost: called when the server closes the connection.
        """
        self._bridge = bridge
        self._client = client
        self._upstream = upstream
        self._own_call = own_call
        self._mark = f'{next(_marks)}:'
        self._topics: dict[str, _Topic] = {}
        self._advertised: set[str] = set()
        self._calls: dict[str, str] = {}
        self._goals: dict[str, str] = {}
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
        """Messages that the client was too slow for."""
        return sum(topic.backlog.dropped for topic in self._topics.values())

    async def close(self) -> None:
        """Close the connection; the server then gives up what belonged to it."""
        self._reading.cancel()
        await self._upstream.close()

    # --- from the client ---

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            await self._upstream.send_str(fast_json.dumps(message).decode())
        except ConnectionError:
            raise TurretError(ReasonCode.NOT_READY, 'the rosbridge server went away') from None

    def _id(self, message: dict[str, Any]) -> str:
        """Return the id of a message as the server shall know it."""
        request_id = get(message, 'id', (str, int), None)
        return self._mark + (fast_json.dumps(request_id).decode() if request_id is not None else next(self._own_ids))

    def _own_id(self, marked: object) -> str | int | None:
        """Return the id that a client gave; None where it gave none, or the id is that of another connection."""
        if not isinstance(marked, str) or not marked.startswith(self._mark):
            return None
        text = marked.removeprefix(self._mark)
        own: str | int | None = None if text.startswith('own:') else fast_json.loads(text)
        return own

    async def _subscribe(self, message: dict[str, Any]) -> None:
        name = get_name(message, 'topic')
        self._bridge.policy.check(Use.SUBSCRIBE, self._client.role, name)
        limit = self._bridge.limits.subscriptions
        if sum(len(topic.ids) for topic in self._topics.values()) >= limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'more than {limit} subscriptions on one connection')
        queue = min(max(0, get(message, 'queue_length', int, 0)), DEFAULT_QUEUE) or DEFAULT_QUEUE
        topic = self._topics.setdefault(name, _Topic(message['topic'], _Backlog(self._client.send_queue, queue)))
        topic.ids.add(get(message, 'id', (str, int), None))
        compression = get(message, 'compression', str, 'none')
        await self._send({
            'op': 'subscribe', 'topic': name, 'id': self._id(message), 'queue_length': queue,
            'compression': compression if compression == 'cbor' else 'none',
            **{key: message[key] for key in _SUBSCRIBE if key in message}})

    async def _unsubscribe(self, message: dict[str, Any]) -> None:
        name, request_id = get_name(message, 'topic'), get(message, 'id', (str, int), None)
        topic = self._topics.get(name)
        if topic is None or (request_id is not None and request_id not in topic.ids):
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no such subscription to {name}')
        for own_id in [request_id] if request_id is not None else list(topic.ids):
            topic.ids.discard(own_id)
            await self._send({'op': 'unsubscribe', 'topic': name, 'id': self._id({'id': own_id})})
        if not topic.ids:
            del self._topics[name]
            self._client.send_queue.forget(topic.backlog)

    async def _advertise(self, message: dict[str, Any]) -> None:
        name = self._publishable(message)
        await self._send({
            'op': 'advertise', 'topic': name, 'id': self._id({'id': name}),
            **{key: message[key] for key in _PUBLISH[:3] if key in message}})
        self._advertised.add(name)

    async def _publish(self, message: dict[str, Any]) -> None:
        name = self._publishable(message)
        if name not in self._advertised:
            await self._advertise(message)
        await self._send({
            'op': 'publish', 'topic': name, **{key: message[key] for key in _PUBLISH if key in message}})

    async def _unadvertise(self, message: dict[str, Any]) -> None:
        name = self._publishable(message)
        self._advertised.discard(name)
        await self._send({'op': 'unadvertise', 'topic': name, 'id': self._id({'id': name})})

    def _publishable(self, message: dict[str, Any]) -> str:
        name = get_name(message, 'topic')
        self._bridge.policy.check(Use.PUBLISH, self._client.role, name)
        return name

    async def _call_service(self, message: dict[str, Any]) -> None:
        given, hash_, old_id = get(message, 'service', str).partition('#')
        if hash_:
            message = {'id': old_id, **message, 'service': given}
        name = get_name(message, 'service')
        if name.startswith(Rosapi.PREFIX):
            await self._own_call(message)
            return
        marked = self._id(message)
        try:
            args = get(message, 'args', (dict, list), {})
            self._bridge.policy.check_call(self._client.role, name, args)
            self._check_room(self._calls, marked)
            max_s = self._bridge.limits.call_s
            timeout_s = get(message, 'timeout', (int, float), max_s)
            self._calls[marked] = given
            self._bridge.services.record(self._client.name, self._client.role, name)
            await self._send({
                'op': 'call_service', 'service': name, 'id': marked, 'args': args,
                'timeout': min(timeout_s, max_s) if timeout_s > 0 else max_s,
                **{key: message[key] for key in ('type',) if key in message}})
        except TurretError as error:
            self._calls.pop(marked, None)
            answer = {'op': 'service_response', 'service': given, 'values': str(error), 'result': False}
            self._client.send(answer, self._own_id(marked))

    async def _send_goal(self, message: dict[str, Any]) -> None:
        given, name, marked = self._action(message)
        try:
            self._bridge.policy.check(Use.SEND_GOAL, self._client.role, name)
            self._check_room(self._goals, marked)
            self._goals[marked] = given
            self._bridge.services.record(self._client.name, self._client.role, f'{name}/_action/send_goal')
            await self._send({
                'op': 'send_action_goal', 'action': name, 'id': marked,
                **{key: message[key] for key in _GOAL if key in message}})
        except TurretError as error:
            self._goals.pop(marked, None)
            answer = {'op': 'action_result', 'action': given, 'values': str(error), 'status': 0, 'result': False}
            self._client.send(answer, self._own_id(marked))

    async def _cancel_goal(self, message: dict[str, Any]) -> None:
        _, name, marked = self._action(message)
        self._bridge.policy.check(Use.SEND_GOAL, self._client.role, name)
        if marked not in self._goals:
            raise TurretError(ReasonCode.NOT_FOUND, f'no goal {message.get("id")} is under way')
        await self._send({'op': 'cancel_action_goal', 'action': name, 'id': marked})

    def _action(self, message: dict[str, Any]) -> tuple[str, str, str]:
        """Return the name of an action as it was given, absolute, and the id of the goal."""
        given, hash_, old_id = get(message, 'action', str).partition('#')
        marked = self._id({'id': old_id, **message} if hash_ else message)
        return given, get_name({'action': given}, 'action'), marked

    def _check_room(self, waiting: dict[str, str], marked: str) -> None:
        limit = self._bridge.limits.calls
        if len(waiting) >= limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'more than {limit} under way on one connection')
        if marked in waiting:
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'id {self._own_id(marked)} is under way already')

    # --- from the server ---

    async def _read(self, lost: Callable[[], Any]) -> None:
        """Pass on what was asked for, and nothing else."""
        async for message in self._upstream:  # ends, without an error, whatever ends the connection
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
        except (ValueError, TypeError, LookupError) as error:  # the server is to be trusted as little
            log.warning('the rosbridge server sent what nobody asked for: %s', error)

    def _on_message(self, message: dict[str, Any]) -> None:
        topic = self._topics.get(message['topic'])
        if topic is None:
            return  # on its way when it was unsubscribed
        message = {'op': 'publish', 'topic': topic.name, 'msg': message['msg']}
        topic.backlog.offer(_frame(message))

    def _on_response(self, message: dict[str, Any]) -> None:
        given = self._calls.pop(message['id'])
        self._answer(message, ('values', 'result'), op='service_response', service=given)

    def _on_feedback(self, message: dict[str, Any]) -> None:
        given = self._goals[message['id']]
        self._answer(message, ('values',), op='action_feedback', action=given)

    def _on_result(self, message: dict[str, Any]) -> None:
        given = self._goals.pop(message['id'])
        self._answer(message, ('values', 'status', 'result'), op='action_result', action=given)

    def _answer(self, message: dict[str, Any], keys: tuple[str, ...], **members: str) -> None:
        self._client.send(
            {**members, **{key: message[key] for key in keys if key in message}}, self._own_id(message['id']))

    def _on_status(self, message: dict[str, Any]) -> None:
        marked = message.get('id')
        self._client.status(message['level'], str(message.get('msg', '')).replace(self._mark, ''), self._own_id(marked))


def _from_cbor(data: bytes) -> Any:
    import cbor2  # only clients that ask for it pay for it
    try:
        return cbor2.loads(data)
    except cbor2.CBORDecodeError as error:
        raise ValueError(str(error)) from error


def _frame(message: dict[str, Any]) -> bytes:
    """Return a message in the form in which it came: what JSON cannot hold came as CBOR."""
    try:
        return frames.frame(fast_json.dumps(message))
    except TypeError:
        import cbor2
        return frames.frame(cbor2.dumps(message), frames.BINARY)

# SPDX-License-Identifier: Apache-2.0
"""``/rosbridge``: the rosbridge protocol over WebSockets."""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
import socket
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType, web

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.open_grants import OpenGrants
from turret_web.access.policy import Role
from turret_web.access.slots import FairSlots
from turret_web.fan_out.backlog import TOTAL_BYTES, ByteBudget
from turret_web.fan_out.frames import ClientFrames, Deflater, FrameError
from turret_web.fan_out.send_queue import SendQueue
from turret_web.http_connections import HttpConnection, connection_of
from turret_web.metrics import Metrics
from turret_web.proxies.rosbridge_proxy import ProxyOperations, UpstreamBridge
from turret_web.rosbridge.bridge import Bridge, Client
from turret_web.rosbridge.session import RosbridgeSession, embedded_operations
from turret_web.routes.routes import address_of, caller_of, current_role, granted, json_response

log = logging.getLogger(__name__)

#: A client that does not answer a ping within half of this time is disconnected [s].
_PING_S = 20.0
#: Offset of the smoothed round-trip time in struct tcp_info of Linux [us].
_RTT_AT = 68

#: Maximum length of what a client calls itself.
_LABEL_MAX = 80

#: Frames that a client may send, pings and parts of messages included, as a multiple of its messages.
_FRAMES_PER_MESSAGE = 10
#: Version of the WebSocket protocol.
_VERSION = '13'
_KEY_BYTES = 16

_numbers = itertools.count(1)


class ClientSocket(web.WebSocketResponse):
    """WebSocket of a client.

    Attributes:
        stop_sending: called before the close frame, after which no other may follow.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._ending: asyncio.Task[bool] | None = None
        self._ended_with: tuple[int, bytes] = (WSCloseCode.OK, b'')
        self.stop_sending: Callable[[], None] = lambda: None

    def end(self, code: int, reason: str) -> None:
        """Close it, without waiting for it."""
        self._ended_with = code, reason.encode()
        self._ending = asyncio.get_running_loop().create_task(self.close())

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b'', **options: Any) -> bool:
        """Close it; without a code, for the reason of :meth:`end`.

        aiohttp gives none where compressed data is damaged, and at the end of the handler, which comes first with
        aiohttp 3.9.
        """
        self.stop_sending()
        if code == WSCloseCode.OK:
            code, message = self._ended_with
        if code == WSCloseCode.OK and isinstance(self.exception(), zlib.error):
            code = WSCloseCode.INVALID_TEXT
        return await super().close(code=code, message=message, **options)


class _Connection:
    """One connected client."""

    def __init__(
            self, bridge: Bridge, client: Client, answer: ClientSocket, transport: asyncio.Transport,
            upstream: ClientWebSocketResponse | None, query: Mapping[str, str]) -> None:
        parts = embedded_operations(bridge, client)
        if upstream is not None:
            own_call = {name: do for part in parts for name, do in part.operations.items()}['call_service']
            parts.append(ProxyOperations(bridge, client, upstream, own_call, self._hang_up))
        self.client = client
        self.label = _printable(query.get('label', ''))
        self.page = _printable(query.get('page', ''))
        self.socket = answer
        self._transport = transport
        self.session = RosbridgeSession(bridge.limits, client, parts)
        self.since_s = time.monotonic()
        self.number = next(_numbers)
        self.received = 0

    def _hang_up(self) -> None:
        """Close the connection, because the upstream server has closed its own."""
        self.socket.end(WSCloseCode.GOING_AWAY, 'the rosbridge server has ended')

    def end(self) -> None:
        """Close the connection, because the permission of the client has ended."""
        self.socket.end(WSCloseCode.POLICY_VIOLATION, 'signed out')

    def round_trip_s(self) -> float | None:
        """Return the round-trip time measured by TCP [s]; None if the connection is closed."""
        connection = self._transport.get_extra_info('socket')
        if connection is None or connection.fileno() < 0:
            return None
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RTT_AT + 4)
        return int.from_bytes(info[_RTT_AT:], sys.byteorder) / 1e6

    def totals(self) -> Mapping[str, int]:
        """Return the counters of this connection."""
        send_queue = self.client.send_queue
        return {
            'client_messages_total': self.received, 'sent_messages_total': send_queue.sent_frames,
            'sent_bytes_total': send_queue.sent_bytes, 'dropped_messages_total': self.session.dropped}


class BridgeRoutes:
    """Routes of the rosbridge protocol."""

    def __init__(
            self, bridge: Bridge, metrics: Metrics, grants: OpenGrants, kind: str, upstream_url: str) -> None:
        """Create the routes.

        Args:
            bridge: state that all connections share.
            metrics: counters of closed connections.
            grants: closes connections whose permission has ended.
            kind: one of :data:`turret_web.web_parameters.BRIDGES`.
            upstream_url: address of the upstream server, if that is the kind.

        Raises:
            TurretError: INVALID_ARGUMENT, the address is not on this machine.
        """
        self._enabled = kind != 'none'
        self._upstream = UpstreamBridge(upstream_url) if kind == 'rosbridge_suite' else None
        self._bridge = bridge
        self._metrics = metrics
        self._grants = grants
        self._slots = FairSlots(bridge.limits.clients, 'clients')
        self._total = ByteBudget(TOTAL_BYTES)
        self._connections: set[_Connection] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [web.get('/rosbridge', self.connect, allow_head=False), web.get('/api/clients', self._list)]

    @property
    def count(self) -> int:
        """Number of connected clients."""
        return len(self._connections)

    def totals(self) -> dict[str, float]:
        """Return the sums of the counters of connected clients."""
        sums: dict[str, float] = {}
        for connection in self._connections:
            for name, value in connection.totals().items():
                sums[name] = sums.get(name, 0) + value
        return sums

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it disconnects."""
        limits, grant, address = self._bridge.limits, granted(), address_of(request)
        if not self._enabled:
            raise TurretError(ReasonCode.NOT_SUPPORTED, 'the bridge is disabled')
        with self._slots.hold(grant.role, address):
            _check_handshake(request)
            upstream = await self._upstream.connect() if self._upstream is not None else None
            answer = ClientSocket(heartbeat=_PING_S, max_msg_size=limits.message_bytes, timeout=1.0)
            http = connection_of(request)

            def refuse(error: FrameError) -> None:
                if answer.prepared:
                    answer.end(error.code, error.reason)
                else:  # it was sent before the handshake was complete
                    http.abort()
            http.check_frames(ClientFrames(limits.message_bytes), refuse, _FRAMES_PER_MESSAGE * limits.messages_per_s)
            try:
                await answer.prepare(request)
                transport = request.transport
                if transport is None:
                    raise ConnectionResetError('the client has disconnected already')
            except BaseException:
                http.check_frames(None, refuse)
                if upstream is not None:
                    await upstream.close()
                raise
            keeps_window = 'server_no_context_takeover' not in answer.headers.get('Sec-WebSocket-Extensions', '')
            deflater = Deflater(int(answer.compress), keeps_window) if answer.compress else None
            send_queue = SendQueue(transport, limits.stall_s, deflater, self._total)
            answer.stop_sending = send_queue.close
            client = Client(caller_of(request), grant.role, send_queue)
            connection = _Connection(self._bridge, client, answer, transport, upstream, request.query)
            with self._grants.hold(grant, connection.end):
                await self._serve(connection, http)
        return answer

    async def _serve(self, connection: _Connection, http: HttpConnection) -> None:
        client = connection.client
        self._connections.add(connection)
        log.info('%s connects, %d clients', client.name, self.count)
        try:
            async for message in connection.socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    connection.received += 1
                    http.message_taken()
                    await connection.session.receive(message.data)
                    await asyncio.sleep(0)  # one message, then the other connections: a burst must not delay them
        except ConnectionError:  # the client has disconnected while aiohttp answered a ping
            pass
        finally:
            self._connections.discard(connection)
            client.send_queue.close()
            for name, value in connection.totals().items():
                self._metrics.count(name, value)
            await connection.session.close()
            log.info('%s disconnects, %d clients', client.name, self.count)

    async def close(self) -> None:
        """Close all connections."""
        for connection in list(self._connections):
            await connection.socket.close(code=WSCloseCode.GOING_AWAY, message=b'the turret shuts down')
        if self._upstream is not None:
            await self._upstream.close()

    async def _list(self, request: web.Request) -> web.StreamResponse:
        """List the clients; for a viewer, only those with its own role and address."""
        own = caller_of(request)
        shown = self._connections if current_role() is Role.OPERATOR else (
            connection for connection in self._connections if connection.client.name == own)
        return json_response([self._describe(connection) for connection in shown])

    def _describe(self, connection: _Connection) -> dict[str, Any]:
        return {
            'id': connection.number,
            'client': connection.client.name,
            'role': connection.client.role.value,
            'label': connection.label,
            'page': connection.page,
            'round_trip_s': connection.round_trip_s(),
            'connected_s': round(time.monotonic() - connection.since_s, 1),
            'deflate': connection.client.send_queue.deflater is not None,
            **connection.totals()}


def listed(request: web.Request, header: str) -> list[str]:
    """Return the elements of a header that is a list of words, in lower case."""
    return [word.strip().lower() for value in request.headers.getall(header, []) for word in value.split(',')]


def _check_handshake(request: web.Request) -> None:
    """Check what RFC 6455 demands of a handshake, some of which aiohttp does not.

    Raises:
        TurretError: INVALID_ARGUMENT.
        HTTPUpgradeRequired: the client uses another version.
    """
    problem = next((problem for problem, is_right in (
        ('HTTP 1.1 is needed', request.version >= (1, 1)),
        ('the header Upgrade must be "websocket" alone', listed(request, 'Upgrade')[:1] == ['websocket']),
        ('the header Connection must name Upgrade', 'upgrade' in listed(request, 'Connection')),
        ('one header Sec-WebSocket-Key must hold 16 bytes in base64', _has_key(request)),
    ) if not is_right), '')
    if problem:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'this is not a WebSocket handshake: {problem}')
    if request.headers.getall('Sec-WebSocket-Version', []) != [_VERSION]:
        raise web.HTTPUpgradeRequired(
            text=f'version {_VERSION} of the WebSocket protocol is supported',
            headers={'Upgrade': 'websocket', 'Sec-WebSocket-Version': _VERSION})


def _has_key(request: web.Request) -> bool:
    keys = request.headers.getall('Sec-WebSocket-Key', [])
    try:
        return len(keys) == 1 and len(base64.b64decode(keys[0], validate=True)) == _KEY_BYTES
    except ValueError:  # it is not base64, or not ASCII
        return False


def _printable(text: str) -> str:
    """Return the printable characters of a text from a client, cut to a sensible length."""
    return ''.join(character for character in text if character.isprintable())[:_LABEL_MAX]

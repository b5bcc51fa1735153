# SPDX-License-Identifier: Apache-2.0
"""TCP connections of the HTTP server: limits on time and number before a client has signed in.

aiohttp limits neither the time for the head of a request nor the number of connections.
"""

from __future__ import annotations

import asyncio
import logging
import math
import resource
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from aiohttp import web
from aiohttp.web_server import Server

from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Role
from turret_web.fan_out.frames import ClientFrames, FrameError
from turret_web.routes.routes import refusal

log = logging.getLogger(__name__)
_ACCESS_LOG = logging.getLogger(f'{__name__}.access')
_ACCESS_LOG.setLevel(logging.WARNING)  # requests are not logged

#: Maximum duration of a TLS handshake [s].
_HANDSHAKE_S = 5.0
#: Maximum time from opening a connection to a complete request head, and between two requests [s].
_HEAD_S = 10.0
_IDLE_S = 60.0
#: Frames of a WebSocket that are handled before others get their turn, and its messages that may wait.
_FRAMES_PER_TURN = 200
_WAITING_MESSAGES = 1000
#: Requests of one connection that may wait; aiohttp 3.9 takes any number.
_PIPELINED = 100
#: A client that receives nothing of a response for this time is disconnected [s].
_STALL_S = 15.0
#: Offset of the acknowledged bytes in struct tcp_info of Linux.
_ACKNOWLEDGED_AT = 120
#: File descriptors that are kept free for ROS, files and operators.
_RESERVED_FILES = 128
#: Desired maximum number of file descriptors.
_FILES = 8192
#: Reason codes of errors of aiohttp, by their HTTP status.
_CODES = {
    404: ReasonCode.NOT_FOUND, 405: ReasonCode.NOT_SUPPORTED, 413: ReasonCode.TOO_LARGE, 416: ReasonCode.OUT_OF_RANGE,
    426: ReasonCode.NOT_SUPPORTED}
#: Headers of errors of aiohttp that are kept.
_KEPT_HEADERS = ('Allow', 'Content-Range', 'Upgrade', 'Sec-WebSocket-Version')
#: Connections without a signed-in client: in total and per address.
_ANONYMOUS = 256
_ANONYMOUS_PER_ADDRESS = 64


def raise_file_limit() -> int:
    """Raise the limit of file descriptors of this process as far as allowed, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


class ConnectionTable:
    """The open connections.

    When there are too many anonymous ones, or ones of viewers, the oldest of them that waits for a request is closed.
    Viewers get at most half of all connections, and one address half of that.
    """

    def __init__(self, server: Server, files: int, context: ssl.SSLContext | None = None) -> None:
        """Create an empty table.

        Args:
            server: handles the requests.
            files: maximum number of file descriptors of this process.
            context: settings of TLS; None for connections that are not encrypted.
        """
        self._server = server
        self._context = context
        self._total = max(16, files - _RESERVED_FILES)
        self._anonymous_limit = min(_ANONYMOUS, max(8, self._total // 4))
        self._viewer_limit = self._total // 2
        self._open: dict[HttpConnection, None] = {}  # oldest first, as the others
        self._anonymous: dict[HttpConnection, None] = {}
        self._viewers: dict[HttpConnection, None] = {}

    def make_connection(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        connection = HttpConnection(self, self._server)
        return connection if self._context is None else _Handshake(connection, self._context)

    def opened(self, connection: HttpConnection) -> None:
        """Register a connection; close others, or this one, if there are too many."""
        self._open[connection] = None
        self._anonymous[connection] = None
        self._bound(self._anonymous, connection.address, self._anonymous_limit, _ANONYMOUS_PER_ADDRESS)
        if len(self._open) > self._total:
            self._close_oldest(list(self._open))

    def signed_in(self, connection: HttpConnection, role: Role) -> None:
        """Count a connection as one of a role; close others, or this one, if the role has too many."""
        self._anonymous.pop(connection, None)
        if role is Role.OPERATOR:
            self._viewers.pop(connection, None)
        elif connection not in self._viewers:
            self._viewers[connection] = None
            self._bound(self._viewers, connection.address, self._viewer_limit, self._viewer_limit // 2)

    def closed(self, connection: HttpConnection) -> None:
        """Remove a connection that has ended."""
        for connections in (self._open, self._anonymous, self._viewers):
            connections.pop(connection, None)

    def close(self) -> None:
        """Close the connections whose handshake is not complete; aiohttp closes the others."""
        for connection in list(self._open):
            if connection.transport is None:
                connection.abort()

    def _bound(self, connections: dict[HttpConnection, None], address: str, limit: int, per_address: int) -> None:
        same = [other for other in connections if other.address == address]
        if len(same) > per_address:
            self._close_oldest(same)
        if len(connections) > limit:
            self._close_oldest(list(connections))

    def _close_oldest(self, candidates: list[HttpConnection]) -> None:
        waiting = [connection for connection in candidates if not connection.in_request]
        for connection in (waiting or candidates)[:1]:
            self.closed(connection)
            connection.abort()


class HttpConnection(web.RequestHandler):
    """One connection.

    Attributes:
        address: IP address of the client.
        in_request: whether a request is being handled.
        response_started: whether the header of its response has been sent.
    """

    def __init__(self, table: ConnectionTable, server: Server) -> None:
        self._timers = asyncio.get_running_loop()
        super().__init__(server, loop=self._timers, keepalive_timeout=_IDLE_S, access_log=_ACCESS_LOG, logger=log)
        self._table = table
        self._timer: asyncio.TimerHandle | None = None
        self._tcp: Any = None
        self.address = ''
        self.in_request = False
        self.response_started = False
        self._cut_off = False
        self._held = b''
        self._holding = False
        self._taken = 0
        self._next_turn: asyncio.TimerHandle | None = None
        self.check_frames(None, lambda _: None)

    def accepted(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection and start to wait for the head of a request."""
        self._tcp = transport
        peer = transport.get_extra_info('peername')
        self.address = peer[0] if isinstance(peer, tuple) else ''
        self._wait_for(self.abort, _HEAD_S)
        self._table.opened(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with HTTP."""
        if self._tcp is None:
            self.accepted(transport)
        self._tcp = transport
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Remove the connection."""
        self.forget()
        super().connection_lost(exc)

    def forget(self) -> None:
        """Remove the connection from the table."""
        if self._next_turn is not None:
            self._next_turn.cancel()
        self._cancel_timer()
        self._table.closed(self)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends; of a WebSocket few frames at a time, so that others get a turn."""
        if self._frames is None:
            super().data_received(data)
            if len(self._messages) > _PIPELINED:
                log.warning('disconnecting %s, which sends requests without waiting for answers', self.address)
                self.abort()
        elif not self._cut_off:
            self._held += data
            if self._next_turn is None:
                self._pass_frames(self._frames)

    def _pass_frames(self, frames: ClientFrames) -> None:
        self._next_turn = None
        if frames.messages - self._taken < _WAITING_MESSAGES:
            try:
                size = frames.check(self._held, _FRAMES_PER_TURN)
            except FrameError as error:
                log.warning('disconnecting %s: %s', self.address, error.reason)
                self._cut_off, self._held = True, b''
                self._refuse(error)
                return
            data, self._held = self._held[:size], self._held[size:]
            super().data_received(data)
        if self._held:
            self.pause_reading()
            self._next_turn = self._timers.call_later(self._turn_s, self._pass_frames, frames)
        elif self._holding:
            self.resume_reading()
        self._holding = bool(self._held)

    def resume_reading(self, *args: Any, **kwargs: Any) -> None:
        """Read again, unless frames that were read wait; aiohttp calls this when it can take more."""
        if not self._held:
            super().resume_reading(*args, **kwargs)

    def check_frames(
            self, frames: ClientFrames | None, refuse: Callable[[FrameError], None], rate_hz: float = math.inf) -> None:
        """Check from now on what a WebSocket sends; None for nothing.

        Args:
            frames: checks the frames.
            refuse: called once for a frame that is refused; must close the connection.
            rate_hz: frames that are passed on [1/s]; more of them wait.
        """
        self._frames, self._refuse, self._turn_s = frames, refuse, _FRAMES_PER_TURN / rate_hz

    def message_taken(self) -> None:
        """Count a message of the WebSocket that is handled."""
        self._taken += 1

    def request_begins(self) -> None:
        """Stop waiting: the head of a request is complete."""
        self.in_request = True
        self.response_started = False
        self._cancel_timer()

    async def finish_response(
            self, request: web.BaseRequest, resp: web.StreamResponse, *args: Any, **kwargs: Any) -> Any:
        """Send a response, then start to wait for the next request."""
        self._cancel_timer()
        self._check_progress(-1)
        if isinstance(resp, web.HTTPException):
            resp = _in_our_form(resp)
        try:
            return await super().finish_response(request, resp, *args, **kwargs)
        finally:
            self.in_request = False
            self._wait_for(self.abort, _IDLE_S)

    def _check_progress(self, acknowledged: int) -> None:
        """Close the connection if the client has received nothing more of a response since the last check."""
        now = _acknowledged_bytes(self._tcp)
        if now == acknowledged:
            self.abort()
        else:
            self._wait_for(lambda: self._check_progress(now), _STALL_S)

    def signed_in(self, role: Role) -> None:
        """Treat the client as signed in from now on."""
        self._table.signed_in(self, role)

    def abort(self) -> None:
        """Close the connection at once."""
        self._cancel_timer()
        if self._tcp is not None:
            self._tcp.abort()

    def handle_error(
            self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None,
            message: str | None = None) -> web.StreamResponse:
        """Answer a request that is not valid HTTP, with one line in the log."""
        log.warning('invalid HTTP request from %s: %s', self.address, type(exc).__name__ if exc else status)
        response = refusal(ReasonCode.INVALID_ARGUMENT, 'this is not a valid HTTP request')
        response.set_status(status)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log an error of the connection in one line."""
        error = kwargs.get('exc_info')
        log.warning('HTTP connection of %s: %s', self.address, type(error).__name__ if error else args[0])

    def _wait_for(self, expired: Callable[[], None], timeout_s: float) -> None:
        self._cancel_timer()
        if self._tcp is not None and not self._tcp.is_closing():
            self._timer = self._timers.call_later(timeout_s, expired)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Handshake(asyncio.Protocol):
    """TLS handshake of a connection, which counts from its beginning; asyncio shows it only when complete."""

    def __init__(self, connection: HttpConnection, context: ssl.SSLContext) -> None:
        self._connection = connection
        self._context = context
        self._early = b''
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._connection.accepted(transport)
        self._task = asyncio.get_running_loop().create_task(self._encrypt(cast(asyncio.Transport, transport)))

    def data_received(self, data: bytes) -> None:
        """Keep what arrives together with the end of the handshake."""
        self._early += data

    async def _encrypt(self, transport: asyncio.Transport) -> None:
        encrypted = None
        with suppress(OSError):
            encrypted = await asyncio.get_running_loop().start_tls(
                transport, self, self._context, server_side=True, ssl_handshake_timeout=_HANDSHAKE_S)
        if encrypted is None or encrypted.is_closing():
            self._connection.forget()
            return
        encrypted.set_protocol(self._connection)
        self._connection.connection_made(encrypted)
        if self._early:
            self._connection.data_received(self._early)


def connection_of(request: web.Request) -> HttpConnection:
    """Return the connection of a request."""
    return cast(HttpConnection, request.protocol)


def _in_our_form(error: web.HTTPException) -> web.StreamResponse:
    """Return an error of aiohttp in the form of all refusals; redirects unchanged."""
    if error.status < 400:
        return error
    response = refusal(_CODES.get(error.status, ReasonCode.INVALID_ARGUMENT), ' '.join((error.text or '').split()))
    response.set_status(error.status)
    response.headers.update({
        name: error.headers[name] for name in _KEPT_HEADERS if name in error.headers})
    return response


def _acknowledged_bytes(transport: Any) -> int:
    """Return how many bytes the peer has received, from struct tcp_info of Linux."""
    connection = transport.get_extra_info('socket')
    if connection is None or connection.fileno() < 0:
        return -1
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKNOWLEDGED_AT + 8)
    return int.from_bytes(info[_ACKNOWLEDGED_AT:], sys.byteorder)

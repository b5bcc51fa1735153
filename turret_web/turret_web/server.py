"""The front door: one HTTP server for panel, bridge, video and API."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.state_dir import state_dir
from turret_web.cdr import CodecError
from turret_web.gateway import Gateway
from turret_web.outbox import Outbox
from turret_web.policy import Policy, Role, check_host, check_origin
from turret_web.rosbridge import RosbridgeSession
from turret_web.services import call_service
from turret_web.streams import BOUNDARY, Video, parse_request
from turret_web.topics import Topics
from turret_web.web_parameters import WebParameters

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUS_TYPE = 'turret_msgs/msg/TurretStatus'
_HEARTBEAT_S = 20.0
_SNAPSHOT_S = 5.0
#: Unsent bytes that a video connection may hold in the operating system: about one picture.
_VIDEO_BACKLOG = 128 * 1024

_HTTP_STATUS = {
    ReasonCode.NOT_SIGNED_IN: 401, ReasonCode.NOT_ALLOWED: 403, ReasonCode.NOT_FOUND: 404, ReasonCode.TOO_LARGE: 413,
    ReasonCode.RATE_LIMITED: 429, ReasonCode.NOT_READY: 503, ReasonCode.TIMED_OUT: 504, ReasonCode.INTERNAL_ERROR: 500,
}

_SECURITY_HEADERS = {
    'Content-Security-Policy':
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
}


class WebServer:
    """Serves one turret.

    Attributes:
        address: host and port that it listens on, once started.
    """

    def __init__(self, gateway: Gateway, parameters: WebParameters, panel: Path | None = None) -> None:
        """Make it, without opening anything.

        Args:
            gateway: the ROS side.
            parameters: of the node.
            panel: folder with the built panel; None for the one in this package.
        """
        self._gateway = gateway
        self._parameters = parameters
        self._policy = Policy(gateway.namespace, parameters.access)
        self._topics = Topics(gateway)
        self._video = Video(gateway)
        self._panel = panel or Path(str(resources.files('turret_web'))) / 'panel'
        self._hosts = {
            'localhost', '127.0.0.1', '::1', parameters.host.lower(), *(h.lower() for h in parameters.allowed_hosts)}
        self._clients: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None
        self.address = (parameters.host, parameters.port)

    async def start(self) -> None:
        """Listen.

        Raises:
            TurretError: IO_ERROR, the address cannot be had.
        """
        app = web.Application(middlewares=[self._guard], client_max_size=self._parameters.limits.message_bytes)
        app.add_routes([
            web.get('/rosbridge', self._rosbridge),
            web.get('/stream', self._stream),
            web.get('/snapshot', self._snapshot),
            web.get('/healthz', self._health),
            web.get('/config.json', self._config),
            web.get('/session', self._session),
            web.get('/api/status', self._status),
            web.post('/api/{service:.+}', self._call),
            web.get('/{path:.*}', self._file),
        ])
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await self._runner.setup()
        host, port = self.address
        try:
            await web.TCPSite(self._runner, host, port, reuse_address=True).start()
        except OSError as error:
            await self._runner.cleanup()
            raise TurretError(
                ReasonCode.IO_ERROR, f'cannot listen on {host}:{port}: {error.strerror or error}') from error
        self.address = self._runner.addresses[0][:2]

    async def stop(self) -> None:
        """End every connection and listen no more."""
        for client in list(self._clients):
            await client.close(code=1001, message=b'going away')
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check where a request comes from, answer errors in one shape, add the security headers."""
        response: web.StreamResponse
        try:
            check_host(request.headers.get('Host'), self._hosts)
            if request.path not in ('/', '/healthz'):
                check_origin(
                    request.headers.get('Origin'), request.headers.get('Sec-Fetch-Site'), request.headers.get('Host'),
                    self._parameters.allowed_origins)
            response = await handler(request)
        except TurretError as error:
            response = _refusal(error.code, error.message)
        except CodecError as error:
            response = _refusal(ReasonCode.INVALID_ARGUMENT, str(error))
        if not response.prepared:
            response.headers.update(_SECURITY_HEADERS)
        return response

    def _role(self, request: web.Request) -> Role:
        return Role.OPERATOR

    # --- the bridge ---

    async def _rosbridge(self, request: web.Request) -> web.StreamResponse:
        limits = self._parameters.limits
        if len(self._clients) >= limits.clients:
            raise TurretError(ReasonCode.RATE_LIMITED, f'{limits.clients} clients are connected already')
        socket_ = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_S, compress=False, max_msg_size=limits.message_bytes, timeout=1.0)
        await socket_.prepare(request)
        transport = request.transport
        if transport is None:
            return socket_
        outbox = Outbox(transport, limits.stall_s)
        session = RosbridgeSession(
            self._gateway, self._topics, self._policy, limits, self._role(request), outbox)
        self._clients.add(socket_)
        try:
            async for message in socket_:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await session.receive(message.data)
        finally:
            self._clients.discard(socket_)
            outbox.close()
            await session.close()
        return socket_

    # --- video ---

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        wanted = self._video.resolve(parse_request(request.query))
        self._policy.check_subscribe(wanted.topic)
        if self._video.viewers >= self._parameters.limits.viewers:
            raise TurretError(ReasonCode.RATE_LIMITED, f'{self._video.viewers} viewers are watching already')
        response = web.StreamResponse(headers={
            'Content-Type': f'multipart/x-mixed-replace;boundary={BOUNDARY}', 'Cache-Control': 'no-store',
            **_SECURITY_HEADERS})
        await response.prepare(request)
        _bound_backlog(request)
        channel = await self._video.watch(wanted)
        try:
            while True:
                _, part = await channel.next()
                await response.write(part)
        except ConnectionError:
            return response
        finally:
            await self._video.leave(wanted)

    async def _snapshot(self, request: web.Request) -> web.StreamResponse:
        wanted = self._video.resolve(parse_request(request.query))
        self._policy.check_subscribe(wanted.topic)
        channel = await self._video.watch(wanted)
        try:
            picture, _ = await asyncio.wait_for(channel.next(), _SNAPSHOT_S)
        except asyncio.TimeoutError:
            raise TurretError(ReasonCode.TIMED_OUT, f'no picture of {wanted.topic} within {_SNAPSHOT_S:g} s') from None
        finally:
            await self._video.leave(wanted)
        return web.Response(
            body=picture.jpeg, content_type='image/jpeg',
            headers={'X-Timestamp': picture.timestamp, 'Cache-Control': 'no-store'})

    # --- small answers ---

    async def _health(self, request: web.Request) -> web.StreamResponse:
        return _json({'status': 'ok', 'clients': len(self._clients), 'viewers': self._video.viewers})

    async def _config(self, request: web.Request) -> web.StreamResponse:
        namespace = self._gateway.namespace
        return _json({
            'namespace': namespace,
            'role': self._role(request).value,
            'sign_in': False,
            'rosbridge': '/rosbridge',
            'video': f'/stream?topic={namespace}/camera/image_raw',
            'topics': {
                'status': f'{namespace}/status',
                'tracks': f'{namespace}/vision/tracks',
                'image': f'{namespace}/camera/image_raw',
                'image_annotated': f'{namespace}/vision/image_annotated',
                'joint_states': f'{namespace}/joint_states',
            },
        })

    async def _session(self, request: web.Request) -> web.StreamResponse:
        role = self._role(request)
        session: dict[str, Any] = {'role': role.value}
        if role is Role.OPERATOR:
            session['operator_secret'] = _operator_secret(self._gateway.namespace)
        return _json(session)

    # --- API ---

    async def _status(self, request: web.Request) -> web.StreamResponse:
        topic = f'{self._gateway.namespace}/status'
        codec = self._gateway.message(STATUS_TYPE)
        return _json(codec.to_json(await self._next_message(topic, STATUS_TYPE)))

    async def _call(self, request: web.Request) -> web.StreamResponse:
        name = f'{self._gateway.namespace}/{request.match_info["service"]}'
        body = await request.read()
        try:
            args = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError as error:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'the body is not JSON: {error}') from None
        return _json(await call_service(
            self._gateway, self._policy, self._role(request), name, None, args, self._parameters.limits.call_s))

    async def _next_message(self, topic: str, type_name: str) -> bytes:
        """Return the next message of a topic."""
        arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def deliver(data: bytes) -> None:
            if not arrived.done():
                arrived.set_result(data)
        feed = await self._gateway.subscribe(topic, type_name, deliver)
        try:
            return await asyncio.wait_for(arrived, _SNAPSHOT_S)
        except asyncio.TimeoutError:
            raise TurretError(ReasonCode.TIMED_OUT, f'nothing on {topic} within {_SNAPSHOT_S:g} s') from None
        finally:
            await feed.close()

    # --- panel ---

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = (self._panel / (request.match_info['path'] or 'index.html')).resolve()
        if not path.is_relative_to(self._panel.resolve()) or not path.is_file():
            if request.path == '/':
                raise TurretError(ReasonCode.NOT_FOUND, 'the panel is not built; ./turret setup builds it')
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no {request.path}')
        immutable = path.parent.name == 'assets'  # their names carry a hash of their content
        return web.FileResponse(path, headers={
            'Cache-Control': 'public, max-age=31536000, immutable' if immutable else 'no-cache'})


def _json(value: Any) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), content_type='application/json', headers={'Cache-Control': 'no-store'})


def _refusal(code: ReasonCode, message: str) -> web.Response:
    return web.Response(
        status=_HTTP_STATUS.get(code, 400), content_type='application/json',
        body=orjson.dumps({'success': False, 'code': int(code), 'message': message}))


def _operator_secret(namespace: str) -> str:
    """Return what ``safety`` wants to hear from an operator; empty until it has started once."""
    try:
        return (state_dir(namespace) / 'operator.secret').read_text().strip()
    except FileNotFoundError:
        return ''


def _bound_backlog(request: web.Request) -> None:
    """Keep pictures that the viewer has not taken out of the operating system's buffers, where they would grow old."""
    connection = request.get_extra_info('socket')
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _VIDEO_BACKLOG)

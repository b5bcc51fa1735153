# SPDX-License-Identifier: Apache-2.0
"""Web gateway: one HTTP server for panel, bridge, video, media and API."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import TextIO

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.host.memory import return_free_memory
from turret_common.name_patterns import NamePatterns
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_web.access.access import Access, Grant, WrongTokenError, load_tokens, tokens_path
from turret_web.access.hosts import Hosts, check_origin, is_loopback
from turret_web.access.open_grants import OpenGrants
from turret_web.access.policy import Policy
from turret_web.access.tls import fingerprint, make_context, own_certificate
from turret_web.access.wrong_tokens import WrongTokens
from turret_web.failures import as_refusal
from turret_web.fan_out.subscription_hub import SubscriptionHub
from turret_web.fleet.fleet_file import default_path
from turret_web.fleet.panel_addresses import publish_panel
from turret_web.gateway.gateway import Gateway
from turret_web.http_connections import ConnectionTable, connection_of, raise_file_limit
from turret_web.metrics import Metrics
from turret_web.proxies.video_proxy import make_video
from turret_web.rosbridge.bridge import Bridge
from turret_web.rosbridge.calls import ServiceCaller
from turret_web.routes.api import ApiRoutes
from turret_web.routes.audio import AudioRoutes
from turret_web.routes.bags import BagRoutes
from turret_web.routes.bridge import BridgeRoutes, listed
from turret_web.routes.files import FileRoutes
from turret_web.routes.fleet import FleetRoutes
from turret_web.routes.routes import address_of, current_grant, json_response, redirect, refusal
from turret_web.routes.rtc import RtcRoutes
from turret_web.routes.video import VideoRoutes
from turret_web.video.camera_state import CameraState
from turret_web.video.placeholder_frame import PlaceholderFrame
from turret_web.web_parameters import BRIDGE_PATH_VARIABLE, WebParameters

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Addresses that need no session.
_OPEN_PATHS = ('/healthz', '/sign-in', '/sign-in.css')

#: Headers that decide on access.
_DECIDING = ('Host', 'Origin', 'Authorization', 'Sec-Fetch-Site', 'Sec-Fetch-Mode')
#: Interval at which the permissions of open connections are checked [s].
_GRANTS_S = 1.0
#: Interval at which memory that images have left is given back to the system [s].
_MEMORY_S = 30.0

_SECURITY_HEADERS = {
    'Content-Security-Policy':
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',  # with no-referrer, browsers send the forms of this server with Origin null
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
}


class WebServer:
    """HTTP server of one turret.

    Attributes:
        address: host and port that it listens on, once started.
    """

    def __init__(self, gateway: Gateway, parameters: WebParameters, panel: Path | None = None) -> None:
        """Create it without opening anything. Must be called on the loop.

        Args:
            gateway: access to ROS.
            parameters: parameters of the node.
            panel: folder of the built panel; None for the one in this package.

        Raises:
            TurretError: INVALID_ARGUMENT, an upstream server is not on this machine.
        """
        self._parameters = parameters
        self._hosts = Hosts(parameters.host, parameters.allowed_hosts)
        self._metrics = Metrics()
        self._tls = bool(parameters.tls_certificate)
        self._namespace = gateway.namespace
        self._tokens = tokens_path(gateway.namespace, parameters.tokens_file)
        self._access = Access(None if is_loopback(parameters.host) else self._tokens, parameters.port)
        self._grants = OpenGrants(self._access)
        self._wrong_tokens = WrongTokens()
        policy = Policy(gateway.namespace, parameters.access)
        rounded_topics = NamePatterns(gateway.namespace, parameters.rounded_topics)
        self._hub = SubscriptionHub(gateway, rounded_topics, parameters.rounded_decimals)
        bridge = Bridge(gateway, self._hub, policy, ServiceCaller(gateway, policy), parameters.limits)
        self._bridge = BridgeRoutes(
            bridge, self._metrics, self._grants, parameters.bridge,
            parameters.bridge_upstream.rstrip('/') + os.environ.get(BRIDGE_PATH_VARIABLE, ''))
        self._camera = CameraState(gateway)
        self._video = VideoRoutes(
            make_video(gateway, parameters.video, parameters.video_upstream), PlaceholderFrame(self._camera), policy,
            parameters.limits, self._metrics, self._grants)
        self._audio = AudioRoutes(gateway, self._camera, policy, parameters.limits, self._grants)
        self._rtc = RtcRoutes(self._video, parameters, self._grants)
        self._api = ApiRoutes(bridge, self._access.needs_sign_in, self._rtc.enabled)
        self._fleet = FleetRoutes(
            gateway, Path(parameters.fleet_file).expanduser() if parameters.fleet_file else default_path())
        self._files = FileRoutes(
            self._access, self._grants, self._wrong_tokens, panel or Path(str(resources.files('turret_web'))) / 'panel',
            Path(parameters.media_dir or state_dir(gateway.namespace) / 'media').expanduser(), self._tls)
        self._bags = BagRoutes(
            Path(parameters.bag_dir or state_dir(gateway.namespace) / 'bags').expanduser(), parameters.limits.stall_s,
            self._grants)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.AbstractServer | None = None
        self._table: ConnectionTable | None = None
        self._published: TextIO | None = None
        self._watching: list[asyncio.Task[None]] = []
        self.address = (parameters.host, parameters.port)

    async def start(self) -> None:
        """Listen.

        Raises:
            TurretError: IO_ERROR, the server cannot listen on the address, or the certificate cannot be read.
        """
        if self._access.needs_sign_in:
            load_tokens(self._tokens)
        app = web.Application(middlewares=[self._guard], client_max_size=self._parameters.limits.message_bytes)
        app.on_response_prepare.append(self._add_headers)
        app.add_routes([
            web.get('/healthz', self._health),
            web.get('/metrics', self._show_metrics),
            web.get('/', self._root),
            *self._bridge.routes(), *self._video.routes(), *self._rtc.routes(), *self._audio.routes(),
            *self._fleet.routes(), *self._bags.routes(),
            *self._api.routes(), *self._files.routes()])
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        host, port = self.address
        try:
            context = make_context(
                self._parameters.tls_certificate, self._parameters.tls_key, own_certificate(self._namespace))
            await self._runner.setup()
            if self._runner.server is None:
                raise OSError('no server')
            self._table = table = ConnectionTable(self._runner.server, raise_file_limit(), context)
            self._listener = await asyncio.get_running_loop().create_server(
                table.make_connection, host or None, port, reuse_address=True, backlog=128)
        except OSError as error:
            await self._runner.cleanup()
            raise TurretError(
                ReasonCode.IO_ERROR, f'cannot listen on {host}:{port}: {error.strerror or error}') from error
        self.address = self._listener.sockets[0].getsockname()[:2]
        try:
            certificate = fingerprint(self._parameters.tls_certificate, own_certificate(self._namespace))
            self._published = await publish_panel(self._namespace, self.base_url, certificate)
        except (OSError, ValueError) as error:
            log.warning('the address of the panel cannot be written: %s', error)
        loop = asyncio.get_running_loop()
        self._watching = [loop.create_task(self._watch_grants()), loop.create_task(self._return_memory())]

    async def _watch_grants(self) -> None:
        """Close connections whose permission has ended, for example after the tokens were rotated."""
        while True:
            await asyncio.sleep(_GRANTS_S)
            try:
                self._grants.check()
            except Exception as error:  # noqa: BLE001  boundary: the tokens may be unreadable for a moment
                as_refusal(error)

    async def _return_memory(self) -> None:
        while True:
            await asyncio.sleep(_MEMORY_S)
            await asyncio.to_thread(return_free_memory)

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        for task in self._watching:
            task.cancel()
        if self._listener is not None:
            self._listener.close()
        if self._published is not None:
            self._published.close()
        await self._fleet.close()
        await self._rtc.close()
        await self._bridge.close()
        await self._camera.close()
        if self._table is not None:
            self._table.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._hub.close()

    @property
    def base_url(self) -> str:
        """Address of the server, without a path."""
        return f'{"https" if self._tls else "http"}://{self._hosts.public_name()}:{self.address[1]}'

    @property
    def needs_sign_in(self) -> bool:
        """Whether clients need a token."""
        return self._access.needs_sign_in

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check origin and permission of a request, and answer every error in the same form."""
        connection = connection_of(request)
        connection.request_begins()
        try:
            return await self._respond(request, handler)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception as error:  # boundary: no request may end without an answer
            if connection.response_started:
                connection.abort()
                raise ConnectionResetError('failed after the response had begun') from error
            refused = as_refusal(error)
            self._metrics.count(f'refusals_total{{reason="{refused.code.name}"}}')
            return refusal(refused.code, refused.message)

    async def _respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        _check_headers(request)
        self._check_source(request)
        if request.method == 'OPTIONS':
            return web.Response(status=204)
        grant = await self._grant(request)
        if grant is None and request.path not in _OPEN_PATHS:
            if request.path == '/':
                return redirect('/sign-in')
            raise TurretError(ReasonCode.NOT_SIGNED_IN, 'sign in first')
        if grant is not None:
            connection_of(request).signed_in(grant.role)
        current_grant.set(grant)
        return await handler(request)

    async def _grant(self, request: web.Request) -> Grant | None:
        token = '' if request.path == '/sign-in' else request.query.get('token', '')
        try:
            return self._access.grant(
                request.headers.getall('Cookie', []), request.headers.get('Authorization', ''), token, time.time())
        except WrongTokenError:
            await self._wrong_tokens.delay(address_of(request))
            raise

    def _check_source(self, request: web.Request) -> None:
        headers = request.headers
        host = headers.get('Host', '')
        if not self._hosts.is_ours(host):
            raise TurretError(ReasonCode.NOT_ALLOWED, f'requests for the host "{host:.100}" are refused')
        is_visit = request.method == 'GET' and headers.get('Sec-Fetch-Mode') == 'navigate'
        if not is_visit:  # following a link is harmless: the page with the link cannot read the response
            check_origin(
                headers.get('Origin', ''), headers.get('Sec-Fetch-Site', ''), host, self._parameters.allowed_origins)

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        connection_of(request).response_started = True
        response.headers.update(_SECURITY_HEADERS)
        origin = request.headers.get('Origin')
        if origin in self._parameters.allowed_origins:
            response.headers.update({
                'Access-Control-Allow-Origin': str(origin), 'Access-Control-Allow-Credentials': 'true',
                'Access-Control-Allow-Headers': 'Authorization, Content-Type',
                'Access-Control-Allow-Methods': 'GET, POST, DELETE',
                'Access-Control-Expose-Headers': 'X-Timestamp, Location',
                'Cross-Origin-Resource-Policy': 'cross-origin', 'Vary': 'Origin'})

    async def _root(self, request: web.Request) -> web.StreamResponse:
        """Serve the panel, or a client of the bridge that uses the bare address."""
        if request.method == 'GET' and 'websocket' in listed(request, 'Upgrade'):
            return await self._bridge.connect(request)
        return await self._files.panel_file(request)

    async def _health(self, request: web.Request) -> web.StreamResponse:
        return json_response({'status': 'ok', **(self._counts() if current_grant.get() is not None else {})})

    async def _show_metrics(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=self._metrics.render(self._counts(), self._bridge.totals()))

    def _counts(self) -> dict[str, int]:
        return {'clients': self._bridge.count, 'viewers': self._video.slots.used}


def _check_headers(request: web.Request) -> None:
    """Check that all headers are text, and that those that decide on access occur once (INVALID_ARGUMENT)."""
    for name, value in request.raw_headers:
        try:
            value.decode()
        except UnicodeDecodeError:
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'header {name.decode("ascii", "replace"):.60} is not UTF-8') from None
    for header in _DECIDING:
        if len(request.headers.getall(header, ())) > 1:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'more than one header {header}')

"""The front door: one HTTP server for panel, bridge, video, media and API."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.messages.cdr import CodecError
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_web.access.access import Access, load_tokens, sign_in_url, tokens_path
from turret_web.access.hosts import Hosts, check_origin, is_loopback
from turret_web.access.policy import Names, Policy, Role
from turret_web.access.tls import make_context
from turret_web.fan_out.subscription_hub import SubscriptionHub
from turret_web.gateway.gateway import Gateway
from turret_web.metrics import Metrics
from turret_web.proxies.video_proxy import make_video
from turret_web.rosbridge.bridge import Bridge
from turret_web.rosbridge.calls import ServiceCaller
from turret_web.routes.api import ApiRoutes
from turret_web.routes.audio import AudioRoutes
from turret_web.routes.bridge import BridgeRoutes
from turret_web.routes.files import FileRoutes
from turret_web.routes.routes import current_role, json_response, redirect, refusal
from turret_web.routes.rtc import RtcRoutes
from turret_web.routes.video import VideoRoutes
from turret_web.video.camera_state import CameraState
from turret_web.video.placeholder_frame import PlaceholderFrame
from turret_web.web_parameters import WebParameters

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Addresses that need no session: liveness, and what leads to a session.
_OPEN_PATHS = ('/healthz', '/sign-in', '/sign-in.css')

_SECURITY_HEADERS = {
    'Content-Security-Policy':
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
}


class WebServer:
    """Serves one turret.

    Attributes:
        address: host and port that it listens on, once started.
    """

    def __init__(self, gateway: Gateway, parameters: WebParameters, panel: Path | None = None) -> None:
        """Make it, without opening anything. Must be called on the loop.

        Args:
            gateway: the ROS side.
            parameters: of the node.
            panel: folder with the built panel; None for the one in this package.

        Raises:
            TurretError: INVALID_ARGUMENT, a stock server is not on this machine.
        """
        self._parameters = parameters
        self._hosts = Hosts(parameters.host, parameters.allowed_hosts)
        self._metrics = Metrics()
        self._tls = bool(parameters.tls_certificate)
        self._namespace = gateway.namespace
        self._access = Access(
            None if is_loopback(parameters.host) else tokens_path(gateway.namespace), f'turret_{parameters.port}')
        policy = Policy(gateway.namespace, parameters.access)
        rounded_topics = Names(gateway.namespace, parameters.rounded_topics)
        bridge = Bridge(
            gateway, SubscriptionHub(gateway, rounded_topics, parameters.rounded_decimals), policy,
            ServiceCaller(gateway, policy), parameters.limits)
        self._bridge = BridgeRoutes(bridge, self._metrics, parameters.bridge, parameters.bridge_upstream)
        self._camera = CameraState(gateway)
        self._video = VideoRoutes(
            make_video(gateway, parameters.video, parameters.video_upstream), PlaceholderFrame(self._camera), policy,
            parameters.limits, self._metrics)
        self._audio = AudioRoutes(gateway, self._camera, policy, parameters.limits)
        self._rtc = RtcRoutes(self._video, parameters)
        self._api = ApiRoutes(bridge, self._access.needs_sign_in, self._rtc.enabled)
        self._files = FileRoutes(
            self._access, panel or Path(str(resources.files('turret_web'))) / 'panel',
            Path(parameters.media_dir or state_dir(gateway.namespace) / 'media').expanduser(), self._tls)
        self._runner: web.AppRunner | None = None
        self.address = (parameters.host, parameters.port)

    async def start(self) -> None:
        """Listen.

        Raises:
            TurretError: IO_ERROR, the address cannot be had, or the certificate or the tokens cannot be read.
        """
        app = web.Application(middlewares=[self._guard], client_max_size=self._parameters.limits.message_bytes)
        app.on_response_prepare.append(self._add_headers)
        app.add_routes([
            web.get('/healthz', self._health),
            web.get('/metrics', self._show_metrics),
            web.get('/', self._root),
            *self._bridge.routes(), *self._video.routes(), *self._rtc.routes(), *self._audio.routes(),
            *self._api.routes(), *self._files.routes()])
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        host, port = self.address
        try:
            context = make_context(
                self._parameters.tls_certificate, self._parameters.tls_key, state_dir(self._namespace) / 'web.pem')
            await self._runner.setup()
            await web.TCPSite(self._runner, host, port, ssl_context=context, reuse_address=True).start()
        except OSError as error:
            await self._runner.cleanup()
            raise TurretError(
                ReasonCode.IO_ERROR, f'cannot listen on {host}:{port}: {error.strerror or error}') from error
        self.address = self._runner.addresses[0][:2]

    async def stop(self) -> None:
        """End every connection and listen no more."""
        await self._rtc.close()
        await self._bridge.close()
        await self._camera.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def urls(self) -> dict[str, str]:
        """Return the addresses that lead to the panel, by who they are for."""
        base = f'{"https" if self._tls else "http"}://{self._hosts.public_name()}:{self.address[1]}'
        if not self._access.needs_sign_in:
            return {'everybody on this machine': f'{base}/'}
        tokens = load_tokens(tokens_path(self._namespace))
        return {'operators': sign_in_url(base, tokens.operator), 'viewers': sign_in_url(base, tokens.viewer)}

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check where a request comes from and whose it is; answer refusals in one shape."""
        try:
            self._check_source(request)
            if request.method == 'OPTIONS':
                return web.Response(status=204)
            role = self._access.role_of(
                request.cookies, request.headers.get('Authorization', ''), request.query.get('token', ''), time.time())
            if role is None and request.path not in _OPEN_PATHS:
                if request.path == '/':
                    return redirect('/sign-in')
                raise TurretError(ReasonCode.NOT_SIGNED_IN, 'sign in first')
            current_role.set(role or Role.VIEWER)
            return await handler(request)
        except TurretError as error:
            self._metrics.count(f'refusals_total{{reason="{error.code.name}"}}')
            return refusal(error.code, error.message)
        except CodecError as error:
            return refusal(ReasonCode.INVALID_ARGUMENT, str(error))

    def _check_source(self, request: web.Request) -> None:
        headers = request.headers
        host = headers.get('Host', '')
        if not self._hosts.is_ours(host):
            raise TurretError(ReasonCode.NOT_ALLOWED, f'this server does not answer for the host "{host}"')
        is_visit = request.method == 'GET' and headers.get('Sec-Fetch-Mode') == 'navigate'
        if not is_visit:  # following a link is harmless, and pages cannot read what they lead to
            check_origin(
                headers.get('Origin', ''), headers.get('Sec-Fetch-Site', ''), host, self._parameters.allowed_origins)

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
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
        """Serve the panel, or a client of the bridge that was given host and port alone."""
        if request.headers.get('Upgrade', '').lower() == 'websocket':
            return await self._bridge.connect(request)
        return await self._files.panel_file(request)

    async def _health(self, request: web.Request) -> web.StreamResponse:
        return json_response({'status': 'ok', **self._counts()})

    async def _show_metrics(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=self._metrics.render(self._counts(), self._bridge.totals()))

    def _counts(self) -> dict[str, int]:
        return {'clients': self._bridge.count, 'viewers': self._video.viewers + self._rtc.viewers}

"""``/audio``: what the camera's microphone hears, as MP3 without an end."""

from __future__ import annotations

import asyncio

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.messages.cdr import CodecError
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Policy, Role, Use
from turret_web.gateway.gateway import Feed, Gateway
from turret_web.video.camera_state import CameraState
from turret_web.web_parameters import LimitParameters

TYPE = 'turret_msgs/msg/AudioChunk'
_FIRST_S = 4.0   # the microphone is opened for the first listener
_SILENT_S = 5.0  # a listener who hears nothing for so long is let go and may come again
_WAITING = 50    # pieces of a tenth of a second for one who takes them too slowly


class AudioRoutes:
    """Hands the pieces of one subscription to all who listen."""

    def __init__(self, gateway: Gateway, camera: CameraState, policy: Policy, limits: LimitParameters) -> None:
        self._gateway = gateway
        self._camera = camera
        self._policy = policy
        self._limits = limits
        self._topic = f'{gateway.namespace}/camera/audio'
        self._listeners: set[asyncio.Queue[bytes]] = set()
        self._feed: Feed | None = None
        self._lock = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Return the address."""
        return [web.get('/audio', self._listen)]

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        self._policy.check(Use.SUBSCRIBE, Role.VIEWER, self._topic)
        if len(self._listeners) >= self._limits.viewers:
            raise TurretError(ReasonCode.RATE_LIMITED, f'{len(self._listeners)} are listening already')
        heard: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        await self._join(heard)
        try:
            first = await self._first(heard)
            response = web.StreamResponse(headers={'Content-Type': 'audio/mpeg', 'Cache-Control': 'no-store'})
            await response.prepare(request)
            await response.write(first)
            while True:
                await response.write(await asyncio.wait_for(heard.get(), _SILENT_S))
        except (ConnectionError, asyncio.TimeoutError):
            return response
        finally:
            await self._leave(heard)

    async def _first(self, heard: asyncio.Queue[bytes]) -> bytes:
        try:
            return await asyncio.wait_for(heard.get(), _FIRST_S)
        except asyncio.TimeoutError:
            audio = (await self._camera.get()).get('audio') or {}
            reason = audio.get('message') or (
                'nothing is heard' if audio.get('source') else 'no microphone is configured: set audio.source')
            raise TurretError(ReasonCode.NOT_READY, str(reason)) from None

    def _deliver(self, data: bytes) -> None:
        try:
            sound = bytes(self._gateway.message(TYPE).to_cbor(data)['data'])
        except CodecError:
            return
        for heard in self._listeners:
            if heard.full():
                heard.get_nowait()  # the oldest, which is of the least worth
            heard.put_nowait(sound)

    async def _join(self, heard: asyncio.Queue[bytes]) -> None:
        async with self._lock:
            if self._feed is None:
                self._feed = await self._gateway.subscribe(self._topic, TYPE, self._deliver)
            self._listeners.add(heard)

    async def _leave(self, heard: asyncio.Queue[bytes]) -> None:
        async with self._lock:
            self._listeners.discard(heard)
            if not self._listeners and self._feed is not None:
                feed, self._feed = self._feed, None
                await feed.close()

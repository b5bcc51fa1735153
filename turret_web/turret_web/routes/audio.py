# SPDX-License-Identifier: Apache-2.0
"""``/audio``: live sound of the camera's microphone as an endless MP3 stream."""

from __future__ import annotations

import asyncio

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.messages.cdr import CodecError
from turret_common.reason_codes import ReasonCode
from turret_web.access.open_grants import OpenGrants
from turret_web.access.policy import Policy, Role, Use
from turret_web.access.slots import FairSlots
from turret_web.gateway.gateway import Feed, Gateway
from turret_web.names import InterfaceType, RosName
from turret_web.routes.routes import address_of, current_role, disconnect_if_stalled, granted
from turret_web.video.camera_state import CameraState
from turret_web.web_parameters import LimitParameters

TYPE = InterfaceType('turret_msgs/msg/AudioChunk', 'msg')
_FIRST_S = 4.0   # the microphone opens for the first listener
_SILENT_S = 5.0  # a listener without sound for this time is disconnected and may connect again
_HEADERS = {'Content-Type': 'audio/mpeg', 'Cache-Control': 'no-store'}
_WAITING = 50    # chunks of 0.1 s that wait for a slow listener


class AudioRoutes:
    """Sends the chunks of one subscription to all listeners."""

    def __init__(
            self, gateway: Gateway, camera: CameraState, policy: Policy, limits: LimitParameters,
            grants: OpenGrants) -> None:
        self._gateway = gateway
        self._camera = camera
        self._policy = policy
        self._limits = limits
        self._grants = grants
        self._slots = FairSlots(limits.viewers, 'listeners')
        self._topic = RosName(f'{gateway.namespace}/camera/audio')
        self._listeners: set[asyncio.Queue[bytes]] = set()
        self._feed: Feed | None = None
        self._lock = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Return the address."""
        return [web.get('/audio', self._listen, allow_head=False), web.head('/audio', self._describe)]

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        """Answer HEAD: the header of the stream without sound."""
        self._policy.check(Use.SUBSCRIBE, Role.VIEWER, self._topic)
        return web.Response(headers=_HEADERS)

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        self._policy.check(Use.SUBSCRIBE, Role.VIEWER, self._topic)
        chunks: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        transport = request.transport
        with self._slots.hold(current_role(), address_of(request)), self._grants.hold(
                granted(), transport.abort if transport is not None else lambda: None):
            await self._join(chunks)
            try:
                chunk = await self._first(chunks)
                response = web.StreamResponse(headers=_HEADERS)
                await response.prepare(request)
                while True:
                    with disconnect_if_stalled(request, self._limits.stall_s):
                        await response.write(chunk)
                    chunk = await asyncio.wait_for(chunks.get(), _SILENT_S)
            except (ConnectionError, asyncio.TimeoutError):
                return response
            finally:
                await self._leave(chunks)

    async def _first(self, chunks: asyncio.Queue[bytes]) -> bytes:
        try:
            return await asyncio.wait_for(chunks.get(), _FIRST_S)
        except asyncio.TimeoutError:
            audio = (await self._camera.get()).get('audio') or {}
            reason = audio.get('message') or (
                'no sound arrives' if audio.get('source') else 'no microphone is configured: set audio.source')
            raise TurretError(ReasonCode.NOT_READY, str(reason)) from None

    def _deliver(self, data: bytes) -> None:
        try:
            sound = bytes(self._gateway.message(TYPE).to_cbor(data)['data'])
        except CodecError:
            return
        for chunks in self._listeners:
            if chunks.full():
                chunks.get_nowait()
            chunks.put_nowait(sound)

    async def _join(self, chunks: asyncio.Queue[bytes]) -> None:
        async with self._lock:
            if self._feed is None:
                self._feed = await self._gateway.subscribe(self._topic, TYPE, self._deliver)
            self._listeners.add(chunks)

    async def _leave(self, chunks: asyncio.Queue[bytes]) -> None:
        async with self._lock:
            self._listeners.discard(chunks)
            if not self._listeners and self._feed is not None:
                feed, self._feed = self._feed, None
                await feed.close()

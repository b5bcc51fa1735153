# SPDX-License-Identifier: Apache-2.0
"""``/webrtc``: video over WebRTC, with the HTTP exchange of WHEP."""

from __future__ import annotations

import asyncio
import importlib
import logging
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.host.minimum_versions import unmet
from turret_common.reason_codes import ReasonCode
from turret_web.access.hosts import ALL_ADDRESSES, is_loopback
from turret_web.access.open_grants import OpenGrants
from turret_web.routes.routes import address_of, caller_of, current_role, granted, read_body
from turret_web.routes.video import VideoRoutes
from turret_web.video.rtc_channel import RtcVideo, RtcViewer
from turret_web.video.streams import VideoRequest
from turret_web.web_parameters import WebParameters

if TYPE_CHECKING:
    from turret_web.video.rtc_peer import RtcPeer
    from turret_web.video.vp8 import Vp8Encoder

log = logging.getLogger(__name__)

_OFFER_LIMIT = 32 * 1024


class RtcRoutes:
    """Routes of video over WebRTC."""

    def __init__(self, video: VideoRoutes, parameters: WebParameters, grants: OpenGrants) -> None:
        """Create the routes.

        Args:
            video: resolves and checks requests.
            parameters: parameters of the node.
            grants: closes streams whose permission has ended.
        """
        host = parameters.host
        self._video = video
        self._refusal = unmet('WebRTC') if parameters.webrtc else 'WebRTC is disabled'
        self._grants = grants
        self._addresses = None if host in ALL_ADDRESSES else ['127.0.0.1' if is_loopback(host) else host]

        def make_encoder() -> Vp8Encoder:
            from turret_web.video.vp8 import Vp8Encoder
            return Vp8Encoder(parameters.webrtc_bits_per_s)
        self._rtc: RtcVideo = RtcVideo(video.video, make_encoder)
        self._viewers: dict[str, _Viewing] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [web.post('/webrtc', self._offer), web.delete('/webrtc/{id}', self._delete)]

    @property
    def enabled(self) -> bool:
        """Whether it is enabled by the parameters and what it needs is installed."""
        return not self._refusal

    @property
    def viewers(self) -> int:
        """Number of viewers."""
        return len(self._viewers)

    async def _offer(self, request: web.Request) -> web.StreamResponse:
        """Answer an offer. The header Location holds the address that stops the stream."""
        if self._refusal:
            raise TurretError(ReasonCode.NOT_SUPPORTED, f'{self._refusal}; use /stream')
        role, address = current_role(), address_of(request)
        wanted = self._video.resolve(request.query, address)
        offer = (await read_body(request, _OFFER_LIMIT)).decode('utf-8', 'replace')
        self._video.slots.take(role, address)
        name = secrets.token_urlsafe(16)
        key = self._grants.add(granted(), lambda: self._end(name))

        def released() -> None:
            self._video.slots.release(role, address)
            self._grants.remove(key)
        viewing = self._viewers[name] = _Viewing(wanted, released)
        try:
            answer = await viewing.begin(offer, self._rtc, self._addresses, lambda: self._end(name))
        except BaseException:
            self._end(name)
            raise
        log.info('%s watches %s over WebRTC, %d viewers', caller_of(request), wanted.topic, self.viewers)
        return web.Response(
            status=201, text=answer, content_type='application/sdp',
            headers={'Location': f'/webrtc/{name}', 'Cache-Control': 'no-store'})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info['id']
        if name not in self._viewers:
            raise TurretError(ReasonCode.NOT_FOUND, 'this stream does not exist')
        self._end(name)
        return web.Response(status=204)

    def _end(self, name: str) -> None:
        viewing = self._viewers.pop(name, None)
        if viewing is not None:
            viewing.released()
            task = asyncio.get_running_loop().create_task(viewing.end(self._rtc))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close every stream."""
        for name in list(self._viewers):
            self._end(name)
        await asyncio.gather(*self._closing)


class _Viewing:
    """Connection and stream of one viewer."""

    def __init__(self, request: VideoRequest, released: Callable[[], None]) -> None:
        self._request = request
        self.released = released
        self._viewer: RtcViewer | None = None
        self._peer: RtcPeer | None = None

    async def begin(
            self, offer: str, rtc: RtcVideo, addresses: list[str] | None,
            ended: Callable[[], None]) -> str:
        try:
            module = await asyncio.to_thread(importlib.import_module, 'turret_web.video.rtc_peer')
        except ImportError as error:
            raise TurretError(ReasonCode.NOT_SUPPORTED, f'WebRTC needs aiortc 1.12 or newer: {error}') from error
        self._viewer = await rtc.watch(self._request)
        self._peer = module.RtcPeer(self._viewer, addresses, ended)
        answer: str = await self._peer.answer(offer)
        return answer

    async def end(self, rtc: RtcVideo) -> None:
        if self._viewer is not None:
            await rtc.leave(self._request, self._viewer)
        if self._peer is not None:
            await self._peer.close()

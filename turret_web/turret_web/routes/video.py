# SPDX-License-Identifier: Apache-2.0
"""``/stream`` and ``/snapshot``: video with the addresses of ``web_video_server``."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.open_grants import OpenGrants
from turret_web.access.policy import Policy, Role, Use
from turret_web.access.slots import FairSlots
from turret_web.metrics import Metrics
from turret_web.routes.routes import address_of, current_role, disconnect_if_stalled, granted
from turret_web.video.placeholder_frame import PlaceholderFrame
from turret_web.video.streams import BOUNDARY, Channel, Video, VideoRequest, parse_request
from turret_web.web_parameters import LimitParameters

#: Maximum time for a frame of ``/snapshot`` to arrive [s].
_SNAPSHOT_S = 5.0
#: Interval at which viewers get a placeholder frame while no frames arrive, which also detects closed connections [s].
_PLACEHOLDER_S = 2.0
#: Unsent bytes of a stream that may wait in the operating system, where they get old: about one frame.
_BACKLOG = 128 * 1024


class VideoRoutes:
    """Routes of MJPEG video.

    Attributes:
        video: available video.
        slots: slots of viewers, over MJPEG and WebRTC.
    """

    def __init__(
            self, video: Video, placeholder: PlaceholderFrame, policy: Policy, limits: LimitParameters,
            metrics: Metrics, grants: OpenGrants) -> None:
        self.video = video
        self._placeholder = placeholder
        self._policy = policy
        self._limits = limits
        self._metrics = metrics
        self._grants = grants
        self.slots = FairSlots(limits.viewers, 'viewers')

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [
            web.get('/stream', self._stream, allow_head=False), web.head('/stream', self._describe_stream),
            web.get('/snapshot', self._snapshot)]

    def resolve(self, query: Mapping[str, str], address: str) -> VideoRequest:
        """Return the request of a viewer.

        Raises:
            TurretError: there is no such video, it is not allowed, or there are too many viewers.
        """
        wanted = self.video.resolve(parse_request(query))
        self._policy.check(Use.SUBSCRIBE, Role.VIEWER, wanted.topic)
        self.slots.check(current_role(), address)
        return wanted

    async def _describe_stream(self, request: web.Request) -> web.StreamResponse:
        """Answer HEAD: the header of a stream without frames."""
        self.resolve(request.query, address_of(request))
        return web.Response(headers=_STREAM_HEADERS)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        wanted = self.resolve(request.query, address_of(request))
        response = web.StreamResponse(headers=_STREAM_HEADERS)
        async with self._watching(wanted, request) as channel:
            with suppress(ConnectionError):  # the viewer disconnects while a frame is sent
                await response.prepare(request)
                _limit_unsent_bytes(request)
                await self._show(channel, request, response)
        return response

    @asynccontextmanager
    async def _watching(self, wanted: VideoRequest, request: web.Request) -> AsyncIterator[Channel]:
        transport = request.transport
        with self.slots.hold(current_role(), address_of(request)), self._grants.hold(
                granted(), transport.abort if transport is not None else lambda: None):
            channel = await self.video.watch(wanted)
            try:
                yield channel
            finally:
                await self.video.leave(wanted)

    async def _show(self, channel: Channel, request: web.Request, response: web.StreamResponse) -> None:
        """Send every frame that the viewer receives in time, and placeholder frames while there are none."""
        seen = channel.number
        while request.transport is not None and not request.transport.is_closing():
            frame = await channel.next(_PLACEHOLDER_S)
            if frame is None:
                part = await self._placeholder.part(channel.error)
            else:
                self._metrics.count('frames_total')
                self._metrics.count('dropped_frames_total', frame.number - seen - 1)
                seen, part = frame.number, frame.part
            with disconnect_if_stalled(request, self._limits.stall_s):
                await response.write(part)

    async def _snapshot(self, request: web.Request) -> web.StreamResponse:
        wanted = self.resolve(request.query, address_of(request))
        async with self._watching(wanted, request) as channel:
            frame = await channel.next(_SNAPSHOT_S)
        if frame is None and channel.error:
            raise TurretError(ReasonCode.NOT_SUPPORTED, f'{wanted.topic}: {channel.error}')
        if frame is None:
            raise TurretError(ReasonCode.TIMED_OUT, f'no frame of {wanted.topic} within {_SNAPSHOT_S:g} s')
        return web.Response(
            body=frame.jpeg, content_type='image/jpeg',
            headers={'X-Timestamp': frame.timestamp, 'Cache-Control': 'no-store'})


_STREAM_HEADERS = {
    'Content-Type': f'multipart/x-mixed-replace;boundary={BOUNDARY}', 'Cache-Control': 'no-store'}


def _limit_unsent_bytes(request: web.Request) -> None:
    connection = request.get_extra_info('socket')
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _BACKLOG)

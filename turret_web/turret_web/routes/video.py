"""``/stream`` and ``/snapshot``: video by the addresses of ``web_video_server``."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Policy, Role, Use
from turret_web.metrics import Metrics
from turret_web.video.placeholder_frame import PlaceholderFrame
from turret_web.video.streams import BOUNDARY, Channel, Video, VideoRequest, parse_request
from turret_web.web_parameters import LimitParameters

#: A picture for ``/snapshot`` has to come within this time [s].
_SNAPSHOT_S = 5.0
#: Time without a picture after which viewers are told so, again and again; it shows too whether they are there [s].
_STILL_THERE_S = 2.0
#: Unsent bytes of a stream that may wait in the operating system, where they grow old: about one picture.
_BACKLOG = 128 * 1024


class VideoRoutes:
    """The video side of the front door.

    Attributes:
        video: what there is to see.
        viewers: how many watch.
    """

    def __init__(
            self, video: Video, no_picture: PlaceholderFrame, policy: Policy, limits: LimitParameters,
            metrics: Metrics) -> None:
        self.video = video
        self._no_picture = no_picture
        self._policy = policy
        self._limits = limits
        self._metrics = metrics
        self.viewers = 0

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [web.get('/stream', self._stream), web.get('/snapshot', self._snapshot)]

    def resolve(self, query: Mapping[str, str]) -> VideoRequest:
        """Return what a viewer may watch.

        Raises:
            TurretError: it is not there, not allowed, or too many watch.
        """
        wanted = self.video.resolve(parse_request(query))
        self._policy.check(Use.SUBSCRIBE, Role.VIEWER, wanted.topic)
        if self.viewers >= self._limits.viewers:
            raise TurretError(ReasonCode.RATE_LIMITED, f'{self.viewers} viewers are watching already')
        return wanted

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        wanted = self.resolve(request.query)
        response = web.StreamResponse(headers={
            'Content-Type': f'multipart/x-mixed-replace;boundary={BOUNDARY}', 'Cache-Control': 'no-store'})
        async with self._watching(wanted) as channel:
            with suppress(ConnectionError):  # it goes while it is sent a picture
                await response.prepare(request)
                _bound_backlog(request)
                await self._show(channel, request, response)
        return response

    @asynccontextmanager
    async def _watching(self, wanted: VideoRequest) -> AsyncIterator[Channel]:
        self.viewers += 1
        try:
            channel = await self.video.watch(wanted)
            try:
                yield channel
            finally:
                await self.video.leave(wanted)
        finally:
            self.viewers -= 1

    async def _show(self, channel: Channel, request: web.Request, response: web.StreamResponse) -> None:
        """Send every picture that the viewer takes in time, until it goes; while there are none, one that says so."""
        seen = channel.number
        while request.transport is not None and not request.transport.is_closing():
            picture = await channel.next(_STILL_THERE_S)
            if picture is None:
                await response.write(await self._no_picture.part())
                continue
            self._metrics.count('frames_total')
            self._metrics.count('dropped_frames_total', picture.number - seen - 1)
            seen = picture.number
            await response.write(picture.part)

    async def _snapshot(self, request: web.Request) -> web.StreamResponse:
        wanted = self.resolve(request.query)
        async with self._watching(wanted) as channel:
            picture = await channel.next(_SNAPSHOT_S)
        if picture is None:
            raise TurretError(ReasonCode.TIMED_OUT, f'no picture of {wanted.topic} within {_SNAPSHOT_S:g} s')
        return web.Response(
            body=picture.jpeg, content_type='image/jpeg',
            headers={'X-Timestamp': picture.timestamp, 'Cache-Control': 'no-store'})


def _bound_backlog(request: web.Request) -> None:
    connection = request.get_extra_info('socket')
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _BACKLOG)

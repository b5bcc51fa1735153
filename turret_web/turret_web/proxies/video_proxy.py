# SPDX-License-Identifier: Apache-2.0
"""Proxy for the upstream ``web_video_server``: one stream of it serves all viewers of a video."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from urllib.parse import urlencode

import aiohttp

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.gateway.gateway import Gateway
from turret_web.proxies.rosbridge_proxy import check_upstream
from turret_web.video.streams import RAW, Channel, Video, VideoRequest

log = logging.getLogger(__name__)

_AGAIN_S = 1.0
_SILENCE_S = 10.0
_MAX_FRAME_BYTES = 16 * 1024 * 1024
_MAX_HEAD_BYTES = 64 * 1024
_LENGTH = re.compile(rb'content-length:\s*(\d+)', re.IGNORECASE)
_STAMP = re.compile(rb'x-timestamp:\s*(\d+)\.(\d{1,9})', re.IGNORECASE)


def make_video(gateway: Gateway, kind: str, url: str) -> Video:
    """Return the server of the video.

    Args:
        gateway: the ROS side.
        kind: one of :data:`turret_web.web_parameters.VIDEOS`.
        url: of the upstream server, where that is the kind.

    Raises:
        TurretError: INVALID_ARGUMENT, the address is none on this machine.
    """
    if kind == 'web_video_server':
        return VideoProxy(gateway, url)
    return Video(gateway) if kind == 'embedded' else _DisabledVideo(gateway)


class _DisabledVideo(Video):
    """Nothing to see."""

    def resolve(self, request: VideoRequest) -> VideoRequest:
        """Refuse."""
        raise TurretError(ReasonCode.NOT_SUPPORTED, 'the video is switched off here')


class VideoProxy(Video):
    """Video of the upstream server, fanned out, bounded and checked as our own."""

    def __init__(self, gateway: Gateway, url: str) -> None:
        """Make it, without connecting. Raises as :func:`turret_web.proxies.rosbridge_proxy.check_upstream`."""
        super().__init__(gateway)
        self._url = check_upstream(url, ('http',)).rstrip('/')

    async def _open(self, request: VideoRequest) -> Channel:
        channel = Channel(request, self._gateway.message(RAW))
        channel.feed = _Reader(f'{self._url}/stream?{_query(request)}', channel)
        return channel


def _query(request: VideoRequest) -> str:
    """Return the query for a stream. The upstream server takes the name of the raw topic, also of compressed images."""
    base = request.topic.removesuffix('/compressed')
    if base != request.topic and request.unchanged:
        return urlencode({'topic': base, 'type': 'ros_compressed'})
    wishes = {'width': request.width, 'height': request.height, 'quality': request.quality}
    return urlencode({'topic': base, 'type': 'mjpeg', **{name: wish for name, wish in wishes.items() if wish}})


class _Reader:
    """Reads one stream while it has viewers."""

    def __init__(self, url: str, channel: Channel) -> None:
        self._url = url
        self._channel = channel
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End it."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE_S, sock_read=_SILENCE_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                try:
                    async with session.get(self._url) as response:
                        await self._read(response)
                except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
                    log.warning('the video server: %s', error or type(error).__name__)
                await asyncio.sleep(_AGAIN_S)

    async def _read(self, response: aiohttp.ClientResponse) -> None:
        """Take the parts of the response as they come.

        Raises:
            ValueError: the response is not such a stream.
        """
        if response.status != 200:
            raise ValueError(f'the server answered {response.status}')
        while True:
            head = await _head(response.content)
            length, stamp = _LENGTH.search(head), _STAMP.search(head)
            if length is None or int(length[1]) > _MAX_FRAME_BYTES:
                raise ValueError('the server sent something other than images')
            jpeg = await response.content.readexactly(int(length[1]))
            seconds, fraction = (stamp[1], stamp[2]) if stamp else (b'0', b'0')
            self._channel.show(jpeg, f'{seconds.decode()}.{fraction[:6].decode():<06}')


async def _head(content: aiohttp.StreamReader) -> bytes:
    """Return the header lines of a part; what arrived of them where the response ends.

    Line by line, because aiohttp before 3.10 ends ``readuntil`` after the first byte of a longer separator.
    """
    head = b''
    while not head.endswith(b'\r\n\r\n') and len(head) < _MAX_HEAD_BYTES:
        line = await content.readline()
        if not line:
            break
        head += line
    return head

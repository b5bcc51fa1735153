"""Video for browsers: MJPEG streams and snapshots, by the addresses and parameters of ``web_video_server``.

There is one ROS subscription per topic and one encoding per (topic, size, quality), however many watch, and none when
nobody does. JPEG topics pass through unchanged unless another size or quality is asked for. Every viewer gets the
newest picture when it has taken the one before; what it is too slow for, it never gets.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec, CodecError
from turret_common.reason_codes import ReasonCode
from turret_web.gateway.gateway import Closable, Gateway

log = logging.getLogger(__name__)

BOUNDARY = 'boundarydonotcross'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
RAW = 'sensor_msgs/msg/Image'
_DEFAULT_QUALITY = 95
_MAX_SIDE = 4096


@dataclass(frozen=True)
class VideoRequest:
    """What a viewer asks for.

    Attributes:
        topic: absolute name.
        width: [px], 0 for what it has.
        height: [px], 0 for what it has.
        quality: of the JPEG pictures, 1 to 100; 0 for what they have.
    """

    topic: str
    width: int = 0
    height: int = 0
    quality: int = 0

    @property
    def unchanged(self) -> bool:
        """Whether JPEG pictures can pass through as they are."""
        return not (self.width or self.height or self.quality)


def parse_request(query: Mapping[str, str]) -> VideoRequest:
    """Read the query parameters of ``/stream`` and ``/snapshot``.

    ``default_transport`` and ``qos_profile`` are accepted and have no effect: the compressed sibling of a topic is
    taken where there is one, and the subscription suits the publisher.

    Raises:
        TurretError: a parameter is missing, no number, or out of range; or the type of stream is not supported.
    """
    topic = query.get('topic', '')
    if not topic:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'topic is missing, e.g. ?topic=/turret/camera/image_raw')
    kind = query.get('type', 'mjpeg')
    if kind not in ('mjpeg', 'ros_compressed'):
        raise TurretError(ReasonCode.NOT_SUPPORTED, f'type "{kind}" is not supported; use mjpeg or ros_compressed')
    numbers = {}
    for name, upper in (('width', _MAX_SIDE), ('height', _MAX_SIDE), ('quality', 100)):
        text = query.get(name, '') or '0'
        if not text.isascii() or not text.isdecimal() or int(text) > upper:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'{name} is "{text}", not a whole number from 0 to {upper}')
        numbers[name] = int(text)
    if kind == 'ros_compressed':
        numbers = {}
    return VideoRequest(topic if topic.startswith('/') else f'/{topic}', **numbers)


@dataclass(frozen=True)
class JpegFrame:
    """One JPEG picture.

    Attributes:
        jpeg: the picture.
        timestamp: when its light was collected [s since 1970], as text with microseconds.
        number: of the picture in its channel.
    """

    jpeg: bytes
    timestamp: str
    number: int

    @cached_property
    def part(self) -> bytes:
        """The picture as one part of a multipart stream."""
        return (
            f'--{BOUNDARY}\r\nContent-type: image/jpeg\r\nX-Timestamp: {self.timestamp}\r\n'
            f'Content-Length: {len(self.jpeg)}\r\n\r\n').encode() + self.jpeg + b'\r\n'


class Channel:
    """The pictures of one (topic, size, quality), for all who watch them.

    Attributes:
        feed: where they come from.
        viewers: how many watch.
        number: of the newest picture.
    """

    def __init__(self, request: VideoRequest, codec: Codec) -> None:
        self._request = request
        self._codec = codec
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[JpegFrame] = self._loop.create_future()
        self._newest: bytes | None = None
        self._encoding: asyncio.Task[None] | None = None
        self.feed: Closable | None = None
        self.viewers = 0
        self.number = 0

    async def next(self, timeout_s: float) -> JpegFrame | None:
        """Wait for a new picture and return it; None where none comes in time."""
        waiting = self._waiting
        await asyncio.wait([waiting], timeout=timeout_s)
        return waiting.result() if waiting.done() else None

    def deliver(self, data: bytes) -> None:
        """Take a new message of the topic."""
        if self._codec.kind.name == COMPRESSED and self._request.unchanged:
            try:
                message = self._codec.to_cbor(data)
            except CodecError as error:
                log.warning('%s: %s', self._request.topic, error)
            else:
                self.show(message['data'], _timestamp(message))
            return
        self._newest = data
        if self._encoding is None or self._encoding.done():
            self._encoding = self._loop.create_task(self._encode())

    async def _encode(self) -> None:
        """Encode the newest message, and again while newer ones came meanwhile."""
        while self._newest is not None:
            data, self._newest = self._newest, None
            try:
                jpeg, timestamp = await asyncio.to_thread(_make_frame, self._codec, data, self._request)
            except (TurretError, CodecError) as error:
                log.warning('%s: %s', self._request.topic, error)
            else:
                self.show(jpeg, timestamp)

    def show(self, jpeg: bytes, timestamp: str) -> None:
        """Take a picture; arguments as the attributes of :class:`JpegFrame`."""
        waiting, self._waiting = self._waiting, self._loop.create_future()
        self.number += 1
        waiting.set_result(JpegFrame(jpeg, timestamp, self.number))


def _make_frame(codec: Codec, data: bytes, request: VideoRequest) -> tuple[bytes, str]:
    from turret_web.video import image_encoding  # imports OpenCV, which costs time and memory

    message = codec.to_cbor(data)
    quality = request.quality or _DEFAULT_QUALITY
    if codec.kind.name == COMPRESSED:
        jpeg = image_encoding.from_jpeg(message['data'], request.width, request.height, quality)
    else:
        jpeg = image_encoding.from_image(
            message['data'], (message['width'], message['height']), message['encoding'], message['step'],
            bool(message['is_bigendian']), request.width, request.height, quality)
    return jpeg, _timestamp(message)


def _timestamp(message: dict[str, Any]) -> str:
    stamp = message['header']['stamp']
    return f'{stamp["sec"]}.{stamp["nanosec"] // 1000:06d}'


class Video:
    """All channels that somebody watches."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._channels: dict[VideoRequest, Channel] = {}
        self._lock = asyncio.Lock()

    def resolve(self, request: VideoRequest) -> VideoRequest:
        """Return the request with the topic that will really be read: the compressed sibling where there is one.

        Raises:
            TurretError: NOT_FOUND, there is no such video; INVALID_ARGUMENT, it is a topic of another kind.
        """
        topics = self._gateway.topics()
        for name in (f'{request.topic}/compressed', request.topic):
            if COMPRESSED in topics.get(name, ()) or RAW in topics.get(name, ()):
                return replace(request, topic=name)
        if request.topic in topics:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'topic {request.topic} carries no images')
        raise TurretError(ReasonCode.NOT_FOUND, f'there is no video {request.topic}')

    async def watch(self, request: VideoRequest) -> Channel:
        """Begin to watch a resolved request; :meth:`leave` must follow."""
        async with self._lock:
            channel = self._channels.get(request)
            if channel is None:
                channel = self._channels[request] = await self._open(request)
            channel.viewers += 1
        return channel

    async def _open(self, request: VideoRequest) -> Channel:
        type_name = self._gateway.topics().get(request.topic, [RAW])[0]
        channel = Channel(request, self._gateway.message(type_name))
        channel.feed = await self._gateway.subscribe(request.topic, type_name, channel.deliver)
        return channel

    async def leave(self, request: VideoRequest) -> None:
        """End watching; the ROS subscription ends with the last viewer."""
        async with self._lock:
            channel = self._channels[request]
            channel.viewers -= 1
            if not channel.viewers:
                del self._channels[request]
                if channel.feed is not None:
                    await channel.feed.close()

# SPDX-License-Identifier: Apache-2.0
"""Video for browsers: MJPEG streams and snapshots, with the addresses and parameters of ``web_video_server``.

There is one ROS subscription and one encoding per (topic, size, quality) for any number of viewers, and none without
viewers. JPEG topics are passed through unchanged unless another size or quality is requested. A viewer gets the latest
frame when it has received the previous one; frames for which it is too slow are dropped.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec, CodecError
from turret_common.reason_codes import ReasonCode
from turret_web.gateway.gateway import Closable, Gateway
from turret_web.names import InterfaceType, RosName, topic_name

log = logging.getLogger(__name__)

BOUNDARY = 'boundarydonotcross'
COMPRESSED = InterfaceType('sensor_msgs/msg/CompressedImage', 'msg')
RAW = InterfaceType('sensor_msgs/msg/Image', 'msg')
_JPEG_START = b'\xff\xd8'
_DEFAULT_QUALITY = 95
_MAX_SIDE = 4096
_NUMBER = re.compile('[0-9]{1,9}')


@dataclass(frozen=True)
class VideoRequest:
    """Request of a viewer.

    Attributes:
        topic: name of the topic.
        width: width of the frames [px]; 0 = unchanged.
        height: height of the frames [px]; 0 = unchanged.
        quality: JPEG quality, 1 to 100; 0 = unchanged.
    """

    topic: RosName
    width: int = 0
    height: int = 0
    quality: int = 0

    @property
    def unchanged(self) -> bool:
        """Whether JPEG images can be passed through."""
        return not (self.width or self.height or self.quality)


def parse_request(query: Mapping[str, str]) -> VideoRequest:
    """Read the query parameters of ``/stream`` and ``/snapshot``.

    ``default_transport`` and ``qos_profile`` are accepted and have no effect: the compressed topic beside a raw one is
    used if it exists, and the QoS follows the publisher.

    Raises:
        TurretError: a parameter is missing, invalid or out of range, or the type of stream is not supported.
    """
    topic = query.get('topic', '')
    if not topic:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'topic is missing, e.g. ?topic=/turret/camera/image_raw')
    kind = query.get('type', 'mjpeg')
    if kind not in ('mjpeg', 'ros_compressed'):
        raise TurretError(ReasonCode.NOT_SUPPORTED, f'type "{kind:.60}" is not supported; use mjpeg or ros_compressed')
    numbers = {}
    for name, upper in (('width', _MAX_SIDE), ('height', _MAX_SIDE), ('quality', 100)):
        text = query.get(name, '') or '0'
        if _NUMBER.fullmatch(text) is None or int(text) > upper:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'{name} is "{text:.60}", not a whole number from 0 to {upper}')
        numbers[name] = int(text)
    if kind == 'ros_compressed':
        numbers = {}
    return VideoRequest(topic_name(topic), **numbers)


@dataclass(frozen=True)
class JpegFrame:
    """One JPEG image of a stream.

    Attributes:
        jpeg: the image.
        timestamp: time of exposure [s since 1970], as text with microseconds.
        number: number of the frame in its channel.
    """

    jpeg: bytes
    timestamp: str
    number: int

    @cached_property
    def part(self) -> bytes:
        """The frame as one part of a multipart stream."""
        return (
            f'--{BOUNDARY}\r\nContent-type: image/jpeg\r\nX-Timestamp: {self.timestamp}\r\n'
            f'Content-Length: {len(self.jpeg)}\r\n\r\n').encode() + self.jpeg + b'\r\n'


class Channel:
    """The frames of one (topic, size, quality), shared by all viewers.

    Attributes:
        feed: source of the messages.
        viewers: number of viewers.
        number: number of the latest frame.
        error: why the latest message could not be shown; empty if it could.
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
        self.error = ''

    async def next(self, timeout_s: float) -> JpegFrame | None:
        """Wait for a new frame and return it; None if none arrives in time."""
        waiting = self._waiting
        await asyncio.wait([waiting], timeout=timeout_s)
        return waiting.result() if waiting.done() else None

    def deliver(self, data: bytes) -> None:
        """Handle a new message of the topic."""
        if self._codec.kind.name == COMPRESSED and self._request.unchanged:
            try:
                message = self._codec.to_cbor(data)
            except CodecError as error:
                self._report(error)
                return
            if message['data'].startswith(_JPEG_START):
                self.show(message['data'], _timestamp(message))
                return
        self._newest = data
        if self._encoding is None or self._encoding.done():
            self._encoding = self._loop.create_task(self._encode())

    async def _encode(self) -> None:
        """Encode the latest message, and again while newer ones have arrived."""
        while self._newest is not None:
            data, self._newest = self._newest, None
            try:
                jpeg, timestamp = await asyncio.to_thread(_make_frame, self._codec, data, self._request)
            except Exception as error:  # noqa: BLE001  boundary: foreign images must not end the stream
                self._report(error)
            else:
                self.show(jpeg, timestamp)

    def _report(self, error: Exception) -> None:
        """Keep the reason why there are no frames, and log each new one."""
        text = str(error) if isinstance(error, TurretError) else f'{type(error).__name__}: {error!s:.200}'
        if text != self.error:
            log.warning('%s: %s', self._request.topic, text)
        self.error = text

    def show(self, jpeg: bytes, timestamp: str) -> None:
        """Pass a frame to the viewers; arguments as the attributes of :class:`JpegFrame`."""
        waiting, self._waiting = self._waiting, self._loop.create_future()
        self.number += 1
        self.error = ''
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
    """All channels with at least one viewer."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._channels: dict[VideoRequest, Channel] = {}
        self._lock = asyncio.Lock()

    def resolve(self, request: VideoRequest) -> VideoRequest:
        """Return the request with the topic to subscribe to: the compressed one if it exists.

        Raises:
            TurretError: NOT_FOUND, there is no such topic; INVALID_ARGUMENT, it carries no images.
        """
        topics = self._gateway.topics()
        for name in (f'{request.topic}/compressed', request.topic):
            if COMPRESSED in topics.get(name, ()) or RAW in topics.get(name, ()):
                return replace(request, topic=RosName(name))
        if request.topic in topics:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'topic {request.topic} carries no images')
        raise TurretError(ReasonCode.NOT_FOUND, f'there is no video topic {request.topic}')

    async def watch(self, request: VideoRequest) -> Channel:
        """Add a viewer of a resolved request; :meth:`leave` must follow."""
        async with self._lock:
            channel = self._channels.get(request)
            if channel is None:
                channel = self._channels[request] = await self._open(request)
            channel.viewers += 1
        return channel

    async def _open(self, request: VideoRequest) -> Channel:
        type_name = COMPRESSED if COMPRESSED in self._gateway.topics().get(request.topic, ()) else RAW
        channel = Channel(request, self._gateway.message(type_name))
        channel.feed = await self._gateway.subscribe(request.topic, type_name, channel.deliver)
        return channel

    async def leave(self, request: VideoRequest) -> None:
        """Remove a viewer; the ROS subscription ends with the last one."""
        async with self._lock:
            channel = self._channels[request]
            channel.viewers -= 1
            if not channel.viewers:
                del self._channels[request]
                if channel.feed is not None:
                    await channel.feed.close()

"""Video for WebRTC: one encoding of a stream, shared by all who watch it, and the pace of each of them.

This is plain asyncio. :mod:`turret_web.video.rtc_peer` carries it over WebRTC.

A browser does not tell the stamps of pictures that come over RTP, only their RTP times, which begin at a random number
that the sender does not tell either. So a viewer begins with an *anchor*: one picture, and nothing more until the
browser says that it shows it. From then on the difference of RTP times is the difference of the times told beside the
video, picture by picture.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from turret_common.errors import TurretError
from turret_web.video.streams import Channel, Video, VideoRequest

log = logging.getLogger(__name__)

#: Pictures that a viewer may be behind before it goes on from the next key frame.
_BACKLOG = 8
#: Longest time between two key frames, which heal what was lost on the way, and the shortest [s].
_KEY_PERIOD_S = 2.0
_KEY_PAUSE_S = 0.25
#: An anchor that is not answered is followed by another one after this time [s].
_ANCHOR_S = 4.0
_NO_PICTURE_S = 2.0
_CLOCK_HZ = 90_000
_MAX_STEP_US = 10 * 10**6
_ODD_STEP_US = 33_333


class Encoder(Protocol):
    """Makes packets of pictures, as :class:`turret_web.video.vp8.Vp8Encoder`."""

    def encode(self, jpeg: bytes, pts: int, key: bool) -> Any:
        """Return the packet of the next picture."""


@dataclass(frozen=True)
class Encoded:
    """One picture on its way.

    Attributes:
        packet: as the encoder made it.
        pts: its time in 1/90000 s since the encoding began.
        timestamp: as :attr:`turret_web.video.streams.JpegFrame.timestamp`.
        key: whether it can be decoded without the ones before.
    """

    packet: Any
    pts: int
    timestamp: str
    key: bool


class Clock:
    """Times of pictures that always grow, made from stamps that may jump."""

    def __init__(self) -> None:
        self._last_us: int | None = None
        self._elapsed_us = 0

    def pts(self, timestamp: str) -> int:
        """Return the time of the next picture [1/90000 s]."""
        seconds, _, fraction = timestamp.partition('.')
        now_us = int(seconds) * 10**6 + int(fraction)
        if self._last_us is not None:
            step_us = now_us - self._last_us
            self._elapsed_us += step_us if 0 < step_us < _MAX_STEP_US else _ODD_STEP_US
        self._last_us = now_us
        return self._elapsed_us * _CLOCK_HZ // 10**6


class RtcViewer:
    """What one viewer is still to be sent."""

    def __init__(self, stream: RtcStream) -> None:
        self._stream = stream
        self._waiting: deque[Encoded] = deque()
        self._arrived = asyncio.Event()
        self._shown = asyncio.Event()
        self._needs_key = True
        self._anchored = False

    def offer(self, encoded: Encoded) -> None:
        """Take a picture of the stream."""
        if len(self._waiting) >= _BACKLOG:
            self._restart()
        if self._needs_key and not encoded.key:
            self._stream.request_key_frame()
            return
        self._needs_key = False
        self._waiting.append(encoded)
        self._arrived.set()

    def on_anchor_shown(self) -> None:
        """Hear that the browser shows the anchor."""
        self._shown.set()

    async def next(self) -> Encoded:
        """Return the next picture to send, as soon as there is one and the browser is ready for it."""
        if self._anchored and not self._shown.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._shown.wait(), _ANCHOR_S)
            self._restart()
        self._anchored = True
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def _restart(self) -> None:
        """Go on from the next key frame."""
        self._waiting.clear()
        self._needs_key = True
        self._stream.request_key_frame()


class RtcStream:
    """One encoding, for all its viewers.

    Attributes:
        viewers: who watch.
    """

    def __init__(self, channel: Channel, encoder: Encoder) -> None:
        self._channel = channel
        self._encoder = encoder
        self._clock = Clock()
        self._loop = asyncio.get_running_loop()
        self._key_requested = True
        self._key_s = float('-inf')
        self.viewers: set[RtcViewer] = set()
        self.task = self._loop.create_task(self._run())

    def request_key_frame(self) -> None:
        """Have the next picture be a key frame, unless one came just now."""
        self._key_requested = True

    async def _run(self) -> None:
        while True:
            picture = await self._channel.next(_NO_PICTURE_S)
            if picture is None:
                continue
            since_s = self._loop.time() - self._key_s
            key = since_s > _KEY_PERIOD_S or (self._key_requested and since_s > _KEY_PAUSE_S)
            pts = self._clock.pts(picture.timestamp)
            try:
                packet = await asyncio.to_thread(self._encoder.encode, picture.jpeg, pts, key)
            except TurretError as error:
                log.warning('%s', error)
                continue
            if key:
                self._key_requested, self._key_s = False, self._loop.time()
            encoded = Encoded(packet, pts, picture.timestamp, key)
            for viewer in self.viewers:
                viewer.offer(encoded)


class RtcVideo:
    """All encodings that somebody watches; there is one per (topic, size, quality), and none when nobody does."""

    def __init__(self, video: Video, make_encoder: Callable[[], Encoder]) -> None:
        self._video = video
        self._make_encoder = make_encoder
        self._streams: dict[VideoRequest, RtcStream] = {}
        self._lock = asyncio.Lock()

    async def watch(self, request: VideoRequest) -> RtcViewer:
        """Begin to watch a resolved request; :meth:`leave` must follow."""
        async with self._lock:
            stream = self._streams.get(request)
            if stream is None:
                encoder = await asyncio.to_thread(self._make_encoder)
                stream = self._streams[request] = RtcStream(await self._video.watch(request), encoder)
            viewer = RtcViewer(stream)
            stream.viewers.add(viewer)
            stream.request_key_frame()
        return viewer

    async def leave(self, request: VideoRequest, viewer: RtcViewer) -> None:
        """End watching; the encoding ends with its last viewer."""
        async with self._lock:
            stream = self._streams[request]
            stream.viewers.discard(viewer)
            if not stream.viewers:
                del self._streams[request]
                stream.task.cancel()
                await self._video.leave(request)

# SPDX-License-Identifier: Apache-2.0
"""Video for WebRTC: one encoding of a stream, shared by its viewers, and the flow control of each viewer.

This is plain asyncio. :mod:`turret_web.video.rtc_peer` sends it over WebRTC.

A browser does not expose the stamps of frames received over RTP, only their RTP times, which begin at a random number
that the sender does not expose either. Therefore a viewer begins with an *anchor*: one frame, and no further one until
the browser confirms that it is displayed. From then on differences of RTP times equal differences of the times on the
data channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from turret_web.video.streams import Channel, Video, VideoRequest

log = logging.getLogger(__name__)

#: Frames that a viewer may be behind before it continues from the next key frame.
_BACKLOG = 8
#: Maximum time between two key frames, after which lost packets no longer matter, and minimum time [s].
_KEY_PERIOD_S = 2.0
_KEY_PAUSE_S = 0.25
#: An anchor that is not confirmed is followed by another one after this time [s].
_ANCHOR_S = 4.0
_NO_FRAME_S = 2.0
_CLOCK_HZ = 90_000
_MAX_STEP_US = 10 * 10**6
_ODD_STEP_US = 33_333


class Encoder(Protocol):
    """Encodes JPEG images as packets, as :class:`turret_web.video.vp8.Vp8Encoder`."""

    def encode(self, jpeg: bytes, pts: int, key: bool) -> Any:
        """Return the packet of the next image."""


@dataclass(frozen=True)
class Encoded:
    """One encoded frame.

    Attributes:
        packet: packet of the encoder.
        pts: presentation time since the encoding began [1/90000 s].
        timestamp: as :attr:`turret_web.video.streams.JpegFrame.timestamp`.
        key: whether it is a key frame.
    """

    packet: Any
    pts: int
    timestamp: str
    key: bool


class PresentationClock:
    """Increasing presentation times, computed from stamps that may jump."""

    def __init__(self) -> None:
        self._last_us: int | None = None
        self._elapsed_us = 0

    def pts(self, timestamp: str) -> int:
        """Return the presentation time of the next frame [1/90000 s]."""
        seconds, _, fraction = timestamp.partition('.')
        now_us = int(seconds) * 10**6 + int(fraction)
        if self._last_us is not None:
            step_us = now_us - self._last_us
            self._elapsed_us += step_us if 0 < step_us < _MAX_STEP_US else _ODD_STEP_US
        self._last_us = now_us
        return self._elapsed_us * _CLOCK_HZ // 10**6


class RtcViewer:
    """Frames that are to be sent to one viewer."""

    def __init__(self, stream: RtcStream) -> None:
        self._stream = stream
        self._waiting: deque[Encoded] = deque()
        self._arrived = asyncio.Event()
        self._shown = asyncio.Event()
        self._needs_key = True
        self._anchored = False

    def offer(self, encoded: Encoded) -> None:
        """Add a frame of the stream."""
        if len(self._waiting) >= _BACKLOG:
            self._restart()
        if self._needs_key and not encoded.key:
            self._stream.request_key_frame()
            return
        self._needs_key = False
        self._waiting.append(encoded)
        self._arrived.set()

    def on_anchor_shown(self) -> None:
        """Handle the confirmation that the browser displays the anchor."""
        self._shown.set()

    async def next(self) -> Encoded:
        """Return the next frame to send, as soon as there is one and the browser is ready for it."""
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
        """Continue from the next key frame."""
        self._waiting.clear()
        self._needs_key = True
        self._stream.request_key_frame()


class RtcStream:
    """One encoding, shared by its viewers.

    Attributes:
        viewers: current viewers.
    """

    def __init__(self, channel: Channel, encoder: Encoder) -> None:
        self._channel = channel
        self._encoder = encoder
        self._clock = PresentationClock()
        self._loop = asyncio.get_running_loop()
        self._key_requested = True
        self._key_s = float('-inf')
        self.viewers: set[RtcViewer] = set()
        self.task = self._loop.create_task(self._run())

    def request_key_frame(self) -> None:
        """Make the next frame a key frame, unless one was sent just before."""
        self._key_requested = True

    async def _run(self) -> None:
        while True:
            frame = await self._channel.next(_NO_FRAME_S)
            if frame is None:
                continue
            since_s = self._loop.time() - self._key_s
            key = since_s > _KEY_PERIOD_S or (self._key_requested and since_s > _KEY_PAUSE_S)
            pts = self._clock.pts(frame.timestamp)
            try:
                packet = await asyncio.to_thread(self._encoder.encode, frame.jpeg, pts, key)
            except Exception as error:  # noqa: BLE001  boundary: foreign images must not end the stream
                log.warning('a frame cannot be encoded for WebRTC: %s', error)
                continue
            if key:
                self._key_requested, self._key_s = False, self._loop.time()
            encoded = Encoded(packet, pts, frame.timestamp, key)
            for viewer in self.viewers:
                viewer.offer(encoded)


class RtcVideo:
    """Encodings with at least one viewer: one per (topic, size, quality)."""

    def __init__(self, video: Video, make_encoder: Callable[[], Encoder]) -> None:
        self._video = video
        self._make_encoder = make_encoder
        self._streams: dict[VideoRequest, RtcStream] = {}
        self._lock = asyncio.Lock()

    async def watch(self, request: VideoRequest) -> RtcViewer:
        """Add a viewer of a resolved request; :meth:`leave` must follow."""
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
        """Remove a viewer; the encoding stops with its last viewer."""
        async with self._lock:
            stream = self._streams[request]
            stream.viewers.discard(viewer)
            if not stream.viewers:
                del self._streams[request]
                stream.task.cancel()
                await self._video.leave(request)

"""VP8 from JPEG pictures. Imports PyAV, so it is itself imported only when needed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Clock of video in RTP [Hz].
CLOCK_HZ = 90_000


class Vp8Encoder:
    """Turns JPEG pictures into VP8 packets, one for one and at once. VP8 is in every browser that has WebRTC."""

    def __init__(self, bits_per_s: int) -> None:
        """Make one; it opens with the first picture.

        Args:
            bits_per_s: that it aims at.
        """
        self._bits_per_s = bits_per_s
        self._decoder = av.CodecContext.create('mjpeg', 'r')
        self._encoder: VideoCodecContext | None = None

    def encode(self, jpeg: bytes, pts: int, key: bool) -> Any:
        """Return the packet of the next picture.

        Args:
            jpeg: the picture; where its size differs from the one before, the packet is a key frame.
            pts: its time in :data:`CLOCK_HZ`; must grow.
            key: whether it shall be decodable by itself.

        Raises:
            TurretError: INVALID_ARGUMENT, not a picture.
        """
        try:
            picture = self._decoder.decode(av.Packet(jpeg))[0]
        except (av.FFmpegError, IndexError) as error:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'the data is no picture: {error}') from error
        frame = picture.reformat(
            format='yuv420p', src_color_range=ColorRange.JPEG, dst_color_range=ColorRange.MPEG)
        frame.pts, frame.time_base = pts, Fraction(1, CLOCK_HZ)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        encoder = self._encoder
        if encoder is None or (encoder.width, encoder.height) != (frame.width, frame.height):
            encoder = self._encoder = self._open(frame.width, frame.height)
        (packet,) = encoder.encode(frame)
        return packet

    def _open(self, width: int, height: int) -> VideoCodecContext:
        encoder = av.CodecContext.create('libvpx', 'w')
        encoder.width, encoder.height, encoder.pix_fmt = width, height, 'yuv420p'
        encoder.bit_rate = self._bits_per_s
        encoder.time_base = Fraction(1, CLOCK_HZ)
        encoder.gop_size = 2**30  # key frames come when they are asked for
        encoder.thread_count = 1
        encoder.options = {'deadline': 'realtime', 'cpu-used': '-8', 'lag-in-frames': '0', 'static-thresh': '1'}
        return encoder

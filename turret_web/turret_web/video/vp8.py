# SPDX-License-Identifier: Apache-2.0
"""VP8 encoding of JPEG images. Imports PyAV, so it is imported only when needed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

try:
    from av.video.reformatter import ColorRange
except ImportError:  # that of Debian 12, which has no such argument
    _RANGES: dict[str, Any] = {}
else:
    _RANGES = {'src_color_range': ColorRange.JPEG, 'dst_color_range': ColorRange.MPEG}

#: Clock of video in RTP [Hz].
CLOCK_HZ = 90_000


class Vp8Encoder:
    """Encodes each JPEG image as one VP8 packet, without delay. Every browser with WebRTC decodes VP8."""

    def __init__(self, bits_per_s: int) -> None:
        """Create an encoder; it opens with the first image.

        Args:
            bits_per_s: target bit rate.
        """
        self._bits_per_s = bits_per_s
        self._decoder = av.CodecContext.create('mjpeg', 'r')
        self._encoder: VideoCodecContext | None = None

    def encode(self, jpeg: bytes, pts: int, key: bool) -> Any:
        """Return the packet of the next image.

        Args:
            jpeg: JPEG image; if its size differs from the previous one, the packet is a key frame.
            pts: presentation time in 1/:data:`CLOCK_HZ` s; must increase.
            key: whether the packet must be a key frame.

        Raises:
            TurretError: INVALID_ARGUMENT, the data is not a valid image.
        """
        try:
            image = self._decoder.decode(av.Packet(jpeg))[0]
        except (av.FFmpegError, IndexError) as error:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'the data is not a valid image: {error}') from error
        frame = image.reformat(format='yuv420p', **_RANGES)
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
        encoder.gop_size = 2**30  # key frames are sent on request only
        encoder.thread_count = 1
        encoder.options = {'deadline': 'realtime', 'cpu-used': '-8', 'lag-in-frames': '0', 'static-thresh': '1'}
        return encoder

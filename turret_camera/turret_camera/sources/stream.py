# SPDX-License-Identifier: Apache-2.0
"""A camera on the network: RTSP, or HTTP with MJPEG or any container that FFmpeg reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from turret_camera.capture_parameters import CaptureParameters
from turret_camera.frame import Frame, StampSource, jpeg_size
from turret_camera.media.container import open_container
from turret_camera.sources.source import ImageSource, SourceContext
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.reason_codes import ReasonCode
from turret_common.threads.clock import Clock

_OPEN_S, _READ_S = 5.0, 2.0
_SCHEMES = ('rtsp', 'rtsps', 'http', 'https')
_MOST_DAMAGED = 30  # packets in a row


class StreamSource(ImageSource):
    """A network stream, stamped on arrival; MJPEG is passed on undecoded."""

    name: ClassVar = 'stream'
    hardware = True
    stamp_source = StampSource.ARRIVAL

    def __init__(self, parameters: CaptureParameters, clock: Clock, lens: PinholeCamera | None = None) -> None:
        super().__init__(parameters, lens)
        self._clock = clock
        self._container: Any = None
        self._frames: Iterator[Frame] = iter(())

    @classmethod
    def create(cls, context: SourceContext) -> ImageSource:
        return cls(context.parameters, context.clock, context.lens)

    @property
    def detail(self) -> str:
        """The address without user name and password."""
        parts = urlsplit(self.parameters.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition('@')[2]))

    def open(self) -> None:
        import av  # heavy; only those who play videos pay for it

        url = self.parameters.url
        if urlsplit(url).scheme not in _SCHEMES:
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'url: "{self.detail}" does not begin with one of {", ".join(_SCHEMES)}')
        options = {'fflags': 'nobuffer', 'rtsp_transport': 'tcp', 'analyzeduration': '1000000'}
        try:
            self._container = open_container(url, timeout=(_OPEN_S, _READ_S), options=options)
        except (av.error.FFmpegError, OSError) as error:
            raise TurretError(ReasonCode.CAMERA_ABSENT, f'{self.detail}: {error.strerror}') from error
        if not self._container.streams.video:
            raise TurretError(ReasonCode.CAMERA_ABSENT, f'{self.detail} carries no video')
        self._frames = self._read()

    def read(self) -> Frame:
        import av  # heavy; only those who play videos pay for it

        try:
            return next(self._frames)
        except StopIteration:
            raise TurretError(ReasonCode.CAMERA_LOST, f'{self.detail} has ended') from None
        except (av.error.FFmpegError, OSError) as error:
            raise TurretError(ReasonCode.CAMERA_LOST, f'{self.detail}: {error.strerror}') from error

    def close(self) -> None:
        self._frames = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _read(self) -> Iterator[Frame]:
        """Yield the frames of the open stream; single packets that are damaged are left out."""
        import av

        stream = self._container.streams.video[0]
        passed_on = stream.codec_context.name == 'mjpeg'
        damaged = 0
        for packet in self._container.demux(stream):
            now_ns = self._clock.now_ns()
            try:
                images = [] if passed_on else packet.decode()
            except av.error.InvalidDataError:
                images = []
            jpeg = bytes(packet) if passed_on else b''
            size = jpeg_size(jpeg)
            if size is not None:
                yield Frame(now_ns, self.camera(*size), jpeg=jpeg, dropped=damaged)
            for image in images:
                yield Frame(now_ns, self.camera(image.width, image.height),
                            pixels=image.to_ndarray(format='bgr24'), dropped=damaged)
            damaged = 0 if size or images else damaged + 1
            if damaged > _MOST_DAMAGED:
                raise TurretError(ReasonCode.CAMERA_LOST, f'{self.detail} delivers damaged images')

# SPDX-License-Identifier: Apache-2.0
"""Recording video, with sound where there is some, in a thread of its own.

Times come from the stamps of frames and sound, so that the video is right at any frame rate. While it is being written
the file is a fragmented MP4: whatever ends the process, it plays up to the last second.
"""

from __future__ import annotations

import dataclasses
import logging
import queue
import shutil
import threading
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from turret_camera.frame import Frame, Pixels
from turret_camera.media.audio import SAMPLE_RATE, Sound, audio_frame
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_TICKS = 90000  # per second, of the times in the file
_QUEUE = 8  # frames that may wait for the encoder
_SOUNDS = 500  # pieces of sound that may wait, some seconds
_CHECK_S = 1.0  # of video between two looks at the disk
_MAX_DRIFT_S = 0.1  # between the samples counted and the stamps of sound; more is a gap

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Limits:
    """When a recording stops by itself: after ``max_s`` of video, or with less than ``min_free`` bytes left."""

    max_s: float
    min_free: int


@dataclasses.dataclass
class Progress:
    """How far a recording is.

    Attributes:
        active: it is running.
        duration_s: length so far in s.
        dropped: frames that the encoder was too slow for.
        sound: it has sound.
        ended: why it ended by itself; None while it runs and after a stop.
    """

    active: bool = True
    duration_s: float = 0.0
    dropped: int = 0
    sound: bool = False
    ended: TurretError | None = None


class VideoRecorder:
    """One recording into one file."""

    def __init__(
            self, path: Path, crf: int, limits: Limits, finished: Callable[[], None], audio_bit_rate: int = 0) -> None:
        """Prepare it; nothing is recorded before :meth:`start`.

        Args:
            path: of the file, which exists and is empty.
            crf: H.264 rate factor.
            limits: when to stop.
            finished: called from the recorder's thread when the file is complete.
            audio_bit_rate: of the sound in bit/s; 0 = without.
        """
        self.path = path
        self.progress = Progress()
        self._crf = crf
        self._limits = limits
        self._finished = finished
        self._audio_bit_rate = audio_bit_rate
        self._sounds: deque[Sound] = deque(maxlen=_SOUNDS)
        self._frames: queue.Queue[Frame | None] = queue.Queue(maxsize=_QUEUE)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name='recorder', daemon=True)

    def start(self) -> None:
        """Begin to record. Raises TurretError, STORAGE_FULL."""
        _require_space(self.path, self._limits.min_free)
        self._thread.start()

    def offer(self, frame: Frame) -> None:
        """Record a frame if the encoder has time for it. Never waits."""
        if self._stopping.is_set() or not self.progress.active:
            return
        try:
            self._frames.put_nowait(frame)
        except queue.Full:
            self.progress.dropped += 1

    def hear(self, sound: Sound) -> None:
        """Record a piece of sound. Never waits."""
        if self._audio_bit_rate and self.progress.active:
            self._sounds.append(sound)

    def stop(self, wait_s: float = 0.0) -> None:
        """End the recording; the file is completed in the background, for which ``wait_s`` may be waited."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(wait_s)

    def _run(self) -> None:
        import av  # heavy; only those who play or record videos pay for it

        try:
            with av.open(str(self.path), 'w', format='mp4', options=container_options(av)) as container:
                self._record(container)
        except TurretError as error:
            self.progress.ended = error
        except (av.error.FFmpegError, OSError) as error:
            self.progress.ended = TurretError(ReasonCode.RECORDING_FAILED, f'recording failed: {error.strerror}')
        if self.progress.duration_s == 0.0:
            self.path.unlink(missing_ok=True)
            self.progress.ended = self.progress.ended or TurretError(
                ReasonCode.NO_FRAMES, 'there was nothing to record')
        if self.progress.ended is not None:
            _log.warning('%s: %s', self.path.name, self.progress.ended)
        self.progress.active = False
        self._finished()

    def _record(self, container: Any) -> None:
        """Write frames until :meth:`stop`.

        Raises:
            TurretError: a limit is reached; the file is complete up to there.
        """
        encoder: VideoEncoder | None = None
        checked_s = 0.0
        try:
            while (frame := self._next()) is not None:
                if encoder is None:
                    encoder = VideoEncoder(
                        container, frame.pixels(), self._crf, frame.stamp_ns, self._audio_bit_rate)
                self._write_sounds(encoder)
                duration_s = encoder.write(frame)
                self.progress.duration_s = max(self.progress.duration_s, duration_s)
                if duration_s >= self._limits.max_s:
                    raise TurretError(ReasonCode.TIMED_OUT, f'recording ended after {self._limits.max_s:g} s')
                if duration_s >= checked_s + _CHECK_S:
                    checked_s = duration_s
                    _require_space(self.path, self._limits.min_free)
        finally:
            if encoder is not None:
                self._write_sounds(encoder)
                encoder.finish()

    def _write_sounds(self, encoder: VideoEncoder) -> None:
        while self._sounds:
            self.progress.sound |= encoder.write_sound(self._sounds.popleft())

    def _next(self) -> Frame | None:
        """Return the next frame; None when stopped and none is left."""
        while True:
            try:
                return self._frames.get(timeout=0.1)
            except queue.Empty:
                if self._stopping.is_set():
                    return None


class VideoEncoder:
    """H.264, and AAC where there is sound, into a container that is open."""

    def __init__(self, container: Any, first: Pixels, crf: int, start_ns: int, audio_bit_rate: int = 0) -> None:
        """Begin a video.

        Args:
            container: that PyAV opened for writing.
            first: image, which gives the size.
            crf: H.264 rate factor.
            start_ns: stamp of the first image.
            audio_bit_rate: of the sound in bit/s; 0 = without.
        """
        self._container = container
        self._start_ns = start_ns
        self._last = -1
        self._samples = 0
        self._size = first.shape[1] // 2 * 2, first.shape[0] // 2 * 2  # 4:2:0 needs even sizes
        options = {'crf': str(crf), 'preset': 'superfast', 'tune': 'zerolatency', 'threads': '1'}
        self._stream = container.add_stream('libx264', rate=30, options=options)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = 'yuv420p'
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._stream.codec_context.gop_size = 30
        self._sound = container.add_stream('aac', rate=SAMPLE_RATE, layout='mono') if audio_bit_rate else None
        if self._sound is not None:
            self._sound.bit_rate = audio_bit_rate

    def write(self, frame: Frame) -> float:
        """Encode one frame; return its time in the video in s."""
        import av

        ticks = (frame.stamp_ns - self._start_ns) * _TICKS // 1_000_000_000
        if ticks <= self._last:
            return self._last / _TICKS
        self._last = ticks
        pixels = frame.pixels()
        width, height = self._size
        if pixels.shape[1] - width not in (0, 1) or pixels.shape[0] - height not in (0, 1):
            pixels = cv2.resize(pixels, self._size)  # the camera's size was changed
        image = av.VideoFrame.from_ndarray(pixels[:height, :width], 'bgr24')
        image.pts, image.time_base = ticks, Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(image))
        return ticks / _TICKS

    def write_sound(self, sound: Sound) -> bool:
        """Encode a piece of sound and return whether there was some to encode.

        What was heard before the first frame is left out; what was missed is silence.
        """
        import av

        due = (sound.stamp_ns - self._start_ns) * SAMPLE_RATE // 1_000_000_000
        samples = sound.samples[max(0, -due):]
        missing = max(due, 0) - self._samples
        if self._sound is None or not len(samples):
            return False
        if missing > _MAX_DRIFT_S * SAMPLE_RATE:
            samples = np.concatenate([np.zeros(missing, np.int16), samples])
        self._container.mux(self._sound.encode(audio_frame(av, samples, self._samples)))
        self._samples += len(samples)
        return True

    def finish(self) -> None:
        """Encode what is still held back."""
        for stream in (self._stream, self._sound):
            if stream is not None:
                self._container.mux(stream.encode())


def container_options(av: Any) -> dict[str, str]:
    """Return the options with which an MP4 that is cut off plays up to its last half second."""
    flags = 'empty_moov+default_base_moof+frag_keyframe'
    if av.library_versions['libavformat'] >= (62,):
        flags += '+hybrid_fragmented'  # becomes an ordinary MP4 when it is closed
    # Without the last one a silent microphone would hold the images back for ten seconds.
    return {
        'movflags': flags, 'frag_duration': '400000', 'flush_packets': '1', 'max_interleave_delta': '300000'}


def _require_space(path: Path, min_free: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < min_free:
        raise TurretError(
            ReasonCode.STORAGE_FULL, f'only {free / 1e6:.0f} MB are free, {min_free / 1e6:.0f} MB must stay so')

# SPDX-License-Identifier: Apache-2.0
"""One capture of sound, for recordings and for live listening."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
import math
import os
import threading
from collections.abc import Callable, Generator, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from turret_camera.capture_parameters import AudioParameters
from turret_camera.media.container import open_container
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.threads.clock import Clock

#: Of all sound here, in Hz; it has one channel.
SAMPLE_RATE = 48000
_BLOCK = 960  # samples handed on at a time
_RETRY_S = 1.0
_LEAVE_S = 1.0
_TONE = 'sine=frequency=440:sample_rate=48000'
_ALSA_CONFIGURATION = Path('/usr/share/alsa/alsa.conf')

_log = logging.getLogger(__name__)


class Sound(NamedTuple):
    """A piece of sound: when it began, on CLOCK_MONOTONIC, and its int16 samples, shape (n,)."""

    stamp_ns: int
    samples: npt.NDArray[np.int16]


class AudioStatus(IntEnum):
    """What the microphone does; the numbers of ``AudioState.STATUS_*``."""

    OFF = 0
    IDLE = 1
    CAPTURING = 2
    FAILED = 3


@dataclasses.dataclass(frozen=True)
class AudioReport:
    """What is known about the microphone.

    Attributes:
        status: what it does.
        code: why it failed; OK otherwise.
        message: the same for a person.
        source: which one it is; empty = none.
        level: the loudest of the newest samples in dBFS; NaN while it is not capturing.
    """

    status: AudioStatus
    code: ReasonCode = ReasonCode.OK
    message: str = ''
    source: str = ''
    level: float = math.nan


class AudioCapture:
    """Captures sound in a thread of its own while there are listeners, and hands it to each of them."""

    def __init__(self, parameters: AudioParameters, clock: Clock, changed: Callable[[], None]) -> None:
        """Prepare it; nothing runs before :meth:`start`.

        Args:
            parameters: what to capture.
            clock: that sound is stamped with, as images are.
            changed: called from any thread when the status changed.
        """
        self._parameters = parameters
        self._clock = clock
        self._changed = changed
        self._listeners: dict[str, Callable[[Sound], None]] = {}
        self._failure: tuple[ReasonCode, str] = (ReasonCode.OK, '')
        self._level = math.nan
        self._wake = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name='audio', daemon=True)

    def start(self) -> None:
        """Begin to wait for listeners."""
        self._thread.start()

    def stop(self) -> None:
        """End; a device that hangs is left behind."""
        with self._wake:
            self._ending = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(_LEAVE_S)

    def configure(self, parameters: AudioParameters) -> None:
        """Take new parameters; another source is opened at once if there is a listener."""
        with self._wake:
            self._parameters = parameters
            self._failure = (ReasonCode.OK, '')
            self._wake.notify()

    def listen(self, name: str, listener: Callable[[Sound], None] | None) -> None:
        """Hand all sound from now on to a listener, in the thread of the capture; None = no longer."""
        with self._wake:
            if listener is None:
                self._listeners.pop(name, None)
            else:
                self._listeners[name] = listener
            self._wake.notify()

    @property
    def configured(self) -> bool:
        """Whether there is to be sound."""
        return self._parameters.source != 'none'

    def report(self) -> AudioReport:
        """Return what is known now."""
        p = self._parameters
        if p.source == 'none':
            return AudioReport(AudioStatus.OFF)
        source = {'alsa': f'alsa {p.device}', 'file': p.file, 'tone': 'test tone'}[p.source]
        code, message = self._failure
        if code is not ReasonCode.OK:
            return AudioReport(AudioStatus.FAILED, code, message, source)
        status = AudioStatus.IDLE if math.isnan(self._level) else AudioStatus.CAPTURING
        return AudioReport(status, source=source, level=self._level)

    def _wanted(self) -> bool:
        return bool(self._listeners) and self.configured

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted() or self._ending)
                if self._ending:
                    return
                parameters = self._parameters
            try:
                self._capture(parameters)
                failure = (ReasonCode.OK, '')
            except TurretError as error:
                failure = (error.code, error.message)
            except Exception as error:  # noqa: BLE001  the device is opened again after any error
                _log.exception('audio')
                failure = (ReasonCode.INTERNAL_ERROR, f'{type(error).__name__}: {error}')
            self._level = math.nan
            self._tell(failure)
            if failure[0] is not ReasonCode.OK:
                self._pause(parameters)

    def _pause(self, parameters: AudioParameters) -> None:
        """Wait before the next attempt, unless it is made with other parameters."""
        with self._wake:
            self._wake.wait_for(lambda: self._ending or self._parameters is not parameters, _RETRY_S)

    def _tell(self, failure: tuple[ReasonCode, str]) -> None:
        if failure != self._failure and failure[1]:
            _log.warning('%s', failure[1])
        self._failure = failure
        self._changed()

    def _capture(self, parameters: AudioParameters) -> None:
        """Deliver sound until there is no listener or another source is chosen."""
        with contextlib.closing(_sounds(parameters, self._clock)) as sounds:
            for sound in sounds:
                with self._wake:
                    listeners = list(self._listeners.values())
                if not listeners or self._ending or self._parameters is not parameters:
                    return
                began = math.isnan(self._level)
                peak = int(np.abs(sound.samples.astype(np.int32)).max(initial=0))
                self._level = 20.0 * math.log10(max(peak, 1) / 32768.0)
                if began:
                    self._tell((ReasonCode.OK, ''))
                for listener in listeners:
                    listener(sound)


def _sounds(parameters: AudioParameters, clock: Clock) -> Generator[Sound, None, None]:
    """Yield the sound of a source as it is to be heard; raise TurretError where there is none."""
    import av  # heavy; only those who use sound pay for it

    source = parameters.source
    if source == 'alsa' and _ALSA_CONFIGURATION.is_file():
        os.environ.setdefault('ALSA_CONFIG_PATH', str(_ALSA_CONFIGURATION))  # wheels look for it elsewhere
    url, kind = {'alsa': (parameters.device, 'alsa'), 'file': (parameters.file, None), 'tone': (_TONE, 'lavfi')}[source]
    what = f'the sound of "{url}"' if source == 'file' else f'the microphone "{url}"'
    start_ns, played = clock.now_ns(), 0
    try:
        while True:
            before = played
            with open_container(url, format=kind) as container:
                if not container.streams.audio:
                    raise TurretError(ReasonCode.INVALID_ARGUMENT, f'there is no sound in "{url}"')
                for samples in _decoded(av, container):
                    length_ns = len(samples) * 1_000_000_000 // SAMPLE_RATE
                    if source == 'alsa':
                        yield Sound(clock.now_ns() - length_ns, samples)
                        continue
                    stamp_ns = start_ns + played * 1_000_000_000 // SAMPLE_RATE
                    played += len(samples)
                    clock.sleep_until(stamp_ns + length_ns)
                    yield Sound(stamp_ns, samples)
            if source == 'alsa' or played == before:
                raise TurretError(ReasonCode.IO_ERROR, f'{what} has ended')
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise TurretError(ReasonCode.IO_ERROR, f'{what} cannot be heard: {reason}') from error


def _decoded(av: Any, container: Any) -> Iterator[npt.NDArray[np.int16]]:
    resampler = av.AudioResampler(format='s16', layout='mono', rate=SAMPLE_RATE, frame_size=_BLOCK)
    for frame in itertools.chain(container.decode(audio=0), (None,)):
        for resampled in resampler.resample(frame):
            yield resampled.to_ndarray()[0]


def audio_frame(av: Any, samples: npt.NDArray[np.int16], at: int) -> Any:
    """Return samples as a frame for an encoder; ``at`` is the number of the first one in its stream."""
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format='s16', layout='mono')
    frame.sample_rate, frame.pts = SAMPLE_RATE, at
    return frame


class Mp3Encoder:
    """Makes a stream of MP3 that a player can join at any time."""

    def __init__(self, bit_rate: int) -> None:
        """Make it, with the bit rate in bit/s."""
        import av

        self._av = av
        self._encoder: Any = av.CodecContext.create('libmp3lame', 'w')
        self._encoder.sample_rate, self._encoder.layout, self._encoder.format = SAMPLE_RATE, 'mono', 's16p'
        self._encoder.bit_rate = bit_rate
        self._encoder.options = {'reservoir': '0'}  # no frame needs the one before
        self._samples = 0

    def encode(self, samples: npt.NDArray[np.int16]) -> bytes:
        """Return the frames that samples complete; often none."""
        frame = audio_frame(self._av, samples, self._samples)
        self._samples += len(samples)
        return b''.join(bytes(packet) for packet in self._encoder.encode(frame))

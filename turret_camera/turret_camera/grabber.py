# SPDX-License-Identifier: Apache-2.0
"""The one thread that reads the camera."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections import deque
from collections.abc import Callable
from enum import IntEnum

from turret_camera.capture_parameters import CaptureParameters
from turret_camera.frame import Frame
from turret_camera.sources.source import EndOfFootageError, ImageSource
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.threads.clock import Clock

_RETRY_S = (0.2, 0.5, 1.0, 2.0)
_SILENT_NS = 1_000_000_000  # at least; and five frame periods
_RATE_FRAMES = 30
_LEAVE_S = 1.5

_log = logging.getLogger(__name__)


class Status(IntEnum):
    """What the camera does; the numbers of ``CameraState.STATUS_*``."""

    UNKNOWN = 0
    STARTING = 1
    STREAMING = 2
    RECOVERING = 3
    ENDED = 4


@dataclasses.dataclass(frozen=True)
class GrabberState:
    """What is known about the stream of frames.

    Attributes:
        status: what the camera does.
        code: why it is not streaming; OK while it is.
        message: the same for a person.
        frames: frames since the start.
        dropped: frames lost since the start.
        last_ns: when the newest frame came, None before the first.
    """

    status: Status = Status.STARTING
    code: ReasonCode = ReasonCode.OK
    message: str = ''
    frames: int = 0
    dropped: int = 0
    last_ns: int | None = None


class Grabber:
    """Reads one source in a thread of its own, hands its frames on, and opens it again when it is lost.

    Attributes:
        newest: the newest frame; None before the first.
    """

    def __init__(
            self, source: ImageSource, clock: Clock, deliver: Callable[[Frame], None],
            changed: Callable[[], None]) -> None:
        """Prepare it; nothing runs before :meth:`start`.

        Args:
            source: used by the grabber's thread only.
            clock: the one that frames are stamped with.
            deliver: called in the grabber's thread with each frame.
            changed: called in the grabber's thread after the status changed.
        """
        self.newest: Frame | None = None
        self._source = source
        self._clock = clock
        self._deliver = deliver
        self._changed = changed
        self._state = GrabberState()
        self._arrivals: deque[int] = deque(maxlen=_RATE_FRAMES + 1)
        self._parameters = source.parameters
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name='grabber', daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End reading and close the source; one that hangs is left behind, and delivers nothing any more."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_LEAVE_S)

    def configure(self, parameters: CaptureParameters) -> None:
        """Take new parameters; they hold from the next frame on."""
        self._parameters = parameters
        self._wake.set()

    def state(self) -> GrabberState:
        """Return the state now: a source that delivers nothing for long is not streaming, even if reading it hangs."""
        state = self._state
        if state.status is not Status.STREAMING or state.last_ns is None:
            return state
        silent_ns = self._clock.now_ns() - state.last_ns
        if silent_ns <= max(_SILENT_NS, 5e9 / self._parameters.rate_hz):
            return state
        return dataclasses.replace(
            state, status=Status.RECOVERING, code=ReasonCode.NO_FRAMES,
            message=f'no frame for {silent_ns * 1e-9:.1f} s')

    def rate_hz(self) -> float | None:
        """Return the measured frame rate over the last frames; None before the second frame."""
        arrivals = list(self._arrivals)
        if len(arrivals) < 2 or arrivals[-1] <= arrivals[0]:
            return None
        return (len(arrivals) - 1) * 1e9 / (arrivals[-1] - arrivals[0])

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                self._source.configure(self._parameters)
                self._source.open()
                self._read()
                failures = 0
            except EndOfFootageError as end:
                self._set(Status.ENDED, end.code, end.message)
                self._source.close()
                while not self._stop.is_set() and not self._parameters.loop:
                    self._wait(None)
            except Exception as error:  # noqa: BLE001  the camera is opened again after any error
                failures = 0 if self._state.status is Status.STREAMING else failures
                self._lost(error)
                self._wait(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1
        self._source.close()

    def _lost(self, error: Exception) -> None:
        if not isinstance(error, TurretError):
            _log.error('%s: %s', type(error).__name__, error, exc_info=error)
        self._source.close()
        if self._state.frames:
            self._set(Status.RECOVERING, ReasonCode.CAMERA_LOST, str(error))
        else:
            self._set(Status.STARTING, ReasonCode.CAMERA_ABSENT, str(error))

    def _read(self) -> None:
        """Read until :meth:`stop`, or until a parameter changes that the source has to be reopened for."""
        parameters = self._source.parameters
        while not self._stop.is_set():
            if self._parameters is not self._source.parameters:
                if _needs_reopening(parameters, self._parameters):
                    self._source.close()
                    return
                self._source.configure(self._parameters)
            frame = self._source.orientation.frame(self._source.read())
            if self._stop.is_set():  # perhaps long ago, and there is no reader any more
                return
            self.newest = frame
            self._arrivals.append(frame.stamp_ns)
            self._state = dataclasses.replace(
                self._state, frames=self._state.frames + 1, dropped=self._state.dropped + frame.dropped,
                last_ns=self._clock.now_ns())
            self._set(Status.STREAMING, ReasonCode.OK, '')
            self._deliver(frame)

    def _wait(self, timeout_s: float | None) -> None:
        self._wake.wait(timeout_s)
        self._wake.clear()

    def _set(self, status: Status, code: ReasonCode, message: str) -> None:
        old = self._state
        if (old.status, old.code, old.message) == (status, code, message):
            return
        if status is not Status.STREAMING:
            self._arrivals.clear()
        self._state = dataclasses.replace(old, status=status, code=code, message=message)
        _log.log(logging.INFO if code is ReasonCode.OK else logging.WARNING, '%s: %s', status.name.lower(), message)
        self._changed()


def _needs_reopening(old: CaptureParameters, new: CaptureParameters) -> bool:
    return (old.width, old.height, old.rate_hz) != (new.width, new.height, new.rate_hz)

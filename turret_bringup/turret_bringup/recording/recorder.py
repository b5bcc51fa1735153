# SPDX-License-Identifier: Apache-2.0
"""Writing a bag in a thread of its own, fed from another that never waits."""

from __future__ import annotations

import dataclasses
import errno
import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from turret_bringup.bags.metadata import DROPPED, Topic
from turret_bringup.bags.writer import BagWriter
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Time between two looks at what has arrived, and between two flushes: together below the second that may be lost.
_DRAIN_S = 0.1
_FLUSH_S = 0.5
#: A disk that has not answered for so long is reported.
_STALLED_S = 5.0

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds of a recording.

    Attributes:
        max_s: it stops by itself after this time; 0 = never.
        min_free: it stops with less free space [bytes].
        queue: messages that wait may take this much memory [bytes].
    """

    max_s: float
    min_free: int
    queue: int


@dataclasses.dataclass
class Progress:
    """How far a recording is.

    Attributes:
        active: it is being written.
        duration_s: time since its start [s], on the monotonic clock.
        size: bytes written.
        messages: number of messages on the disk.
        dropped: number of messages that exceeded the queue, or that never arrived.
        ended: why it stopped by itself; None while it is active and after it was stopped.
    """

    active: bool = True
    duration_s: float = 0.0
    size: int = 0
    messages: int = 0
    dropped: int = 0
    ended: TurretError | None = None


class BagRecorder:
    """One recording of one bag."""

    def __init__(
            self, writer: BagWriter, limits: Limits, finished: Callable[[], None], flush_s: float = _FLUSH_S) -> None:
        """Prepare it; nothing is recorded before :meth:`start`.

        Args:
            writer: of the bag, not open yet.
            limits: of the recording.
            finished: called from the recorder's thread when the bag is complete.
            flush_s: period of writing to the disk and of checking the limits.
        """
        self.name = writer.folder.name
        self.progress = Progress()
        self._writer = writer
        self._limits = limits
        self._finished = finished
        self._flush_s = flush_s
        self._waiting: deque[tuple[str, int, bytes, int] | Topic] = deque()
        self._queued = 0
        self._taken = 0
        self._started = self._answered = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name='bag-writer', daemon=True)

    @property
    def stalled_s(self) -> float:
        """Time for which the disk has not answered [s]; 0 = it does."""
        waited_s = time.monotonic() - self._answered
        return waited_s if self.progress.active and waited_s > _STALLED_S else 0.0

    def start(self) -> None:
        """Begin to record. Raises TurretError: STORAGE_FULL, ALREADY_EXISTS, IO_ERROR."""
        require_space(self._writer.folder.parent, self._limits.min_free)
        try:
            self._writer.open()
        except OSError as error:
            raise failure(error) from error
        self._answered = time.monotonic()
        self._thread.start()

    def add_topic(self, topic: Topic) -> None:
        """Make a topic known; before its first message."""
        self._waiting.append(topic)

    def offer(self, topic: str, stamp_ns: int, data: bytes, published_ns: int) -> None:
        """Queue a message, or count it as dropped where the queue is full. Never blocks; call it from one thread."""
        if self._stopping.is_set() or not self.progress.active:
            return
        if self._queued - self._taken + len(data) > self._limits.queue:
            self.progress.dropped += 1
            return
        self._queued += len(data)
        self._waiting.append((topic, stamp_ns, data, published_ns))

    def stop(self, wait_s: float | None = None) -> None:
        """Stop the recording and wait until the bag is complete; None = without a limit."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(wait_s)

    def _run(self) -> None:
        try:
            try:
                self._record()
            except TurretError as error:
                self.progress.ended = error
            self._writer.custom[DROPPED] = str(self.progress.dropped)
            self._writer.close()
        except OSError as error:
            self.progress.ended = self.progress.ended or failure(error)
            self._writer.abort()
        self._report()
        if self.progress.ended is not None:
            _log.warning('%s: %s', self.name, self.progress.ended)
        self.progress.active = False
        self._finished()

    def _record(self) -> None:
        """Write until stopped. Raises TurretError when a limit is reached or the folder is gone, OSError."""
        self._started = flushed = time.monotonic()
        while True:
            stopping = self._stopping.wait(_DRAIN_S)
            self._answered = time.monotonic()
            self._drain()
            now = time.monotonic()
            if stopping:
                self._writer.require_in_place()
                return
            if now - flushed < self._flush_s:
                continue
            flushed = now
            self._writer.flush()
            self._writer.require_in_place()
            self._report()
            require_space(self._writer.folder.parent, self._limits.min_free)
            if self._limits.max_s and now - self._started >= self._limits.max_s:
                raise TurretError(ReasonCode.TIMED_OUT, f'recording stopped after {self._limits.max_s:g} s')

    def _drain(self) -> None:
        for _ in range(len(self._waiting)):
            waiting = self._waiting.popleft()
            if isinstance(waiting, Topic):
                self._writer.add_topic(waiting)
            else:
                self._writer.write(*waiting)
                self._taken += len(waiting[2])

    def _report(self) -> None:
        progress, writer = self.progress, self._writer
        progress.duration_s = time.monotonic() - self._started
        progress.size, progress.messages = writer.size, writer.flushed


def require_space(folder: Path, min_free: int) -> None:
    """Refuse to record with less free space than this [bytes].

    Raises:
        TurretError: STORAGE_FULL, RECORDING_FAILED.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise failure(error) from error
    if free < min_free:
        raise TurretError(
            ReasonCode.STORAGE_FULL, f'only {free / 1e6:.0f} MB are free; {min_free / 1e6:.0f} MB must stay free')


def failure(error: OSError) -> TurretError:
    """Return what an error of the disk means for a recording."""
    code = ReasonCode.STORAGE_FULL if error.errno == errno.ENOSPC else ReasonCode.RECORDING_FAILED
    return TurretError(code, f'recording failed: {error.strerror or error}')

"""What one client is still to be sent: bounded, and never in the way of other clients."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Protocol

from turret_web.fan_out.frames import Deflater

log = logging.getLogger(__name__)

#: Bytes handed to the operating system ahead of what it has sent [bytes].
HIGH_WATER = 64 * 1024
#: How often a client that reads too slowly is tried again [s].
RETRY_S = 0.01
#: Answers that may wait for a slow client before it is dropped [bytes].
ANSWERS_LIMIT = 4 * 1024 * 1024


class Source(Protocol):
    """Something with frames to send, e.g. a client's subscription."""

    def next_frame(self) -> bytes:
        """Return the next frame; called only while there is one."""

    def has_frames(self) -> bool:
        """Say whether another frame waits."""


class SendQueue:
    """Sends frames to one client as fast as it reads, straight into its transport.

    Answers (:meth:`send`) are never lost; a client that lets too many of them wait is dropped. Streams are sources,
    which bound themselves and are asked for a frame only when it can be sent. Frames that become ready in the same turn
    of the loop leave in one write.

    Attributes:
        deflater: compresses for this client; None where it did not offer to inflate.
        sent_bytes: handed to the operating system so far.
        sent_frames: likewise.
    """

    def __init__(
            self, transport: asyncio.WriteTransport, stall_limit_s: float, deflater: Deflater | None = None) -> None:
        self._transport = transport
        self._stall_limit_s = stall_limit_s
        self._loop = asyncio.get_running_loop()
        self._answers: deque[bytes] = deque()
        self._answers_size = 0
        self._ready: deque[Source] = deque()
        self._flush_handle: asyncio.Handle | None = None
        self._progress_s = 0.0
        self._unread = -1
        self.deflater = deflater
        self.sent_bytes = 0
        self.sent_frames = 0

    def send(self, data: bytes) -> None:
        """Send a frame that must not be lost."""
        self._answers.append(data)
        self._answers_size += len(data)
        if self._answers_size > ANSWERS_LIMIT:
            self._drop('lets its answers wait')
        self._wake()

    def wake(self, source: Source) -> None:
        """Ask ``source`` for its frames from now on until it has none. Must not be called again before that."""
        self._ready.append(source)
        self._wake()

    def forget(self, source: Source) -> None:
        """Ask ``source`` no more."""
        if source in self._ready:
            self._ready.remove(source)

    def close(self) -> None:
        """Send nothing more."""
        self._answers.clear()
        self._ready.clear()
        if self._flush_handle is not None:
            self._flush_handle.cancel()

    def _wake(self) -> None:
        if self._flush_handle is None:
            self._flush_handle = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_handle = None
        if self._transport.is_closing():
            self.close()
            return
        room = HIGH_WATER - self._transport.get_write_buffer_size()
        frames = []
        while room > 0 and (self._answers or self._ready):
            data = self._next()
            frames.append(data)
            room -= len(data)
        if frames:
            data = b''.join(frames)
            self._transport.write(data)
            self.sent_bytes += len(data)
            self.sent_frames += len(frames)
            self._unread = -1
        if self._answers or self._ready:
            self._retry()

    def _next(self) -> bytes:
        if self._answers:
            data = self._answers.popleft()
            self._answers_size -= len(data)
            return data
        source = self._ready.popleft()
        data = source.next_frame()
        if source.has_frames():
            self._ready.append(source)
        return data

    def _retry(self) -> None:
        """Come back later: the client's buffer is full. Drop the client when nothing of it goes for too long."""
        now, unread = self._loop.time(), self._transport.get_write_buffer_size()
        if unread != self._unread:
            self._unread, self._progress_s = unread, now
        elif now - self._progress_s > self._stall_limit_s:
            self._drop(f'has read nothing for {self._stall_limit_s:g} s')
            return
        self._flush_handle = self._loop.call_later(RETRY_S, self._flush)

    def _drop(self, why: str) -> None:
        log.warning('dropping client %s, which %s', self._transport.get_extra_info('peername'), why)
        self.close()
        self._transport.abort()

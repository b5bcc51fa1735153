# SPDX-License-Identifier: Apache-2.0
"""Outgoing frames of one client: bounded, and without delay for other clients."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from turret_web.fan_out.backlog import CONNECTION_BYTES, ByteBudget
from turret_web.fan_out.frames import Deflater

log = logging.getLogger(__name__)

#: Maximum unsent data in the transport [bytes].
HIGH_WATER = 64 * 1024
#: Interval at which sending to a slow client is tried again [s].
RETRY_S = 0.01
#: Maximum size of waiting answers; a client with more is disconnected [bytes].
ANSWERS_LIMIT = 4 * 1024 * 1024
#: Conversions of large messages for one client at the same time.
_CONVERSIONS = 2


class Source(Protocol):
    """Source of frames, for example a subscription of the client."""

    def next_frame(self) -> bytes:
        """Return the next frame; called only while there is one."""

    def has_frames(self) -> bool:
        """Return whether another frame waits."""


class Slots:
    """Limits how many jobs of one client run at the same time; further ones wait in order."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[Callable[[], None]] = deque()

    def request(self, start: Callable[[], None]) -> None:
        """Call ``start`` as soon as a slot is free. :meth:`release` must follow."""
        if self._free:
            self._free -= 1
            start()
        else:
            self._waiting.append(start)

    def release(self) -> None:
        """Give a slot back."""
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._free += 1


class SendQueue:
    """Sends frames to one client as fast as it reads, directly into its transport.

    Answers (:meth:`send`) are never dropped; a client with too many waiting answers is disconnected. Streams are
    sources, which bound themselves and are asked for a frame only when it can be sent. Frames that become ready in the
    same iteration of the loop are sent in one write.

    Attributes:
        deflater: compressor for this client; None if it did not negotiate compression.
        budget: waiting bytes of the subscriptions of the client.
        conversions: slots for conversions of large messages by another process.
        sent_bytes: bytes written to the transport so far.
        sent_frames: frames written to the transport so far.
    """

    def __init__(
            self, transport: asyncio.WriteTransport, stall_limit_s: float, deflater: Deflater | None = None,
            total: ByteBudget | None = None) -> None:
        self._transport = transport
        self._stall_limit_s = stall_limit_s
        self._loop = asyncio.get_running_loop()
        self._answers: deque[bytes] = deque()
        self._answers_size = 0
        self._ready: deque[Source] = deque()
        self._flush_handle: asyncio.Handle | None = None
        self._progress_s = 0.0
        self._unread = -1
        self._closed = False
        self.deflater = deflater
        self.budget = ByteBudget(CONNECTION_BYTES, total)
        self.conversions = Slots(_CONVERSIONS)
        self.sent_bytes = 0
        self.sent_frames = 0

    def send(self, data: bytes) -> None:
        """Send a frame that must not be dropped."""
        if self._closed:
            return
        self._answers.append(data)
        self._answers_size += len(data)
        if self._answers_size > ANSWERS_LIMIT:
            self._drop('does not read its answers')
        self._wake()

    def wake(self, source: Source) -> None:
        """Request the frames of ``source`` until it has none. Must not be called again before that."""
        self._ready.append(source)
        self._wake()

    def forget(self, source: Source) -> None:
        """Request no more frames of ``source``."""
        if source in self._ready:
            self._ready.remove(source)

    def close(self) -> None:
        """Send nothing any more."""
        self._closed = True
        self._answers.clear()
        self._ready.clear()
        if self._flush_handle is not None:
            self._flush_handle.cancel()

    def _wake(self) -> None:
        if self._flush_handle is None and not self._closed:
            self._flush_handle = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_handle = None
        if self._transport.is_closing():
            self.close()
            return
        free = HIGH_WATER - self._transport.get_write_buffer_size()
        frames = []
        while free > 0 and (self._answers or self._ready):
            data = self._next()
            frames.append(data)
            free -= len(data)
        if frames:
            data = b''.join(frames)
            self._transport.write(data)
            self.sent_bytes += len(data)
            self.sent_frames += len(frames)
            self._unread = -1
        if self._answers or self._ready:
            if self._transport.get_write_buffer_size() < HIGH_WATER:
                self._wake()
            else:
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
        """Try again later, because the transport is full. Disconnect a client that reads nothing for too long."""
        now, unread = self._loop.time(), self._transport.get_write_buffer_size()
        if unread != self._unread:
            self._unread, self._progress_s = unread, now
        elif now - self._progress_s > self._stall_limit_s:
            self._drop(f'has read nothing for {self._stall_limit_s:g} s')
            return
        self._flush_handle = self._loop.call_later(RETRY_S, self._flush)

    def _drop(self, why: str) -> None:
        log.warning('disconnecting client %s, which %s', self._transport.get_extra_info('peername'), why)
        self.close()
        self._transport.abort()

# SPDX-License-Identifier: Apache-2.0
"""WebSocket frames (RFC 6455) that a server sends, their compression (RFC 7692), and a check of those of clients.

Frames of a server are not masked, so one frame can be sent to every client. aiohttp does the handshake and parses what
clients send; :class:`ClientFrames` refuses what it accepts.
"""

from __future__ import annotations

import zlib

TEXT = 1
BINARY = 2

#: Close codes.
PROTOCOL_ERROR = 1002
TOO_BIG = 1009

_FINAL = 0x80
_MASKED = 0x80
_COMPRESSED = 0x40
#: The first opcode of control frames, which may come between the parts of a message.
_CONTROL = 8
#: Further bytes of the length, by the length in the second byte of a head; and those of the mask.
_LENGTH_BYTES = {126: 2, 127: 8}
_MASK_BYTES = 4
_MAX_HEAD_BYTES = 14
_SYNC_TAIL = b'\x00\x00\xff\xff'


def frame(payload: bytes, opcode: int = TEXT, *, compressed: bool = False) -> bytes:
    """Return a whole message as one frame."""
    first = 0x80 | opcode | (_COMPRESSED if compressed else 0)
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return bytes((first, 126)) + size.to_bytes(2, 'big') + payload
    return bytes((first, 127)) + size.to_bytes(8, 'big') + payload


class Deflater:
    """Compressor of one connection; its window holds what the client has already received, if the client keeps it."""

    def __init__(self, window_bits: int, client_keeps_window: bool = True) -> None:
        """Create a compressor.

        Args:
            window_bits: size of the negotiated window, 9 to 15; at most 13 are used. 12 bits (4 kB) hold the previous
                message, which is what a stream of similar messages needs, and cost 48 kB per client.
            client_keeps_window: False if ``server_no_context_takeover`` was negotiated.
        """
        self._flush = zlib.Z_SYNC_FLUSH if client_keeps_window else zlib.Z_FULL_FLUSH
        self._compressor = zlib.compressobj(6, zlib.DEFLATED, -max(9, min(window_bits, 13)), 5)

    def text_frame(self, payload: bytes) -> bytes:
        """Return a compressed text frame."""
        data = self._compressor.compress(payload) + self._compressor.flush(self._flush)
        return frame(data.removesuffix(_SYNC_TAIL), TEXT, compressed=True)


class FrameError(Exception):
    """A client breaks the WebSocket protocol.

    Attributes:
        code: close code.
        reason: what is wrong.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class ClientFrames:
    """Checks the heads of a client's frames for what aiohttp accepts.

    These are frames without a mask, messages that begin before the last one has ended, and with aiohttp 3.9 frames of
    any size until all of it has arrived.

    Attributes:
        messages: number of messages that have begun.
    """

    def __init__(self, message_bytes: int) -> None:
        """Expect the head of the first frame.

        Args:
            message_bytes: maximum size of a message.
        """
        self._limit = message_bytes
        self._head = b''  # an incomplete one
        self._left = 0  # bytes of the frame that have not arrived
        self._unfinished: int | None = None  # size of the parts of a message so far
        self.messages = 0

    def check(self, data: bytes, limit: int) -> int:
        """Check the next bytes of the connection, up to a number of frames; return how many bytes may be passed on.

        Raises:
            FrameError: nothing must be passed on, and the connection must be closed.
        """
        at = min(self._left, len(data))
        self._left -= at
        for _ in range(limit):
            if at >= len(data):
                break
            known = len(self._head)
            head = self._head + data[at:at + _MAX_HEAD_BYTES - known]
            if len(head) > 1 and not head[1] & _MASKED:
                raise FrameError(PROTOCOL_ERROR, 'a frame is not masked')
            extended = _LENGTH_BYTES.get(head[1] & ~_MASKED, 0) if len(head) > 1 else 0
            size = 2 + extended + _MASK_BYTES
            if len(head) < size:
                self._head = head
                return len(data)
            self._head = b''
            length = int.from_bytes(head[2:2 + extended], 'big') if extended else head[1] & ~_MASKED
            self._begin(head[0] & 0x0f, bool(head[0] & _FINAL), length)
            at += size - known
            self._left = max(0, length - (len(data) - at))
            at += length
        return min(at, len(data))

    def _begin(self, opcode: int, final: bool, length: int) -> None:
        if opcode >= _CONTROL:
            return
        if (opcode == 0) == (self._unfinished is None):
            raise FrameError(PROTOCOL_ERROR, 'the parts of a message are out of order')
        self.messages += opcode != 0
        total = (self._unfinished or 0) + length
        if total > self._limit:
            raise FrameError(TOO_BIG, f'a message is larger than {self._limit} bytes')
        self._unfinished = None if final else total

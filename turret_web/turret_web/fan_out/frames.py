# SPDX-License-Identifier: Apache-2.0
"""WebSocket frames (RFC 6455) that a server sends, and their compression (RFC 7692).

Frames of a server are not masked, so one frame can be sent to every client. aiohttp does the handshake and parses what
clients send.
"""

from __future__ import annotations

import zlib

TEXT = 1
BINARY = 2

_COMPRESSED = 0x40
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
    """Compressor of one connection; its window holds what the client has already received."""

    def __init__(self, window_bits: int) -> None:
        """Create a compressor.

        Args:
            window_bits: size of the negotiated window, 9 to 15; at most 13 are used. 12 bits (4 kB) hold the previous
                message, which is what a stream of similar messages needs, and cost 48 kB per client.
        """
        self._compressor = zlib.compressobj(6, zlib.DEFLATED, -max(9, min(window_bits, 13)), 5)

    def text_frame(self, payload: bytes) -> bytes:
        """Return a compressed text frame."""
        data = self._compressor.compress(payload) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        return frame(data.removesuffix(_SYNC_TAIL), TEXT, compressed=True)

# SPDX-License-Identifier: Apache-2.0
"""Decompression of the chunks of MCAP files, in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import lz4.frame
import zstandard

#: Maximum window that a compressed chunk may ask for [bytes].
_WINDOW_LIMIT = 64 << 20
_PART_BYTES = 1 << 20
#: Maximum decompressed size of a chunk that is checked without being kept [bytes].
_CHECK_LIMIT = 4 << 30
#: The first bytes of compressed data of each kind.
MAGICS = (b'\x28\xb5\x2f\xfd', b'\x04\x22\x4d\x18')


def decompress(compression: str, data: bytes, limit: int) -> bytes:
    """Return the data of a chunk, not more than so many bytes.

    Raises KeyError for a compression that is not known, and what the libraries raise on data that is not valid.
    """
    return b''.join(KNOWN[compression](data, limit))


def is_whole(compression: str, data: bytes, size: int, crc: int) -> bool:
    """Return whether a chunk of a known compression has the size and, unless it is 0, the CRC-32 that it should have.

    It is not kept in memory. Raises as :func:`decompress`.
    """
    found_size = found_crc = 0
    for part in KNOWN[compression](data, min(size, _CHECK_LIMIT) + 1):
        found_size += len(part)
        found_crc = zlib.crc32(part, found_crc)
    return found_size == size and crc in (0, found_crc)


def _plain(data: bytes, limit: int) -> Iterator[bytes]:
    yield data[:limit]


def _zstd(data: bytes, limit: int) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)
    with decompressor.stream_reader(data, read_across_frames=True) as stream:
        while limit > 0 and (part := stream.read(min(limit, _PART_BYTES))):
            limit -= len(part)
            yield part


def _lz4(data: bytes, limit: int) -> Iterator[bytes]:
    while data and limit > 0:
        decompressor = lz4.frame.LZ4FrameDecompressor()
        while limit > 0 and not decompressor.eof:
            part: bytes = decompressor.decompress(data, max_length=min(limit, _PART_BYTES))
            data = b''
            limit -= len(part)
            yield part
            if decompressor.needs_input and not decompressor.eof:
                return
        data = decompressor.unused_data or b''


#: The compressions by their names in MCAP files: functions from data and a limit to the decompressed data in parts.
KNOWN: dict[str, Callable[[bytes, int], Iterator[bytes]]] = {'': _plain, 'zstd': _zstd, 'lz4': _lz4}

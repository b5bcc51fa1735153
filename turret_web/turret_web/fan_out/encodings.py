# SPDX-License-Identifier: Apache-2.0
"""Encodings of rosbridge messages: JSON, PNG, CBOR and raw CBOR, whole or in fragments.

A message is first encoded as a payload (bytes of one JSON or CBOR message) and then as WebSocket frames, so that a
payload can be shared, compressed or split.
"""

from __future__ import annotations

import binascii
import itertools
import math
import zlib
from collections.abc import Iterator
from typing import Any

from turret_common import fast_json
from turret_web.fan_out import frames

COMPRESSIONS = ('none', 'png', 'cbor', 'cbor-raw')

#: Maximum number of fragments of one message; smaller fragments than that allows are enlarged.
_MAX_FRAGMENTS = 4096

_fragment_ids = itertools.count(1)


def is_binary(compression: str) -> bool:
    """Return whether payloads of this compression are CBOR."""
    return compression.startswith('cbor')


def json_payload(message: dict[str, Any]) -> bytes:
    """Return a message as JSON. Numbers that are not finite become null."""
    return fast_json.dumps(message)


def publish_json(topic: str, values: dict[str, Any]) -> bytes:
    """Return a ``publish`` message as JSON."""
    return b'{"op":"publish","topic":%b,"msg":%b}' % (fast_json.dumps(topic), fast_json.dumps(values))


def publish_cbor(topic: str, values: dict[str, Any]) -> bytes:
    """Return a ``publish`` message as CBOR."""
    import cbor2  # imported only when a client requests CBOR
    return cbor2.dumps({'op': 'publish', 'topic': topic, 'msg': values})


def publish_cbor_raw(topic: str, data: bytes, received_ns: int) -> bytes:
    """Return a ``publish`` message as CBOR that holds the serialized ROS message unchanged.

    Args:
        topic: name of the topic.
        data: the serialized message.
        received_ns: time of arrival [ns since 1970].
    """
    import cbor2
    secs, nsecs = divmod(received_ns, 10**9)
    return cbor2.dumps({
        'op': 'publish', 'topic': topic, 'msg': {'secs': secs, 'nsecs': nsecs, 'bytes': data}})


def as_png(payload: bytes) -> bytes:
    """Return the ``png`` message: a JSON payload as the pixels of an RGB image, padded with newlines."""
    pixels = math.ceil(len(payload) / 3)
    width = max(1, math.isqrt(pixels))
    height = math.ceil(pixels / width)
    rows = payload.ljust(3 * width * height, b'\n')
    scanlines = b''.join(
        b'\0' + rows[start:start + 3 * width] for start in range(0, len(rows), 3 * width))
    image = b'\x89PNG\r\n\x1a\n' + b''.join((
        _png_chunk(b'IHDR', width.to_bytes(4, 'big') + height.to_bytes(4, 'big') + b'\x08\x02\0\0\0'),
        _png_chunk(b'IDAT', zlib.compress(scanlines)),
        _png_chunk(b'IEND', b'')))
    return b'{"op":"png","data":"%b"}' % binascii.b2a_base64(image, newline=False)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, 'big') + kind + data + zlib.crc32(kind + data).to_bytes(4, 'big')


def fragments(payload: bytes, size: int, message_id: str | int | None) -> Iterator[bytes]:
    """Split a JSON payload into ``fragment`` messages; a payload within the size stays whole.

    Args:
        payload: the JSON message.
        size: maximum length of a part [characters].
        message_id: id that the parts share; None for a generated one.
    """
    text = payload.decode()
    size = max(size, math.ceil(len(text) / _MAX_FRAGMENTS))
    if len(text) <= size:
        yield payload
        return
    name = message_id or f'fragment:{next(_fragment_ids)}'
    total = math.ceil(len(text) / size)
    for number in range(total):
        yield fast_json.dumps({
            'op': 'fragment', 'id': name, 'data': text[number * size:(number + 1) * size], 'num': number,
            'total': total})


def wire(
        payload: bytes, binary: bool = False, fragment_size: int | None = None,
        message_id: str | int | None = None) -> bytes:
    """Return a payload as one or more concatenated WebSocket frames.

    Args:
        payload: the message.
        binary: True for CBOR, False for text.
        fragment_size: maximum length of a text message [characters], None for any; CBOR is never split.
        message_id: id of the message, for its fragments.
    """
    if binary:
        return frames.frame(payload, frames.BINARY)
    if fragment_size is None:
        return frames.frame(payload)
    return b''.join(frames.frame(part) for part in fragments(payload, fragment_size, message_id))

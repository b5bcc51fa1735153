# SPDX-License-Identifier: Apache-2.0
"""Conversion of large messages in a process of its own, so that it does not delay the event loop.

A thread would not do: decoding and JSON encoding keep the interpreter lock for tens of milliseconds at a time. Requests
and answers are pickled, each behind its length, over standard input and output of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import struct
import sys
from typing import BinaryIO, NamedTuple

from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec, CodecError
from turret_common.messages.schema import Struct
from turret_common.reason_codes import ReasonCode
from turret_web.fan_out import encodings
from turret_web.fan_out.json_rounding import rounded

_LENGTH = struct.Struct('<I')
#: Maximum duration of one conversion [s].
_TIMEOUT_S = 10.0
_NICE = 10


class Conversion(NamedTuple):
    """Request to convert one message.

    Attributes:
        kind: type of the message.
        data: serialized message.
        decimals: decimals of rounded numbers in JSON; None for all.
        received_ns: time of arrival [ns since 1970].
        name: name of the topic for the client.
        compression: one of :data:`turret_web.fan_out.encodings.COMPRESSIONS`.
        fragment_size: maximum length of a text message [characters]; None for any.
    """

    kind: Struct
    data: bytes
    decimals: int | None
    received_ns: int
    name: str
    compression: str
    fragment_size: int | None


def payload(codec: Codec, request: Conversion) -> bytes:
    """Return the ``publish`` message as JSON or CBOR, or the ``png`` message that contains it.

    Raises:
        CodecError: the data is not a message of this type.
    """
    if request.compression == 'cbor-raw':
        return encodings.publish_cbor_raw(request.name, request.data, request.received_ns)
    if request.compression == 'cbor':
        return encodings.publish_cbor(request.name, codec.to_cbor(request.data))
    values = codec.to_json(request.data)
    message = encodings.publish_json(
        request.name, values if request.decimals is None else rounded(values, request.decimals))
    return encodings.as_png(message) if request.compression == 'png' else message


class Converter:
    """The process that converts large messages. It is started for the first one, and again if it has ended."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def convert(self, request: Conversion) -> bytes:
        """Return a message as WebSocket frames.

        Raises:
            CodecError: the data is not a message of this type.
            TurretError: the process does not answer.
        """
        async with self._lock:
            process = await self._running()
            try:
                return await asyncio.wait_for(_exchange(process, request), _TIMEOUT_S)
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                await self._end()
                raise TurretError(ReasonCode.TIMED_OUT, 'a large message could not be converted') from error
            except asyncio.CancelledError:
                await self._end()  # the answer would be taken for that of the next request
                raise

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, '-m', __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        return self._process

    async def close(self) -> None:
        """End the process."""
        await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _exchange(process: asyncio.subprocess.Process, request: Conversion) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise ConnectionResetError('the process has no pipes')
    body = pickle.dumps(tuple(request), protocol=5)
    process.stdin.write(_LENGTH.pack(len(body)))
    process.stdin.write(body)
    await process.stdin.drain()
    (size,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
    failed = await process.stdout.readexactly(1) == b'!'
    answer = await process.stdout.readexactly(size)
    if failed:
        raise CodecError(answer.decode())
    return answer


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Convert messages until the input ends."""
    codecs: dict[str, Codec] = {}
    while len(head := requests.read(_LENGTH.size)) == _LENGTH.size:
        request = Conversion(*pickle.loads(requests.read(_LENGTH.unpack(head)[0])))
        mark = b'.'
        try:
            codec = codecs.setdefault(request.kind.name, Codec(request.kind))
            answer = encodings.wire(
                payload(codec, request), encodings.is_binary(request.compression), request.fragment_size)
        except Exception as error:  # noqa: BLE001  boundary: the next message must still be converted
            mark, answer = b'!', str(error).encode(errors='replace')
        answers.write(_LENGTH.pack(len(answer)) + mark)
        answers.write(answer)
        answers.flush()


if __name__ == '__main__':
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process ends when its parent closes the pipe
    os.nice(_NICE)
    serve(sys.stdin.buffer, sys.stdout.buffer)

# SPDX-License-Identifier: Apache-2.0
"""The load of ``./turret bench web``: clients that do nothing but count, on plain sockets.

One process reads all of its connections with epoll and never decodes a message: it walks the frames by their lengths
and looks for the stamp of a sample of them. Run as ``python -m turret_bringup.bench.web.load JSON``; answers in JSON.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import select
import socket
import struct
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any

#: The stamp is the first one in a status: CLOCK_MONOTONIC of the moment of publishing.
_SERIALIZED_STAMP = struct.Struct('<iI')
#: Of a binary message of a Foxglove server, and of a serialized message: bytes before the stamp.
_FOXGLOVE_HEADER, _CDR_HEADER = 13, 4
_STAMP = re.compile(rb'"sec": ?(\d+), ?"nanosec": ?(\d+)')
_TIMESTAMP = re.compile(rb'X-Timestamp: (\d+\.\d+)', re.IGNORECASE)
_LENGTH = re.compile(rb'Content-Length: (\d+)\r\n(?:.+\r\n)*\r\n', re.IGNORECASE)
_SAMPLES_PER_S = 2000
_WARM_UP_S = 0.5
_NOTHING_S = 5.0


class Tally:
    """What all clients received together."""

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0
        self.latencies_s: list[float] = []

    def reset(self) -> None:
        """Discard what was received during warm-up."""
        self.messages = self.bytes = 0
        self.latencies_s.clear()

    def wants_sample(self, elapsed_s: float) -> bool:
        """Return whether to measure the latency of this message."""
        return len(self.latencies_s) < _SAMPLES_PER_S * elapsed_s + 100

    def result(self, elapsed_s: float, cpu_s: float, clients: int) -> dict[str, float]:
        """Return the figures; latencies are NaN without messages."""
        ordered = sorted(self.latencies_s) or [math.nan]

        def percentile(share: float) -> float:
            return 1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]
        return {
            'messages_per_s': self.messages / elapsed_s, 'bytes_per_client': self.bytes / elapsed_s / clients,
            'p50_ms': percentile(0.5), 'p95_ms': percentile(0.95), 'p99_ms': percentile(0.99),
            'load_cpu_pct': 100.0 * cpu_s / elapsed_s}


class SocketClient:
    """A rosbridge client that subscribes to one topic."""

    def __init__(self, port: int, path: str, topic: str, type_name: str, deflate: bool, tally: Tally) -> None:
        self.socket = open_websocket(port, path, deflate)
        self._tally = tally
        self._inflater = zlib.decompressobj(-15) if deflate else None
        self._rest = b''
        self.socket.sendall(text_frame({'op': 'subscribe', 'topic': topic, 'type': type_name}))

    def take(self, data: bytes, now_s: float, elapsed_s: float) -> None:
        """Count the frames of what has come."""
        data = self._rest + data
        at = 0
        while len(data) - at >= 2:
            size, header = data[at + 1], 2
            if size == 126:
                size, header = int.from_bytes(data[at + 2:at + 4], 'big'), 4
            elif size == 127:
                size, header = int.from_bytes(data[at + 2:at + 10], 'big'), 10
            if len(data) - at < header + size:
                break
            self._tally.messages += 1
            self._sample(data, at, header, size, now_s, elapsed_s)
            at += header + size
        self._rest = data[at:]

    def _sample(self, data: bytes, at: int, header: int, size: int, now_s: float, elapsed_s: float) -> None:
        start, end = at + header, at + header + size
        if data[at] & 0x40 and self._inflater is not None:
            data = self._inflater.decompress(data[start:end] + b'\x00\x00\xff\xff')
            start, end = 0, len(data)
        if self._tally.wants_sample(elapsed_s):
            found = _STAMP.search(data, start, min(end, start + 400))
            if found is not None:
                self._tally.latencies_s.append(now_s - int(found[1]) - 1e-9 * int(found[2]))


class FoxgloveClient(SocketClient):
    """A client of a Foxglove WebSocket server that subscribes to its only channel."""

    def __init__(self, port: int, tally: Tally) -> None:
        self.socket = open_websocket(port, '/', protocol='foxglove.sdk.v1')
        self._tally = tally
        self._rest = b''
        channel = None
        while channel is None:
            self._rest += self.socket.recv(1 << 16)
            channel = re.search(rb'"channels":\[\{"id":(\d+)', self._rest)
        self._rest = b''
        self.socket.sendall(text_frame({
            'op': 'subscribe', 'subscriptions': [{'id': 1, 'channelId': int(channel[1])}]}))

    def _sample(self, data: bytes, at: int, header: int, size: int, now_s: float, elapsed_s: float) -> None:
        if self._tally.wants_sample(elapsed_s):
            sec, nanosec = _SERIALIZED_STAMP.unpack_from(data, at + header + _FOXGLOVE_HEADER + _CDR_HEADER)
            self._tally.latencies_s.append(now_s - sec - 1e-9 * nanosec)


class VideoClient:
    """A viewer of an MJPEG stream."""

    def __init__(self, port: int, path: str, tally: Tally) -> None:
        self.socket = self._connect(port, path)
        self._tally = tally
        self._rest = b''

    def _connect(self, port: int, path: str) -> socket.socket:
        """Connect as soon as the server knows of the topic."""
        deadline = time.monotonic() + _NOTHING_S
        while True:
            try:
                return connect(port, path, 'Connection: keep-alive\r\n')
            except ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def take(self, data: bytes, now_s: float, elapsed_s: float) -> None:
        """Count the images that are complete. Sizes of chunks, where the transfer has them, are stepped over."""
        self._rest += data
        while True:
            length = _LENGTH.search(self._rest)
            if length is None or len(self._rest) < length.end() + int(length[1]):
                return
            stamp = _TIMESTAMP.search(self._rest, 0, length.end())
            self._tally.messages += 1
            if stamp is not None:
                self._tally.latencies_s.append(time.time() - float(stamp[1]))
            self._rest = self._rest[length.end() + int(length[1]):]


def connect(port: int, path: str, headers: str) -> socket.socket:
    """Open a connection and read the head of the answer, no byte more."""
    connection = socket.create_connection(('127.0.0.1', port), timeout=10.0)
    connection.sendall(f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n'.encode())
    head = b''
    while b'\r\n\r\n' not in head:
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError(f'{path}: closed')
        head += byte
    if b' 101 ' not in head[:20] and b' 200 ' not in head[:20]:
        raise ConnectionError(f'{path}: {head.splitlines()[0].decode()}')
    return connection


def open_websocket(port: int, path: str, deflate: bool = False, protocol: str = '') -> socket.socket:
    """Open a WebSocket, with compression of messages if ``deflate``, and with a subprotocol if one is given."""
    extension = 'Sec-WebSocket-Extensions: permessage-deflate\r\n' if deflate else ''
    if protocol:
        extension += f'Sec-WebSocket-Protocol: {protocol}\r\n'
    return connect(port, path, (
        'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
        f'Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n{extension}'))


def text_frame(message: object) -> bytes:
    """Return a message of a client as a WebSocket frame, masked with zeros."""
    body = json.dumps(message).encode()
    if len(body) < 126:
        head = bytes((0x81, 0x80 | len(body)))
    elif len(body) < 1 << 16:
        head = b'\x81\xfe' + len(body).to_bytes(2, 'big')
    else:
        head = b'\x81\xff' + len(body).to_bytes(8, 'big')
    return head + bytes(4) + body


def receive(make: Callable[[Tally], SocketClient | VideoClient], clients: int, duration_s: float) -> dict[str, float]:
    """Read with so many clients for a time, and return the figures."""
    tally = Tally()
    by_handle = {client.socket.fileno(): client for client in [make(tally) for _ in range(clients)]}
    poll = select.epoll()
    for handle in by_handle:
        poll.register(handle, select.EPOLLIN)
    began, cpu_s = time.monotonic(), time.process_time()
    warm = False
    while True:
        ready = poll.poll(0.2)
        now_s = time.monotonic()
        for handle, _ in ready:
            data = by_handle[handle].socket.recv(1 << 18)
            if not data:
                raise ConnectionError('the server closed a connection')
            tally.bytes += len(data)
            by_handle[handle].take(data, now_s, now_s - began)
        if not warm and ((now_s - began > _WARM_UP_S and tally.messages) or now_s - began > _NOTHING_S):
            warm = True
            tally.reset()
            began, cpu_s = now_s, time.process_time()
        if warm and now_s - began > duration_s:
            return tally.result(now_s - began, time.process_time() - cpu_s, clients)


def poll_endpoints(port: int, paths: list[str], rate_hz: float, duration_s: float) -> dict[str, float]:
    """Ask for each address at a rate, one after the other on one connection, as a page that polls does."""
    connection = socket.create_connection(('127.0.0.1', port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tally = Tally()
    began, cpu_s = time.monotonic(), time.process_time()
    while time.monotonic() - began < duration_s:
        cycle = time.monotonic()
        for path in paths:
            asked = time.monotonic()
            connection.sendall(f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n'.encode())
            answer = b''
            while (length := _LENGTH.search(answer)) is None or len(answer) < length.end() + int(length[1]):
                answer += connection.recv(1 << 16)
            tally.latencies_s.append(time.monotonic() - asked)
            tally.messages += 1
            tally.bytes += len(answer)
        time.sleep(max(0.0, cycle + 1.0 / rate_hz - time.monotonic()))
    return tally.result(time.monotonic() - began, time.process_time() - cpu_s, 1)


def blast(listener: socket.socket, payload: bytes) -> None:
    """Send one frame repeatedly, as the fastest possible server, to test the load generator."""
    from turret_web.fan_out.frames import frame
    connection, _ = listener.accept()
    while b'\r\n\r\n' not in connection.recv(4096):
        pass
    connection.sendall(b'HTTP/1.1 101 Switching Protocols\r\n\r\n')
    connection.recv(4096)
    many = frame(payload) * 50
    try:
        while True:
            connection.sendall(many)
    except OSError:
        return


def main() -> int:
    """Run the load described by the argument."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    kind, duration_s = order.pop('kind'), order.pop('duration_s')
    if kind == 'poll':
        result = poll_endpoints(duration_s=duration_s, **order)
    else:
        clients = order.pop('clients')
        classes = {'socket': SocketClient, 'foxglove': FoxgloveClient, 'video': VideoClient}
        result = receive(lambda tally: classes[kind](tally=tally, **order), clients, duration_s)
    sys.stdout.write(json.dumps(result))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

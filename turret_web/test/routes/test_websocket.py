# SPDX-License-Identifier: Apache-2.0
"""Handshake and frames of WebSockets: what breaks the protocol is refused with the right code, and disturbs no one."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from malformed import client_frame as frame
from web_testing import FakeGateway, RunningServer, on_loop, serving, until

NOTES = '/turret/vision/note'
ASK = json.dumps({'op': 'call_service', 'service': '/rosapi/get_time', 'id': 'q'}).encode()
KEY = b'dGhlIHNhbXBsZSBub25jZQ=='
DEFLATE = b'permessage-deflate'


def deflated(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return (deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


def handshake(
        path: str = '/rosbridge', method: str = 'GET', version: str = 'HTTP/1.1', more: bytes = b'',
        **changed: bytes | None) -> bytes:
    """Return a handshake; None as the value of a header leaves it out."""
    headers = {
        'Host': b'localhost', 'Upgrade': b'websocket', 'Connection': b'Upgrade', 'Sec_WebSocket_Key': KEY,
        'Sec_WebSocket_Version': b'13', **changed}
    lines = b''.join(
        name.replace('_', '-').encode() + b': ' + value + b'\r\n' for name, value in headers.items()
        if value is not None)
    return f'{method} {path} {version}\r\n'.encode() + lines + more + b'\r\n'


class RawClient:
    """A client that sends and receives frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def receive(self) -> tuple[int, bytes]:
        """Return the first byte and the payload of the next frame."""
        first, second = await asyncio.wait_for(self._reader.readexactly(2), 10.0)
        size = second if second < 126 else int.from_bytes(await self._reader.readexactly(2), 'big')
        return first, await asyncio.wait_for(self._reader.readexactly(size), 10.0)

    async def close_code(self) -> int:
        """Return the code of the close frame that must be next, and the last."""
        first, payload = await self.receive()
        assert first == 0x88, payload
        assert await self.rest() == b''
        return int.from_bytes(payload[:2], 'big')

    async def rest(self) -> bytes:
        """Return everything up to the end of the connection."""
        return await asyncio.wait_for(self._reader.read(), 10.0)


@asynccontextmanager
async def opened(door: RunningServer, request: bytes) -> AsyncIterator[tuple[int, bytes, RawClient]]:
    """Send a handshake; provide status, head and the client."""
    reader, writer = await asyncio.open_connection('127.0.0.1', door.server.address[1])
    try:
        writer.write(request)
        head = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), 10.0)
        yield int(head.split()[1]), head, RawClient(reader, writer)
    finally:
        writer.close()


@pytest.mark.parametrize(('code', 'sent', 'extensions'), [
    (1002, frame(1, ASK, masked=False), None), (1002, frame(9, b'a', masked=False), None),
    (1002, frame(8, b'\x03\xe8', masked=False), None),
    (1002, frame(1, ASK[:5], final=False) + frame(0, ASK[5:], masked=False), None),
    *((1002, frame(1, ASK, reserved=bits), None) for bits in (1, 2, 4, 7)),
    (1002, frame(1, deflated(ASK)[:5], final=False, reserved=4) + frame(0, deflated(ASK)[5:], reserved=4), DEFLATE),
    *((1002, frame(opcode, ASK), None) for opcode in (3, 7, 11, 15)),
    *((1002, frame(opcode, b'a', final=False), None) for opcode in (8, 9, 10)),
    *((1002, frame(opcode, b'\x03\xe8' + b'a' * 124), None) for opcode in (8, 9, 10)),
    (1002, frame(0, ASK), None), (1002, frame(1, ASK[:5], final=False) + frame(1, ASK), None),
    (1002, frame(1, b'', final=False) + frame(2, ASK), None), (1002, frame(2, b'', final=False) + frame(1, b''), None),
    (1002, frame(8, b'\x03'), None),
    *((1002, frame(8, code.to_bytes(2, 'big')), None) for code in (0, 999, 1005, 1015)),
    (1007, frame(8, b'\x03\xe8\xff'), None), (1007, frame(1, b'{"a":"\xff"}'), None),
    (1007, frame(1, b'\xce\xba\xe1\xbd', final=False) + frame(0, b'\xb9\xed\xa0\x80'), None),
    (1007, frame(1, b'\xff\xff\xff\xff', reserved=4), DEFLATE),
    (1009, frame(1, deflated(b'[' * 10_000_000), reserved=4), DEFLATE),
    (1009, b'\x81\xff' + b'\x7f' * 8 + bytes(4), None), (1009, b'\x81\xff' + b'\xff' * 8 + bytes(4), None),
    (1009, frame(1, bytes(6000), final=False) + frame(0, bytes(6000)), None),
    (1000, frame(8, b''), None), (1000, frame(8, b'\x03\xe8bye'), None), (1000, frame(8, b'\x0b\xb8'), None)],
    ids=itertools.count())
@on_loop
async def test_a_connection_is_closed_with_the_code_of_what_it_did(
        caplog: pytest.LogCaptureFixture, code: int, sent: bytes, extensions: bytes | None) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(FakeGateway(), limits={'message_bytes': 10_000}) as door, door.connect() as other:
        async with opened(door, handshake(Sec_WebSocket_Extensions=extensions)) as (status, _, client):
            assert status == 101
            client.writer.write(sent)
            assert await client.close_code() == code
        while (await door.get('/healthz'))[1]['clients'] != 1:
            await asyncio.sleep(0.01)
        assert (await other.ask(op='call_service', service='/rosapi/get_time'))['result'] is True
    assert [record for record in caplog.records if record.exc_info or record.levelno > logging.WARNING] == []
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) <= 1


@pytest.mark.parametrize(('sent', 'extensions'), [
    ([frame(1, ASK)], None), ([frame(2, ASK)], None), ([bytes((byte,)) for byte in frame(1, ASK)], None),
    ([frame(1, ASK[:5], final=False) + frame(9, b''), frame(0, b'', final=False) + frame(10, b'x') + frame(0, ASK[5:])],
     None),
    ([frame(1, deflated(ASK)[:5], final=False, reserved=4), frame(0, deflated(ASK)[5:])], DEFLATE),
    ([frame(10, b'') * 5000 + frame(1, ASK)], None)], ids=itertools.count())
@on_loop
async def test_frames_of_every_form_are_answered(sent: list[bytes], extensions: bytes | None) -> None:
    request = handshake(Sec_WebSocket_Extensions=extensions)
    async with (
            serving(FakeGateway(), limits={'message_bytes': 10_000}) as door,
            opened(door, request) as (_, _, client)):
        for part in sent:
            client.writer.write(part)
            await client.writer.drain()
            await asyncio.sleep(0)
        while (received := await client.receive())[0] != 0x81:
            assert received[0] == 0x8a  # pong
        assert json.loads(received[1])['result'] is True


@pytest.mark.parametrize(('status', 'request_'), [
    *((400, handshake(Upgrade=value)) for value in (b'h2c, websocket', b'h2c', b'websocket/13', b'"websocket"', None)),
    *((400, handshake(Connection=value)) for value in (b'keep-alive', b'not-upgrade', b'upgraded', None)),
    *((400, handshake(Sec_WebSocket_Key=value)) for value in (
        b'x', b'', KEY + b'AAAA', KEY[:9] + b'!!' + KEY[9:], None)),
    (400, handshake(more=b'Sec-WebSocket-Key: ' + KEY + b'\r\n')),
    *((426, handshake(Sec_WebSocket_Version=value)) for value in (b'8', b'12', b'013', b'13, 8', b'', None)),
    (426, handshake(more=b'Sec-WebSocket-Version: 8\r\n')), (400, handshake(version='HTTP/1.0')),
    (404, handshake(method='HEAD')), (405, handshake(method='POST')),
    (400, handshake('/', Upgrade=b'h2c, websocket')), (426, handshake('/', Sec_WebSocket_Version=b'8'))],
    ids=itertools.count())
@on_loop
async def test_a_handshake_that_is_none_is_refused(status: int, request_: bytes) -> None:
    async with serving(FakeGateway()) as door, opened(door, request_) as (got, head, _):
        assert got == status
        if status == 426:
            assert b'Sec-WebSocket-Version: 13\r\n' in head
            assert b'Upgrade: websocket\r\n' in head
        assert (await door.get('/healthz'))[1]['clients'] == 0


@pytest.mark.parametrize('request_', [
    handshake(), handshake('/'), handshake(Upgrade=b'WebSocket'), handshake(Connection=b'keep-alive, upgrade'),
    handshake(more=b'Upgrade: h2c\r\n')],
    ids=itertools.count())
@on_loop
async def test_a_handshake_in_another_form_is_accepted(request_: bytes) -> None:
    async with serving(FakeGateway()) as door, opened(door, request_) as (status, _, client):
        assert status == 101
        client.writer.write(frame(1, ASK))
        assert json.loads((await client.receive())[1])['result'] is True


@pytest.mark.parametrize('method', ['GET', 'HEAD'])
@on_loop
async def test_an_upgrade_to_something_else_is_ignored(method: str) -> None:
    request = handshake('/session', method, Upgrade=b'h2c')
    async with serving(FakeGateway()) as door, opened(door, request) as (status, _, _):
        assert status == 200


@on_loop
async def test_no_window_is_kept_for_a_client_that_keeps_none() -> None:
    gateway = FakeGateway()
    gateway.topic_types[NOTES] = 'demo_msgs/msg/Note'
    wish = DEFLATE + b'; server_no_context_takeover'
    async with serving(gateway) as door, opened(door, handshake(Sec_WebSocket_Extensions=wish)) as (_, head, client):
        assert b'server_no_context_takeover' in head
        client.writer.write(frame(1, json.dumps({'op': 'subscribe', 'topic': NOTES}).encode()))
        await until(lambda: gateway.feeds.get(NOTES))
        for _ in range(2):
            gateway.emit(NOTES, {'text': 'always the same ' * 40})
            first, payload = await client.receive()
            assert first == 0xc1
            message = zlib.decompressobj(-15).decompress(payload + b'\0\0\xff\xff')
            assert json.loads(message)['msg']['text'].startswith('always')


@on_loop
async def test_few_frames_of_one_client_are_handled_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    handled = []
    take = web.RequestHandler.data_received

    def counting(self: web.RequestHandler, data: bytes) -> None:
        handled.append(len(data))
        take(self, data)
    async with serving(FakeGateway()) as door, opened(door, handshake()) as (_, _, client):
        monkeypatch.setattr(web.RequestHandler, 'data_received', counting)
        client.writer.write(frame(9) * 1000 + frame(1, ASK))
        for _ in range(1000):
            assert (await client.receive())[0] == 0x8a
        assert json.loads((await client.receive())[1])['result'] is True
        assert sum(handled) == len(frame(9) * 1000 + frame(1, ASK))
        assert max(handled) <= 200 * len(frame(9))


@on_loop
async def test_a_burst_of_messages_is_answered_whole_and_in_order() -> None:
    async with serving(FakeGateway(), limits={'messages_per_s': 1e5}) as door, door.connect() as client:
        for number in range(5000):
            await client.send(op='x', id=number)
        for number in range(5000):
            assert (await client.receive())['id'] == number


@on_loop
async def test_nothing_follows_a_close_frame() -> None:
    gateway = FakeGateway()
    gateway.topic_types[NOTES] = 'demo_msgs/msg/Note'
    async with serving(gateway) as door, opened(door, handshake()) as (_, _, client):
        client.writer.write(frame(1, json.dumps({'op': 'subscribe', 'topic': NOTES}).encode()))
        await until(lambda: gateway.feeds.get(NOTES))
        client.writer.write(frame(1, ASK, masked=False))

        async def publish() -> None:
            while True:
                gateway.emit(NOTES, {'text': 'x'})
                await asyncio.sleep(0.01)
        publishing = asyncio.create_task(publish())
        while (received := await client.receive())[0] != 0x88:
            assert received[0] == 0x81
        assert await client.rest() == b''
        publishing.cancel()

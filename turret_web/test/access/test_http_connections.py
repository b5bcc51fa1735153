# SPDX-License-Identifier: Apache-2.0
"""Before and after sign-in: time, number, form and fairness of connections."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import json
import logging
import random
import socket

import aiohttp
import pytest
from malformed import http_head as head
from malformed import http_request
from web_testing import JPEG, FakeGateway, RunningServer, on_loop, serving, until

from turret_common.errors import TurretError
from turret_common.paths import state_dir
from turret_web.access.access import Tokens, load_tokens, rotate_tokens, tokens_path
from turret_web.access.policy import Role
from turret_web.access.slots import FairSlots

CAMERA = '/turret/camera/image_raw'


@pytest.fixture
def gateway() -> FakeGateway:
    gateway = FakeGateway()
    gateway.serve('/turret/safety/stop', lambda values: {'sum': 1})
    gateway.topic_types[f'{CAMERA}/compressed'] = JPEG.name
    return gateway


def tokens() -> Tokens:
    return load_tokens(state_dir('turret') / 'web.tokens')


def bearer(token: str) -> dict[str, str]:
    return {'Authorization': f'Bearer {token}'}


async def raw(door: RunningServer, request: bytes) -> bytes:
    """Send bytes and return the response; its end is the end of the connection or of the body."""
    reader, writer = await asyncio.open_connection('127.0.0.1', door.server.address[1])
    try:
        writer.write(request)
        head = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), 5.0)
        return head + await asyncio.wait_for(reader.read(4096), 5.0)
    finally:
        writer.close()


@pytest.mark.parametrize('request_', [
    head(Host=b'\xff'), head(Host=b'127.0.0.1', Origin=b'\xff'), head(Host=b'127.0.0.1', Origin=b'http://['),
    head(Host=b'127.0.0.1', Origin='http://\u2100/'.encode()), head(Host=b'127.0.0.1', Authorization=b'Bearer \xff'),
    head(Host=b'127.0.0.1', Cookie='turret_0=\u00e9.1.2'.encode()), head(Host=b'127.0.0.1', Cookie=b'turret_0=\xff'),
    head(Host=b'127.0.0.1', path='/' + 'a' * 300), head(Host=b'127.0.0.1', path='/api/x%0a'),
    head('POST', '/sign-in', Host=b'127.0.0.1', Content_Type=b'multipart/form-data', Content_Length=b'0'),
    head('POST', '/sign-in', Host=b'127.0.0.1', Content_Type=b'text/plain; charset=nonsense', Content_Length=b'0'),
    head('PUT', '/session', Host=b'127.0.0.1'), b'nonsense\r\n\r\n', b'GET / HTTP/9.9\r\n\r\n',
    head('POST', '/sign-in', Host=b'127.0.0.1', Content_Encoding=b'gzip', Content_Length=b'2') + b'xx',
    head('POST', '/sign-in', Host=b'127.0.0.1', Content_Encoding=b'deflate', Transfer_Encoding=b'chunked')
    + b'2\r\nxx\r\n0\r\n\r\n',
    head('POST', '/sign-in', Host=b'127.0.0.1', Transfer_Encoding=b'chunked') + b'x\r\n',
    head('POST', '/sign-in', Host=b'127.0.0.1', Expect=b'miracles', Content_Length=b'0'),
    *(head(Host=host) for host in (
        b'', b'evil.example', b'127.0.0.1, evil.example', b'a@127.0.0.1', b'127.0.0.1/x', b'127.0.0.1?x',
        b'127.0.0.1#x', b'127.0.0.1:port', b'127.0.0.1\\x', b'[::1', b'[]', '\uff4cocalhost'.encode())),
    *(b'GET /session HTTP/1.1\r\nHost: 127.0.0.1\r\n' + 2 * header + b'\r\n' for header in (
        b'Host: 127.0.0.1\r\n', b'Origin: http://127.0.0.1\r\n', b'Authorization: Bearer x\r\n',
        b'Sec-Fetch-Site: none\r\n')),
    b'GET /' + b'x' * 9000 + b' HTTP/1.1\r\n\r\n'], ids=itertools.count())
@on_loop
async def test_a_malformed_request_is_answered_in_json_with_at_most_one_line_in_the_log(request_: bytes) -> None:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        async with serving(FakeGateway(), host='0.0.0.0') as door:
            answer = await raw(door, request_)
    finally:
        logging.getLogger().removeHandler(handler)
    status, body = int(answer.split()[1]), answer.partition(b'\r\n\r\n')[2]
    assert 400 <= status < 500
    if b'<!doctype' not in body:
        assert json.loads(body)['success'] is False
    assert len(records) <= 1
    assert not [record for record in records if record.exc_info or record.levelno >= logging.ERROR]


async def _fuzz(requests: int) -> None:
    rng = random.Random(7)
    async with serving(FakeGateway(), host='0.0.0.0') as door:
        async def attack() -> None:
            for _ in range(requests // 20):
                with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                    answer = await raw(door, http_request(rng))
                    assert int(answer.split()[1]) != 500, answer
        await asyncio.gather(*(attack() for _ in range(20)))
        assert (await door.get('/healthz')) == (200, {'status': 'ok'})


@on_loop
async def test_malformed_requests(caplog: pytest.LogCaptureFixture) -> None:
    await _fuzz(500)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.mark.soak
def test_twenty_thousand_malformed_requests(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(_fuzz(20_000))
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@on_loop
async def test_half_open_connections_keep_no_one_out(gateway: FakeGateway) -> None:
    async with serving(gateway, host='0.0.0.0') as door:
        half_open = []
        for _ in range(400):
            _, writer = await asyncio.open_connection('127.0.0.1', door.server.address[1])
            writer.write(b'GET / HTTP/1.1\r\nHost: 127')
            half_open.append(writer)
        operator = bearer(tokens().operator)
        assert (await door.request('POST', '/api/safety/stop', headers=operator))[0] == 200
        assert (await door.get('/healthz'))[0] == 200
        for writer in half_open:
            writer.close()


@on_loop
async def test_requests_that_wait_for_no_answer_are_bounded(gateway: FakeGateway) -> None:
    request = head(path='/healthz', Host=b'localhost').replace(b'Connection: close\r\n', b'')
    async with serving(gateway) as door:
        reader, writer = await asyncio.open_connection('127.0.0.1', door.server.address[1])
        writer.write(request * 50)
        answers = b''
        while answers.count(b'HTTP/1.1 200 OK') < 50:
            answers += await asyncio.wait_for(reader.read(65536), 5.0)
        sent = 0
        with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
            while sent < 100_000_000 and not writer.is_closing():
                writer.write(request * 1000)
                sent += 1000 * len(request)
                await asyncio.wait_for(writer.drain(), 1.0)
                await asyncio.sleep(0)
        assert sent < 20_000_000  # what the sockets hold included
        assert (await door.get('/healthz'))[0] == 200
        writer.close()


@on_loop
async def test_tls_handshakes_that_are_not_completed_keep_no_one_out(
        gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.http_connections._HANDSHAKE_S', 60.0)
    async with serving(gateway, tls_certificate='self-signed') as door:
        crowd = []
        for begin in (b'', b'\x16\x03\x01\x02\x00', b'GET / HTTP/1.1\r\n\r\n'):
            for _ in range(70):
                reader, writer = await asyncio.open_connection('127.0.0.1', door.server.address[1])
                writer.write(begin)
                crowd.append((reader, writer))
        url = f'https://127.0.0.1:{door.server.address[1]}'
        async with door.session.get(f'{url}/healthz', ssl=False) as response:
            assert response.status == 200
        await until(lambda: sum(not reader.at_eof() for reader, _ in crowd) <= 64)
        for _, writer in crowd:
            writer.close()


@on_loop
async def test_connections_of_viewers_keep_no_one_out(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.server.raise_file_limit', lambda: 148)  # 20 connections
    async with serving(gateway, host='0.0.0.0') as door:
        request = head(Host=b'127.0.0.1', Authorization=f'Bearer {tokens().viewer}'.encode())
        signed_in = request.replace(b'close', b'keep-alive')
        crowd = []
        for _ in range(40):
            reader, writer = await asyncio.open_connection('127.0.0.1', door.server.address[1])
            writer.write(signed_in)
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await asyncio.wait_for(reader.readuntil(b'}'), 5.0)
            crowd.append((reader, writer))
        assert (await door.request('POST', '/api/safety/stop', headers=bearer(tokens().operator)))[0] == 200
        assert sum(not reader.at_eof() for reader, _ in crowd) <= 10
        for _, writer in crowd:
            writer.close()


@on_loop
async def test_a_head_that_is_not_completed_ends_the_connection(
        gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.http_connections._HEAD_S', 0.1)
    monkeypatch.setattr('turret_web.http_connections._IDLE_S', 0.1)
    async with serving(gateway) as door:
        for begin in (b'GET / HTTP/1.1\r\nHost: 127', b'', b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'):
            reader, writer = await asyncio.open_connection('127.0.0.1', door.server.address[1])
            writer.write(begin)
            with contextlib.suppress(ConnectionError):
                while await asyncio.wait_for(reader.read(1000), 5.0):
                    pass
            writer.close()


def test_slots_are_shared_fairly() -> None:
    slots = FairSlots(20, 'clients')
    for _ in range(9):
        slots.take(Role.VIEWER, 'a')
    with pytest.raises(TurretError, match='9 clients from a'):
        slots.take(Role.VIEWER, 'a')
    for number in range(9):
        slots.take(Role.VIEWER, f'b{number}')
    with pytest.raises(TurretError, match='reserved for operators'):
        slots.take(Role.VIEWER, 'c')
    for _ in range(2):
        slots.take(Role.OPERATOR, 'a')
    with pytest.raises(TurretError, match='20 clients'):
        slots.take(Role.OPERATOR, 'd')
    slots.release(Role.VIEWER, 'a')
    slots.take(Role.VIEWER, 'a')


@on_loop
async def test_idle_sockets_of_a_viewer_do_not_keep_the_operator_out(gateway: FakeGateway) -> None:
    async with serving(gateway, host='0.0.0.0') as door, contextlib.AsyncExitStack() as stack:
        refused: list[int] = []
        for _ in range(100):
            try:
                await stack.enter_async_context(door.connect(headers=bearer(tokens().viewer)))
            except aiohttp.WSServerHandshakeError as error:
                refused.append(error.status)
        assert refused == [429] * 55
        async with door.connect(headers=bearer(tokens().operator)) as client:
            assert (await client.ask(op='call_service', service='/turret/safety/stop'))['result'] is True


@on_loop
async def test_a_viewer_that_stops_reading_a_stream_loses_its_slot(gateway: FakeGateway) -> None:
    async with serving(gateway, limits={'stall_s': 0.2, 'viewers': 1}) as door:
        loop = asyncio.get_running_loop()
        viewer = socket.socket()
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        viewer.setblocking(False)
        await loop.sock_connect(viewer, ('127.0.0.1', door.server.address[1]))
        await loop.sock_sendall(viewer, f'GET /stream?topic={CAMERA} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        await until(lambda: gateway.feeds.get(f'{CAMERA}/compressed'))
        deadline = loop.time() + 10.0
        while gateway.feeds[f'{CAMERA}/compressed']:
            assert loop.time() < deadline
            gateway.emit(f'{CAMERA}/compressed', {'data': [255, 216, *[0] * 100_000]})
            await asyncio.sleep(0.01)
        viewer.close()


# --- the permission of open connections ---


@on_loop
async def test_new_tokens_and_signing_out_end_open_connections(
        gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.server._GRANTS_S', 0.02)
    async with serving(gateway, host='0.0.0.0') as door:
        for end in ('rotate', 'sign out'):
            await door.request('POST', '/sign-in', data={'token': tokens().operator})
            async with door.connect() as client, door.session.get(f'{door.url}/stream?topic={CAMERA}') as stream:
                await client.settle()
                if end == 'rotate':
                    rotate_tokens(tokens_path('turret'))
                else:
                    cookies = door.session.cookie_jar.filter_cookies(aiohttp.client.URL(door.url))
                    session = {name: cookie.value for name, cookie in cookies.items()}
                    await door.request('POST', '/sign-out')
                    assert (await door.get('/session', cookies=session))[0] == 401
                message = await client.socket.receive(5.0)
                assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
                with contextlib.suppress(aiohttp.ClientError):
                    await asyncio.wait_for(stream.read(), 5.0)


@on_loop
async def test_wrong_tokens_are_delayed_and_recorded_wherever_they_are_shown(
        gateway: FakeGateway, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(gateway, host='0.0.0.0') as door:
        loop = asyncio.get_running_loop()
        for number, options in enumerate((
                {'headers': bearer('wrong')}, {'params': {'token': 'wrong'}},
                {'headers': {'Authorization': 'bearer x'}})):
            began = loop.time()
            status, answer = await door.get('/session', **options)
            assert (status, answer['message']) == (401, 'wrong token')
            assert loop.time() - began > 0.9
            assert caplog.text.count('wrong token from 127.0.0.1') == number + 1
        assert (await door.get('/session', headers={'Authorization': tokens().operator}))[0] == 401
        many = await asyncio.gather(*(door.get('/session', headers=bearer(f'x{n}')) for n in range(40)))
        assert {status for status, _ in many} == {401, 429}


# --- the form of answers ---


@on_loop
async def test_head_of_a_stream_has_no_body_and_takes_no_slot(gateway: FakeGateway) -> None:
    async with serving(gateway, limits={'viewers': 1}) as door:
        for path in (f'/stream?topic={CAMERA}', '/audio'):
            for _ in range(3):
                async with door.session.head(door.url + path) as response:
                    assert response.status == 200
                    assert await response.read() == b''
        assert (await door.get('/healthz'))[1]['viewers'] == 0


@on_loop
async def test_a_snapshot_of_an_unsupported_image_says_why(
        gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.routes.video._SNAPSHOT_S', 2.0)
    importlib.import_module('turret_web.video.image_encoding')  # takes seconds on a busy machine
    gateway.topic_types['/turret/camera/depth'] = 'sensor_msgs/msg/Image'
    async with serving(gateway) as door:
        asked = asyncio.create_task(door.get('/snapshot?topic=/turret/camera/depth'))
        await until(lambda: gateway.feeds.get('/turret/camera/depth'))
        gateway.emit('/turret/camera/depth', {'height': 1, 'width': 1, 'encoding': 'strange', 'step': 1, 'data': [0]})
        status, answer = await asked
        assert status == 400
        assert 'image encoding "strange" is not supported' in answer['message']


@on_loop
async def test_other_clients_are_shown_to_operators_only(gateway: FakeGateway) -> None:
    async with serving(gateway, host='0.0.0.0') as door, door.connect(headers=bearer(tokens().operator)):
        assert len((await door.get('/api/clients', headers=bearer(tokens().operator)))[1]) == 1
        assert (await door.get('/api/clients', headers=bearer(tokens().viewer)))[1] == []




@pytest.mark.parametrize('key', ['é', 'x', '', 'a' * 500])
@on_loop
async def test_a_handshake_with_a_wrong_key_is_answered(
        gateway: FakeGateway, caplog: pytest.LogCaptureFixture, key: str) -> None:
    async with serving(gateway) as door:
        answer = await raw(door, head(
            path='/rosbridge', Host=b'127.0.0.1', Upgrade=b'websocket', Sec_WebSocket_Version=b'13',
            Sec_WebSocket_Key=key.encode()).replace(b'Connection: close', b'Connection: Upgrade, close'))
        assert answer.startswith(b'HTTP/1.1 400 ')
        assert json.loads(answer.partition(b'\r\n\r\n')[2])['success'] is False
        assert (await door.get('/healthz'))[1]['clients'] == 0
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

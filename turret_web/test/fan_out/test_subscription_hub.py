# SPDX-License-Identifier: Apache-2.0
"""One message to many clients: converted once, throttled, bounded, and never held up by a slow one."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import cbor2
import pytest
from web_testing import NOTE, FakeGateway, on_loop, serving, until

from turret_common.messages.cdr import Codec
from turret_web.fan_out import subscription_hub
from turret_web.fan_out.converter import Converter
from turret_web.fan_out.encodings import publish_json
from turret_web.fan_out.json_rounding import rounded
from turret_web.fan_out.subscription_hub import Delivery, Sample
from turret_web.names import InterfaceType, RosName

NOTES = '/turret/vision/note'


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@on_loop
async def test_a_message_is_converted_once_for_all_clients_and_not_at_all_for_none(gateway: FakeGateway) -> None:
    with patch.object(subscription_hub.encodings, 'publish_json', wraps=publish_json) as convert:
        async with serving(gateway) as door, door.connect() as a, door.connect() as b, door.connect() as c:
            for client in (a, b):
                await client.send(op='subscribe', topic=NOTES)
                await client.settle()
            await c.send(op='subscribe', topic=NOTES, throttle_rate=60_000)
            await c.settle()
            gateway.emit(NOTES, {})
            for client in (a, b, c):
                assert (await client.receive())['op'] == 'publish'
            assert convert.call_count == 1
            for client in (a, b):
                await client.send(op='unsubscribe', topic=NOTES)
                await client.settle()
            for _ in range(5):
                gateway.emit(NOTES, {})
            await c.settle()
            assert convert.call_count == 1


def _compute() -> None:
    """Take more CPU time than a conversion on the loop may take."""
    began = time.thread_time()
    while time.thread_time() - began < 0.003:
        pass


@pytest.mark.parametrize(('delay', 'elsewhere'), [(_compute, True), (lambda: time.sleep(0.003), False)])
@on_loop
async def test_messages_that_take_much_cpu_time_are_converted_by_another_process(
        gateway: FakeGateway, delay: Callable[[], None], elsewhere: bool) -> None:
    convert = Sample.convert

    def delayed(sample: Sample, delivery: Delivery) -> None:
        delay()
        convert(sample, delivery)

    with patch.object(Sample, 'convert', delayed), patch.object(
            Converter, 'convert', autospec=True, side_effect=Converter.convert) as other:
        async with serving(gateway) as door, door.connect() as client:
            await client.send(op='subscribe', topic=NOTES)
            await client.settle()
            for number in range(10):
                gateway.emit(NOTES, {'number': number})
                assert (await client.receive())['msg']['number'] == number
    assert (other.call_count > 0) is elsewhere


async def _stalled(door: Any, **subscription: Any) -> socket.socket:
    """Connect a client that subscribes and then reads nothing."""
    host, port = door.server.address
    reader = socket.create_connection((host, port))
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    reader.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(reader, (
        f'GET /rosbridge HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n').encode())
    assert b'101' in await loop.sock_recv(reader, 1000)
    body = json.dumps({'op': 'subscribe', 'topic': NOTES, **subscription}).encode()
    await loop.sock_sendall(reader, bytes((0x81, 0x80 | len(body))) + bytes(4) + body)
    return reader


@on_loop
async def test_a_client_that_reads_nothing_loses_messages_and_holds_up_no_one(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES)
        await client.settle()
        stalled = await _stalled(door, queue_length=5)
        text = 'x' * 100_000
        for number in range(200):
            gateway.emit(NOTES, {'text': text, 'number': number})
            assert (await client.receive())['msg']['number'] == number
        _, clients = await door.get('/api/clients')
        dropped = sorted(client['dropped_messages_total'] for client in clients)
        assert dropped[0] == 0
        assert dropped[1] > 50
        stalled.close()


@on_loop
async def test_a_client_that_stays_stalled_is_dropped(gateway: FakeGateway) -> None:
    async with serving(gateway, limits={'stall_s': 0.2}) as door:
        stalled = await _stalled(door)
        await until(lambda: gateway.feeds.get(NOTES))
        deadline = asyncio.get_running_loop().time() + 10.0
        while gateway.feeds[NOTES]:
            assert asyncio.get_running_loop().time() < deadline
            gateway.emit(NOTES, {'text': 'x' * 100_000})
            await asyncio.sleep(0.005)
        stalled.close()


@on_loop
async def test_a_slow_reader_of_a_stream_gets_the_newest(gateway: FakeGateway) -> None:
    gateway.streams.add(NOTES)
    async with serving(gateway) as door:
        slow = await _stalled(door)
        await until(lambda: gateway.feeds.get(NOTES))
        for number in range(300):
            gateway.emit(NOTES, {'text': 'x' * 50_000, 'number': number})
            await asyncio.sleep(0)
        data, loop = b'', asyncio.get_running_loop()
        while b'"number":299.0' not in data[-100:]:
            data += await asyncio.wait_for(loop.sock_recv(slow, 1 << 20), 5.0)
        assert data.count(b'"number":') < 250
        slow.close()


@on_loop
async def test_messages_are_deflated_for_clients_that_offer_it(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect(compress=15) as client, door.connect() as plain:
        for each in (client, plain):
            await each.send(op='subscribe', topic=NOTES)
            await each.settle()
        for number in range(20):
            gateway.emit(NOTES, {'text': f'{number} ' * 500, 'number': number})
            for each in (client, plain):
                assert (await each.receive())['msg'] == {'text': f'{number} ' * 500, 'number': number}
            await asyncio.sleep(0.06)
        _, clients = await door.get('/api/clients')
        sent = {each['deflate']: each['sent_bytes_total'] for each in clients}
        assert sent[True] < sent[False] / 5


@on_loop
async def test_messages_of_a_fast_topic_are_not_deflated(gateway: FakeGateway) -> None:
    topic = subscription_hub.SharedTopic(
        subscription_hub.SubscriptionHub(gateway), RosName(NOTES), InterfaceType(NOTE.name, 'msg'), Codec(NOTE), None)
    await topic.open(gateway)
    assert topic.is_slow
    for _ in range(30):
        gateway.emit(NOTES, {})
        await asyncio.sleep(0.001)
    assert not topic.is_slow
    await asyncio.sleep(0.5)
    for _ in range(3):
        gateway.emit(NOTES, {})
        await asyncio.sleep(0.1)
    assert topic.is_slow


@on_loop
async def test_a_message_that_cannot_be_converted_is_skipped_and_logged_once(
        gateway: FakeGateway, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES)
        await client.settle()
        for _ in range(3):
            gateway.feeds[NOTES][0](b'\x00\x01\x00\x00\xff')
        gateway.emit(NOTES, {'text': 'good'})
        assert NOTES in (await client.receive())['msg']  # the error, once
        assert (await client.receive())['msg']['text'] == 'good'
        assert len([record for record in caplog.records if NOTES in record.getMessage()]) == 1


@on_loop
async def test_topics_for_people_are_rounded_in_json_alone(gateway: FakeGateway) -> None:
    async with serving(gateway, rounded_topics=('vision/note',), rounded_decimals=3) as door:
        async with door.connect() as client:
            await client.send(op='subscribe', topic=NOTES)
            await client.settle()
            for number, shown in ((0.123456, 0.123), (-2.5, -2.5), (1e-9, 0.0), (float('nan'), None)):
                gateway.emit(NOTES, {'number': number})
                assert (await client.receive())['msg']['number'] == shown
        async with door.connect() as client:
            await client.send(op='subscribe', topic=NOTES, compression='cbor')
            await client.settle()
            gateway.emit(NOTES, {'number': 0.123456})
            assert cbor2.loads(await client.receive())['msg']['number'] == 0.123456


def test_stamps_are_rounded_to_milliseconds_and_other_integers_stay() -> None:
    values = {'stamp': {'sec': 5, 'nanosec': 123_456_789}, 'seq': 12_345_678, 'on': True, 'list': [0.00004, 'a']}
    assert rounded(values, 4) == {
        'stamp': {'sec': 5, 'nanosec': 123_000_000}, 'seq': 12_345_678, 'on': True, 'list': [0.0, 'a']}


@on_loop
async def test_a_conversion_is_not_lost_with_the_client_that_wanted_it(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def convert(*_: Any) -> bytes:
        frames: bytes = await asyncio.get_running_loop().create_future()
        return frames
    monkeypatch.setattr('turret_web.fan_out.converter.Converter.convert', convert)
    gateway = FakeGateway()
    async with serving(gateway) as door, door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, compression='png')
        await client.settle()
        gateway.emit(NOTES, {'text': 'x' * 20_000})
        await client.send(op='unsubscribe', topic=NOTES)
        await client.settle()
        gc.collect()
        assert 'destroyed' not in caplog.text

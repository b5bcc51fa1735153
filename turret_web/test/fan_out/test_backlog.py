# SPDX-License-Identifier: Apache-2.0
"""Queues bounded in bytes, and the conversion of large messages by another process."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from dataclasses import dataclass

import pytest
from web_testing import IMAGE, NOTE, FakeGateway, on_loop, serving

from turret_common.messages.cdr import Codec, CodecError
from turret_web.fan_out.backlog import CONNECTION_BYTES, QUEUE_BYTES, Backlog, ByteBudget
from turret_web.fan_out.converter import Conversion, Converter

MB = 1024 * 1024


@dataclass
class Item:
    size: int
    number: int = 0


def test_the_oldest_messages_are_dropped_by_number_and_by_bytes() -> None:
    budget = ByteBudget(CONNECTION_BYTES)
    few: Backlog[Item] = Backlog(lambda: 3, budget)
    for number in range(5):
        assert few.append(Item(1, number))
    assert [few.popleft().number for _ in range(3)] == [2, 3, 4]
    assert few.dropped == 2
    many: Backlog[Item] = Backlog(lambda: 1000, budget)
    for number in range(100):
        many.append(Item(MB, number))
    assert len(many) * MB <= QUEUE_BYTES
    assert budget.used == len(many) * MB
    many.clear()
    assert budget.used == 0


def test_a_message_larger_than_the_queue_is_kept_alone() -> None:
    backlog: Backlog[Item] = Backlog(lambda: 10, ByteBudget(CONNECTION_BYTES))
    backlog.append(Item(1))
    assert backlog.append(Item(QUEUE_BYTES + 1, 7))
    assert backlog.popleft().number == 7


def test_the_budgets_of_a_connection_and_of_all_connections_hold() -> None:
    total = ByteBudget(4 * MB)
    connections = [ByteBudget(3 * MB, total) for _ in range(3)]
    backlogs: list[Backlog[Item]] = [Backlog(lambda: 1, budget) for budget in connections for _ in range(4)]
    for backlog in backlogs:
        backlog.append(Item(MB))
    assert total.used <= 4 * MB
    assert max(budget.used for budget in connections) <= 3 * MB
    assert sum(map(len, backlogs)) == 4


@on_loop
async def test_large_messages_are_converted_in_every_compression_and_in_order() -> None:
    gateway = FakeGateway()
    topic = '/turret/camera/image_raw'
    gateway.topic_types[topic] = IMAGE.name
    pixels = bytes(range(256)) * 1200
    async with serving(gateway) as server, server.connect() as plain, server.connect() as compressed:
        for client, compression in ((plain, 'none'), (compressed, 'png')):
            await client.send(op='subscribe', topic=topic, compression=compression, queue_length=5)
            await client.settle()
        for step in range(3):
            gateway.emit(topic, {'step': step, 'data': list(pixels)})
        received: dict[str, list[int]] = {'publish': [], 'png': []}
        for client in (plain, compressed) * 3:
            message = await client.receive(20.0)
            kind = message['op']
            if kind == 'png':
                data = base64.b64decode(message['data'])
                width = int.from_bytes(data[16:20], 'big')
                start = data.index(b'IDAT')
                rows = zlib.decompress(data[start + 4:start + 4 + int.from_bytes(data[start - 4:start], 'big')])
                text = b''.join(rows[at + 1:at + 1 + 3 * width] for at in range(0, len(rows), 3 * width + 1))
                message = json.loads(text)
            assert base64.b64decode(message['msg']['data']) == pixels
            received[kind].append(message['msg']['step'])
        assert received == {'publish': [0, 1, 2], 'png': [0, 1, 2]}


@on_loop
async def test_the_converter_reports_invalid_messages_and_starts_again_after_its_end() -> None:
    converter = Converter()

    def request(data: bytes) -> Conversion:
        return Conversion(NOTE, data, None, 0, '/x', 'none', None)
    good = Codec(NOTE).encode({'text': 'a'}, 0)
    with pytest.raises(CodecError):
        await converter.convert(request(b'\x00\x01\x00\x00\xff'))
    assert b'"text":"a"' in await converter.convert(request(good))
    process = converter._process  # noqa: SLF001  there is no other way to stop it from outside
    assert process is not None
    process.kill()
    await process.wait()
    assert b'"text":"a"' in await converter.convert(request(good))
    await asyncio.gather(*(converter.convert(request(good)) for _ in range(5)))
    await converter.close()

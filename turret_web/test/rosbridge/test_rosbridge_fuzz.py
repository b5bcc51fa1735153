# SPDX-License-Identifier: Apache-2.0
"""Malformed input on real sockets: nothing crashes, nothing leaks, and those who behave do not notice."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import os
import random
import tracemalloc
from collections.abc import Coroutine, Iterable
from typing import Any

import pytest
from malformed import frame
from web_testing import BridgeClient, FakeGateway, RunningServer, on_loop, serving

from turret_web.web_parameters import AccessParameters

_TIMEOUT_S = 60.0  # of the client that behaves; how long it waits as a rule is judged at the end
NOTES = '/turret/vision/note'
STATUS = '/turret/status'
LISTS = AccessParameters(
    operator_topics=('vision/note',), operator_services=('demo/*',), operator_actions=('demo/*',),
    operator_offers=('demo/*',))


def broken_frame(rng: random.Random) -> bytes:
    """A frame that a server may not accept: reserved bits or opcodes, too long a control frame or message."""
    return rng.choice((
        b'\xf1\x80' + bytes(4), b'\x83\x80' + bytes(4), b'\x8f\x80' + bytes(4), b'\x80\x81' + bytes(5),
        b'\x89\xfe\x01\x00' + bytes(4), b'\x81\xff' + b'\x7f' * 8 + bytes(4), b'\x81\xfe\xff\xff' + bytes(65539),
        b'\x81\x81' + bytes(4) + b'\xff'))


class Attacker:
    """Sends frames, reads whatever comes back, and connects again when it is thrown out."""

    def __init__(self, door: RunningServer, seed: int) -> None:
        self._door = door
        self._rng = random.Random(seed)
        self.thrown_out = 0

    async def attack(self, frames: int) -> None:
        while frames > 0:
            async with self.connected() as (reader, writer):
                reading = asyncio.create_task(self._swallow(reader))
                with contextlib.suppress(ConnectionError):
                    while frames > 0 and not reading.done():
                        writer.write(b''.join(frame(self._rng) for _ in range(50)))
                        frames -= 50
                        await writer.drain()
                        if self._rng.random() < 0.1:
                            writer.write(broken_frame(self._rng))
                            # aiohttp 3.9 waits for all of a frame before it refuses one that is too long.
                            await asyncio.wait({reading}, timeout=2.0)
                            self.thrown_out += reading.done()
                            break
                reading.cancel()

    @contextlib.asynccontextmanager
    async def connected(self) -> Any:
        host, port = self._door.server.address
        reader, writer = await asyncio.open_connection(host, port)
        writer.write((
            f'GET /rosbridge HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            f'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n'
            '\r\n').encode())
        await reader.readuntil(b'\r\n\r\n')
        try:
            yield reader, writer
        finally:
            writer.close()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 16):
                pass


async def _watch(client: BridgeClient, gateway: FakeGateway, delays: list[float]) -> None:
    """A status twenty times a second, and how long each takes to arrive."""
    loop = asyncio.get_running_loop()
    seq = 0
    while True:
        seq += 1
        began = loop.time()
        gateway.emit(STATUS, {'seq': seq})
        assert (await client.receive(_TIMEOUT_S))['msg']['seq'] == seq
        delays.append(loop.time() - began)
        await asyncio.sleep(0.05)


async def _at_once(attacks: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run attacks, each in a thread of its own: to make up a frame takes longer than to refuse it."""
    await asyncio.gather(*(asyncio.to_thread(asyncio.run, attack) for attack in attacks))


async def _fuzz(frames: int) -> None:
    gateway = FakeGateway()
    gateway.serve('/turret/demo/add', lambda values: {'sum': 0})
    limits = {'messages_per_s': 1e6, 'message_bytes': 10_000, 'call_s': 0.1, 'goal_s': 0.1}
    async with serving(gateway, access=LISTS, limits=limits) as door, door.connect() as client:
        await client.send(op='subscribe', topic=STATUS)
        await client.settle()
        delays: list[float] = []
        watching = asyncio.create_task(_watch(client, gateway, delays))
        attackers = [Attacker(door, seed) for seed in range(4)]
        await _at_once(attacker.attack(frames // 40) for attacker in attackers)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        await _at_once(attacker.attack(9 * frames // 40) for attacker in attackers)
        deadline = asyncio.get_running_loop().time() + 10.0
        while (await door.get('/healthz'))[1]['clients'] > 1 and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.1)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert not watching.done(), watching.exception()
        watching.cancel()
        assert grown < 2_000_000, f'{grown} bytes more after {frames} frames'
        assert sum(attacker.thrown_out for attacker in attackers) > 0
        assert await door.get('/healthz') == (200, {'status': 'ok', 'clients': 1, 'viewers': 0})
        assert sorted(delays)[len(delays) // 2] < 0.5
        assert [len(feeds) for topic, feeds in gateway.feeds.items() if feeds] == [1]
        assert gateway.published_topics == []
        assert gateway.offered == {}


@on_loop
async def test_two_thousand_malformed_frames(caplog: pytest.LogCaptureFixture) -> None:
    await _fuzz(2_000)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.mark.soak
def test_three_hundred_thousand_malformed_frames(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(_fuzz(300_000))
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@on_loop
async def test_a_message_without_end_is_cut_off() -> None:
    async with (
            serving(FakeGateway(), limits={'message_bytes': 10_000}) as door,
            Attacker(door, 0).connected() as (reader, writer)):
        writer.write(b'\x81\xff' + (2**40).to_bytes(8, 'big') + bytes(4))
        sent = 0
        with contextlib.suppress(ConnectionError):
            while not (reader.at_eof() or writer.is_closing()) and sent < 100_000_000:
                writer.write(bytes(100_000))
                sent += 100_000
                await writer.drain()
                await asyncio.sleep(0)
        assert sent < 50_000_000  # what the sockets hold included


@on_loop
async def test_idle_and_stalled_clients_change_nothing_for_the_others() -> None:
    gateway = FakeGateway()
    async with serving(gateway, limits={'clients': 300}) as door, contextlib.AsyncExitStack() as stack:
        for number in range(60):
            crowd = await stack.enter_async_context(door.connect())
            if number % 6 == 0:  # these subscribe and never read
                await crowd.send(op='subscribe', topic=STATUS)
        client = await stack.enter_async_context(door.connect())
        await client.send(op='subscribe', topic=STATUS)
        await client.settle()
        delays: list[float] = []
        watching = asyncio.create_task(_watch(client, gateway, delays))
        await asyncio.sleep(1.0)
        assert not watching.done(), watching.exception()
        watching.cancel()
        assert len(delays) > 5
        assert sorted(delays)[len(delays) // 2] < 0.5

# SPDX-License-Identifier: Apache-2.0
"""The process of the web gateway in a real graph, under malformed input and crowds: all is answered, nothing grows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from malformed import http_request, payload, structured
from rclpy.action import ActionServer
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from turret_common.ros import qos as ros_qos
from turret_common.testing.waiting import free_port, wait_until
from turret_msgs.action import Home
from turret_msgs.srv import Stop
from turret_web.access.access import load_tokens, tokens_path

ANSWERS = {'call_service': 'service_response', 'send_action_goal': 'action_result'}
_BATCH = 50
_ANSWERED_S = 60.0
_GROWTH_BYTES = 30_000_000
_LOG_BYTES = 1_000_000


class Gateway:
    """The web gateway in a process of its own."""

    def __init__(self, folder: Path, domain_id: int, files: int = 0, **more: Any) -> None:
        """Start it, with a limit of file descriptors unless ``files`` is 0."""
        self.port = free_port()
        self.log = folder / 'web.log'
        parameters = {
            'port': self.port, 'limits.messages_per_s': 1e6, 'limits.call_s': 1.0, 'limits.goal_s': 1.0,
            'access.operator_topics': "['demo/*']", 'access.operator_offers': "['demo/*']",
            'access.operator_services': "['safety/*', 'demo/*']",
            'access.operator_actions': "['gimbal/*', 'demo/*']", **more}
        arguments = [word for name, value in parameters.items() for word in ('-p', f'{name}:={value}')]
        limited = ['prlimit', f'--nofile={files}:{files}'] if files else []
        with self.log.open('w') as log:
            self._process = subprocess.Popen(
                [*limited, sys.executable, '-m', 'turret_web.web_node', '--ros-args', '-r', '__ns:=/turret',
                 *arguments],
                stdout=log, stderr=subprocess.STDOUT, env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)})

    def wait_until_ready(self) -> None:
        wait_until(lambda: 'panel: ' in self.log.read_text(), 60.0, 'the web gateway')

    def memory(self) -> int:
        """Memory that belongs to the process alone [bytes]."""
        text = Path(f'/proc/{self._process.pid}/smaps_rollup').read_text()
        return 1024 * sum(int(kb) for kb in re.findall(r'^Private_\w+: +(\d+) kB', text, re.MULTILINE))

    def files(self) -> int:
        return len(list(Path(f'/proc/{self._process.pid}/fd').iterdir()))

    def close(self) -> None:
        self._process.terminate()
        assert self._process.wait(20.0) == 0


@contextlib.contextmanager
def running_gateway(folder: Path, domain_id: int, files: int = 0, **more: Any) -> Iterator[Gateway]:
    with contextlib.closing(Gateway(folder, domain_id, files, **more)) as gateway:
        gateway.wait_until_ready()
        yield gateway


@pytest.fixture
def graph(ros: Any) -> Iterator[Any]:
    """A graph with a service, a topic, an action and a camera."""
    ros.probe.create_service(Stop, 'safety/stop', lambda request, response: response)
    publisher = ros.probe.create_publisher(String, 'vision/note', ros_qos.STATE)
    publisher.publish(String(data='note'))

    def execute(goal: Any) -> Any:
        goal.succeed()
        return Home.Result()
    server = ActionServer(ros.probe, Home, 'gimbal/home', execute)
    camera = ros.probe.create_publisher(CompressedImage, 'camera/image_raw/compressed', ros_qos.IMAGE_OUT)
    image = CompressedImage(format='jpeg', data=b'\xff\xd8' + bytes(100_000) + b'\xff\xd9')
    timer = ros.probe.create_timer(0.05, lambda: camera.publish(image))
    yield ros
    timer.cancel()
    server.destroy()


@pytest.fixture
def gateway(graph: Any, tmp_path: Path) -> Iterator[Gateway]:
    with running_gateway(tmp_path, graph.domain_id) as process:
        yield process


class Attacker:
    """A client that sends malformed messages and expects an answer to each request, in the form of the request."""

    def __init__(self, port: int, seed: int) -> None:
        self._url = f'http://127.0.0.1:{port}/rosbridge'
        self._rng = random.Random(seed)
        self._numbers = iter(range(10**9))
        self._waiting: dict[str, str] = {}

    async def attack(self, count: int) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(self._url, max_msg_size=0) as socket:
            reading = asyncio.create_task(self._read(socket))
            for _ in range(count // _BATCH):
                for _ in range(_BATCH):
                    await socket.send_str(self._message())
                barrier = f'barrier {next(self._numbers)}'
                self._waiting[barrier] = 'status'
                await socket.send_str(json.dumps({'op': 'set_level', 'level': 'error'}))  # fuzzing may have changed it
                await socket.send_str(json.dumps({'op': 'none', 'id': barrier}))
                deadline = asyncio.get_running_loop().time() + _ANSWERED_S
                while self._waiting:
                    assert not reading.done(), f'the connection has ended; waiting for {self._waiting}'
                    assert asyncio.get_running_loop().time() < deadline, f'no answer: {self._waiting}'
                    await asyncio.sleep(0.002)
            reading.cancel()

    def _message(self) -> str:
        if self._rng.random() < 0.2:
            return payload(self._rng).decode(errors='replace')
        message = json.loads(structured(self._rng))
        message['id'] = f'r {next(self._numbers)}'
        answer = ANSWERS.get(str(message['op']))
        if answer is not None:
            self._waiting[message['id']] = answer
            for member in ('compression', 'fragment_size'):  # another form, without the id
                message.pop(member, None)
        return json.dumps(message)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            message = json.loads(frame.data)
            expected = self._waiting.get(message.get('id'))
            if expected == message['op']:
                del self._waiting[message['id']]


async def _requests(port: int, count: int, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(count):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            reader, writer = await asyncio.open_connection('127.0.0.1', port)
            writer.write(http_request(rng))
            head = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), _ANSWERED_S)
            assert int(head.split()[1]) not in (500, 502), head
            writer.close()


def _fuzz(gateway: Gateway, frames: int, requests: int) -> None:
    async def run(share: float) -> None:
        await asyncio.gather(
            *(Attacker(gateway.port, seed).attack(round(share * frames / 4)) for seed in range(4)),
            *(_requests(gateway.port, round(share * requests / 4), seed) for seed in range(4)))
    asyncio.run(run(0.2))
    memory, files = gateway.memory(), gateway.files()
    asyncio.run(run(0.8))
    assert gateway.memory() - memory < _GROWTH_BYTES
    wait_until(lambda: gateway.files() <= files + 8, 30.0, 'the end of all connections')
    log = gateway.log.read_text()
    assert 'Traceback' not in log
    assert '[ERROR]' not in log, re.findall(r'.*\[ERROR\].*', log)[:5]
    assert len(log) < _LOG_BYTES


def test_three_thousand_malformed_messages_are_answered(gateway: Gateway) -> None:
    _fuzz(gateway, 3_000, 400)


@pytest.mark.soak
def test_three_hundred_thousand_malformed_messages_are_answered(gateway: Gateway) -> None:
    _fuzz(gateway, 300_000, 20_000)


# --- crowds ---

_HALF_OPEN, _STALLED, _IDLE, _FILES = 1100, 50, 100, 1024


def connect(port: int, source: str) -> socket.socket:
    connection = socket.create_connection(('127.0.0.1', port), 10.0, (source, 0))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return connection


async def _operate(port: int, token: str) -> None:
    """Sign in, stop and see video, each in spite of the crowd."""
    url = f'http://127.0.0.1:{port}'
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.post(f'{url}/sign-in', data={'token': token}, timeout=10.0) as answer:
            assert answer.status == 200
        async with session.post(f'{url}/api/safety/stop', json={}, timeout=20.0) as answer:
            assert answer.status == 200
        async with session.get(f'{url}/snapshot?topic=/turret/camera/image_raw', timeout=10.0) as answer:
            assert (answer.status, answer.content_type) == (200, 'image/jpeg')
        async with session.get(f'{url}/stream?topic=/turret/camera/image_raw', timeout=10.0) as answer:
            assert await answer.content.readexactly(100_000)
        async with session.ws_connect(f'{url}/rosbridge') as bridge:
            await bridge.send_json({'op': 'call_service', 'service': '/turret/safety/stop', 'id': 'stop'})
            assert (await bridge.receive_json(timeout=10.0))['result'] is True


def test_crowds_of_half_open_stalled_and_idle_connections_keep_no_operator_out(graph: Any, tmp_path: Path) -> None:
    if not (Path(__file__).parents[2] / 'turret_web' / 'panel' / 'index.html').exists():
        pytest.skip('the panel is not built, and the operator asks for it')
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip(f'this test needs 4096 file descriptors, the limit is {hard}')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    tokens = load_tokens(tokens_path('/turret'))
    websocket = ('Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n')
    options = {'host': '0.0.0.0', 'limits.call_s': 15.0}  # discovery takes seconds
    with running_gateway(tmp_path, graph.domain_id, _FILES, **options) as gateway, contextlib.ExitStack() as crowd:
        viewer = f'Host: 127.0.0.1:{gateway.port}\r\nAuthorization: Bearer {tokens.viewer}\r\n'

        def join(source: str, request: str) -> None:
            connection = crowd.enter_context(connect(gateway.port, source))
            with contextlib.suppress(ConnectionError):
                connection.sendall(request.encode())
        for number in range(_STALLED):
            join(f'127.0.1.{1 + number // 10}', f'GET /stream?topic=/turret/camera/image_raw HTTP/1.1\r\n{viewer}\r\n')
        for _ in range(_IDLE):
            join('127.0.2.1', f'GET /rosbridge HTTP/1.1\r\n{viewer}{websocket}\r\n')
        for number in range(_HALF_OPEN):
            join(f'127.0.3.{1 + number // 50}', 'GET / HTTP/1.1\r\nHost: 127')
        asyncio.run(asyncio.wait_for(_operate(gateway.port, tokens.operator), 60.0))
        assert gateway.files() < _FILES
    log = gateway.log.read_text()
    assert 'Traceback' not in log
    assert len(log) < 100_000

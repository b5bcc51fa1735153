# SPDX-License-Identifier: Apache-2.0
"""The upstream bridge and video server behind the web gateway: what passes to them, what returns, what is refused.

The servers here are imitations that keep a record; the upstream ones need a ROS distribution.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import cbor2
import pytest
from aiohttp import web
from web_testing import (
    COUNT,
    JPEG,
    NOTE,
    BridgeClient,
    FakeGateway,
    RunningServer,
    on_loop,
    read_until,
    serving,
    until,
)

from turret_common.errors import TurretError
from turret_common.paths import state_dir
from turret_web.access.access import load_tokens
from turret_web.proxies.rosbridge_proxy import check_upstream
from turret_web.web_parameters import AccessParameters

CAMERA = '/turret/camera/image_raw'
NOTES = '/turret/vision/note'


@dataclass
class Upstream:
    """An imitation of rosbridge_websocket and web_video_server in one."""

    url: str = ''
    heard: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    image: asyncio.Event = field(default_factory=asyncio.Event)

    async def bridge(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            self.heard.append(json.loads(message.data))
        self.sockets.remove(socket)
        return socket

    async def stream(self, request: web.Request) -> web.StreamResponse:
        self.streams.append(request.query_string)
        response = web.StreamResponse(headers={'Content-Type': 'multipart/x-mixed-replace;boundary=b'})
        await response.prepare(request)
        for number in range(1000):
            await response.write(
                b'--b\r\nContent-type: image/jpeg\r\nX-Timestamp: 7.25\r\nContent-Length: 3\r\n\r\n\xff\xd8%c\r\n'
                % (number % 256))
            await asyncio.sleep(0.01)
        return response

    async def say(self, message: dict[str, Any]) -> None:
        await self.sockets[-1].send_json(message)

    async def hears(self, op: str) -> dict[str, Any]:
        """Return the next message with this operation."""
        found: dict[str, Any] = await until(lambda: next((m for m in self.heard if m['op'] == op), None))
        self.heard.remove(found)
        return found


@asynccontextmanager
async def behind(gateway: FakeGateway, **parameters: Any) -> AsyncIterator[tuple[RunningServer, Upstream]]:
    """A web gateway with upstream servers behind it."""
    upstream = Upstream()
    app = web.Application()
    app.add_routes([web.get('/stream', upstream.stream), web.get('/', upstream.bridge)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, '127.0.0.1', 0).start()
    upstream.url = f'127.0.0.1:{runner.addresses[0][1]}'
    try:
        async with serving(
                gateway, bridge='rosbridge_suite', bridge_upstream=f'ws://{upstream.url}', video='web_video_server',
                video_upstream=f'http://{upstream.url}', **parameters) as door:
            yield door, upstream
    finally:
        await runner.cleanup()


@pytest.fixture
def gateway() -> FakeGateway:
    return gateway_with_services()


def gateway_with_services() -> FakeGateway:
    gateway = FakeGateway()
    gateway.topic_types |= {f'{CAMERA}/compressed': JPEG.name, '/hidden/note': NOTE.name}
    for name in ('safety/stop', 'laser/arm', 'camera/set_parameters', 'gimbal/home/_action/send_goal'):
        gateway.serve(f'/turret/{name}', lambda values: values)  # their types; the server is the one that calls them
    return gateway


async def error(client: BridgeClient, **message: Any) -> str:
    return await client.error(**message)


@on_loop
async def test_topics_go_through_under_checked_names_and_come_back_as_asked(gateway: FakeGateway) -> None:
    async with behind(gateway) as (door, upstream), door.connect() as client:
        await client.send(
            op='subscribe', id='s1', topic='turret/vision/note', type='demo_msgs/Note', compression='png',
            throttle_rate=5, queue_length=3, fragment_size=20, evil='x')
        asked = await upstream.hears('subscribe')
        assert {**asked, 'id': ''} == {
            'op': 'subscribe', 'id': '', 'topic': NOTES, 'type': 'demo_msgs/msg/Note', 'compression': 'none',
            'throttle_rate': 5, 'queue_length': 3}
        await upstream.say({'op': 'publish', 'topic': '/hidden/note', 'msg': {'text': 'secret'}})
        await upstream.say({'op': 'publish', 'topic': NOTES, 'msg': {'text': 'a'}})
        assert await client.receive() == {'op': 'publish', 'topic': 'turret/vision/note', 'msg': {'text': 'a'}}
        assert 'no such subscription' in await error(client, op='unsubscribe', topic=NOTES, id='other')
        await client.send(op='unsubscribe', topic=NOTES)
        assert (await upstream.hears('unsubscribe'))['id'] == asked['id']
        await upstream.say({'op': 'publish', 'topic': NOTES, 'msg': {'text': 'late'}})
        await client.settle()


@on_loop
async def test_what_is_not_listed_never_reaches_the_server(gateway: FakeGateway) -> None:
    async with behind(gateway) as (door, upstream), door.connect() as client:
        assert 'lists do not allow' in await error(client, op='subscribe', topic='/hidden/note')
        assert 'lists do not allow' in await error(client, op='publish', topic='/turret/gimbal/command', msg={})
        assert 'lists do not allow' in await error(client, op='advertise', topic='/turret/safety/permit', type='x/Y')
        for service in ('/other/thing', '/turret/web/set_parameters', '/turret/plant/x', '/turret/status/stop2'):
            answer = await client.ask(op='call_service', service=service, id='c')
            assert (answer['op'], answer['id'], answer['result']) == ('service_response', 'c', False), service
        goal = await client.ask(op='send_action_goal', action='/turret/laser/burst', action_type='a/B', id='g')
        assert (goal['op'], goal['result']) == ('action_result', False)
        assert 'lists do not allow' in await error(
            client, op='advertise_service', service='/turret/safety/stop', type='x/Y')
        for op in ('auth', 'png', 'no such'):
            assert 'not supported' in await error(client, op=op)
        assert upstream.heard == []


@on_loop
async def test_a_viewer_stays_a_viewer(gateway: FakeGateway) -> None:
    access = AccessParameters(operator_topics=('demo/*',))
    async with behind(gateway, host='0.0.0.0', access=access) as (door, upstream):
        token = load_tokens(state_dir('turret') / 'web.tokens').viewer
        async with door.connect(headers={'Authorization': f'Bearer {token}'}) as client:
            answer = await client.ask(op='call_service', service='/turret/laser/arm', id='1')
            assert 'only an operator' in answer['values']
            assert 'only an operator' in await error(client, op='publish', topic='/turret/demo/note', msg={})
            goal = await client.ask(op='send_action_goal', action='/turret/gimbal/home', action_type='a/B')
            assert 'only an operator' in goal['values']
            assert upstream.heard == []
            await client.send(op='call_service', service='/turret/safety/stop', id='2')
            assert (await upstream.hears('call_service'))['service'] == '/turret/safety/stop'


@on_loop
async def test_calls_are_answered_once_and_only_to_the_one_who_called(
        gateway: FakeGateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level('INFO')
    async with behind(gateway) as (door, upstream), door.connect() as first, door.connect() as second:
        await first.send(op='call_service', service='/turret/laser/arm#old', args={'a': 1}, timeout=1e9)
        asked = await upstream.hears('call_service')
        assert (asked['service'], asked['args'], asked['timeout']) == ('/turret/laser/arm', {'a': 1}, 10.0)
        assert 'operator 127.0.0.1 calls /turret/laser/arm' in caplog.text
        answer = {'op': 'service_response', 'service': '/x', 'id': asked['id'], 'values': {'sum': 2}, 'result': True}
        await upstream.say(answer)  # to the second connection, which did not call
        await second.settle()
        await upstream.sockets[0].send_json(answer)
        assert await first.receive() == {
            'op': 'service_response', 'service': '/turret/laser/arm', 'id': 'old', 'values': {'sum': 2}, 'result': True}
        await upstream.sockets[0].send_json(answer)
        await first.settle()


@on_loop
async def test_goals_of_others_cannot_be_cancelled(gateway: FakeGateway) -> None:
    async with behind(gateway) as (door, upstream), door.connect() as first, door.connect() as second:
        goal = {'action': '/turret/gimbal/home', 'action_type': COUNT, 'id': 'g'}
        await second.send(op='send_action_goal', **goal, args={}, feedback=True)
        asked = await upstream.hears('send_action_goal')
        assert 'no goal g' in await error(first, op='cancel_action_goal', **goal)
        await second.send(op='cancel_action_goal', **goal)
        assert (await upstream.hears('cancel_action_goal'))['id'] == asked['id']
        await upstream.say({'op': 'action_feedback', 'action': '/x', 'id': asked['id'], 'values': {'at': 1}})
        await upstream.say({
            'op': 'action_result', 'action': '/x', 'id': asked['id'], 'values': {}, 'status': 5, 'result': True})
        assert (await second.receive())['values'] == {'at': 1}
        result = await second.receive()
        assert (result['action'], result['id'], result['status']) == ('/turret/gimbal/home', 'g', 5)


@pytest.mark.parametrize(('request_', 'reason'), [
    ({'op': 'call_service', 'service': '/turret/laser/none'}, 'does not exist'),
    ({'op': 'call_service', 'service': '/turret/laser/arm', 'type': 'demo_msgs/srv/Other'},
     'has type demo_msgs/srv/Add'),
    ({'op': 'call_service', 'service': '/turret/laser/a b'}, 'not a ROS name'),
    ({'op': 'send_action_goal', 'action': '/turret/gimbal/none', 'action_type': COUNT}, 'does not exist'),
    ({'op': 'send_action_goal', 'action': '/turret/gimbal/home', 'action_type': 'demo_msgs/action/Other'},
     'has type demo_msgs/action/Count'),
    ({'op': 'send_action_goal', 'action': '/turret/gimbal/home\0', 'action_type': COUNT}, 'not a ROS name')])
@on_loop
async def test_names_and_types_are_compared_with_the_graph_first(request_: dict[str, Any], reason: str) -> None:
    async with behind(gateway_with_services()) as (door, upstream), door.connect() as client:
        answer = await client.ask(id='1', **request_)
        assert (answer['result'], answer['id']) == (False, '1')
        assert reason in answer['values']
        assert upstream.heard == []


@on_loop
async def test_a_request_that_the_server_never_answers_is_answered(
        gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.proxies.rosbridge_proxy._GRACE_S', 0.1)
    async with behind(gateway, limits={'goal_s': 0.1}) as (door, upstream), door.connect() as client:
        call = {'op': 'call_service', 'service': '/turret/laser/arm', 'timeout': 0.1, 'id': 'c'}
        for _ in range(2):  # its id is free again
            answer = await client.ask(**call)
            assert (answer['op'], answer['id'], answer['result']) == ('service_response', 'c', False)
            assert 'did not answer within 0.1 s' in answer['values']
        answer = await client.ask(op='send_action_goal', action='/turret/gimbal/home', action_type=COUNT, id='g')
        assert (answer['op'], answer['id'], answer['result']) == ('action_result', 'g', False)
        asked = await upstream.hears('call_service')
        await upstream.say({'op': 'service_response', 'service': '/x', 'id': asked['id'], 'values': {}, 'result': True})
        await client.settle()


@on_loop
async def test_parameters_only_as_listed(gateway: FakeGateway) -> None:
    async with behind(gateway) as (door, upstream), door.connect() as client:
        change = {'parameters': [{'name': 'port', 'value': {'type': 2, 'integer_value': 1}}]}
        answer = await client.ask(op='call_service', service='/turret/web/set_parameters', args=change)
        assert 'do not allow to change parameter' in answer['values']
        answer = await client.ask(
            op='call_service', service='/rosapi/set_param', args={'name': '/turret/web:port', 'value': '1'})
        assert answer['result'] is False
        assert upstream.heard == []
        gateway.declare('/turret/camera', port=(3, 'a port'))
        await client.send(op='call_service', service='/turret/camera/set_parameters', args=change)
        change['parameters'][0]['value'] = {'type': 3, 'double_value': 1.0}
        assert (await upstream.hears('call_service'))['args'] == change


@on_loop
async def test_rosapi_shows_what_the_lists_show(gateway: FakeGateway) -> None:
    async with behind(gateway) as (door, upstream), door.connect() as client:
        topics = (await client.ask(op='call_service', service='/rosapi/topics'))['values']['topics']
        assert '/turret/status' in topics
        assert '/hidden/note' not in topics
        assert upstream.heard == []


@on_loop
async def test_what_the_server_sends_is_checked_as_well(gateway: FakeGateway) -> None:
    async with behind(gateway) as (door, upstream), door.connect() as client:
        await client.send(op='subscribe', topic=NOTES, compression='cbor')
        await upstream.hears('subscribe')
        for nonsense in (
                {'op': 'call_service', 'service': '/x', 'id': '1'}, {'op': 'publish'}, {'op': 'service_response'},
                {'op': 'action_result', 'id': '9:x'}, {'no': 'op'}, {'op': 'png', 'data': 'x'}, {'op': ['publish']}):
            await upstream.say(nonsense)
        await upstream.sockets[0].send_str('{"op":')
        await upstream.sockets[0].send_bytes(b'\xff\xff')
        await upstream.sockets[0].send_bytes(cbor2.dumps({'op': 'publish', 'topic': NOTES, 'msg': {'data': b'\x01'}}))
        assert cbor2.loads(await client.receive())['msg'] == {'data': b'\x01'}
        await client.settle()


@on_loop
async def test_a_server_that_is_absent_is_reported_and_one_that_goes_ends_the_connection(gateway: FakeGateway) -> None:
    async with serving(gateway, bridge='rosbridge_suite', bridge_upstream='ws://127.0.0.1:9') as door:
        status, answer = await door.get('/rosbridge', headers={
            'Upgrade': 'websocket', 'Connection': 'Upgrade', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
            'Sec-WebSocket-Version': '13'})
        assert (status, 'does not answer' in answer['message']) == (503, True)
    async with behind(gateway) as (door, upstream), door.connect() as client:
        await until(lambda: upstream.sockets)
        await upstream.sockets[0].close()
        with pytest.raises(AssertionError):
            await client.receive()
        assert client.socket.closed
    async with serving(gateway, bridge='none', video='none') as door:
        assert (await door.get('/rosbridge'))[0] == 400
        assert (await door.get(f'/stream?topic={CAMERA}'))[0] == 400


@on_loop
async def test_numbers_of_any_size_are_forwarded_within_bounds(gateway: FakeGateway) -> None:
    lists = AccessParameters(operator_topics=('vision/note',))
    async with behind(gateway, access=lists) as (door, upstream), door.connect() as client:
        for number, forwarded in ((1e300, 2**31 - 1), (-1e300, 0), (2**64, 2**31 - 1), (33.3, 33), (7, 7)):
            await client.send(op='subscribe', topic=NOTES, throttle_rate=number)
            assert (await upstream.hears('subscribe'))['throttle_rate'] == forwarded
            if number != 33.3:
                await client.send(op='advertise', topic=NOTES, type='demo_msgs/Note', queue_size=number)
                assert (await upstream.hears('advertise'))['queue_size'] == forwarded


@on_loop
async def test_a_client_that_goes_takes_its_connection_with_it(gateway: FakeGateway) -> None:
    async with behind(gateway) as (door, upstream):
        async with door.connect() as client:
            await client.send(op='subscribe', topic=NOTES)
            await upstream.hears('subscribe')
        await until(lambda: not upstream.sockets)


@on_loop
async def test_one_stream_of_the_video_server_serves_all_viewers(gateway: FakeGateway) -> None:
    async with behind(gateway) as (door, upstream):
        viewers = [await door.session.get(f'{door.url}/stream?topic={CAMERA}') for _ in range(3)]
        for viewer in viewers:
            head = await read_until(viewer.content, b'\xff\xd8')
            assert b'X-Timestamp: 7.250000' in head
            viewer.close()
        assert upstream.streams == [f'topic={CAMERA}&type=ros_compressed']
        assert (await door.get(f'/snapshot?topic={CAMERA}&width=320&quality=50'))[0] == 200
        assert upstream.streams[1:] == [f'topic={CAMERA}&type=mjpeg&width=320&quality=50']
        assert (await door.get('/stream?topic=/hidden/note'))[0] == 400
        assert len(upstream.streams) == 2


@pytest.mark.parametrize('url', [
    'ws://192.168.1.2:9090', 'ws://evil.example:9090', 'http://127.0.0.1:9090', 'ws://127.0.0.1', '', 'ws://[',
    'ws://127.0.0.1:99999'])
def test_a_upstream_server_has_to_be_on_this_machine(url: str) -> None:
    with pytest.raises(TurretError, match='on this machine'):
        check_upstream(url, ('ws',))


def test_a_upstream_server_on_this_machine_is_good() -> None:
    for url in ('ws://127.0.0.1:9090', 'ws://localhost:9090', 'ws://[::1]:9090'):
        assert check_upstream(url, ('ws',)) == url

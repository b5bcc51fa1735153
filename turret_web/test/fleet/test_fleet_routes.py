# SPDX-License-Identifier: Apache-2.0
"""One gateway shows the turrets of its ROS domain, of its host and of ``fleet.yaml``, and stops all of them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from web_testing import JPEG, STATUS, FakeGateway, RunningServer, on_loop, serving

from turret_common.messages.cdr import Codec
from turret_common.messages.schema import Field, Primitive, Struct, Text
from turret_web.access.access import rotate_tokens, tokens_path
from turret_web.fleet.members import DomainMember
from turret_web.fleet.panel_addresses import panels, publish_panel
from turret_web.gateway.gateway import ServiceCodec
from turret_web.names import InterfaceType

IMAGE = b'\xff\xd8 image'
TOKEN = 'a viewer token of another turret'
STOP = InterfaceType('turret_msgs/srv/Stop', 'srv')


class Other:
    """The web gateway of a turret on another host."""

    def __init__(self) -> None:
        self.stops: list[Any] = []
        self.tokens: set[str] = set()
        self.status: Any = {
            'controller': {'mode': 2, 'tracking': 2}, 'laser': {'state': 0}, 'safety': {'software_stop': False},
            'faults': [{'node': 'camera', 'message': 'lost', 'severity': 2}]}

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        app = web.Application()
        app.add_routes([
            web.get('/api/status', self._status), web.get('/snapshot', self._image),
            web.get('/config.json', self._config),
            web.post('/api/safety/stop', self._stop)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, '127.0.0.1', 0)
        await site.start()
        try:
            yield f'http://127.0.0.1:{runner.addresses[0][1]}'
        finally:
            await runner.cleanup()

    async def _status(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers.get('Authorization', ''))
        return web.json_response(self.status)

    async def _config(self, request: web.Request) -> web.Response:
        return web.json_response({'topics': {'image': '/hall/camera/image_raw'}})

    async def _image(self, request: web.Request) -> web.Response:
        assert request.query['topic'] == '/hall/camera/image_raw'
        return web.Response(body=IMAGE, content_type='image/jpeg')

    async def _stop(self, request: web.Request) -> web.Response:
        self.stops.append(await request.json())
        return web.json_response({'success': True, 'code': 0, 'message': ''})


def neighbors() -> FakeGateway:
    """Return a ROS domain with two turrets."""
    gateway = FakeGateway()
    gateway.topic_types |= {
        '/left/status': STATUS.name, '/left/camera/image_raw/compressed': JPEG.name,
        '/other/status': 'std_msgs/msg/String'}
    gateway.service_types[STOP] = ServiceCodec(
        Codec(Struct('turret_msgs/srv/Stop_Request', (Field('reason', Text(), ''),))),
        Codec(Struct('turret_msgs/srv/Stop_Response', (
            Field('success', Primitive('bool'), False), Field('message', Text(), '')))))
    return gateway


def fleet_file(folder: Path, **urls: str) -> str:
    path = folder / 'fleet.yaml'
    path.write_text('turrets:\n' + ''.join(
        f'  - {{name: {name}, url: "{url}", token: "{TOKEN}"}}\n' for name, url in urls.items()))
    path.chmod(0o600)
    return str(path)


@asynccontextmanager
async def beating(gateway: FakeGateway, *topics: str) -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            for topic in topics:
                gateway.emit(topic, {'seq': 1})
            if '/left/camera/image_raw/compressed' in gateway.topic_types:
                gateway.emit('/left/camera/image_raw/compressed', {'data': base64.b64encode(IMAGE).decode()})
            await asyncio.sleep(0.02)
    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()


async def listed(door: RunningServer) -> dict[str, Any]:
    status, answer = await door.get('/api/fleet')
    assert status == 200
    assert answer['problem'] == ''
    return {turret['id']: turret for turret in answer['turrets']}


@on_loop
async def test_turrets_of_the_domain_and_of_the_file_are_shown_without_their_tokens(tmp_path: Path) -> None:
    gateway, other = neighbors(), Other()
    async with other.serve() as url, serving(gateway, fleet_file=fleet_file(tmp_path, hall=url)) as door, \
            beating(gateway, '/turret/status', '/left/status'):
        turrets = await listed(door)
        assert list(turrets) == ['/left', '/turret', 'hall']
        assert [turrets[name]['own'] for name in turrets] == [False, True, False]
        assert all(turret['problem'] == '' for turret in turrets.values())
        assert turrets['hall']['url'] == url
        assert turrets['hall']['state']['tracking'] == 2
        assert turrets['hall']['state']['faults'] == [{'node': 'camera', 'message': 'lost'}]
        assert turrets['/turret']['url'] == door.url
        assert other.tokens == {f'Bearer {TOKEN}'}
        async with door.session.get(f'{door.url}/api/fleet') as response:
            assert TOKEN not in await response.text()


@on_loop
async def test_thumbnails_come_from_every_turret(tmp_path: Path) -> None:
    gateway, other = neighbors(), Other()
    async with other.serve() as url, serving(gateway, fleet_file=fleet_file(tmp_path, hall=url)) as door, \
            beating(gateway, '/turret/status', '/left/status'):
        for name in ('/left', 'hall'):
            assert await door.get('/api/fleet/snapshot', params={'id': name}) == (200, IMAGE)
        assert (await door.get('/api/fleet/snapshot', params={'id': 'no such'}))[0] == 404


@on_loop
async def test_a_turret_that_does_not_answer_is_shown_with_the_reason_and_delays_no_other(tmp_path: Path) -> None:
    gateway = neighbors()
    file = fleet_file(tmp_path, gone='http://127.0.0.1:1')
    async with serving(gateway, fleet_file=file) as door, beating(gateway, '/turret/status'):
        turrets = await listed(door)
        assert turrets['/turret']['problem'] == ''
        assert 'does not answer' in turrets['gone']['problem']
        assert turrets['gone']['state'] is None
        assert '/left/status' in turrets['/left']['problem']


@on_loop
async def test_one_stop_reaches_all_and_lists_those_that_did_not_confirm(tmp_path: Path) -> None:
    gateway, other = neighbors(), Other()

    async def stop(values: dict[str, Any]) -> dict[str, Any]:
        return {'success': True}
    gateway.answers |= {'/turret/safety/stop': stop, '/left/safety/stop': stop}
    async with other.serve() as url:
        async with serving(gateway, fleet_file=fleet_file(tmp_path, hall=url)) as door:
            status, answer = await door.request('POST', '/api/fleet/stop')
            assert (status, answer['success']) == (200, True)
            assert {name for name, _ in gateway.calls} == {'/turret/safety/stop', '/left/safety/stop'}
            assert other.stops == [{'reason': 'fleet'}]
        async with serving(gateway, fleet_file=fleet_file(tmp_path, hall=url, gone='http://127.0.0.1:1')) as door:
            _, answer = await door.request('POST', '/api/fleet/stop')
            assert not answer['success']
            assert answer['message'] == 'not confirmed by gone'
            assert len(other.stops) == 2


@on_loop
async def test_a_file_that_cannot_be_used_is_reported_and_hides_no_turret_of_the_domain(tmp_path: Path) -> None:
    gateway = neighbors()
    file = Path(fleet_file(tmp_path))
    file.chmod(0o644)
    async with serving(gateway, fleet_file=str(file)) as door, beating(gateway, '/turret/status', '/left/status'):
        _, answer = await door.get('/api/fleet')
        assert 'chmod 600' in answer['problem']
        assert [turret['problem'] for turret in answer['turrets']] == ['', '']


@on_loop
async def test_turrets_of_this_host_in_another_domain_are_shown_and_stopped_while_they_run(tmp_path: Path) -> None:
    gateway, other = FakeGateway(), Other()
    token = rotate_tokens(tokens_path('hall/north')).viewer
    gateway.service_types[STOP] = neighbors().service_types[STOP]

    async def stop(values: dict[str, Any]) -> dict[str, Any]:
        return {'success': True}
    gateway.answers['/turret/safety/stop'] = stop
    async with other.serve() as url, serving(gateway) as door, beating(gateway, '/turret/status'):
        published = await publish_panel('hall/north', url, '')
        turrets = await listed(door)
        assert list(turrets) == ['/turret', '/hall/north']
        assert turrets['/hall/north']['url'] == url
        assert turrets['/hall/north']['state']['mode'] == 2
        assert other.tokens == {f'Bearer {token}'}
        assert await door.get('/api/fleet/snapshot', params={'id': '/hall/north'}) == (200, IMAGE)
        _, answer = await door.request('POST', '/api/fleet/stop')
        assert answer['success'], answer
        assert len(other.stops) == 1
        published.close()  # as the end of its process does
        assert list(await listed(door)) == ['/turret']


@on_loop
async def test_a_turret_of_the_domain_is_reached_over_ros_and_over_http_when_it_has_left_the_domain() -> None:
    gateway, other = neighbors(), Other()
    async with other.serve() as url, serving(gateway) as door, beating(gateway, '/turret/status', '/left/status'):
        published = await publish_panel('left', url, '')
        assert (await listed(door))['/left']['url'] == url
        assert not other.tokens
        del gateway.topic_types['/left/status']
        turrets = await listed(door)
        assert list(turrets) == ['/left', '/turret']
        assert turrets['/left']['state']['mode'] == 2
        published.close()


@on_loop
async def test_an_encrypted_panel_of_this_host_is_known_by_its_certificate() -> None:
    hall = FakeGateway(namespace='/hall')
    hall.topic_types = {'/hall/status': STATUS.name}
    async with serving(FakeGateway()) as door, serving(hall, tls_certificate='self-signed') as server, \
            beating(hall, '/hall/status'):
        impostor = await publish_panel('north', server.server.base_url, '0' * 64)
        turrets = await listed(door)
        assert turrets['/hall']['url'] == server.server.base_url
        assert turrets['/hall']['url'].startswith('https://')
        assert turrets['/hall']['problem'] == ''
        assert 'does not answer' in turrets['/north']['problem']
        impostor.close()


def test_only_one_gateway_publishes_the_panel_of_a_namespace() -> None:
    async def publish() -> None:
        with await publish_panel('hall', 'http://127.0.0.1:1', ''), pytest.raises(OSError, match='another web gateway'):
            await publish_panel('hall', 'http://127.0.0.1:2', '')
        with await publish_panel('hall', 'http://127.0.0.1:2', ''):
            assert panels()['hall'].url == 'http://127.0.0.1:2'
        assert panels() == {}
    asyncio.run(publish())


@on_loop
async def test_turrets_that_end_are_forgotten_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = neighbors()
    for number in range(4):
        gateway.topic_types[f'/past{number}/status'] = STATUS.name
    ended = DomainMember.close

    async def close(member: DomainMember) -> None:
        await asyncio.sleep(0.01)
        await ended(member)
    monkeypatch.setattr(DomainMember, 'close', close)
    async with serving(gateway) as door:
        assert (await door.get('/api/fleet/snapshot?id=none'))[0] == 404
        for number in range(4):
            del gateway.topic_types[f'/past{number}/status']
        monkeypatch.setattr('turret_web.routes.fleet._REMEMBERED_S', -1.0)
        answers = await asyncio.gather(*(door.get('/api/fleet/snapshot?id=none') for _ in range(4)))
        assert {status for status, _ in answers} == {404}

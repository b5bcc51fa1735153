# SPDX-License-Identifier: Apache-2.0
"""The HTTP side of the web gateway: API, session, files, video, metrics."""

from __future__ import annotations

import asyncio
import gzip
import io
import struct
import tarfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from web_testing import (
    AUDIO,
    CAMERA_STATE,
    IMAGE,
    JPEG,
    STATUS,
    FakeGateway,
    RunningServer,
    on_loop,
    read_until,
    serving,
    until,
)

from turret_common.errors import TurretError
from turret_common.paths import state_dir, write_atomically
from turret_common.reason_codes import ReasonCode
from turret_web.access.access import load_tokens, rotate_tokens, tokens_path

CAMERA = '/turret/camera/image_raw'


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


# --- API ---


@on_loop
async def test_the_status_is_had_by_one_request_and_at_once_by_the_next(gateway: FakeGateway) -> None:
    async with serving(gateway) as door:
        asked = asyncio.create_task(door.get('/api/status'))
        await until(lambda: gateway.feeds.get('/turret/status'))
        gateway.emit('/turret/status', {'seq': 7})
        assert await asked == (200, {
            'header': {'stamp': {'sec': 0, 'nanosec': 0}, 'frame_id': ''}, 'seq': 7})
        assert (await door.get('/api/status'))[1]['seq'] == 7
        assert await door.get('/api/status/seq') == (200, {'seq': 7, 'age_s': None})
        assert (await door.get('/api/status/none'))[0] == 404
        assert len(gateway.feeds['/turret/status']) == 1


@on_loop
async def test_an_old_status_is_not_given_out(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.routes.api._STATUS_AGE_S', 0.05)
    async with serving(gateway, limits={'call_s': 0.2}) as door:
        asked = asyncio.create_task(door.get('/api/status'))
        await until(lambda: gateway.feeds.get('/turret/status'))
        gateway.emit('/turret/status', {'seq': 7})
        assert (await asked)[0] == 200
        await asyncio.sleep(0.1)
        status, answer = await door.get('/api/status')
        assert (status, answer['success']) == (504, False)
        assert 'no message arrived on /turret/status' in answer['message']


@on_loop
async def test_a_service_is_a_post(gateway: FakeGateway) -> None:
    gateway.serve('/turret/safety/stop', lambda values: {'sum': values['a']})
    async with serving(gateway) as door:
        assert await door.request('POST', '/api/safety/stop', json={'a': 4}) == (200, {'sum': 4})
        assert await door.request('POST', '/api/safety/stop') == (200, {'sum': 0})
        status, answer = await door.request('POST', '/api/safety/stop', json={'x': 1})
        assert (status, answer['success'], answer['code']) == (400, False, 1)
        assert 'no such field' in answer['message']
        assert (await door.request('POST', '/api/safety/stop', data='{'))[0] == 400
        assert (await door.request('POST', '/api/safety/nothing'))[0] == 404
        assert (await door.request('POST', '/api/other/thing'))[0] == 403
        assert (await door.request('POST', '/api/safety%2f..%2fstop'))[0] == 400
        status, answer = await door.get('/api/safety/stop')
        assert (status, answer['message']) == (405, 'a service is called with POST')
        assert len(gateway.calls) == 2


@on_loop
async def test_config_and_session_tell_the_panel_what_it_needs(gateway: FakeGateway) -> None:
    async with serving(gateway) as door:
        _, config = await door.get('/config.json')
        assert config['namespace'] == '/turret'
        assert config['rosbridge'] == '/rosbridge'
        assert config['sign_in'] is False
        assert config['topics']['status'] == '/turret/status'
        assert await door.get('/session') == (200, {'role': 'operator', 'operator_secret': ''})
        write_atomically(state_dir('turret') / 'operator.secret', b's3cret\n', mode=0o600)
        assert (await door.get('/session'))[1]['operator_secret'] == 's3cret'


@on_loop
async def test_health_and_metrics(gateway: FakeGateway) -> None:
    async with serving(gateway) as door:
        async with door.connect() as client:
            await client.settle()
            assert await door.get('/healthz') == (200, {'status': 'ok', 'clients': 1, 'viewers': 0})
            await door.get('/api/other')
        await door.request('POST', '/api/other/thing')
        await until_metric(door, 'turret_web_clients 0')
        text = (await door.get('/metrics'))[1].decode()
        assert 'turret_web_client_messages_total 1\n' in text
        assert 'turret_web_refusals_total{reason="NOT_ALLOWED"} 1\n' in text
        assert '# TYPE turret_web_sent_bytes_total counter' in text
        assert 'process_cpu_seconds_total' in text


async def until_metric(door: Any, line: str) -> None:
    while line not in (await door.get('/metrics'))[1].decode():
        await asyncio.sleep(0.01)


@on_loop
async def test_every_client_is_listed_with_what_it_costs(gateway: FakeGateway) -> None:
    async with serving(gateway) as door, door.connect() as first, door.connect() as second:
        await first.settle()
        await second.settle()
        clients = (await door.get('/api/clients'))[1]
        assert len({client['id'] for client in clients}) == 2
        for client in clients:
            assert client['client'] == 'operator 127.0.0.1'
            assert 0.0 < client['round_trip_s'] < 1.0
            assert client['sent_messages_total'] == 1
            assert client['dropped_messages_total'] == 0
            assert (client['role'], client['label'], client['page']) == ('operator', '', '')


@on_loop
async def test_a_client_may_say_what_it_is(gateway: FakeGateway) -> None:
    async with serving(gateway) as door:
        query = {'label': 'Ann\x07 on Linux' + 200 * 'x', 'page': 'page-1'}
        async with door.session.ws_connect(f'{door.url}/rosbridge', params=query):
            [client] = (await door.get('/api/clients'))[1]
    assert client['label'] == ('Ann on Linux' + 200 * 'x')[:80]
    assert client['page'] == 'page-1'


# --- files ---


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    folder = tmp_path / 'panel'
    (folder / 'assets').mkdir(parents=True)
    (folder / 'index.html').write_text('<title>panel</title>')
    (folder / 'assets' / 'a-1b2c.js').write_text('1')
    (tmp_path / 'outside.txt').write_text('secret')
    return folder


async def status_of(door: RunningServer, path: str) -> int:
    """Return the HTTP status of a path, which is sent as it is."""
    reader, writer = await asyncio.open_connection(*door.server.address)
    try:
        writer.write(f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.encode())
        return int((await asyncio.wait_for(reader.readline(), 5.0)).split()[1])
    finally:
        writer.close()


@on_loop
async def test_the_panel_is_served_and_nothing_beside_it(gateway: FakeGateway, panel: Path) -> None:
    async with serving(gateway, panel) as door:
        assert await door.get('/') == (200, b'<title>panel</title>')
        async with door.session.get(f'{door.url}/assets/a-1b2c.js') as response:
            assert 'immutable' in response.headers['Cache-Control']
        for path in ('/../outside.txt', '/%2e%2e/outside.txt', '/assets/..%2f..%2foutside.txt', '/nothing', '/assets',
                     '/a%00b'):
            assert await status_of(door, path) == 404, path


@on_loop
async def test_without_a_panel_the_door_says_how_to_get_one(gateway: FakeGateway, tmp_path: Path) -> None:
    async with serving(gateway, tmp_path / 'none') as door:
        status, answer = await door.get('/')
        assert status == 404
        assert 'not built' in answer['message']


@on_loop
async def test_a_bag_is_a_download_in_one_archive(gateway: FakeGateway, tmp_path: Path) -> None:
    folder = state_dir('turret') / 'bags'
    files = {'metadata.yaml': b'rosbag2', 'a_0.mcap': bytes(range(256)) * 3000, 'a_1.mcap': b''}
    (folder / 'a b').mkdir(parents=True)
    for name, data in files.items():
        (folder / 'a b' / name).write_bytes(data)
    (folder / 'a b' / 'link').symlink_to(state_dir('turret') / 'operator.secret')
    (folder / 'link').symlink_to(state_dir('turret'))
    async with serving(gateway) as door:
        async with door.session.get(f'{door.url}/bags/a%20b') as response:
            archive = await response.read()
            assert (response.status, response.content_type) == (200, 'application/x-tar')
            assert response.headers['Content-Disposition'] == 'attachment; filename="a b.tar"'
            assert response.content_length == len(archive)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            assert {each.name: tar.extractfile(each).read() for each in tar} == {  # type: ignore[union-attr]
                f'a b/{name}': data for name, data in files.items()}
        for path in (
                'none', '..%2fbags%2fa%20b', 'link', 'a%20b%2fmetadata.yaml', '.hidden', 'a%00b', 'a' * 5000,
                '%E2%98%83' * 100):
            assert (await door.get(f'/bags/{path}'))[0] == 404, path


@pytest.mark.parametrize('path', ['/bags/large', '/media/a.mp4'])
@on_loop
async def test_a_download_ends_with_the_permission(
        gateway: FakeGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr('turret_web.server._GRANTS_S', 0.02)
    (tmp_path / 'large').mkdir()
    for name in ('large/a.mcap', 'a.mp4'):
        with (tmp_path / name).open('wb') as file:
            file.truncate(2**30)
    async with serving(gateway, host='0.0.0.0', bag_dir=str(tmp_path), media_dir=str(tmp_path)) as door:
        tokens = tokens_path('turret')
        bearer = {'Authorization': f'Bearer {load_tokens(tokens).operator}'}
        async with door.session.get(door.url + path, headers=bearer) as response:
            await response.content.readexactly(1000)
            rotate_tokens(tokens)
            with pytest.raises(aiohttp.ClientError):
                await asyncio.wait_for(response.content.readexactly(2**30), 20.0)


@pytest.mark.parametrize(('accepted', 'encoding'), [
    ('gzip', 'gzip'), ('GZIP;q=0.5', 'gzip'), ('br;q=0, gzip;q=1.0', 'gzip'), ('identity, gzip', 'gzip'),
    ('gzip;q=0', None), ('gzip ; q = 0.000', None), ('identity', None), ('xgzipx', None), ('', None)])
@on_loop
async def test_a_file_is_compressed_only_for_those_who_accept_that(
        gateway: FakeGateway, tmp_path: Path, accepted: str, encoding: str | None) -> None:
    (tmp_path / 'a.js').write_bytes(b'plain')
    (tmp_path / 'a.js.gz').write_bytes(gzip.compress(b'plain'))
    async with serving(gateway, tmp_path) as door:
        async with door.session.get(f'{door.url}/a.js', headers={'Accept-Encoding': accepted}) as response:
            assert response.headers.get('Content-Encoding') == encoding
            assert await response.read() == b'plain'
        part = {'Accept-Encoding': accepted, 'Range': 'bytes=1-2'}
        async with door.session.get(f'{door.url}/a.js', headers=part) as response:
            assert (response.status, await response.read()) == (206, b'la')


@on_loop
async def test_media_are_downloads(gateway: FakeGateway) -> None:
    folder = state_dir('turret') / 'media'
    folder.mkdir()
    (folder / 'still.jpg').write_bytes(b'jpeg')
    async with serving(gateway) as door:
        async with door.session.get(f'{door.url}/media/still.jpg') as response:
            assert (response.status, await response.read()) == (200, b'jpeg')
            assert response.headers['Content-Disposition'] == 'attachment; filename="still.jpg"'
        assert (await door.get('/media/..%2foperator.secret'))[0] == 404
        assert (await door.get('/media/thumbnails/..%2f..%2foperator.secret'))[0] == 404
        assert (await door.get('/media/thumbnails/still.jpg'))[0] == 404
        (folder / '.thumbnails').mkdir()
        (folder / '.thumbnails' / 'still.jpg.jpg').write_bytes(b'small')
        assert await door.get('/media/thumbnails/still.jpg') == (200, b'small')
        assert (await door.get('/media/none.jpg'))[0] == 404


@on_loop
async def test_security_headers_are_on_everything(gateway: FakeGateway, panel: Path) -> None:
    async with serving(gateway, panel) as door:
        for path in ('/', '/healthz', '/nothing', '/api/other'):
            async with door.session.get(door.url + path) as response:
                assert "default-src 'self'" in response.headers['Content-Security-Policy'], path
                assert "frame-ancestors 'none'" in response.headers['Content-Security-Policy'], path
                assert response.headers['X-Content-Type-Options'] == 'nosniff'


@on_loop
async def test_a_port_in_use_is_reported_in_one_sentence(gateway: FakeGateway) -> None:
    async with serving(gateway) as door:
        from dataclasses import replace

        from turret_web.server import WebServer
        from turret_web.web_parameters import WebParameters
        second = WebServer(gateway, replace(WebParameters(), port=door.server.address[1]))
        with pytest.raises(TurretError, match=r'cannot listen on 127\.0\.0\.1:\d+: .*in use'):
            await second.start()


# --- video ---


def jpeg(number: int) -> dict[str, Any]:
    return {
        'header': {'stamp': {'sec': number, 'nanosec': 250_000_000}}, 'format': 'jpeg',
        'data': [0xff, 0xd8, number]}


@on_loop
async def test_jpeg_images_pass_through_unchanged_with_their_stamp(gateway: FakeGateway) -> None:
    gateway.topic_types |= {CAMERA: IMAGE.name, f'{CAMERA}/compressed': JPEG.name}
    async with serving(gateway) as door, door.session.get(f'{door.url}/stream?topic={CAMERA}&type=mjpeg') as response:
        assert response.headers['Content-Type'] == 'multipart/x-mixed-replace;boundary=boundarydonotcross'
        for number in (1, 2):
            gateway.emit(f'{CAMERA}/compressed', jpeg(number))
            part = await read_until(response.content, bytes((0xff, 0xd8, number)) + b'\r\n')
            assert part == (
                b'--boundarydonotcross\r\nContent-type: image/jpeg\r\nX-Timestamp: %d.250000\r\n'
                b'Content-Length: 3\r\n\r\n\xff\xd8%c\r\n' % (number, number))
        assert CAMERA not in gateway.feeds


@on_loop
async def test_viewers_share_a_subscription_which_ends_with_the_last(gateway: FakeGateway) -> None:
    gateway.topic_types[f'{CAMERA}/compressed'] = JPEG.name
    topic = f'{CAMERA}/compressed'
    async with serving(gateway) as door:
        viewers = [await door.session.get(f'{door.url}/stream?topic={CAMERA}') for _ in range(3)]
        assert len(gateway.feeds[topic]) == 1
        gateway.emit(topic, jpeg(1))
        for viewer in viewers:
            assert (await read_until(viewer.content, b'\xff\xd8\x01'))[-3:] == b'\xff\xd8\x01'
            viewer.close()
        for number in range(50):
            gateway.emit(topic, jpeg(number))
            await asyncio.sleep(0.002)
        await until(lambda: not gateway.feeds[topic])
        assert (await door.get('/healthz'))[1]['viewers'] == 0


@on_loop
async def test_a_snapshot_is_the_next_image(gateway: FakeGateway) -> None:
    gateway.topic_types[f'{CAMERA}/compressed'] = JPEG.name
    async with serving(gateway) as door:
        asked = asyncio.create_task(door.session.get(f'{door.url}/snapshot?topic={CAMERA}'))
        await until(lambda: gateway.feeds.get(f'{CAMERA}/compressed'))
        gateway.emit(f'{CAMERA}/compressed', jpeg(9))
        async with await asked as response:
            assert (response.content_type, await response.read()) == ('image/jpeg', b'\xff\xd8\x09')
            assert response.headers['X-Timestamp'] == '9.250000'
        await until(lambda: not gateway.feeds[f'{CAMERA}/compressed'])


def _size(data: bytes) -> tuple[int, int]:
    """Width and height of a JPEG image, from its frame header."""
    at = data.index(b'\xff\xc0')
    height, width = struct.unpack('>HH', data[at + 5:at + 9])
    return width, height


@pytest.mark.parametrize(('query', 'size'), [
    ('', (8, 6)), ('&width=4', (4, 3)), ('&height=12', (16, 12)), ('&width=10&height=10', (10, 10)),
    ('&quality=5', (8, 6))])
@on_loop
async def test_raw_images_are_encoded_in_the_size_asked_for(query: str, size: tuple[int, int]) -> None:
    gateway = FakeGateway()
    gateway.topic_types[CAMERA] = IMAGE.name
    async with serving(gateway) as door:
        asked = asyncio.create_task(door.get(f'/snapshot?topic={CAMERA}{query}'))
        await until(lambda: gateway.feeds.get(CAMERA))
        gateway.emit(CAMERA, {
            'height': 6, 'width': 8, 'encoding': 'rgb8', 'step': 24, 'data': list(bytes(range(144)))})
        status, image = await asked
        assert status == 200
        assert _size(image) == size


@on_loop
async def test_a_topic_with_types_that_are_no_images_is_shown(
        gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    topics = gateway.topics
    gateway.topic_types[CAMERA] = JPEG.name
    monkeypatch.setattr(gateway, 'topics', lambda: {**topics(), CAMERA: ['demo_msgs/msg/Note', JPEG.name]})
    async with serving(gateway) as door:
        asked = asyncio.create_task(door.get(f'/snapshot?topic={CAMERA}'))
        await until(lambda: gateway.feeds.get(CAMERA))
        gateway.emit(CAMERA, {'data': list(b'\xff\xd8x')})
        assert await asked == (200, b'\xff\xd8x')


@on_loop
async def test_an_image_is_made_once_for_all_viewers_of_a_size(
        gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    from turret_web.video import image_encoding
    made = []
    original = image_encoding.from_jpeg

    def counting(data: bytes, width: int, height: int, quality: int) -> bytes:
        made.append((width, quality))
        return original(data, width, height, quality)
    monkeypatch.setattr(image_encoding, 'from_jpeg', counting)
    gateway.topic_types |= {CAMERA: IMAGE.name, f'{CAMERA}/compressed': JPEG.name}
    source = image_encoding.from_image(bytes(8 * 6 * 3), (8, 6), 'bgr8', 24, False, 0, 0, 90)
    async with serving(gateway) as door:
        url = f'{door.url}/stream?topic={CAMERA}&width=4'
        viewers = [await door.session.get(url) for _ in range(4)]
        gateway.emit(f'{CAMERA}/compressed', {'format': 'jpeg', 'data': list(source)})
        for viewer in viewers:
            assert b'X-Timestamp' in await read_until(viewer.content, b'\xff\xd9')
            viewer.close()
    assert made == [(4, 95)]


@pytest.mark.parametrize(('query', 'status', 'text'), [
    ('', 400, 'topic is missing'), (f'topic={CAMERA}&type=vp8', 400, 'not supported'),
    (f'topic={CAMERA}&width={"0" * 5000}', 400, 'width is "000'), (f'topic={CAMERA}&quality=\u0661', 400, 'quality is'),
    (f'topic={CAMERA}&width=-1', 400, 'not a whole number'), (f'topic={CAMERA}&width=99999', 400, 'width is'),
    (f'topic={CAMERA}&quality=101', 400, 'quality is'), ('topic=/turret/camera/none', 404, 'no video'),
    ('topic=/turret/status', 400, 'carries no images'), ('topic=/hidden/image', 403, 'lists do not allow')])
@on_loop
async def test_a_wrong_video_request_is_refused(query: str, status: int, text: str) -> None:
    gateway = FakeGateway()
    gateway.topic_types |= {f'{CAMERA}/compressed': JPEG.name, '/hidden/image': IMAGE.name}
    async with serving(gateway) as door:
        for path in ('stream', 'snapshot'):
            code, answer = await door.get(f'/{path}?{query}')
            assert (code, answer['success']) == (status, False)
            assert text in answer['message']


@on_loop
async def test_viewers_are_bounded(gateway: FakeGateway) -> None:
    gateway.topic_types[f'{CAMERA}/compressed'] = JPEG.name
    async with serving(gateway, limits={'viewers': 1}) as door:
        viewer = await door.session.get(f'{door.url}/stream?topic={CAMERA}')
        assert (await door.get(f'/stream?topic={CAMERA}'))[0] == 429
        viewer.close()


def test_status_type_is_the_one_of_the_interface() -> None:
    from turret_web.routes.api import STATUS_TYPE
    assert STATUS.name == STATUS_TYPE


@on_loop
async def test_viewers_who_go_while_there_are_no_images_are_forgotten(
        gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.routes.video._PLACEHOLDER_S', 0.02)
    gateway.topic_types[f'{CAMERA}/compressed'] = JPEG.name
    async with serving(gateway, limits={'viewers': 2}) as door:
        for _ in range(5):
            viewer = await door.session.get(f'{door.url}/stream?topic={CAMERA}')
            assert viewer.status == 200
            viewer.close()
            while (await door.get('/healthz'))[1]['viewers']:
                await asyncio.sleep(0.01)


@on_loop
async def test_what_is_no_image_is_skipped(gateway: FakeGateway) -> None:
    gateway.topic_types[CAMERA] = IMAGE.name
    async with serving(gateway) as door:
        asked = asyncio.create_task(door.get(f'/snapshot?topic={CAMERA}'))
        await until(lambda: gateway.feeds.get(CAMERA))
        gateway.feeds[CAMERA][0](b'\x00\x01\x00\x00\xff')
        await asyncio.sleep(0.05)
        gateway.emit(CAMERA, {'height': 6, 'width': 8, 'encoding': 'strange', 'step': 24, 'data': [0] * 144})
        await asyncio.sleep(0.05)
        gateway.emit(CAMERA, {'height': 6, 'width': 8, 'encoding': 'mono8', 'step': 8, 'data': [0] * 48})
        status, image = await asked
        assert (status, _size(image)) == (200, (8, 6))


@pytest.mark.parametrize('state', [None, {'message': 'there is no camera at /dev/video0'}], ids=['dead', 'lost'])
@on_loop
async def test_a_stream_without_images_shows_one_that_says_why(
        gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any] | None) -> None:
    monkeypatch.setattr('turret_web.routes.video._PLACEHOLDER_S', 0.02)
    topic = f'{CAMERA}/compressed'
    gateway.topic_types[topic] = JPEG.name
    if state is not None:
        gateway.topic_types['/turret/camera/state'] = CAMERA_STATE.name
    async with serving(gateway) as door, door.session.get(f'{door.url}/stream?topic={CAMERA}') as viewer:
        if state is not None:
            await until(lambda: gateway.feeds.get('/turret/camera/state'))
            gateway.emit('/turret/camera/state', state)
        head = await read_until(viewer.content, b'\r\n\r\n')
        assert (state['message'].encode() if state else b'does not answer') in head
        assert b'X-Timestamp' not in head
        assert _size(await read_until(viewer.content, b'\xff\xd9')) == (640, 480)
        gateway.emit(topic, jpeg(7))  # it is back
        assert b'X-Timestamp: 7.25' in await read_until(viewer.content, b'\xff\xd8\x07')


# --- sound ---


AUDIO_TOPIC = '/turret/camera/audio'


@on_loop
async def test_all_who_listen_share_one_subscription_which_ends_with_the_last(gateway: FakeGateway) -> None:
    gateway.topic_types[AUDIO_TOPIC] = AUDIO.name
    async with serving(gateway) as door:
        asked = [asyncio.create_task(door.session.get(f'{door.url}/audio')) for _ in range(2)]
        await until(lambda: len(door.server._audio._listeners) == 2)  # noqa: SLF001  no public state
        assert len(gateway.feeds[AUDIO_TOPIC]) == 1
        gateway.emit(AUDIO_TOPIC, {'format': 'mp3', 'data': list(b'one ')})
        listeners = [await one for one in asked]
        gateway.emit(AUDIO_TOPIC, {'format': 'mp3', 'data': list(b'two')})
        for listener in listeners:
            assert listener.content_type == 'audio/mpeg'
            assert await listener.content.readexactly(7) == b'one two'
            listener.close()
        for _ in range(50):
            gateway.emit(AUDIO_TOPIC, {'format': 'mp3', 'data': [0]})
            await asyncio.sleep(0.002)
        await until(lambda: not gateway.feeds[AUDIO_TOPIC])


@pytest.mark.parametrize(('audio', 'words'), [
    ({}, 'no microphone is configured'), ({'source': 'alsa x', 'message': 'unplugged'}, 'unplugged'),
    ({'source': 'alsa x'}, 'no sound arrives')])
@on_loop
async def test_without_sound_it_says_why(
        monkeypatch: pytest.MonkeyPatch, audio: dict[str, str], words: str) -> None:
    monkeypatch.setattr('turret_web.routes.audio._FIRST_S', 0.02)
    gateway = FakeGateway()
    gateway.topic_types |= {'/turret/camera/state': CAMERA_STATE.name}
    async with serving(gateway) as door:
        asked = asyncio.create_task(door.get('/audio'))
        await until(lambda: gateway.feeds.get('/turret/camera/state'))
        gateway.emit('/turret/camera/state', {'audio': audio})
        status, answer = await asked
        assert (status, answer['code']) == (503, ReasonCode.NOT_READY)
        assert words in answer['message']


@on_loop
async def test_memory_is_given_back_to_the_system(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []
    monkeypatch.setattr('turret_web.server._MEMORY_S', 0.01)
    monkeypatch.setattr('turret_web.server.return_free_memory', lambda: calls.append(None))
    async with serving(gateway):
        await until(lambda: len(calls) > 1)


@on_loop
async def test_ranges_of_a_file(gateway: FakeGateway, tmp_path: Path) -> None:
    write_atomically(tmp_path / 'a.jpg', b'0123456789')
    async with serving(gateway, media_dir=str(tmp_path)) as door:
        for wanted, part in (
                ('bytes=2-3', b'23'), ('bytes=8-', b'89'), ('bytes=-1', b'9'), ('bytes=0-99', b'0123456789')):
            assert await door.get('/media/a.jpg', headers={'Range': wanted}) == (206, part), wanted
        for ignored in (
                'bytes=0-1,4-5', 'lines=0-1', 'bytes=3-2', 'bytes=-', 'bytes=x', 'bytes=1', '', f'bytes={"9" * 30}-'):
            assert await door.get('/media/a.jpg', headers={'Range': ignored}) == (200, b'0123456789'), ignored
        for beyond in ('bytes=10-', 'bytes=99-100', 'bytes=-0'):
            async with door.session.get(f'{door.url}/media/a.jpg', headers={'Range': beyond}) as answer:
                assert (answer.status, answer.headers['Content-Range']) == (416, 'bytes */10'), beyond
                assert (await answer.json())['message'] == 'the file has 10 bytes'


@on_loop
async def test_conditions_on_a_file(gateway: FakeGateway, tmp_path: Path) -> None:
    write_atomically(tmp_path / 'a.jpg', b'0123456789')
    async with serving(gateway, media_dir=str(tmp_path)) as door:
        async with door.session.get(f'{door.url}/media/a.jpg') as answer:
            tag, modified = answer.headers['ETag'], answer.headers['Last-Modified']
        earlier = 'Thu, 01 Jan 1970 00:00:00 GMT'
        for holds in (
                {'If-Match': tag}, {'If-Match': f'"other", {tag}'}, {'If-Match': '*'},
                {'If-Unmodified-Since': modified}, {'If-Unmodified-Since': 'not a date'},
                {'If-Match': tag, 'If-Unmodified-Since': earlier}):
            assert await door.get('/media/a.jpg', headers=holds) == (200, b'0123456789'), holds
        for fails in (
                {'If-Match': '"other"'}, {'If-Match': f'W/{tag}'}, {'If-Match': 'not quoted'},
                {'If-Match': '"other"', 'If-Unmodified-Since': modified}, {'If-Unmodified-Since': earlier}):
            for part in ({}, {'Range': 'bytes=1-2'}):
                async with door.session.get(f'{door.url}/media/a.jpg', headers={**fails, **part}) as answer:
                    assert answer.status == 412, fails
                    assert (await answer.json())['message'] == 'the file is not the expected one', fails

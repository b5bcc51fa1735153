# SPDX-License-Identifier: Apache-2.0
"""Video over WebRTC: the pace of viewers, the encoding they share, and the whole way with a real peer."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from filming import CAMERA, TOPIC, filmed, image, message
from web_testing import JPEG, FakeGateway, RunningServer, on_loop, serving, until

from turret_common.errors import TurretError
from turret_common.host import minimum_versions
from turret_common.host.minimum_versions import unmet
from turret_web.video.rtc_channel import PresentationClock, RtcVideo, RtcViewer
from turret_web.video.streams import Video, VideoRequest


class FakeEncoder:
    """Makes packets that say what was asked for."""

    def __init__(self) -> None:
        self.made: list[tuple[int, bool]] = []

    def encode(self, jpeg: bytes, pts: int, key: bool) -> tuple[int, bool]:
        self.made.append((pts, key))
        return self.made[-1]


@asynccontextmanager
async def watched(gateway: FakeGateway) -> AsyncIterator[tuple[RtcVideo[Any], list[FakeEncoder]]]:
    encoders: list[FakeEncoder] = []

    def make() -> FakeEncoder:
        encoders.append(FakeEncoder())
        return encoders[-1]
    gateway.topic_types[TOPIC] = JPEG.name
    yield RtcVideo(Video(gateway), make), encoders


async def show(gateway: FakeGateway, number: int, encoder: FakeEncoder) -> None:
    """Have one image encoded; one that comes while the encoding looks elsewhere is not seen, so it is sent again."""
    before = len(encoder.made)
    while len(encoder.made) == before:
        gateway.emit(TOPIC, message(number, b'\xff\xd8x'))
        with contextlib.suppress(AssertionError):
            await until(lambda: len(encoder.made) > before, 0.3)
    await asyncio.sleep(0.005)


@on_loop
async def test_all_viewers_share_one_encoding_which_ends_with_the_last() -> None:
    gateway, request = FakeGateway(), VideoRequest(TOPIC)
    async with watched(gateway) as (rtc, encoders):
        viewers = [await rtc.watch(request) for _ in range(3)]
        await show(gateway, 1, encoders[0])
        got = [await viewer.next() for viewer in viewers]
        assert [encoded.packet for encoded in got] == [(0, True)] * 3
        assert got[0].timestamp == '100.020000'
        assert (len(encoders), len(gateway.feeds[TOPIC])) == (1, 1)
        for viewer in viewers:
            await rtc.leave(request, viewer)
        assert gateway.feeds[TOPIC] == []


@on_loop
async def test_an_image_that_cannot_be_encoded_does_not_end_the_stream() -> None:
    gateway, request = FakeGateway(), VideoRequest(TOPIC)
    async with watched(gateway) as (rtc, encoders):
        viewer = await rtc.watch(request)
        right = encoders[0].encode
        attempts: list[int] = []

        def fail(_: bytes, pts: int, key: bool) -> Any:
            attempts.append(pts)
            raise ArithmeticError(f'{key}')
        encoders[0].encode = fail  # type: ignore[method-assign]
        while not attempts:
            gateway.emit(TOPIC, message(1, b'\xff\xd8x'))
            await asyncio.sleep(0.01)
        encoders[0].encode = right  # type: ignore[method-assign]
        await show(gateway, 2, encoders[0])
        assert (await viewer.next()).key
        await rtc.leave(request, viewer)


@on_loop
async def test_a_viewer_gets_one_image_until_it_shows_it_and_then_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.video.rtc_channel._KEY_PAUSE_S', 0.0)
    gateway, request = FakeGateway(), VideoRequest(TOPIC)
    async with watched(gateway) as (rtc, encoders):
        viewer = await rtc.watch(request)
        await show(gateway, 1, encoders[0])
        assert (await viewer.next()).key
        second = asyncio.create_task(viewer.next())
        await show(gateway, 2, encoders[0])
        assert not second.done()
        viewer.on_anchor_shown()
        await asyncio.sleep(0.01)
        await show(gateway, 3, encoders[0])
        assert (await second).key  # it starts over, so nothing it was not sent is missed
        await show(gateway, 4, encoders[0])
        following = await viewer.next()
        assert (following.key, following.pts) == (False, 3 * 1800)
        await rtc.leave(request, viewer)


@on_loop
async def test_a_viewer_that_falls_behind_continues_from_a_key_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.video.rtc_channel._KEY_PAUSE_S', 0.0)
    gateway, request = FakeGateway(), VideoRequest(TOPIC)
    async with watched(gateway) as (rtc, encoders):
        viewer = await rtc.watch(request)
        viewer.on_anchor_shown()
        for number in range(12):
            await show(gateway, number, encoders[0])
        got = await viewer.next()
        assert got.key
        assert got.pts >= 8 * 1800
        await rtc.leave(request, viewer)


@on_loop
async def test_an_anchor_that_is_never_shown_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_web.video.rtc_channel._KEY_PAUSE_S', 0.0)
    monkeypatch.setattr('turret_web.video.rtc_channel._ANCHOR_S', 0.02)
    gateway, request = FakeGateway(), VideoRequest(TOPIC)
    async with watched(gateway) as (rtc, encoders):
        viewer = await rtc.watch(request)
        await show(gateway, 1, encoders[0])
        await viewer.next()
        again = asyncio.create_task(viewer.next())
        await asyncio.sleep(0.1)
        await show(gateway, 2, encoders[0])
        assert (await again).key
        await rtc.leave(request, viewer)


def test_times_always_grow_whatever_the_stamps_do() -> None:
    clock = PresentationClock()
    times = [clock.pts(text) for text in ('10.000000', '10.100000', '10.100000', '9.000000', '9.050000', '500.000000')]
    assert times == [0, 9000, 11999, 14999, 19499, 22499]


def test_vp8_is_made_one_packet_an_image_with_keys_where_asked_for() -> None:
    av = pytest.importorskip('av')
    from turret_web.video.vp8 import Vp8Encoder
    encoder, decoder = Vp8Encoder(500_000), av.CodecContext.create('vp8', 'r')
    for number, key in enumerate((True, False, False, True, False)):
        packet = encoder.encode(image(50 * number), 3000 * number, key)
        assert (packet.is_keyframe, packet.pts) == (key, 3000 * number)
        (frame,) = decoder.decode(packet)
        assert (frame.width, frame.height) == (64, 48)
        assert abs(frame.to_ndarray(format='gray').mean() - 50 * number) < 12
    with pytest.raises(TurretError, match='valid image'):
        encoder.encode(b'nothing', 20_000, False)


# --- the whole way ---

needs_webrtc = pytest.mark.skipif(bool(unmet('WebRTC')), reason=unmet('WebRTC'))


async def offer(peer: Any, door: RunningServer, **options: Any) -> tuple[int, str, str]:
    await peer.setLocalDescription(await peer.createOffer())
    async with door.session.post(
            f'{door.url}/webrtc?topic={CAMERA}', data=peer.localDescription.sdp,
            headers={'Content-Type': 'application/sdp'}, **options) as response:
        return response.status, await response.text(), response.headers.get('Location', '')


@needs_webrtc
@on_loop
async def test_a_peer_sees_the_images_and_gets_their_stamps() -> None:
    import aiortc
    gateway = FakeGateway()
    gateway.topic_types[TOPIC] = JPEG.name
    async with serving(gateway) as door, filmed(gateway):
        peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        stamps: list[str] = []
        tracks: list[Any] = []
        channel = peer.createDataChannel('stamps')
        channel.on('message', stamps.append)
        peer.on('track', tracks.append)
        peer.addTransceiver('video', direction='recvonly')
        status, answer, location = await offer(peer, door)
        assert status == 201
        hosts = {line.split()[4] for line in answer.splitlines() if line.startswith('a=candidate:')}
        assert hosts == {'127.0.0.1'}
        await peer.setRemoteDescription(aiortc.RTCSessionDescription(answer, 'answer'))
        await tracks[0].recv()
        channel.send('shown')
        brightness = {round(float((await tracks[0].recv()).to_ndarray(format='gray').mean()) / 30) for _ in range(30)}
        assert len(brightness) > 3
        pts, stamp = stamps[-1].split()
        assert int(pts) > 0
        assert stamp.startswith('10')
        assert (await door.get('/healthz'))[1]['viewers'] == 1
        assert (await door.request('DELETE', location))[0] == 204
        assert (await door.request('DELETE', location))[0] == 404
        await until(lambda: not gateway.feeds[TOPIC])
        assert (await door.get('/healthz'))[1]['viewers'] == 0
        await peer.close()


@needs_webrtc
@on_loop
async def test_webrtc_viewers_are_checked_and_limited_like_other_viewers() -> None:
    gateway = FakeGateway()
    gateway.topic_types |= {TOPIC: JPEG.name, '/hidden/compressed': JPEG.name}
    async with serving(gateway) as door:
        assert (await door.request('POST', '/webrtc?topic=/hidden', data='v=0'))[0] == 403
        assert (await door.request('POST', '/webrtc?topic=/none', data='v=0'))[0] == 404
        assert (await door.request('POST', f'/webrtc?topic={CAMERA}', data='x' * 40_000))[0] == 413
        evil = {'Origin': 'http://evil.example'}
        assert (await door.request('POST', f'/webrtc?topic={CAMERA}', data='v=0', headers=evil))[0] == 403
        assert (await door.get('/config.json'))[1]['webrtc'] == f'/webrtc?topic={CAMERA}'
    async with serving(gateway, webrtc=False) as door:
        status, answer = await door.request('POST', f'/webrtc?topic={CAMERA}', data='v=0')
        assert (status, 'disabled' in answer['message']) == (400, True)
        assert (await door.get('/config.json'))[1]['webrtc'] == ''
    async with serving(gateway, limits={'viewers': 1}) as door:
        viewer = await door.session.get(f'{door.url}/stream?topic={CAMERA}')
        assert (await door.request('POST', f'/webrtc?topic={CAMERA}', data='v=0'))[0] == 429
        viewer.close()
    async with serving(gateway, host='0.0.0.0') as door:
        assert (await door.request('POST', f'/webrtc?topic={CAMERA}', data='v=0'))[0] == 401


@needs_webrtc
@on_loop
async def test_offers_that_are_none_are_refused_and_leave_nothing() -> None:
    import aiortc
    gateway = FakeGateway()
    gateway.topic_types[TOPIC] = JPEG.name
    peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    peer.createDataChannel('stamps')
    peer.addTransceiver('video', direction='recvonly')
    good = (await peer.createOffer()).sdp
    only_data = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    only_data.createDataChannel('stamps')
    rng = random.Random(1)
    lines = good.splitlines()
    offers = ['', 'nothing', 'v=0', (await only_data.createOffer()).sdp, good.replace('VP8', 'VPX')]
    for _ in range(60):
        broken = [line for line in lines if rng.random() > 0.1]
        broken[rng.randrange(len(broken))] = rng.choice(('m=video', 'a=mid', 'a=rtpmap:x', 'a=fingerprint:y', 'é'))
        offers.append('\r\n'.join(broken) + '\r\n')
    async with serving(gateway) as door:
        for text in offers:
            status, answer = await door.request('POST', f'/webrtc?topic={CAMERA}', data=text)
            assert status in (201, 400), (status, answer, text)
    assert gateway.feeds[TOPIC] == []
    await peer.close()
    await only_data.close()


@on_loop
async def test_libraries_that_are_too_old_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(minimum_versions.MINIMUM, 'WebRTC', {'aiohttp': (99, 0)})
    async with serving(FakeGateway()) as door:
        status, answer = await door.request('POST', f'/webrtc?topic={CAMERA}', data='v=0')
        assert status == 400
        assert 'aiohttp 99.0 or newer is required, and' in answer['message']
        assert answer['message'].endswith('use /stream')
        assert (await door.get('/config.json'))[1]['webrtc'] == ''


def test_viewers_can_be_made_without_the_library() -> None:
    """What paces viewers must not need aiortc or PyAV."""
    assert RtcViewer.__module__ == 'turret_web.video.rtc_channel'

# SPDX-License-Identifier: Apache-2.0
"""Video over WebRTC in Chromium, from a web gateway without a turret behind it."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from filming import TOPIC, filmed
from test_panel import IMAGE
from web_testing import JPEG, PANEL, FakeGateway, serving

from turret_common.testing.visitor import remembered
from turret_common.testing.waiting import wait_until

pytestmark = pytest.mark.system

WAIT_S = 20.0

#: Stamp and brightness of the frame that is shown.
SHOWN = """() => {
    const canvas = document.querySelector('canvas.pixels');
    const one = new OffscreenCanvas(1, 1).getContext('2d');
    one.drawImage(canvas, 20, 20, 1, 1, 0, 0, 1, 1);
    const pixel = one.getImageData(0, 0, 1, 1).data;
    return [document.querySelector('section.video').dataset.stamp, pixel[0]];
}"""


@contextmanager
def web_gateway(**parameters: Any) -> Iterator[str]:
    """Serve moving images on a loop and a thread of their own; yields the address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    stack = AsyncExitStack()

    async def start() -> str:
        gateway = FakeGateway()
        gateway.topic_types[TOPIC] = JPEG.name
        door = await stack.enter_async_context(serving(gateway, PANEL, **parameters))
        await stack.enter_async_context(filmed(gateway))
        return door.url
    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result(WAIT_S)
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(WAIT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open the panel in a fresh profile that asks for WebRTC."""
    contexts = []

    def open_it(url: str, script: str = '') -> Any:
        context = browser.new_context()
        contexts.append(context)
        context.add_init_script(f"{remembered('Panel')} localStorage.setItem('turret.video', 'webrtc'); {script}")
        page = context.new_page()
        page.set_default_timeout(WAIT_S * 1000)
        page.goto(url)
        page.wait_for_selector('canvas.pixels')
        return page
    yield open_it
    for context in contexts:
        context.close()


def viewers(url: str) -> int:
    with urllib.request.urlopen(f'{url}/healthz', timeout=5) as answer:
        count: int = json.load(answer)['viewers']
        return count


def moves(page: Any) -> None:
    wait_until(lambda: any(page.evaluate(IMAGE)), WAIT_S, 'an image')
    first = page.evaluate(IMAGE)
    wait_until(lambda: page.evaluate(IMAGE) != first, WAIT_S, 'another image')


def test_video_moves_over_webrtc_and_its_images_have_stamps(open_page: Callable[..., Any]) -> None:
    with web_gateway() as url:
        page = open_page(url)
        moves(page)
        assert page.locator('button.transport').inner_text() == 'WebRTC'
        assert viewers(url) == 1
        stamped: dict[str, int] = {}

        def look() -> bool:
            stamp, brightness = page.evaluate(SHOWN)
            stamped[stamp] = brightness
            return len(stamped) > 20
        wait_until(look, WAIT_S, 'images with stamps')
        stamped.pop('', None)
        for stamp, brightness in stamped.items():
            number = (int(stamp) - 100_000_000) // 20_000
            assert abs(brightness - number % 25 * 10) < 8, 'the stamp is that of another frame'
        page.locator('button.transport').click()
        moves(page)
        assert page.locator('button.transport').inner_text() == 'MJPEG'
        page.locator('button.transport').click()
        wait_until(lambda: page.locator('button.transport').inner_text() == 'WebRTC', WAIT_S, 'WebRTC again')
        page.close()
        wait_until(lambda: viewers(url) == 0, WAIT_S, 'no viewers')


@pytest.mark.parametrize('script', [
    'window.RTCPeerConnection = undefined;',
    'RTCPeerConnection.prototype.setRemoteDescription = () => Promise.reject(new Error("not today"));'])
def test_without_webrtc_in_the_browser_the_panel_continues_with_mjpeg(
        open_page: Callable[..., Any], script: str) -> None:
    with web_gateway() as url:
        page = open_page(url, script)
        moves(page)
        button = page.locator('button.transport')
        assert button.count() == 0 or button.inner_text() == 'MJPEG'


def test_with_webrtc_switched_off_the_panel_continues_with_mjpeg(open_page: Callable[..., Any]) -> None:
    with web_gateway(webrtc=False) as url:
        page = open_page(url)
        moves(page)
        assert page.locator('button.transport').is_hidden()

# SPDX-License-Identifier: Apache-2.0
"""What a page of another site can do to the turret from a real browser: nothing."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_webrtc import web_gateway

pytestmark = pytest.mark.system

#: Each way a page can reach for another site; answers what came of it.
ATTEMPTS = """async (door) => {
    const outcome = (promise) => promise.then(() => 'got through', () => 'refused');
    const loads = (tag, url) => outcome(new Promise((resolve, reject) => {
        const element = document.createElement(tag);
        element.onload = resolve;
        element.onerror = reject;
        element.src = url;
        document.body.append(element);
    }));
    const read = (path, options) => outcome(fetch(door + path, options).then((answer) => answer.text()));
    const socket = outcome(new Promise((resolve, reject) => {
        const made = new WebSocket(door.replace('http', 'ws') + '/rosbridge');
        made.onopen = resolve;
        made.onerror = reject;
    }));
    // Without CORS a page may send this and not read the answer: the server has to refuse it by itself.
    await fetch(door + '/api/safety/stop', { method: 'POST', mode: 'no-cors', body: '{}' }).catch(() => undefined);
    return {
        session: await read('/session', { credentials: 'include' }),
        status: await read('/api/status'),
        call: await read('/api/safety/stop', { method: 'POST', body: '{}' }),
        json: await read('/api/safety/stop', {
            method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } }),
        webrtc: await read('/webrtc?topic=/x', { method: 'POST', body: 'v=0' }),
        socket: await socket,
        image: await loads('img', door + '/snapshot?topic=/turret/camera/image_raw'),
        script: await loads('script', door + '/config.json'),
    };
}"""


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[str]:
    """A web site on another port and, by its name, of another site."""
    (tmp_path / 'index.html').write_text('<title>evil</title><body></body>')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://localhost:{server.server_address[1]}/'
    server.shutdown()
    server.server_close()


def test_a_page_of_another_site_gets_nothing_and_does_nothing(browser: Any, other_site: str) -> None:
    with web_gateway() as door:
        page = browser.new_page()
        page.goto(other_site)
        outcomes = page.evaluate(ATTEMPTS, door)
        assert outcomes == dict.fromkeys(outcomes, 'refused')
        assert len(outcomes) == 8
        refused = page.request.get(f'{door}/metrics').text()
        assert 'refusals_total{reason="NOT_ALLOWED"}' in refused
        page.close()


def test_the_panel_cannot_be_framed_by_another_site(browser: Any, other_site: str) -> None:
    with web_gateway() as door:
        page = browser.new_page()
        errors: list[str] = []
        page.on('console', lambda message: errors.append(message.text))
        page.goto(other_site)
        page.evaluate("""(door) => new Promise((resolve) => {
            const frame = document.createElement('iframe');
            frame.onload = resolve;
            frame.src = door;
            document.body.append(frame);
        })""", door)
        assert any('frame-ancestors' in text for text in errors), errors
        page.close()

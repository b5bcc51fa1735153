# SPDX-License-Identifier: Apache-2.0
"""The imitated back end of ``npm run dev`` with browsers in front of it, for tests of the panel alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_panel import DELIBERATE_MS, retry

from turret_common.testing.visitor import remembered
from turret_common.testing.waiting import free_port, wait_until

SOURCE = Path(__file__).parents[2] / 'panel'
WAIT_S = 20.0
START_S = 60.0
LIVE = '.connection[data-state=live]'
DESKTOP = {'width': 1440, 'height': 900}
SIZES = {
    'desktop': DESKTOP, 'large': {'width': 1920, 'height': 1080}, 'laptop': {'width': 1366, 'height': 768},
    'small laptop': {'width': 1280, 'height': 720}, 'tablet': {'width': 1024, 'height': 768},
    'tablet upright': {'width': 768, 'height': 1024}, 'phone': {'width': 390, 'height': 844},
    'phone on its side': {'width': 844, 'height': 390},
}
#: Ids of the views.
VIEWS = ('drive', 'presets', 'zones', 'aim', 'camera', 'media', 'bags', 'plots', 'setup', 'settings', 'system')


class BackEnd:
    """The imitated back end, and the ways to make it fail."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, **query: Any) -> None:
        """Steer it; values other than texts are sent as JSON."""
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
        with urllib.request.urlopen(f'{self.url}/dev/ctl?{urllib.parse.urlencode(texts)}', timeout=5) as answer:
            answer.read()

    def status(self) -> dict[str, Any]:
        """Return its status."""
        with urllib.request.urlopen(f'{self.url}/api/status', timeout=5) as answer:
            status: dict[str, Any] = json.load(answer)
            return status

    def is_up(self) -> bool:
        """Return whether it answers."""
        try:
            return bool(self.status())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def shows_live(page: Any, url: str) -> bool:
    """Load the panel and return whether it shows a live connection."""
    api = pytest.importorskip('playwright.sync_api', reason='pip install playwright')
    page.goto(url)
    try:
        page.wait_for_selector(LIVE, timeout=WAIT_S * 1000)
    except api.TimeoutError:
        return False
    return True


@pytest.fixture(scope='module')
def server(browser: Any) -> Iterator[BackEnd]:
    """``npm run dev`` on a free port, after it has compiled the panel for a first page, which may reload meanwhile."""
    node = shutil.which('node')
    vite = SOURCE / 'node_modules' / 'vite' / 'bin' / 'vite.js'
    if node is None or not vite.exists():
        pytest.skip('the packages of the panel are not installed: run npm ci in turret_web/panel')
    port = free_port()
    process = subprocess.Popen(
        [node, str(vite), '--port', str(port), '--strictPort'], cwd=SOURCE, env={**os.environ, 'FIXED': '1'},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    back_end = BackEnd(f'http://127.0.0.1:{port}')
    try:
        wait_until(back_end.is_up, START_S, 'the development server')
        page = browser.new_page()
        wait_until(lambda: shows_live(page, back_end.url), 2 * START_S, 'the compiled panel')
        page.close()
        yield back_end
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def back_end(server: BackEnd) -> BackEnd:
    """The back end in its first state."""
    server.control(reset='1')
    return server


@pytest.fixture
def open_panel(back_end: BackEnd, browser: Any) -> Iterator[Callable[..., Any]]:
    """Open the panel in a fresh profile."""
    contexts = []

    def open_it(viewport: dict[str, int] = DESKTOP, name: str = 'Ann', remember: bool = True, **options: Any) -> Any:
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        if remember:
            context.add_init_script(remembered(name))
        page = context.new_page()
        page.set_default_timeout(WAIT_S * 1000)
        page.goto(back_end.url)
        page.wait_for_selector(LIVE, timeout=START_S * 1000)
        return page
    yield open_it
    for context in contexts:
        context.close()


def take_control(page: Any) -> None:
    page.locator('.control').get_by_role('button', name='Take control').click()
    page.wait_for_selector('.control[data-state=mine]')


def arm(page: Any) -> None:
    button = page.get_by_role('button', name='Arm', exact=True)
    retry(
        lambda: button.click(delay=DELIBERATE_MS) if button.is_visible() and button.is_enabled() else None,
        lambda: page.locator('.fire[data-state=ARMED]').is_visible(), 'armed')


def open_view(page: Any, name: str) -> None:
    page.locator(f'#tab-{name}').click()
    page.wait_for_selector(f'#tab-{name}[aria-selected=true]')


def send_key(page: Any, kind: str, code: str, key: str, meta: bool = False) -> None:
    """Send exactly one event, as a system does that never sends the key-up."""
    page.evaluate(
        '([kind, code, key, metaKey]) => window.dispatchEvent('
        '    new KeyboardEvent(kind, { code, key, metaKey, bubbles: true }))',
        [kind, code, key, meta])

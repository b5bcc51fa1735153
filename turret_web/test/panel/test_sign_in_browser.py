# SPDX-License-Identifier: Apache-2.0
"""Signing in and out with a real browser, over HTTP on a wide address."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_testing import FakeGateway, serving

from turret_common.paths import state_dir
from turret_web.access.access import load_tokens


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    (tmp_path / 'index.html').write_text(
        '<title>panel</title><form method="post" action="/sign-out"><button>Sign out</button></form>')
    return tmp_path


@pytest.fixture
def address(panel: Path) -> Iterator[str]:
    """Serve on a thread of its own: the browser's interface blocks."""
    started, ending = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    urls: list[str] = []

    async def serve() -> None:
        async with serving(FakeGateway(), panel, host='0.0.0.0') as server:
            urls.append(server.url)
            started.set()
            await ending.wait()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(10.0)
    yield urls[0]
    loop.call_soon_threadsafe(ending.set)
    thread.join(10.0)


def test_signing_in_with_the_form_and_out_again(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    assert page.title() == 'Sign in to the turret'
    page.fill('#token', 'wrong')
    page.click('button')
    page.wait_for_selector('[role=alert]')
    assert 'This token is wrong' in page.inner_text('[role=alert]')
    page.fill('#token', load_tokens(state_dir('turret') / 'web.tokens').operator)
    page.click('button')
    page.wait_for_function('document.title === "panel"')
    page.click('text=Sign out')
    page.wait_for_function('document.title.startsWith("Sign in")')
    page.goto(address)
    assert page.title() == 'Sign in to the turret'
    context.close()


def test_a_sign_in_link_of_another_site_leads_to_the_panel(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    token = load_tokens(state_dir('turret') / 'web.tokens').viewer
    page.set_content(f'<a href="{address}/sign-in?token={token}">sign in</a>')
    page.click('a')
    page.wait_for_function('document.title === "panel"')
    context.close()

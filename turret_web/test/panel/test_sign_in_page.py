# SPDX-License-Identifier: Apache-2.0
"""The page to sign in, as a person uses it in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_webrtc import web_gateway

from turret_common.paths import state_dir
from turret_web.access.access import load_tokens

pytestmark = pytest.mark.system


def test_a_person_signs_in_with_a_token_and_out_again(
        browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    with web_gateway(host='0.0.0.0') as url:  # a wide address asks for a token; the test uses it on loopback
        page = browser.new_context().new_page()
        page.goto(url)
        page.get_by_label('Token').fill('not the token')
        page.get_by_role('button', name='Sign in').click()
        page.locator('[role=alert]:not(:empty)').wait_for()
        page.get_by_label('Token').fill(load_tokens(state_dir('turret') / 'web.tokens').viewer)
        page.get_by_role('button', name='Sign in').click()
        page.locator('.app').wait_for()
        page.locator('.tour').get_by_role('button', name='Skip').click()
        page.locator('#tab-system').click()
        page.get_by_role('button', name='Sign out').click()
        page.get_by_label('Token').wait_for()
        page.context.close()

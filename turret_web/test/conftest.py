# SPDX-License-Identifier: Apache-2.0
"""The browser that several tests look through."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM_FLAGS = (
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync')


@pytest.fixture(scope='session')
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    executable = shutil.which('chromium')
    if executable is None:
        pytest.skip('there is no Chromium: apt install chromium')
    api = pytest.importorskip('playwright.sync_api', reason='pip install playwright')
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        yield chromium
        chromium.close()

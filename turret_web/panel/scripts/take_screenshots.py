# SPDX-License-Identifier: Apache-2.0
"""Record the panel as the documents show it: ``take_screenshots.py http://127.0.0.1:8000``.

The turret must run in simulation, and not be stopped. The script takes control, follows a target, arms and fires; it
releases the control at the end. It writes ``panel.webp``, an animation of at most 3 MB.
With ``--views FOLDER`` it writes every view in every size and theme instead, to be looked at; ``npm run dev`` is enough
for that.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import shutil
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

from turret_common.testing.visitor import remembered

IMAGES = Path(__file__).parents[3] / 'docs' / 'images'
DESKTOP = {'width': 1440, 'height': 900}
SIZES = ((1440, 900), (1920, 1080), (1024, 768), (768, 1024), (390, 844), (844, 390))
VISITOR = remembered('Ann')
#: Size, quality and frame rate of the animation, and how long each of its parts takes in s.
SMALL, QUALITY, RATE = (960, 600), 55, 6.0
FOLLOWING_S, ARMING_S, ARMED_S, FIRING_S, AFTER_S = 2.0, 1.4, 1.5, 0.8, 1.0
MAX_BYTES = 3_000_000
#: On a busy machine a page takes a minute to open.
WAIT_MS = 120_000
STATE_S = 8.0
TRIES = 20


def take_control(page: Page) -> None:
    """Take control as soon as the page is connected."""
    page.wait_for_selector('.connection[data-state=live]')
    page.locator('.control').get_by_role('button', name='Take control').click()
    page.wait_for_selector('.control[data-state=mine]')


def press(page: Page, name: str) -> None:
    """Press a button and keep it pressed."""
    button = page.get_by_role('button', name=name, exact=True)
    button.wait_for(timeout=1000.0 * STATE_S)
    box = button.bounding_box()
    assert box is not None
    page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
    page.mouse.down()


def take_views(browser: Browser, url: str, folder: Path) -> None:
    """Take every view in every size and theme."""
    folder.mkdir(parents=True, exist_ok=True)
    for width, height in SIZES:
        is_phone = min(width, height) < 500
        for theme in ('dark', 'light'):
            context = browser.new_context(
                viewport={'width': width, 'height': height}, color_scheme=theme, has_touch=is_phone, is_mobile=is_phone)
            context.add_init_script(VISITOR)
            page = context.new_page()
            page.goto(url)
            take_control(page)
            for tab in page.locator('.rail button').all():
                tab.click()
                page.locator('.view .group').first.wait_for()
                name = (tab.get_attribute('id') or '').removeprefix('tab-')
                page.screenshot(path=folder / f'{width}x{height}_{theme}_{name}.png')
            page.locator('.control').get_by_role('button', name='Release').click()
            context.close()


class Animation:
    """Screenshots with the time for which each is shown."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[tuple[float, Image.Image]] = []

    def record(self, duration_s: float, state: str = '') -> None:
        """Take screenshots for a time, or until the laser is in a state.

        Raises TimeoutError when it was not in that state in time.
        """
        end = time.monotonic() + duration_s
        while (now := time.monotonic()) < end:
            image = Image.open(io.BytesIO(self._page.screenshot(type='jpeg', quality=90)))
            self._frames.append((now, image.resize(SMALL, Image.Resampling.LANCZOS)))
            if state and self._page.locator('.fire').get_attribute('data-state') == state:
                return
            self._page.wait_for_timeout(max(0.0, 1000.0 * (now + 1.0 / RATE - time.monotonic())))
        if state:
            raise TimeoutError(f'the laser is not {state}')

    def save(self, path: Path) -> None:
        """Write them; a pause between two recordings is left out."""
        times, images = zip(*self._frames, strict=True)
        pauses = [min(1000.0 * (after - before), 2000.0 / RATE) for before, after in itertools.pairwise(times)]
        images[0].save(
            path, save_all=True, append_images=images[1:], duration=[round(pause) for pause in (*pauses, 1000.0)],
            loop=0, quality=QUALITY, method=6)
        if path.stat().st_size > MAX_BYTES:
            raise SystemExit(f'{path} has {path.stat().st_size} bytes, more than {MAX_BYTES}')


def follow_and_fire(page: Page) -> None:
    """Follow a target, arm and fire, and write the animation of it.

    Raises TimeoutError when the laser does not get that far: on a busy machine a late permit disarms.
    """
    animation = Animation(page)
    if (disarm := page.get_by_role('button', name='Disarm', exact=True)).is_visible():
        disarm.click()
    page.locator('.segmented').get_by_role('button', name='Track').click()
    page.locator('.fire-settings .slider input').fill('0.5')
    page.locator('.tracks li[data-target=true]').wait_for(timeout=1000.0 * STATE_S)
    animation.record(FOLLOWING_S)
    press(page, 'Arm')
    try:
        animation.record(ARMING_S)
    finally:
        page.mouse.up()
    animation.record(STATE_S, 'ARMED')
    animation.record(ARMED_S)
    press(page, 'Hold to fire')
    try:
        animation.record(STATE_S, 'FIRING')
        animation.record(FIRING_S)
    finally:
        page.mouse.up()
    animation.record(AFTER_S)
    if page.locator('.fire').get_attribute('data-state') not in ('ARMED', 'COOLDOWN'):
        raise TimeoutError('the laser was disarmed')
    animation.save(IMAGES / 'panel.webp')


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('url', help='address of the panel')
    parser.add_argument('--views', type=Path, metavar='FOLDER', help='write every view in every size and theme')
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which('chromium'), args=['--no-sandbox'])
        if args.views is not None:
            take_views(browser, args.url, args.views)
            browser.close()
            return
        context = browser.new_context(viewport=DESKTOP, color_scheme='dark')
        context.add_init_script(VISITOR)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(args.url)
        take_control(page)
        for _ in range(TRIES):
            with contextlib.suppress(TimeoutError):
                follow_and_fire(page)
                break
        else:
            raise SystemExit('the laser does not fire')
        page.locator('.control').get_by_role('button', name='Release').click()
        browser.close()


if __name__ == '__main__':
    main()

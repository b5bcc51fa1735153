# SPDX-License-Identifier: Apache-2.0
"""Take the screenshots of the panel that the documents show: ``take_screenshots.py http://127.0.0.1:8000``.

The turret must run in simulation. The script takes control, follows a target and arms; it stops the turret at the end.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, TimeoutError, sync_playwright

IMAGES = Path(__file__).parents[3] / 'docs' / 'images'
DESKTOP = {'width': 1440, 'height': 900}
#: What the browser knows of earlier visits: the tour was seen, and the name was asked.
REMEMBERED = """
    localStorage.setItem('turret.tour-seen', 'yes');
    localStorage.setItem('turret.operator-name', 'Ann');
"""
ARM_MS = 1000
ARMING_MS = 6000
TRIES = 10


def follow_and_arm(page: Page) -> None:
    """Take control, follow a target and arm."""
    page.wait_for_selector('.connection[data-state=live]')
    page.locator('.control').get_by_role('button', name='Take control').click()
    page.wait_for_selector('.control[data-state=mine]')
    armed = page.locator('.fire[data-state=ARMED]')
    for _ in range(TRIES):  # on a busy machine a late permit disarms
        page.locator('.segmented').get_by_role('button', name='Track').click()
        page.locator('.fire-settings .slider input').fill('0.5')
        button = page.get_by_role('button', name='Arm', exact=True)
        if button.is_visible() and button.is_enabled():
            button.click(delay=ARM_MS)
        with contextlib.suppress(TimeoutError):
            armed.wait_for(timeout=ARMING_MS)
            page.locator('.tracks li[data-target=true]').wait_for(timeout=ARMING_MS)
            return
    raise SystemExit('the turret does not stay armed')


def main() -> None:
    """Take the screenshots."""
    [url] = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which('chromium'), args=['--no-sandbox'])
        context = browser.new_context(viewport=DESKTOP, color_scheme='dark')
        context.add_init_script(REMEMBERED)
        page = context.new_page()
        page.goto(url)
        follow_and_arm(page)
        page.screenshot(path=IMAGES / 'panel.png')
        page.locator('header .stop').click()
        page.wait_for_selector('.banner.stopped')
        browser.close()


if __name__ == '__main__':
    main()

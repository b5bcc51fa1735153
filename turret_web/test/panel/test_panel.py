# SPDX-License-Identifier: Apache-2.0
"""The panel in a browser, in front of a whole simulated turret."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from turret_common.testing.visitor import remembered
from turret_common.testing.waiting import wait_until

pytestmark = pytest.mark.system

DESKTOP = {'width': 1280, 'height': 860}
SMALLEST_PHONE = {'width': 360, 'height': 740}
WAIT_S = 20.0
ATTEMPT_S = 6.0
#: How long Arm is held [ms].
DELIBERATE_MS = 1000
RETRY_S = 60.0
#: Until a replay has started.
START_S = 60.0

#: Power that the turret has, which the slider shows only after a moment.
LASER_POWER = "fetch('api/status').then((answer) => answer.json()).then(({ laser }) => laser.power)"

#: Keep the newest tracks, which are half a second newer than those of the status.
KEEP_TRACKS = """async () => {
    const { rosbridge, namespace } = await (await fetch('config.json')).json();
    const socket = new WebSocket(Object.assign(new URL(rosbridge, location.href), { protocol: 'ws:' }));
    socket.onmessage = ({ data }) => { window.newestTracks = JSON.parse(data).msg?.tracks ?? window.newestTracks; };
    socket.onopen = () => socket.send(JSON.stringify({ op: 'subscribe', topic: `${namespace}/vision/tracks` }));
}"""

#: The box of a confirmed track; null = none now.
CONFIRMED_BOX = """
    (window.newestTracks ?? []).find(({ state, box }) => state === 2 && box.center_x !== null)?.box ?? null"""

IMAGE = """() => {
    const canvas = document.querySelector('canvas.pixels');
    const small = new OffscreenCanvas(16, 12).getContext('2d');
    small.drawImage(canvas, 0, 0, 16, 12);
    return [...small.getImageData(0, 0, 16, 12).data];
}"""


@pytest.fixture
def pages() -> list[Any]:
    """The pages that are open in this test."""
    return []


@pytest.fixture
def open_panel(turret: Any, browser: Any, pages: list[Any], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open the panel in a fresh profile; the test fails when the page logs an error."""
    errors: list[str] = []

    def open_page(viewport: dict[str, int] = DESKTOP, name: str = 'Panel', **options: Any) -> Any:
        context = browser.new_context(viewport=viewport, **options)
        context.add_init_script(remembered(name))
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(WAIT_S * 1000)
        page.on('pageerror', lambda error: errors.append(str(error)))
        page.on('console', lambda message: errors.append(message.text) if 'Content Security' in message.text else None)
        page.goto(turret.url)
        page.wait_for_selector('.connection[data-state=live]')
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert errors == []


@pytest.fixture
def panel(open_panel: Callable[..., Any]) -> Any:
    """The panel on a desktop."""
    return open_panel()


def take_control(page: Any) -> None:
    page.locator('.control').get_by_role('button', name='Take control').click()
    takeover = page.get_by_role('button', name='Take over')
    page.wait_for_selector('.control[data-state=mine], .take-over')
    if takeover.is_visible():
        takeover.click()
    page.wait_for_selector('.control[data-state=mine]')


def retry(act: Callable[[], None], condition: Callable[[], Any], what: str) -> None:
    """Do something until it works, as a person does: on a busy machine a late permit stops and disarms."""
    def attempt() -> bool:
        act()
        try:
            return bool(wait_until(condition, ATTEMPT_S, what))
        except AssertionError:
            return False
    wait_until(attempt, RETRY_S, what)


def shows(page: Any, selector: str) -> bool:
    return bool(page.locator(selector).first.is_visible())


def arm(page: Any) -> None:
    power = page.locator('.fire-settings .slider input')
    retry(
        lambda: power.fill('0.5'),
        lambda: page.evaluate(LASER_POWER) == 0.5, 'the power')
    button = page.get_by_role('button', name='Arm', exact=True)
    retry(
        lambda: button.click(delay=DELIBERATE_MS) if button.is_visible() and button.is_enabled() else None,
        lambda: shows(page, '.fire[data-state=ARMED]'), 'armed')


def hold_until_emission(
        page: Any, press: Callable[[], None], release: Callable[[], None],
        keep: Callable[[], None] = lambda: None) -> None:
    """Arm and hold the trigger until the laser emits, and still hold it then; ``keep`` repeats what a key repeats."""
    def attempt() -> None:
        release()
        arm(page)
        press()

    def emits() -> bool:
        keep()
        return shows(page, '.fire[data-emitting=true]')
    retry(attempt, emits, 'emission')


def is_released(status: Any) -> bool:
    """Return whether emission is off because the trigger is released, and not because a pulse is over."""
    return not status['laser']['emitting'] and not status['safety']['trigger']


def sequence_number(page: Any) -> int:
    return int(page.get_by_test_id('status-seq').text_content().removeprefix('#'))


def click_image(page: Any, x: float, y: float, width: float, height: float) -> None:
    """Click a pixel of the image, which is fitted whole into its frame."""
    box = page.locator('canvas.overlay').bounding_box()
    scale = min(box['width'] / width, box['height'] / height)
    page.mouse.click(
        box['x'] + (box['width'] - width * scale) / 2 + x * scale,
        box['y'] + (box['height'] - height * scale) / 2 + y * scale)


def test_shows_moving_video_and_counts_the_status(panel: Any) -> None:
    first, seq = panel.evaluate(IMAGE), sequence_number(panel)
    wait_until(lambda: panel.evaluate(IMAGE) != first, WAIT_S, 'another frame')
    wait_until(lambda: sequence_number(panel) >= seq + 4, WAIT_S, 'four more status messages')
    assert panel.locator('.badge').first.inner_text() == 'SIMULATION'
    assert panel.locator('.chip[data-section=gimbal][data-old=false]').count() == 1


def test_click_looks_there(turret: Any, panel: Any) -> None:
    take_control(panel)
    retry(
        panel.locator('.nudge').get_by_role('button', name='Go to center').click,
        lambda: abs(turret.status()['gimbal']['pan']['position']) < 0.02, 'the head in the middle')
    camera = turret.status()['camera']
    width, height = camera['width'], camera['height']
    retry(
        lambda: click_image(panel, width * 0.25, height * 0.5, width, height),
        lambda: turret.status()['gimbal']['pan']['position'] > math.radians(5), 'the head turned left')
    pose = panel.get_by_test_id('pose')
    wait_until(lambda: float(pose.get_attribute('data-pan')) > 5, WAIT_S, 'the pose on the panel')


def test_click_on_a_box_follows_it(turret: Any, panel: Any) -> None:
    take_control(panel)
    panel.get_by_role('button', name='Track', exact=True).click()

    panel.evaluate(KEEP_TRACKS)
    camera = turret.status()['camera']

    def select() -> bool:
        box = panel.evaluate(CONFIRMED_BOX)
        if box is None:
            return False
        click_image(panel, box['center_x'], box['center_y'], camera['width'], camera['height'])
        # A click acts once it cannot become a double click, so the next one must not follow at once.
        with contextlib.suppress(AssertionError):
            return bool(wait_until(lambda: turret.status()['controller']['selected_id'], 2.0))
        return False
    wait_until(select, 2 * WAIT_S, 'a track that is chosen')


def test_fires_while_the_trigger_is_held(turret: Any, panel: Any) -> None:
    take_control(panel)
    hold = panel.get_by_role('button', name='Hold to fire')

    def press() -> None:
        hold.hover(force=True)  # forced: it may have been disarmed meanwhile, and then it is tried again
        panel.mouse.down()
    hold_until_emission(panel, press, panel.mouse.up)
    assert panel.locator('.laser-state').inner_text().startswith('FIRING')
    panel.mouse.up()
    turret.wait_for(is_released, 'emission off')
    panel.wait_for_selector('.fire[data-emitting=false]')


@pytest.mark.parametrize('leave', [
    'window.dispatchEvent(new Event("blur"))', 'document.dispatchEvent(new Event("visibilitychange"))'])
def test_leaving_the_page_releases_the_trigger(turret: Any, panel: Any, leave: str) -> None:
    take_control(panel)
    hold_until_emission(
        panel, lambda: panel.keyboard.down('f'), lambda: panel.keyboard.up('f'), lambda: panel.keyboard.down('f'))
    panel.evaluate(leave)
    turret.wait_for(is_released, 'emission off while the key is still down')
    panel.wait_for_selector('.fire[data-emitting=false]')
    panel.keyboard.up('f')


def test_stop_is_for_all_and_latched(turret: Any, open_panel: Callable[..., Any]) -> None:
    operator = open_panel()
    take_control(operator)
    arm(operator)
    bystander = open_panel(SMALLEST_PHONE)
    bystander.get_by_role('button', name='STOP').click()
    operator.wait_for_selector('.banner.stopped')
    operator.wait_for_selector('.fire[data-state=OFF]')
    bystander.wait_for_selector('button.stop[data-state=stopped]')
    turret.wait_for(  # the panel may know it before the next status
        lambda status: status['safety']['software_stop'] and not status['safety']['motion_ok'],
        'a status with the stop')
    operator.bring_to_front()
    arming = operator.get_by_role('button', name='Arm', exact=True)
    assert arming.is_disabled()
    assert arming.get_attribute('title') == 'Reset the stop first.'
    operator.locator('.banner.stopped').get_by_role('button', name='Reset stop').click()
    operator.wait_for_selector('.banner.stopped', state='hidden')
    assert operator.locator('.laser-state strong').inner_text() == 'SAFE'


def test_escape_stops(panel: Any) -> None:
    take_control(panel)
    panel.locator('.control').click()
    panel.keyboard.press('Escape')
    panel.locator('.banner.stopped').get_by_role('button', name='Reset stop').click()
    panel.wait_for_selector('.banner.stopped', state='hidden')


def test_taking_over_needs_a_confirmation(open_panel: Callable[..., Any]) -> None:
    first = open_panel()
    take_control(first)
    second = open_panel(name='Second')
    second.locator('.control').get_by_role('button', name='Take control').click()
    second.wait_for_selector('.take-over')
    assert second.locator('.control[data-state=other]').count() == 1
    second.get_by_role('button', name='Take over').click()
    second.wait_for_selector('.control[data-state=mine]')
    first.wait_for_selector('.control[data-state=other]')
    assert first.locator('.holder').inner_text() == 'Second has control'


def test_changes_a_parameter(turret: Any, panel: Any) -> None:
    panel.get_by_role('tab', name='Settings').click()
    row = panel.locator('.parameter[data-name=brightness]')
    brightness = row.locator('input')
    brightness.fill('0.25')
    brightness.press('Tab')
    turret.wait_for(lambda status: status['camera']['brightness'] == 0.25, 'the new brightness')
    brightness.fill('7')
    brightness.press('Tab')
    row.locator('.refusal', has_text='-1 to 1').wait_for()
    row.get_by_role('button', name='Reset to 0').click()
    turret.wait_for(lambda status: status['camera']['brightness'] == 0, 'the old brightness')


def test_records_saves_and_deletes_bags(turret: Any, panel: Any) -> None:
    panel.get_by_role('tab', name='Bags').click()
    label = panel.get_by_role('textbox', name='Label')
    label.fill('from the panel')
    panel.get_by_label('Topics').select_option('full')
    panel.get_by_role('button', name='Record bag').click()
    turret.wait_for(lambda status: status['bag']['recording'] and status['bag']['messages'] > 100, 'a recording')
    panel.get_by_role('button', name='Stop recording').click()
    recorded = panel.locator('.items li', has_text='_from_the_panel')
    recorded.wait_for()
    assert re.search(r'\d+ messages', recorded.inner_text())
    label.fill('last')
    panel.get_by_role('button', name=re.compile(r'Save the last \d+ s')).click()
    saved = panel.locator('.items li', has_text='_last')
    for bag in (recorded, saved):
        delete_twice(bag)


def test_replays_a_bag_in_a_panel_of_its_own(turret: Any, panel: Any) -> None:
    panel.get_by_role('tab', name='Bags').click()
    panel.get_by_role('textbox', name='Label').fill('again')
    panel.get_by_label('Topics').select_option('full')
    panel.get_by_role('button', name='Record bag').click()
    turret.wait_for(
        lambda status: status['bag']['recording'] and status['bag']['messages'] > 1000, 'a recording', START_S)
    panel.get_by_role('button', name='Stop recording').click()
    row = panel.locator('.items li', has_text='_again')
    row.get_by_role('button', name='Replay', exact=True).click()
    link = row.get_by_role('link', name='Open the replay')
    link.wait_for(timeout=START_S * 1000)
    bag = turret.process('bag')
    processes = bag.children(recursive=True)
    with panel.context.expect_page() as opened:
        link.click()
    replay = opened.value
    port = urlsplit(replay.url).port
    assert port in range(8100, 8200)
    bar = replay.locator('.banner.replay', has_text='_again')
    bar.wait_for(timeout=START_S * 1000)
    bar.get_by_role('button', name='Continue').click()
    wait_until(lambda: has_contrast(replay.evaluate(IMAGE)), START_S, 'a frame of the replay')
    assert replay.get_by_role('tab', name='Bags').count() == 0  # a replay replays nothing
    row.get_by_role('button', name='End', exact=True).click()
    row.get_by_role('button', name='Replay', exact=True).wait_for()
    assert len(processes) >= 3
    assert psutil.wait_procs(processes, WAIT_S)[1] == []
    assert bag.children() == []
    with socket.socket() as probe:
        assert probe.connect_ex(('127.0.0.1', port)) != 0
    replay.close()
    delete_twice(row)


def has_contrast(rgba: list[int]) -> bool:
    """Return whether pixels differ from each other as those of a frame do."""
    values = [value for i, value in enumerate(rgba) if i % 4 != 3]
    return max(values) - min(values) > 30


def delete_twice(row: Any) -> None:
    """Delete a row; the confirmation counts only a moment after the question."""
    row.get_by_role('button', name='Delete', exact=True).click()
    confirm = row.get_by_role('button', name='Delete now')
    wait_until(lambda: confirm.click() if confirm.is_visible() else True, WAIT_S, 'the confirmation')
    row.wait_for(state='detached')


def test_fits_the_smallest_phone_with_stop_in_sight(open_panel: Callable[..., Any]) -> None:
    page = open_panel(SMALLEST_PHONE, has_touch=True, is_mobile=True)
    for view in ('Media', 'Settings', 'Drive'):
        page.get_by_role('tab', name=view, exact=True).click()
        page.locator('#view').evaluate('view => view.scrollTo(0, view.scrollHeight)')
        assert page.evaluate('document.documentElement.scrollWidth') <= SMALLEST_PHONE['width']
        stop, video = page.get_by_role('button', name='STOP').bounding_box(), page.locator('.video').bounding_box()
        assert stop['height'] >= 56
        assert stop['y'] + stop['height'] <= SMALLEST_PHONE['height']
        assert video['y'] >= 0
        assert video['height'] > 150


def test_sends_the_assets_compressed_and_keeps_them_for_the_time_without_a_turret(turret: Any, panel: Any) -> None:
    script = panel.locator('script[type=module]').get_attribute('src')
    request = urllib.request.Request(f'{turret.url}/{script}', headers={'Accept-Encoding': 'gzip'})
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.headers['Content-Encoding'] == 'gzip'
        assert int(answer.headers['Content-Length']) < 250_000
    panel.evaluate('navigator.serviceWorker.ready.then(() => undefined)')
    panel.reload()  # the worker serves the page from now on
    panel.wait_for_selector('.connection[data-state=live]')
    panel.context.set_offline(True)
    panel.reload()
    panel.locator('#boot', has_text='does not answer').wait_for()
    panel.context.set_offline(False)
    panel.wait_for_selector('.connection[data-state=live]')


def test_shows_when_the_turret_is_silent_and_comes_back(turret: Any, panel: Any) -> None:
    seq = sequence_number(panel)
    turret.process('web').kill()
    panel.wait_for_selector('#stale:not([hidden])')
    assert 'stale' in panel.evaluate('document.body.className')
    assert panel.locator('.laser-state strong').inner_text() == 'UNKNOWN'
    panel.wait_for_selector('.connection[data-state=live]')
    panel.wait_for_selector('body:not(.stale)')
    wait_until(lambda: sequence_number(panel) > seq, WAIT_S, 'a new status')
    frame = panel.evaluate(IMAGE)
    wait_until(lambda: panel.evaluate(IMAGE) != frame, WAIT_S, 'video after the restart')

# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: F811
"""The panel in a browser in front of the imitated back end of ``npm run dev``: faults, lost links, two operators."""

from __future__ import annotations

import time
from typing import Any

import pytest
from cockpit_bench import (  # noqa: F401
    LIVE,
    SIZES,
    SOURCE,
    START_S,
    VIEWS,
    WAIT_S,
    BackEnd,
    arm,
    back_end,
    open_panel,
    open_view,
    send_key,
    server,
    take_control,
)
from test_panel import IMAGE

from turret_common.testing.waiting import wait_until

pytestmark = pytest.mark.system


def test_a_message_with_a_gap_neither_stops_the_status_nor_looks_live(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    back_end.control(set='vision.detection', v=None)
    page.locator('.notice', has_text='vision: detection is missing').wait_for()
    page.wait_for_selector('.chip[data-section=vision][data-tone=unknown]')
    before = int(page.get_by_test_id('status-seq').text_content().removeprefix('#'))
    page.wait_for_function(
        "before => Number(document.querySelector('[data-testid=status-seq]').textContent.slice(1)) > before + 2",
        arg=before)
    assert page.locator('.chip[data-section=safety][data-tone=unknown]').count() == 0


def test_a_silent_status_is_shown_although_the_connection_stands(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    back_end.control(freeze='1')
    page.wait_for_selector('.connection[data-state=silent], .connection[data-state=closed]')
    page.wait_for_selector('#stale:not([hidden])')
    assert page.locator('.chip:not([data-tone=unknown])').count() == 0


def test_a_lost_link_never_shows_firing_and_keeps_the_live_laser_badge(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    back_end.control(backend='3')
    page.wait_for_selector('.badge[data-backend=LIVE_LASER]')
    take_control(page)
    arm(page)
    page.locator('.fire .hold').hover()
    page.mouse.down()
    page.wait_for_selector('.fire[data-emitting=true]')
    assert page.locator('.video').get_attribute('data-laser') == 'emitting'
    page.wait_for_function('document.title.includes("FIRING")')
    back_end.control(offline='1')
    page.wait_for_selector('.laser-state[data-state=UNKNOWN]')
    assert page.locator('.video').get_attribute('data-laser') == 'unknown'
    assert page.locator('.badge').first.inner_text() == 'LIVE LASER ?'
    assert page.locator('.fire .hold').is_disabled()
    assert page.locator('.fire .hold').get_attribute('aria-pressed') == 'false'
    page.wait_for_function('!document.title.includes("FIRING")')
    page.mouse.up()


@pytest.mark.parametrize('end', ['meta', 'silence'])
def test_the_trigger_is_released_when_its_key_up_never_comes(back_end: BackEnd, open_panel: Any, end: str) -> None:
    page = open_panel()
    take_control(page)
    arm(page)
    send_key(page, 'keydown', 'KeyF', 'f')
    wait_until(lambda: back_end.status()['safety']['trigger'], WAIT_S, 'the trigger')
    if end == 'meta':
        send_key(page, 'keydown', 'MetaLeft', 'Meta', meta=True)
    wait_until(lambda: not back_end.status()['safety']['trigger'], 3.0, 'the trigger released')


def test_a_jog_ends_when_its_key_up_never_comes(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    take_control(page)
    start = back_end.status()['gimbal']['pan']['position']
    send_key(page, 'keydown', 'KeyA', 'a')
    wait_until(lambda: back_end.status()['gimbal']['pan']['position'] > start + 0.05, WAIT_S, 'the head moved')

    def rests() -> bool:
        first = back_end.status()['gimbal']['pan']['position']
        time.sleep(0.3)  # the time over which the head is compared with itself
        return bool(back_end.status()['gimbal']['pan']['position'] == first)
    wait_until(rests, 5.0, 'the head at rest')


def test_a_stop_over_a_dead_link_says_so_and_arrives_later(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    back_end.control(offline='1')
    page.locator('header .stop').click()
    page.locator('.banner.undelivered').wait_for(timeout=1500)
    back_end.control(offline='0')
    wait_until(lambda: back_end.status()['safety']['software_stop'], WAIT_S, 'the stop delivered')
    page.wait_for_selector('.banner.undelivered', state='detached')


def test_escape_closes_what_is_open_before_it_stops(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    open_view(page, 'media')
    page.get_by_role('button', name='View still').click()
    page.wait_for_selector('.dialog.viewer')
    page.keyboard.press('Escape')
    page.wait_for_selector('.dialog.viewer', state='detached')
    open_view(page, 'settings')
    page.locator('input[type=search]').fill('bright')
    page.keyboard.press('Escape')
    assert not back_end.status()['safety']['software_stop']
    page.keyboard.press('Escape')
    page.wait_for_selector('.banner.stopped')


def test_taking_over_starts_with_the_focus_on_cancel(back_end: BackEnd, open_panel: Any) -> None:
    take_control(open_panel())
    page = open_panel(name='Bob')
    page.locator('.control').get_by_role('button', name='Take control').click()
    page.wait_for_selector('.take-over')
    page.keyboard.press('Enter')
    page.wait_for_selector('.take-over', state='detached')
    assert back_end.status()['safety']['operator_name'] == 'Ann'


def test_a_double_click_deletes_nothing(open_panel: Any) -> None:
    page = open_panel()
    open_view(page, 'bags')
    row = page.locator('.items li', has_text='20261129_101000_test')
    row.get_by_role('button', name='Delete', exact=True).dblclick()
    row.get_by_role('button', name='Delete now').wait_for()
    assert row.is_visible()


def test_the_chosen_button_looks_chosen_while_the_pointer_is_on_it(open_panel: Any) -> None:
    page = open_panel()
    take_control(page)
    track = page.locator('.segmented').get_by_role('button', name='Track')
    track.click()
    page.wait_for_selector('.segmented button[aria-pressed=true]:has-text("Track")')
    hovered = track.evaluate('button => getComputedStyle(button).backgroundColor')
    page.mouse.move(5, 400)
    assert hovered == track.evaluate('button => getComputedStyle(button).backgroundColor')


def test_zones_of_another_operator_are_not_lost(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    take_control(page)
    open_view(page, 'zones')
    page.get_by_role('button', name='Add zone here').click()
    zones = [*back_end.status()['safety']['zones'], {
        'name': 'SET BY ANOTHER', 'kind': 0, 'pan_min': 0.0, 'pan_max': 0.1, 'tilt_min': 0.0, 'tilt_max': 0.1}]
    back_end.control(zones=zones)
    page.locator('.conflict', has_text='SET BY ANOTHER').wait_for()
    assert page.get_by_role('button', name='Save zones').is_disabled()
    page.get_by_role('button', name='Keep both').click()
    page.get_by_role('button', name='Save zones').click()
    page.wait_for_selector('.unsaved', state='detached')
    assert {'SET BY ANOTHER', 'Zone 3'} <= {zone['name'] for zone in back_end.status()['safety']['zones']}


def test_a_zone_is_drawn_on_the_map_and_on_the_video(open_panel: Any) -> None:
    page = open_panel()
    open_view(page, 'zones')
    rows = page.locator('.zones li')
    rows.nth(1).wait_for()
    box = page.locator('.view .map').bounding_box()
    page.mouse.move(box['x'] + 12, box['y'] + 12)
    page.mouse.down()
    page.mouse.move(box['x'] + 50, box['y'] + 40, steps=4)
    page.mouse.up()
    rows.nth(2).wait_for()
    page.get_by_role('button', name='Draw on the video').click()
    assert page.evaluate('document.scrollingElement.scrollTop') == 0
    frame = page.locator('.video .frame').bounding_box()
    page.mouse.move(frame['x'] + frame['width'] * 0.4, frame['y'] + frame['height'] * 0.3)
    page.mouse.down()
    page.mouse.move(frame['x'] + frame['width'] * 0.6, frame['y'] + frame['height'] * 0.5, steps=4)
    page.mouse.up()
    rows.nth(3).wait_for()
    assert page.locator('.hint').count() == 0


def test_a_viewer_sees_why_nothing_can_be_pressed(back_end: BackEnd, open_panel: Any) -> None:
    back_end.control(role='viewer')
    page = open_panel()
    assert page.locator('.control button').count() == 0
    assert page.locator('.video .stage-bar button:enabled').count() == 0
    assert 'sign in as an operator' in page.get_by_role('button', name='Home').get_attribute('title')
    assert page.locator('header .stop').is_enabled()


def test_banners_move_nothing(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    take_control(page)
    pad = page.locator('.view .jog-pad')
    before = pad.bounding_box()
    arm(page)
    page.locator('header .stop').click()
    page.wait_for_selector('.banner.stopped')
    assert pad.bounding_box() == before


def test_a_long_word_breaks_no_list(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    fault = {'node': 'camera', 'code': 402, 'message': 'x' * 240, 'severity': 2, 'age_s': 3.0, 'active': True}
    back_end.control(faults=[fault])
    page.wait_for_selector('.bell .count[data-tone=bad]')
    page.locator('.bell > button').click()
    drawer = page.locator('.drawer.history')
    drawer.locator('text=NO_FRAMES').first.wait_for()
    assert drawer.evaluate('drawer => drawer.scrollWidth <= drawer.clientWidth')


def test_click_looks_double_click_fills_the_screen_and_drag_jogs(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    take_control(page)
    wait_until(lambda: any(page.evaluate(IMAGE)), WAIT_S, 'a frame')
    frame = page.locator('.video .frame').bounding_box()
    before = back_end.status()['gimbal']['pan']['position']
    page.mouse.click(frame['x'] + frame['width'] * 0.2, frame['y'] + frame['height'] * 0.2)
    wait_until(lambda: back_end.status()['gimbal']['pan']['position'] > before + 0.1, WAIT_S, 'the head moved left')
    page.mouse.move(frame['x'] + frame['width'] * 0.5, frame['y'] + frame['height'] * 0.3)
    page.mouse.down()
    page.mouse.move(frame['x'] + frame['width'] * 0.8, frame['y'] + frame['height'] * 0.3, steps=3)
    there = back_end.status()['gimbal']['pan']['position']
    wait_until(lambda: back_end.status()['gimbal']['pan']['position'] < there - 0.05, WAIT_S, 'the head jogged right')
    page.mouse.up()
    page.mouse.dblclick(frame['x'] + frame['width'] * 0.5, frame['y'] + frame['height'] * 0.3)
    page.wait_for_function('document.fullscreenElement !== null')


def test_the_wheel_zooms_around_the_pointer(open_panel: Any) -> None:
    page = open_panel()
    wait_until(lambda: any(page.evaluate(IMAGE)), WAIT_S, 'a frame')
    page.locator('.video .frame').hover()
    page.mouse.wheel(0, -400)
    page.wait_for_selector('.video[data-zoomed=true]')
    assert 'scale(' in page.locator('canvas.pixels').evaluate('canvas => canvas.style.transform')
    page.mouse.wheel(0, 4000)
    page.wait_for_selector('.video[data-zoomed=false]')


def test_a_detector_that_cannot_start_says_why(open_panel: Any) -> None:
    page = open_panel()
    open_view(page, 'camera')
    page.locator('select:has(option[value=onnx])').select_option('onnx')
    page.locator('.notice', has_text='no model is configured').wait_for()
    page.locator('option', has_text='onnx (does not start)').wait_for(state='attached')


def test_gains_are_tuned_beside_the_plot_and_undone(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel()
    take_control(page)
    open_view(page, 'aim')
    slider = page.locator('.slider', has_text='Pan kp')
    slider.locator('input').fill('31')
    wait_until(lambda: back_end.status()['controller']['pan_pid']['kp'] == 31, WAIT_S, 'the gain')
    page.locator('.view').get_by_role('button', name='Undo').click()
    wait_until(lambda: back_end.status()['controller']['pan_pid']['kp'] == 20, WAIT_S, 'the gain before')


def test_the_first_visit_asks_the_name_once_and_shows_the_tour(back_end: BackEnd, open_panel: Any) -> None:
    page = open_panel(remember=False)
    for _ in range(3):
        page.locator('.tour').get_by_role('button', name='Next').click()
    page.locator('.tour').get_by_role('button', name='Done').click()
    page.locator('.control').get_by_role('button', name='Take control').click()
    page.get_by_label('Your name').fill('Eve')
    page.locator('.dialog').get_by_role('button', name='Take control').click()
    page.wait_for_selector('.control[data-state=mine]')
    assert back_end.status()['safety']['operator_name'] == 'Eve'
    page.locator('.control').get_by_role('button', name='Release').click()
    page.locator('.control').get_by_role('button', name='Take control').click()
    page.wait_for_selector('.control[data-state=mine]')
    page.reload()
    page.wait_for_selector('.connection[data-state=live]')
    assert page.locator('.tour').count() == 0


@pytest.mark.parametrize('size', SIZES)
def test_the_tour_does_not_cover_what_it_points_at(open_panel: Any, size: str) -> None:
    page = open_panel(SIZES[size], remember=False)
    for _ in range(4):
        pointed = page.locator('.pointed')
        pointed.first.wait_for()
        covered = pointed.first.evaluate(
            'pointed => { const { x, y, width, height } = pointed.getBoundingClientRect();'
            '  return document.elementFromPoint(x + width / 10, y + height / 2)?.closest(".tour") !== null; }')
        assert not covered, page.locator('.tour').inner_text()
        page.locator('.tour button').last.click()


@pytest.mark.parametrize('size', SIZES)
def test_every_view_fits_every_screen(open_panel: Any, size: str) -> None:
    phone = 'phone' in size
    page = open_panel(SIZES[size], has_touch=phone, is_mobile=phone)
    take_control(page)
    for view in VIEWS:
        open_view(page, view)
        page.locator('.view').wait_for()
        page.wait_for_function('() => { const { scrollWidth, clientWidth } = document.querySelector(".view");'
                               '  return scrollWidth <= clientWidth + 1; }')
        assert page.evaluate('document.documentElement.scrollWidth') <= SIZES[size]['width']
        video = page.locator('.video').bounding_box()
        stop = page.get_by_role('button', name='STOP').first.bounding_box()
        assert video['y'] >= 0
        assert video['height'] > 150
        assert stop['y'] + stop['height'] <= SIZES[size]['height']
        assert stop['x'] + stop['width'] <= SIZES[size]['width']
        assert stop['height'] >= (56 if phone else 40)


def test_the_panel_opens_without_a_gateway_and_says_so(browser: Any, server: BackEnd) -> None:
    server.control(reset='1', offline='1')
    page = browser.new_page()
    page.goto(server.url)
    page.locator('#boot', has_text='does not answer').wait_for(timeout=WAIT_S * 1000)
    server.control(offline='0')
    page.wait_for_selector(LIVE, timeout=START_S * 1000)
    page.close()


@pytest.mark.parametrize('theme', ['dark', 'light'])
@pytest.mark.parametrize('size', ['desktop', 'phone', 'phone on its side'])
def test_axe_finds_no_violation(open_panel: Any, size: str, theme: str) -> None:
    phone = 'phone' in size
    page = open_panel(SIZES[size], has_touch=phone, is_mobile=phone, color_scheme=theme)
    page.evaluate((SOURCE / 'node_modules' / 'axe-core' / 'axe.min.js').read_text())
    take_control(page)
    for view in VIEWS:
        open_view(page, view)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)")
        assert [(each['id'], [node['html'] for node in each['nodes']]) for each in found] == [], view


def test_a_newcomer_fires_at_a_followed_target_records_and_stops(back_end: BackEnd, open_panel: Any) -> None:
    """Follow what the panel says, and nothing else: the steps of the tour."""
    page = open_panel(remember=False)
    page.locator('.tour').get_by_role('button', name='Skip').click()
    page.locator('.guide', has_text='Press Take control').get_by_role('button', name='Take control').click()
    page.get_by_label('Your name').fill('Newcomer')
    page.locator('.dialog').get_by_role('button', name='Take control').click()
    page.locator('.guide', has_text='Hold Arm to arm').wait_for()
    page.locator('.tracks').get_by_role('button', name='balloon 3').click()
    page.locator('.segmented').get_by_role('button', name='Track').click()
    wait_until(lambda: back_end.status()['controller']['tracking'] == 2, WAIT_S, 'a followed target')
    page.locator('#tab-bags').click()
    page.get_by_role('button', name='Record bag').click()
    wait_until(lambda: back_end.status()['bag']['recording'], WAIT_S, 'a recording')
    arm(page)
    page.locator('.guide', has_text='Hold to fire').wait_for()
    page.locator('.fire .hold').hover()
    page.mouse.down()
    page.locator('.guide', has_text='Emission: on').wait_for()
    page.mouse.up()
    wait_until(lambda: not back_end.status()['laser']['emitting'], WAIT_S, 'emission off')
    page.locator('header .stop').click()
    page.locator('.guide', has_text='Reset the stop').wait_for()
    page.get_by_role('button', name='Stop recording').click()
    page.locator('.notice', has_text='Saved').wait_for()
    assert back_end.status()['laser']['fire_count'] >= 1

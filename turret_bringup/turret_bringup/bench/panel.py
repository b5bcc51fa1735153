# SPDX-License-Identifier: Apache-2.0
"""What the panel takes in headless Chromium in front of a tracking simulation, and how fast it shows a status.

The page has control and follows a target, so that boxes, aim point and zones are drawn over every image. The share of
the main thread is processor time; images are decoded in other threads, which are not in it. A status counts as visible
when the browser has drawn the frame in which its number appeared. The heap is read after garbage collection.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import linear_regression
from typing import TYPE_CHECKING, Any

from turret_bringup.run.isolated_turret import scratch_turret
from turret_bringup.run.prepared import ROOT
from turret_common.bench import Row, note, percentile, spread
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.testing.visitor import remembered

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

_ASSETS = ROOT / 'turret_web' / 'turret_web' / 'panel' / 'assets'
_WAIT_S = 120.0
_HEAP_PERIOD_S = 10.0
_FLAGS = ['--no-sandbox', '--disable-background-networking', '--disable-component-update']
_WINDOW = {'width': 1440, 'height': 900}

# Limits of the panel.
_MAIN_THREAD_PERCENT = 10.0
_TO_PIXEL_MS = 50.0
_FIRST_VIEW_S = 1.0
_BUNDLE_KB = 250.0
#: Growth that cannot be distinguished from noise within half an hour [kB/min].
_HEAP_SLOPE = 20.0

#: Count images; note when a status arrives and when its number has been drawn, as [stamp, arrived, drawn] in ms.
_WATCH_STATUS = """
    window.statusTimes = [];
    window.imageCount = 0;
    const { transferFromImageBitmap: transfer } = ImageBitmapRenderingContext.prototype;
    ImageBitmapRenderingContext.prototype.transferFromImageBitmap = function (image) {
        window.imageCount += 1;
        transfer.call(this, image);
    };
    const arrivals = new Map();
    const Plain = window.WebSocket;
    window.WebSocket = class extends Plain {
        constructor(...args) {
            super(...args);
            this.addEventListener('message', ({ data }) => {
                const arrived = performance.timeOrigin + performance.now();
                if (typeof data !== 'string' || !data.includes('/status"')) return;
                const { msg } = JSON.parse(data);
                if (msg?.seq !== undefined) {
                    arrivals.set(`#${msg.seq}`, [msg.header.stamp.sec * 1e3 + msg.header.stamp.nanosec / 1e6, arrived]);
                }
            });
        }
    };
    document.addEventListener('DOMContentLoaded', () => new MutationObserver(() => {
        const times = arrivals.get(document.querySelector('[data-testid=status-seq]')?.textContent);
        if (times === undefined) return;
        arrivals.clear();
        requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port2.onmessage = () => window.statusTimes.push([...times, performance.timeOrigin + performance.now()]);
            port1.postMessage(null);
        });
    }).observe(document.body, { subtree: true, childList: true, characterData: true }));
"""

#: Seconds from the start of the navigation until all of this is on the screen: a status, and an image of the camera.
_FIRST_VIEW = """() => document.querySelector('.connection[data-state=live]') !== null
    && (document.querySelector('.video')?.dataset.stamp ?? '') !== '' ? performance.now() / 1000 : 0"""
_FIRST_STATUS = "() => document.querySelector('.connection[data-state=live]') !== null ? performance.now() / 1000 : 0"
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"
_FRAMES = 'window.imageCount'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument(
        '--seconds', type=float, default=30.0, help='time over which each view is measured (default: %(default)s)')
    parser.add_argument('--minutes', type=float, default=5.0, help='time to watch the heap (default: %(default)s)')
    parser.add_argument('--loads', type=int, default=5, help='first views with an empty cache (default: %(default)s)')
    parser.add_argument(
        '--views', nargs='+', default=['drive', 'aim'], metavar='VIEW', help='views to measure (default: drive aim)')
    parser.add_argument('--profile', type=Path, metavar='FILE', help='also write a profile of the first view')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Give the rows."""
    yield from _bundle()
    with _chromium() as browser, tempfile.TemporaryDirectory() as state, \
            scratch_turret(Path(state), ['--set', 'camera.rate_hz=30.0']) as turret:
        url = f'http://127.0.0.1:{turret.port}'
        yield from _first_views(browser, url, args.loads)
        page = _open(browser, url)
        _track(page)
        for view in args.views:
            yield from _view(page, view, args.seconds, args.profile if view == args.views[0] else None)
        page.locator('#tab-drive').click()
        yield from _heap(page, args.minutes * 60.0)


def _bundle() -> Iterator[Row]:
    """Yield the compressed size of all scripts and styles."""
    if not _ASSETS.is_dir():
        raise TurretError(ReasonCode.NOT_READY, 'the panel is not built: run ./turret setup')
    files = [path for path in _ASSETS.iterdir() if path.suffix in {'.js', '.css'}]
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)
    yield Row('bundle', 'scripts and styles', 'size, gzip', size / 1e3, 'kB', _BUNDLE_KB)


@contextmanager
def _chromium() -> Iterator[Browser]:
    """Give a headless Chromium."""
    executable = shutil.which('chromium')
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise TurretError(ReasonCode.NOT_READY, 'this benchmark needs the packages of ./turret test panel') from error
    if executable is None:
        raise TurretError(ReasonCode.NOT_READY, 'there is no Chromium: apt install chromium')
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        yield browser
        browser.close()


def _open(browser: Browser, url: str) -> Page:
    """Open the panel in a fresh profile."""
    page = browser.new_context(viewport=_WINDOW).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(_WAIT_S * 1000)
    page.add_init_script(remembered('Bench'))
    page.add_init_script(_WATCH_STATUS)
    page.goto(url, wait_until='commit')
    return page


def _first_views(browser: Browser, url: str, count: int) -> Iterator[Row]:
    """Yield how long it takes from an address to what is shown first, without a cache."""
    values: dict[str, list[float]] = {'first paint': [], 'first status': [], 'first image': []}
    for _ in range(count):
        page = _open(browser, url)
        for name, script in (('first status', _FIRST_STATUS), ('first image', _FIRST_VIEW)):
            values[name].append(float(page.wait_for_function(script, polling='raf').json_value()))
        values['first paint'].append(float(page.evaluate(_FIRST_PAINT)))
        page.context.close()
    for name, times in values.items():
        limit = _FIRST_VIEW_S if name == 'first status' else math.inf
        yield Row('first view', f'{count} loads', f'{name}, median', percentile(times, 0.5), 's', limit)


def _track(page: Page) -> None:
    """Take control and follow a target."""
    page.wait_for_selector('.connection[data-state=live]')
    page.locator('.control').get_by_role('button', name='Take control').click()
    page.wait_for_selector('.control[data-state=mine]')

    page.locator('.segmented').get_by_role('button', name='Track').click()
    page.locator('.tracks li[data-target=true]').wait_for()


def _view(page: Page, view: str, seconds: float, profile: Path | None) -> Iterator[Row]:
    """Yield what a view costs and how soon it shows a status."""
    page.locator(f'#tab-{view}').click()
    time.sleep(2.0)  # the time in which a view fills is not its cost
    session = page.context.new_cdp_session(page)
    session.send('Performance.enable', {'timeDomain': 'threadTicks'})
    page.evaluate('window.statusTimes.length = 0')
    if profile is not None:
        session.send('Profiler.enable')
        session.send('Profiler.start')
    frames = page.evaluate(_FRAMES)
    before, started = _metrics(session), time.monotonic()
    time.sleep(seconds)
    after, passed_s = _metrics(session), time.monotonic() - started
    if profile is not None:
        _write_profile(session, profile)
    for name, metric, maximum in (
            ('ThreadTime', 'main thread', _MAIN_THREAD_PERCENT), ('ScriptDuration', 'of it scripts', math.inf),
            ('RecalcStyleDuration', 'of it styles', math.inf), ('LayoutDuration', 'of it layout', math.inf)):
        yield Row('view', view, metric, 100.0 * (after[name] - before[name]) / passed_s, '% of one core', maximum)
    images = (page.evaluate(_FRAMES) - frames) / passed_s
    yield Row('view', view, 'images drawn', images, '1/s')
    main_ms = 1e3 * (after['ThreadTime'] - before['ThreadTime']) / passed_s
    yield Row('view', view, 'main thread for an image', main_ms / images if images else math.nan, 'ms')
    times: list[list[float]] = page.evaluate('window.statusTimes')
    shown = [drawn - arrived for _, arrived, drawn in times]
    whole = [drawn - stamp for stamp, _, drawn in times]
    yield from spread('view', view, 'status in the browser to pixel', shown, 'ms')
    yield Row('view', view, 'stamp of the status to pixel, p95', percentile(whole, 0.95), 'ms', _TO_PIXEL_MS)
    session.detach()


def _metrics(session: CDPSession) -> dict[str, float]:
    return {metric['name']: float(metric['value']) for metric in session.send('Performance.getMetrics')['metrics']}


def _write_profile(session: CDPSession, path: Path) -> None:
    """Write a profile for the developer tools and print where the time went."""
    profile: dict[str, Any] = session.send('Profiler.stop')['profile']
    path.write_text(json.dumps(profile))
    names = {node['id']: node['callFrame'] for node in profile['nodes']}
    own: dict[str, float] = {}
    for node, passed_us in zip(profile['samples'], profile['timeDeltas'], strict=True):
        frame = names[node]
        key = f"{frame['functionName'] or '(anonymous)'} {frame['lineNumber']}:{frame['columnNumber']}"
        own[key] = own.get(key, 0.0) + passed_us
    total = sum(own.values())
    for key, spent in sorted(own.items(), key=lambda item: -item[1])[:40]:
        note(f'{100.0 * spent / total:6.2f} %  {key}')


def _heap(page: Page, seconds: float) -> Iterator[Row]:
    """Yield whether the heap, the elements and the listeners grow."""
    session = page.context.new_cdp_session(page)
    session.send('Performance.enable')
    minutes: list[float] = []
    sizes: list[float] = []
    nodes: list[float] = []
    started = time.monotonic()
    while (passed_s := time.monotonic() - started) < seconds or len(minutes) < 2:
        session.send('HeapProfiler.collectGarbage')
        values = _metrics(session)
        minutes.append(passed_s / 60.0)
        sizes.append(values['JSHeapUsedSize'] / 1e3)
        nodes.append(values['Nodes'])
        time.sleep(min(_HEAP_PERIOD_S, max(1.0, seconds / 30.0)))
    length = f'{minutes[-1]:.0f} minutes'
    yield Row('heap', length, 'size at the end', sizes[-1], 'kB')
    yield Row('heap', length, 'growth', linear_regression(minutes, sizes).slope, 'kB/min', _HEAP_SLOPE)
    yield Row('heap', length, 'elements, growth', linear_regression(minutes, nodes).slope, '1/min')

# SPDX-License-Identifier: Apache-2.0
"""A whole simulated turret with a browser in front of it, for the tests of the panel."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from web_testing import PANEL

from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import free_port, wait_until

START_S = 60.0
END_S = 10.0
LAST_WORDS = 5000


@dataclass
class Turret:
    """A turret that runs under the supervisor."""

    url: str
    supervisor: psutil.Process
    log: Path

    def get(self, path: str) -> Any:
        """Return the JSON answer to a request; None while there is none."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def status(self) -> dict[str, Any]:
        """Return the next status message."""
        def ask() -> Any:
            assert self.supervisor.status() != psutil.STATUS_ZOMBIE, 'the turret ended'
            return self.get('/api/status')
        status: dict[str, Any] = wait_until(ask, START_S, 'a status')
        return status

    def wait_for(self, condition: Callable[[dict[str, Any]], Any], what: str, timeout_s: float = 15.0) -> None:
        """Wait for a status that fulfils a condition."""
        wait_until(lambda: condition(self.status()), timeout_s, what)

    def process(self, node: str) -> psutil.Process:
        """Return the process of a node, which the supervisor named after it."""
        return next(
            child for child in self.supervisor.children() if ' '.join(child.cmdline()).strip() == f'turret {node}')

    def last_words(self) -> str:
        """Return the end of the log, to which the web gateway adds the stacks of its threads."""
        with contextlib.suppress(AssertionError, StopIteration, psutil.NoSuchProcess):
            self.process('web').send_signal(signal.SIGUSR1)
            wait_until(lambda: 'in _spin_until_signal' in self._end_of_log(), 2.0)
        return self._end_of_log()

    def _end_of_log(self) -> str:
        return self.log.read_text(errors='replace')[-LAST_WORDS:]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Any:
    """Add what open pages show, and the turret's output, to the report of a test that failed."""
    report = yield
    values: dict[str, Any] = item.funcargs
    if report.failed and 'turret' in values:
        report.sections.append(('The turret', values['turret'].last_words()))
    if report.when == 'call' and report.failed:
        for page in values.get('pages', ()):
            image = values['tmp_path'] / f'{id(page)}.png'
            page.screenshot(path=image)
            report.sections.append((f'Page {image}', page.locator('body').inner_text()))
    return report


@pytest.fixture(scope='session')
def turret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turret]:
    """A simulated turret in a ROS domain, with a port and a state folder of its own."""
    if not (PANEL / 'index.html').exists():
        pytest.skip('the panel is not built: ./turret setup builds it')
    port = free_port()
    log = tmp_path_factory.mktemp('turret') / 'log'
    environment = {
        **os.environ, 'ROS_DOMAIN_ID': str(claim_domain()), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'XDG_STATE_HOME': str(tmp_path_factory.mktemp('state'))}
    environment.pop('XDG_RUNTIME_DIR', None)
    with log.open('wb') as output:
        process = subprocess.Popen(
            [sys.executable, '-m', 'turret_bringup.cli', 'up', '--port', str(port), '--set', 'camera.rate_hz=10.0'],
            env=environment, stdout=output, stderr=subprocess.STDOUT)
    running = Turret(f'http://127.0.0.1:{port}', psutil.Process(process.pid), log)
    try:
        running.wait_for(
            lambda status: status['gimbal']['pan']['homed'] and status['camera']['frames'] and not status['faults'],
            'a turret that is ready', START_S)
        yield running
    except BaseException:
        sys.stderr.write(running.last_words())
        raise
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()

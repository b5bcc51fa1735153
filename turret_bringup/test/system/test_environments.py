# SPDX-License-Identifier: Apache-2.0
"""One turret, whatever the environments of the shells in which its commands are run say about the login session."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from turret_bringup.run.instance import lock_path
from turret_bringup.settings.graph import GROUPS
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import free_port, wait_until

pytestmark = pytest.mark.system


def test_shells_with_other_runtime_folders_use_the_same_turret(tmp_path: Path) -> None:
    shell = {**os.environ, 'ROS_DOMAIN_ID': str(claim_domain()), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    desktop, cron = tmp_path / 'desktop', tmp_path / 'cron'
    for folder in (desktop, cron):
        folder.mkdir()
    in_desktop = {**shell, 'XDG_RUNTIME_DIR': str(desktop)}
    in_cron = {**shell, 'XDG_RUNTIME_DIR': str(cron)}
    turret(in_desktop, 'up', '--detach', '--port', str(free_port()))
    try:
        supervisor = psutil.Process(int(lock_path('turret', GROUPS[0]).read_text().split()[0]))
        assert 'SIMULATION' in turret(shell, 'status')
        turret(in_cron, 'call', 'safety/stop')
        shutil.rmtree(desktop)  # the end of the login session
        refused = run(shell, 'up', '--detach', '--port', str(free_port()))
        assert refused.returncode == 2
        assert 'already running' in refused.stderr

        def safety() -> psutil.Process | None:
            for child in supervisor.children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if child.cmdline()[:1] == ['turret safety']:
                        return child
            return None

        killed = safety()
        assert killed is not None
        killed.send_signal(signal.SIGKILL)
        wait_until(lambda: safety() not in (killed, None), 20.0, 'a new safety node')
        wait_until(lambda: stopped(turret(in_cron, 'status', '--json')), 30.0, 'the software stop in the status')
    finally:
        assert 'stopped' in turret(in_cron, 'down')
    assert 'no turret' in turret(shell, 'down')


def stopped(status: str) -> bool:
    return bool(json.loads(status)['safety']['software_stop'])


def run(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'turret_bringup.cli', *arguments], env=environment, check=False, text=True,
        capture_output=True, timeout=120.0)


def turret(environment: Mapping[str, str], *arguments: str) -> str:
    done = run(environment, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

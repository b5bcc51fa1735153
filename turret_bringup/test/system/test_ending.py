# SPDX-License-Identifier: Apache-2.0
"""However a turret ends, none of its processes is left and the laser pin is low."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.instance import supervisor_pid
from turret_bringup.run.isolated_turret import alive, scratch_turret
from turret_common.paths import state_dir
from turret_common.plant_client import PlantError, PlantLink, plant_socket
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import free_port, wait_until
from turret_msgs.msg import LaserState

pytestmark = pytest.mark.system
ENDED_S = 3.0


class PinWatch:
    """Looks at the simulated laser pin as often as possible until the plant is gone."""

    def __init__(self) -> None:
        self.level = float('nan')
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        link = PlantLink(plant_socket('turret'), timeout_s=1.0)
        while True:
            try:
                self.level = link.call('pins').get('laser', {'level': 0.0})['level']
            except PlantError:
                return
            time.sleep(0.002)

    def wait_for_power_off(self) -> None:
        """Wait until the plant, and with it the pin, is gone."""
        self._thread.join(10.0)
        assert not self._thread.is_alive()


@contextmanager
def firing(client: TurretClient, pin: PinWatch) -> Iterator[None]:
    """Arm the laser and hold the trigger; gives way when there is light.

    On a busy machine a permit or a heartbeat may come late, which disarms; then it is done again.
    """
    def command(service: str, **fields: object) -> bool:
        return bool(client.call(service, fields)['success'])

    def lights() -> bool:
        operator.trigger = False
        if not (command('laser/set_power', power=0.5) and command('safety/confirm_region') and command('laser/arm')):
            return False
        armed = wait_for(lambda: next(client.messages('laser/state')).state == LaserState.STATE_ARMED, 6.0)
        operator.trigger = armed
        return armed and wait_for(lambda: pin.level > 0.0, 1.0)

    with client.operator() as operator:
        assert wait_for(lights, 60.0)
        yield


def wait_for(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Return whether a condition came true in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_it_ends_while_it_fires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    with scratch_turret(tmp_path) as turret:
        for name in ('XDG_STATE_HOME', 'ROS_DOMAIN_ID'):
            monkeypatch.setenv(name, turret.environment[name])
        processes = turret.processes()
        assert len(processes) > 10
        pin = PinWatch()
        with TurretClient('turret', timeout_s=20.0) as client, firing(client, pin):
            started = time.monotonic()
            turret.supervisor.send_signal(number)
            wait_until(lambda: not alive(processes), 10.0, f'no process of {processes}')
            took_s = time.monotonic() - started
        pin.wait_for_power_off()
        assert pin.level == 0.0
        assert took_s < ENDED_S
        assert turret.supervisor.wait(1.0) == (-number if number == signal.SIGKILL else 0)


def test_a_detached_turret_is_ended_by_down() -> None:
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(claim_domain())}

    def turret(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, '-m', 'turret_bringup.cli', *arguments], env=environment, check=True, text=True,
            stdout=subprocess.PIPE, timeout=90.0).stdout

    port = free_port()
    started = turret('up', '--detach', '--port', str(port))
    assert f'panel: http://127.0.0.1:{port}/' in started
    leader = psutil.Process(supervisor_pid('turret'))
    processes = [leader, *leader.children(recursive=True)]
    log = state_dir('turret') / 'turret.log'
    written = log.read_text()
    second = subprocess.run(
        [sys.executable, '-m', 'turret_bringup.cli', 'up', '--detach'], env={**environment, 'XDG_RUNTIME_DIR': '/tmp'},
        check=False, text=True, stderr=subprocess.PIPE, timeout=90.0)
    assert second.returncode == 2
    assert './turret down --namespace turret' in second.stderr
    assert log.read_text().startswith(written)
    assert 'stopped' in turret('down')
    wait_until(lambda: not alive(processes), 5.0, 'no process')
    assert 'no turret' in turret('down')

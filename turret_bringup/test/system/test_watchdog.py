# SPDX-License-Identifier: Apache-2.0
"""A turret as the service runs it, with a socket in place of systemd, which does what the unit asks of systemd."""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.commands import service
from turret_bringup.run.isolated_turret import ScratchTurret, alive, scratch_turret
from turret_common.testing.waiting import wait_until

pytestmark = pytest.mark.system


def watchdog_s() -> float:
    parser = argparse.ArgumentParser()
    service.add_arguments(parser)
    unit = service.unit(parser.parse_args(['show']))
    found = re.search(r'^WatchdogSec=(\d+)$', unit, re.MULTILINE)
    assert found
    return float(found[1])


class Manager:
    """Hears the notifications of the service.

    Attributes:
        path: of its socket.
    """

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / 'notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def hears(self, text: str, timeout_s: float) -> bool:
        """Return whether a notification with that text comes in time."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0.0:
            self.socket.settimeout(left_s)
            try:
                if text in self.socket.recv(1000).decode().splitlines():
                    return True
            except TimeoutError:
                break
        return False

    def expires(self) -> bool:
        """Return whether the watchdog expires within the time in which it would be satisfied ten times."""
        end = time.monotonic() + 10.0 * watchdog_s()
        while time.monotonic() < end:
            if not self.hears('WATCHDOG=1', watchdog_s()):
                return True
        return False


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


def stop_node(turret: ScratchTurret, name: str) -> int:
    """Let a node hang, as one that waits for broken hardware; return its process id."""
    pid = int(wait_until(lambda: turret.pid(name), 20.0, name))
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_the_watchdog_expires_without_status_or_permits_and_then_nothing_is_left(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manager: Manager) -> None:
    monkeypatch.setenv('NOTIFY_SOCKET', manager.path)
    with scratch_turret(tmp_path) as turret:
        for name in ('XDG_STATE_HOME', 'ROS_DOMAIN_ID'):
            monkeypatch.setenv(name, turret.environment[name])
        assert manager.hears('READY=1', 60.0)

        pid = stop_node(turret, 'status')
        assert manager.expires()
        os.kill(pid, signal.SIGCONT)
        assert manager.hears('WATCHDOG=1', 30.0)

        turret.kill('safety')  # the supervisor starts it again
        assert manager.hears('WATCHDOG=1', 30.0)

        stop_node(turret, 'safety')
        assert manager.expires()
        with TurretClient('turret', timeout_s=20.0) as client:
            before = next(client.messages('status')).seq
            wait_until(lambda: next(client.messages('status')).seq > before, 20.0, 'a status while safety hangs')

        processes = turret.processes()
        turret.supervisor.send_signal(signal.SIGABRT)  # systemd's, when a watchdog has expired
        assert turret.supervisor.wait(15.0) == -signal.SIGABRT
        wait_until(lambda: not alive(processes), 15.0, f'no process of {processes}')

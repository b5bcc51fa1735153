# SPDX-License-Identifier: Apache-2.0
"""A turret started as a person would start it, apart from all others, for tests and benchmarks of the whole graph."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from turret_bringup.run.assignment import DOMAINS_VARIABLE
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import free_port, wait_until

_START_S = 120.0


class ScratchTurret:
    """``./turret up`` in a process group, a state folder and a ROS domain of its own."""

    def __init__(
            self, state: Path, arguments: Sequence[str] = (), within: Sequence[str] = (),
            domains: Sequence[int] = ()) -> None:
        """Start it.

        Args:
            state: an empty folder in place of the user's state folder.
            arguments: further ones of ``./turret up``.
            within: command that runs the rest of its command line, such as one that enters a network namespace.
            domains: ROS domains that are reserved already: it chooses from several by itself; empty = a free one.
        """
        self.port = free_port()
        domains = domains or [claim_domain()]
        self.environment = {
            **os.environ, 'XDG_STATE_HOME': str(state), 'ROS_DOMAIN_ID': str(domains[0]) if len(domains) == 1 else '',
            DOMAINS_VARIABLE: ','.join(map(str, domains)), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
        self.lines: list[str] = []
        self.supervisor = subprocess.Popen(
            [*within, sys.executable, '-m', 'turret_bringup.cli', 'up', '--port', str(self.port), *arguments],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.supervisor.stdout is not None
        self.lines += self.supervisor.stdout

    def wait_for(self, *texts: str, timeout_s: float = _START_S) -> None:
        """Wait until a line of the output contains one of the texts."""
        wait_until(
            lambda: any(text in line for text in texts for line in self.lines), timeout_s, f'{texts} in {self.lines}')

    def processes(self) -> list[psutil.Process]:
        """Return the supervisor, its janitor, the nodes and what they started."""
        return [psutil.Process(self.supervisor.pid), *psutil.Process(self.supervisor.pid).children(recursive=True)]

    def pid(self, name: str) -> int | None:
        """Return the process id of a node, None while it does not run."""
        for process in psutil.Process(self.supervisor.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it may die, or be a zombie, at any moment
                if process.cmdline()[:1] == [f'turret {name}']:
                    return int(process.pid)
        return None

    def kill(self, name: str) -> None:
        """Kill a node and wait until the supervisor has started it again."""
        before = wait_until(lambda: self.pid(name), 20.0, name)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: self.pid(name) not in (before, None), 20.0, f'a new {name}')

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal the supervisor, wait for it, and return its exit code."""
        self.supervisor.send_signal(number)
        return self.supervisor.wait(10.0)


@contextmanager
def scratch_turret(
        state: Path, arguments: Sequence[str] = (), within: Sequence[str] = (),
        domains: Sequence[int] = ()) -> Iterator[ScratchTurret]:
    """Give a turret whose panel is reachable, or whose groups are started; whatever is left at the end is killed.

    Arguments are those of :class:`ScratchTurret`. When the ``with`` block fails, the output of the turret is printed.
    """
    turret = ScratchTurret(state, arguments, within, domains)
    processes = []
    try:
        turret.wait_for('panel: http', 'started: ')
        processes = turret.processes()
        yield turret
    except BaseException:
        sys.stderr.write(''.join(turret.lines))
        raise
    finally:
        if turret.supervisor.poll() is None:
            turret.end()
        for process in processes:
            if process.is_running():
                process.kill()


def alive(processes: Sequence[psutil.Process]) -> list[str]:
    """Return the command lines of those that still run; a zombie does not."""
    def runs(process: psutil.Process) -> bool:
        try:
            return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False
    return [str(process) for process in processes if runs(process)]

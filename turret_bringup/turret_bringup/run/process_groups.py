# SPDX-License-Identifier: Apache-2.0
"""Ending process groups, also when the process that started them was killed.

Each process of the graph leads a session and a process group of its own, so whatever it starts can be found and ended
with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

#: Time that processes have to end by themselves before they are killed.
GRACE_S = 2.0
_TICK_S = 0.02


@dataclass(frozen=True)
class Group:
    """A process group by the process id of its leader; ``ends_last`` for what the others need until they have ended."""

    leader: int
    ends_last: bool = False


def send(group: int, number: int) -> None:
    """Send a signal to every process of a group, if there is one."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def running(groups: Iterable[Group]) -> list[Group]:
    """Return the groups in which a process runs. A zombie, which waits for its parent or for init, does not."""
    present = set()
    for entry in Path('/proc').iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, group = (entry / 'stat').read_text().rpartition(')')[2].split()[:3]
                if state != 'Z':
                    present.add(int(group))
    return [group for group in groups if group.leader in present]


def end(groups: Iterable[Group], wait: Callable[[float], object] = time.sleep) -> list[int]:
    """End groups: leaders are asked, and what still runs after the grace is killed.

    Args:
        groups: to end.
        wait: called with a time in seconds while waiting; must reap those leaders that are children of this process.

    Returns:
        the leaders of the groups that had to be killed.
    """
    groups = list(groups)
    deadline = time.monotonic() + GRACE_S
    for batch in ([g for g in groups if not g.ends_last], [g for g in groups if g.ends_last]):
        for group in batch:
            _ask(group.leader)
        while running(batch) and time.monotonic() < deadline:
            wait(_TICK_S)
    stubborn = [group.leader for group in running(groups)]
    for leader in stubborn:
        send(leader, signal.SIGKILL)
    return stubborn


def _ask(leader: int) -> None:
    """Send SIGTERM to the leader, which ends its descendants in its own order, or to these if it is gone."""
    try:
        os.kill(leader, signal.SIGTERM)
    except ProcessLookupError:
        send(leader, signal.SIGTERM)


class Janitor:
    """A small process that stops the registered process groups when its parent process is gone, for any reason.

    It keeps inherited locks until it is done, so that nothing else starts the same processes before.
    """

    def __init__(self, afterwards: Callable[[], object] = lambda: None) -> None:
        """Fork the process; only from a process with a single thread. It calls ``afterwards`` at its end."""
        receiver, self._sender = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._sender)
            try:
                _watch(receiver)
                afterwards()
            finally:
                os._exit(0)
        os.close(receiver)

    def started(self, group: Group) -> None:
        """Register a group that has been started."""
        os.write(self._sender, f'{group.leader} {int(group.ends_last)}\n'.encode())

    def ended(self, group: Group) -> None:
        """Unregister a group that has no process any more."""
        os.write(self._sender, f'{group.leader} -\n'.encode())

    def close(self) -> None:
        """Make it stop the registered groups now, and wait for it."""
        os.close(self._sender)
        os.waitpid(self._pid, 0)


def _watch(receiver: int) -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, Group] = {}
    with open(receiver, encoding='ascii') as messages:
        for message in messages:
            leader, state = message.split()
            if state == '-':
                groups.pop(int(leader), None)
            else:
                groups[int(leader)] = Group(int(leader), state == '1')
    end(groups.values())

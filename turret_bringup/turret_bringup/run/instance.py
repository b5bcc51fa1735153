# SPDX-License-Identifier: Apache-2.0
"""Locks of the running groups of nodes, one per namespace and group, and how other processes find and stop them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from turret_bringup.settings.graph import GROUPS, HARDWARE, Group
from turret_common.errors import TurretError
from turret_common.paths import state_dir, state_root
from turret_common.reason_codes import ReasonCode

#: Time after which a lock that no turret holds counts as taken, and polling period [s].
_TAKEN_S, _POLL_S = 1.0, 0.02


class Running(NamedTuple):
    """A running group: process id of its supervisor or launch, and the signal that stops it."""

    pid: int
    stop_signal: int


def lock_path(namespace: str, group: Group) -> Path:
    """Return the file that a running group locks; it holds the process id of its supervisor and its stop signal."""
    return state_dir(namespace) / f'{group.name}.lock'


def hold(namespace: str, stop_signal: signal.Signals = signal.SIGTERM,
         groups: Sequence[Group] = GROUPS) -> contextlib.ExitStack:
    """Take the locks of groups; they are held until the returned stack is closed, or the process ends.

    Args:
        namespace: of the turret.
        stop_signal: the signal that makes this process stop the groups.
        groups: that this process runs.

    Raises:
        TurretError: ALREADY_EXISTS when one of the groups runs in this namespace, NOT_READY when a group must run on
            the host of the hardware and the hardware does not run on this one.
    """
    with contextlib.ExitStack() as locks:
        for group in groups:
            file = locks.enter_context(lock_path(namespace, group).open('a+'))
            deadline = time.monotonic() + _TAKEN_S
            while not _locked(file):
                require_none(namespace, groups)
                if time.monotonic() > deadline:
                    raise TurretError(ReasonCode.BUSY, f'{file.name} is locked by another program')
                time.sleep(_POLL_S)  # another process looks at the lock right now
            file.truncate(0)
            file.write(f'{os.getpid()} {stop_signal.value}\n')
            file.flush()
        for group in groups:
            if not group.remote and HARDWARE not in running(namespace):
                raise TurretError(
                    ReasonCode.NOT_READY, f'the group "{group.name}" runs only on the host of the hardware, where the '
                    f'permit of the safety node is valid: start it there, after or with the group "{HARDWARE.name}"')
        return locks.pop_all()


@contextmanager
def held(namespace: str, groups: Sequence[Group] = GROUPS) -> Iterator[None]:
    """Hold the locks of groups. Raises as :func:`hold`."""
    with hold(namespace, groups=groups):
        yield


def require_none(namespace: str, groups: Sequence[Group] = GROUPS) -> None:
    """Raise TurretError (ALREADY_EXISTS) where one of the groups runs in the namespace."""
    for group, found in running(namespace).items():
        if group in groups:
            raise TurretError(
                ReasonCode.ALREADY_EXISTS, f'a turret is already running in the namespace "{namespace}" '
                f'(process {found.pid}, group {group.name}). Stop it with: ./turret down --namespace {namespace}; '
                'or choose another namespace with --namespace')


def supervisor_pid(namespace: str) -> int | None:
    """Return the process id of the running turret's supervisor or launch, of the first group; None where none runs."""
    return next((found.pid for found in running(namespace).values()), None)


def namespaces() -> list[str]:
    """Return the namespaces that have been used on this host, with or without a turret that runs now."""
    root = state_root()
    names = {group.name for group in GROUPS}
    return sorted({
        str(path.parent.relative_to(root)) for path in root.rglob('*.lock')
        if path.stem in names and path.parent != root}) if root.is_dir() else []


def running(namespace: str) -> dict[Group, Running]:
    """Return the groups that run on this host."""
    found = {}
    for group in GROUPS:
        with contextlib.suppress(FileNotFoundError, ValueError), lock_path(namespace, group).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                found[group] = Running(*map(int, file.read().split()))
    return found


def _locked(file: TextIO) -> bool:
    """Lock a file; return whether that was possible now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False


def stop(namespace: str, timeout_s: float = 10.0) -> bool:
    """Stop all groups of a namespace and wait until they have exited; return whether one was running.

    Raises:
        TurretError: TIMED_OUT when one is still running after ``timeout_s``.
    """
    found = set(running(namespace).values())
    for pid, stop_signal in found:
        os.kill(pid, stop_signal)
    deadline = time.monotonic() + timeout_s
    while left := found & set(running(namespace).values()):
        if time.monotonic() > deadline:
            raise TurretError(
                ReasonCode.TIMED_OUT, f'process {next(iter(left)).pid} is still running after {timeout_s:g} s')
        time.sleep(_POLL_S)
    return bool(found)

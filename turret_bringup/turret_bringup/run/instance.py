# SPDX-License-Identifier: Apache-2.0
"""Lock of a running turret: one turret per namespace, and how other processes find and stop it."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from turret_common.errors import TurretError
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode


def lock_path(namespace: str) -> Path:
    """Return the file that a running turret locks; it holds the process id of its supervisor and its stop signal."""
    return state_dir(namespace) / 'turret.lock'


def hold(namespace: str, stop_signal: signal.Signals = signal.SIGTERM) -> TextIO:
    """Take the lock of a namespace; it is held until the returned file is closed.

    Args:
        namespace: of the turret.
        stop_signal: the signal that makes this process stop the turret.

    Raises:
        TurretError: ALREADY_EXISTS when another turret runs in this namespace.
    """
    file = lock_path(namespace).open('a+')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        require_none(namespace)
        raise
    file.truncate(0)
    file.write(f'{os.getpid()} {stop_signal.value}\n')
    file.flush()
    return file


@contextmanager
def held(namespace: str) -> Iterator[None]:
    """Hold the lock of a namespace. Raises as :func:`hold`."""
    with hold(namespace):
        yield


def require_none(namespace: str) -> None:
    """Raise TurretError (ALREADY_EXISTS) where a turret runs in the namespace."""
    pid = supervisor_pid(namespace)
    if pid is not None:
        raise TurretError(
            ReasonCode.ALREADY_EXISTS, f'a turret is already running in the namespace "{namespace}" (process {pid}). '
            f'Stop it with: ./turret down --namespace {namespace}; or choose another namespace with --namespace')


def supervisor_pid(namespace: str) -> int | None:
    """Return the process id of the running turret's supervisor or launch; None where none runs."""
    running = _running(namespace)
    return running[0] if running else None


def _running(namespace: str) -> tuple[int, int] | None:
    """Return the process id and the stop signal of the running turret."""
    try:
        with lock_path(namespace).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                pid, stop_signal = map(int, file.read().split())
                return pid, stop_signal
    except (FileNotFoundError, ValueError):
        pass
    return None


def stop(namespace: str, timeout_s: float = 10.0) -> bool:
    """Stop the namespace's turret and wait until it has exited; return whether one was running.

    Raises:
        TurretError: TIMED_OUT when it is still running after ``timeout_s``.
    """
    running = _running(namespace)
    if running is None:
        return False
    pid, stop_signal = running
    os.kill(pid, stop_signal)
    deadline = time.monotonic() + timeout_s
    while supervisor_pid(namespace) == pid:
        if time.monotonic() > deadline:
            raise TurretError(ReasonCode.TIMED_OUT, f'process {pid} is still running after {timeout_s:g} s')
        time.sleep(0.02)
    return True

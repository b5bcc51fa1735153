"""One turret per namespace: the lock that a running turret holds, and how others find it."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from turret_common.errors import TurretError
from turret_common.paths import runtime_dir
from turret_common.reason_codes import ReasonCode


def lock_path(namespace: str) -> Path:
    """Return the file that a running turret locks; it holds the process id of its supervisor."""
    return runtime_dir(namespace) / 'turret.lock'


@contextmanager
def held(namespace: str) -> Iterator[None]:
    """Hold the namespace's lock.

    Raises:
        TurretError: ALREADY_EXISTS when another turret runs in this namespace.
    """
    path = lock_path(namespace)
    with path.open('a+') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TurretError(
                ReasonCode.ALREADY_EXISTS,
                f'a turret runs already in the namespace "{namespace}" (process {path.read_text().strip()}); '
                'end it with ./turret down, or choose another with --namespace') from error
        file.truncate(0)
        file.write(f'{os.getpid()}\n')
        file.flush()
        yield


def supervisor_pid(namespace: str) -> int | None:
    """Return the process id of the running turret's supervisor, None when none runs."""
    try:
        with lock_path(namespace).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(file.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def end(namespace: str, timeout_s: float = 5.0) -> bool:
    """Tell the namespace's turret to end and wait for it; return whether one ran.

    Raises:
        TurretError: TIMED_OUT when it still runs after ``timeout_s``.
    """
    pid = supervisor_pid(namespace)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while supervisor_pid(namespace) == pid:
        if time.monotonic() > deadline:
            raise TurretError(ReasonCode.TIMED_OUT, f'process {pid} still runs after {timeout_s:g} s')
        time.sleep(0.02)
    return True

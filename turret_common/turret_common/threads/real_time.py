# SPDX-License-Identifier: Apache-2.0
"""Threads that wake on time, and processes that a busy machine does not delay, where the system permits it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

_PR_SET_TIMERSLACK = 29
#: Real-time priorities: of threads that must wake on time, and of all others of a process that must not be delayed.
_PRIORITY, _PROCESS_PRIORITY = 10, 5
_NICENESS = -10  # where a real-time priority is not permitted
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_CAP_IPC_LOCK = 14

ResultT = TypeVar('ResultT')


def wake_on_time() -> None:
    """Make the kernel wake the calling thread at the requested time (Linux).

    Without this the thread is woken up to 50 us late to save power. It also gets a real-time priority where the system
    permits that (``rtprio``).
    """
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))


def in_real_time(work: Callable[[], ResultT]) -> ResultT:
    """Do ``work`` in a thread of its own that wakes on time, so that threads made in it inherit its priority."""
    with ThreadPoolExecutor(1, 'real-time', wake_on_time) as executor:
        return executor.submit(work).result()


def may_run_in_real_time() -> bool:
    """Return whether the system permits this process a real-time priority and to lock all its memory."""
    return _may_lock_memory() and in_real_time(lambda: os.sched_getscheduler(0)) == os.SCHED_FIFO


def prepare_process() -> None:
    """Raise the priority of this process and keep its memory from being paged out, where the system permits that.

    Call it before threads are started, which inherit the priority: a thread that must wake on time waits for the others
    of its process whenever one of them holds the interpreter lock or a lock of the middleware. With the others at an
    ordinary priority, eight busy loops delayed a permit by up to 360 ms. Pages are locked as they are first used.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PROCESS_PRIORITY))
    if _may_lock_memory():
        ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)


def raise_middleware() -> None:
    """Give the threads of Fast DDS in this process a real-time priority, where the system permits that.

    Call it in every process once its node exists. A publisher takes locks in shared memory that the receiving threads
    of its subscribers hold for a moment: one that a busy machine stopped just then would hold up the permits.
    """
    for task in Path('/proc/self/task').iterdir():
        with contextlib.suppress(OSError):
            if (task / 'comm').read_text().startswith('dds.'):
                os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(_PROCESS_PRIORITY))


def _may_lock_memory() -> bool:
    """Return whether all memory may be locked; with a limit, later allocations would fail at it."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    status = Path('/proc/self/status').read_text()
    capabilities = next(line.split()[1] for line in status.splitlines() if line.startswith('CapEff:'))
    return bool(int(capabilities, 16) >> _CAP_IPC_LOCK & 1)

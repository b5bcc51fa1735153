# SPDX-License-Identifier: Apache-2.0
"""What a process in real time gets, and that a system without permission refuses nothing else."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from turret_common.threads.real_time import in_real_time

_SHOW = '''
import os
from pathlib import Path
from turret_common.threads import real_time
{before}
real_time.prepare_process()
status = Path('/proc/self/status').read_text().splitlines()
locked = next(line.split()[1] for line in status if line.startswith('VmLck'))
print(os.getpriority(os.PRIO_PROCESS, 0), int(locked) > 0)
'''


def prepared(before: str = '') -> list[str]:
    """Return niceness and whether memory is locked, of a process that was prepared."""
    result = subprocess.run(
        [sys.executable, '-c', _SHOW.format(before=before)], capture_output=True, text=True, check=True, timeout=60)
    return result.stdout.split()


def test_memory_is_locked_where_there_is_no_limit() -> None:
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] != resource.RLIM_INFINITY:
        pytest.skip('this system does not permit it')
    unlimited = 'import resource; resource.setrlimit(resource.RLIMIT_MEMLOCK, (-1, -1))'
    assert prepared(unlimited)[1] == 'True'


def test_memory_is_not_locked_under_a_limit_at_which_later_allocations_would_fail() -> None:
    limited = 'import resource; resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 16, 1 << 16))'
    status = Path('/proc/self/status').read_text().splitlines()
    capabilities = next(int(line.split()[1], 16) for line in status if line.startswith('CapEff:'))
    assert prepared(limited)[1] == str(bool(capabilities >> 14 & 1)), 'only CAP_IPC_LOCK lifts the limit'


def test_a_system_that_refuses_a_priority_changes_nothing_else() -> None:
    refuse = 'os.setpriority = lambda *_: os.open("/nowhere", 0)'
    assert prepared(refuse)[0] == str(os.getpriority(os.PRIO_PROCESS, 0))


@pytest.mark.parametrize(('refuse', 'matters'), [
    ('os.sched_setscheduler = lambda *_: os.open("/nowhere", 0)', True), ('real_time._may_lock_memory = bool', True),
    ('', False)])
def test_permission_is_for_priority_and_memory(refuse: str, matters: bool) -> None:
    code = f'import os\nfrom turret_common.threads import real_time\n{refuse}\nprint(real_time.may_run_in_real_time())'
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    permitted = in_real_time(lambda: os.sched_getscheduler(0)) == os.SCHED_FIFO and prepared()[1] == 'True'
    assert result.stdout.strip() == str(permitted and not matters)


def test_every_thread_that_is_started_later_has_the_priority_too() -> None:
    code = '''
import os, threading
from turret_common.threads.real_time import prepare_process, wake_on_time
prepare_process()
def show():
    print(os.sched_getscheduler(0), os.sched_getparam(0).sched_priority)
for work in (show, lambda: (wake_on_time(), show())):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
'''
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    permitted = in_real_time(lambda: os.sched_getscheduler(0)) == os.SCHED_FIFO
    assert result.stdout.split() == ([f'{os.SCHED_FIFO}', '5', f'{os.SCHED_FIFO}', '10'] if permitted else ['0'] * 4)


def test_only_the_threads_of_the_middleware_are_raised() -> None:
    code = '''
import ctypes, os, threading
from turret_common.threads.real_time import raise_middleware
done = threading.Event()
def run(name, ready):
    ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)
    ready.set()
    done.wait()
threads = []
for name in ('dds.shm.7000', 'executor'):
    ready = threading.Event()
    threads.append(threading.Thread(target=run, args=(name, ready)))
    threads[-1].start()
    ready.wait()
raise_middleware()
print(*(os.sched_getscheduler(thread.native_id) for thread in threads), os.sched_getscheduler(0))
done.set()
'''
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    policy = in_real_time(lambda: os.sched_getscheduler(0))
    assert result.stdout.split() == [str(policy), str(os.SCHED_OTHER), str(os.SCHED_OTHER)]

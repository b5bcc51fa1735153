"""What a process in real time gets, and that a system without permission refuses nothing else."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

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

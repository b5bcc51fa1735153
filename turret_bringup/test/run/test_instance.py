"""One turret per namespace."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from turret_bringup.run import instance
from turret_common.errors import TurretError


def test_a_second_one_is_refused_while_the_first_runs() -> None:
    with instance.held('turret'):
        assert instance.supervisor_pid('turret') == os.getpid()
        with pytest.raises(TurretError, match='runs already in the namespace "turret"'), instance.held('turret'):
            pass
        with instance.held('other'):
            pass
    assert instance.supervisor_pid('turret') is None
    with instance.held('turret'):
        pass


def test_where_none_runs_there_is_none() -> None:
    assert instance.supervisor_pid('turret') is None
    assert instance.end('turret') is False


def test_a_running_one_is_ended() -> None:
    script = '''
import signal, sys
from turret_bringup.run import instance
with instance.held('turret'):
    print('held', flush=True)
    signal.sigwait([signal.SIGTERM])
'''
    with subprocess.Popen([sys.executable, '-c', script], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert instance.supervisor_pid('turret') == holder.pid
        assert instance.end('turret', 5.0)
    assert instance.supervisor_pid('turret') is None

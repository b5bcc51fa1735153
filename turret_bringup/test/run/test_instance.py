# SPDX-License-Identifier: Apache-2.0
"""One turret per namespace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from turret_bringup.run import instance
from turret_bringup.settings.graph import CONTROL, GROUPS, HARDWARE, OPERATOR, PERCEPTION, Group
from turret_common.errors import TurretError


def test_a_second_one_is_refused_while_the_first_runs() -> None:
    with instance.held('turret'):
        assert instance.supervisor_pid('turret') == os.getpid()
        with pytest.raises(TurretError, match='already running in the namespace "turret"'), instance.held('turret'):
            pass
        with instance.held('other'):
            pass
    assert instance.supervisor_pid('turret') is None
    with instance.held('turret'):
        pass


def test_groups_of_a_turret_run_beside_each_other_but_each_only_once() -> None:
    with instance.held('turret', [HARDWARE]):
        with instance.held('turret', [CONTROL]), instance.held('turret', [PERCEPTION]):
            assert set(instance.running('turret')) == {HARDWARE, CONTROL, PERCEPTION}
        with pytest.raises(TurretError, match='group hardware'), instance.held('turret'):
            pass
        instance.require_none('turret', [OPERATOR])


@pytest.mark.parametrize('group', [group for group in GROUPS if group is not HARDWARE])
def test_a_group_that_needs_the_permit_runs_only_beside_the_hardware(group: Group) -> None:
    if group.remote:
        with instance.held('turret', [group]):
            assert set(instance.running('turret')) == {group}
    else:
        with pytest.raises(TurretError, match='only on the host of the hardware'), instance.held('turret', [group]):
            pass
    assert instance.running('turret') == {}


def test_where_none_runs_there_is_none() -> None:
    assert instance.supervisor_pid('turret') is None
    assert instance.stop('turret') is False


def test_a_running_one_is_stopped() -> None:
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
        assert instance.stop('turret', 5.0)
    assert instance.supervisor_pid('turret') is None


def test_the_lock_does_not_depend_on_the_runtime_folder_of_the_login_session(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with instance.held('turret'):
        monkeypatch.setenv('XDG_RUNTIME_DIR', str(tmp_path))
        assert instance.supervisor_pid('turret') == os.getpid()
        with pytest.raises(TurretError, match='--namespace turret'):
            instance.require_none('turret')


def test_a_turret_is_stopped_with_the_signal_it_asks_for() -> None:
    script = '''
import signal
from turret_bringup.run import instance
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits it ignored
lock = instance.hold('turret', signal.SIGINT)
try:
    print('held', flush=True)
    signal.pause()
except KeyboardInterrupt:
    raise SystemExit(7)
'''
    with subprocess.Popen([sys.executable, '-c', script], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert instance.stop('turret')
    assert holder.returncode == 7

# SPDX-License-Identifier: Apache-2.0
"""The supervisor with small processes in place of nodes."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from turret_bringup.run import process_groups, supervisor
from turret_bringup.run.process_groups import Group
from turret_bringup.run.supervisor import Command, Supervisor
from turret_common.testing.waiting import wait_until


def shell(script: str) -> Callable[[], int]:
    def run() -> int:
        os.execvp('sh', ['sh', '-c', script])
    return run


def run(*commands: Command, until: str = '', number: int = signal.SIGTERM, timeout_s: float = 10.0) -> tuple[int, str]:
    """Run commands until their output matches a pattern; return exit code and output."""
    output = io.StringIO()
    under_test = Supervisor(commands, output)
    deadline = time.monotonic() + timeout_s

    def look() -> float | None:
        if (until and re.search(until, output.getvalue(), re.MULTILINE)) or time.monotonic() > deadline:
            signal.raise_signal(number)
            return None
        return 0.01
    code = under_test.run(look)
    assert time.monotonic() < deadline, output.getvalue()
    return code, output.getvalue()


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_groups, 'GRACE_S', 0.5)
    monkeypatch.setattr(supervisor, 'RESPAWN_S', 0.05)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_on_signals_and_ends_its_processes(number: int) -> None:
    script = 'trap "echo ended; exit" TERM; echo ready; while true; do sleep 0.01; done'
    code, output = run(Command('one', shell(script)), Command('other', shell(script)), until='ready(.|\n)*ready',
                       number=number)
    assert code == 0
    assert output.count('ended') == 2


def test_each_line_has_the_name_of_its_process() -> None:
    _, output = run(
        Command('a', shell('echo first; printf "no end"; exit 1')), Command('longer', shell('sleep 9')), until='no end')
    assert 'a      | first\na      | no end\n' in output


def test_a_process_that_dies_starts_again_after_growing_pauses() -> None:
    _, output = run(Command('x', shell('exit 7')), until='0.4 s')
    assert re.findall(r'x exited with code 7; starts again in (\S+) s', output) == ['0.05', '0.1', '0.2', '0.4']


def test_a_process_that_is_killed_is_named_so() -> None:
    _, output = run(Command('x', shell('kill -SEGV $$')), until='starts again')
    assert 'x was killed by SIGSEGV' in output


def test_a_refused_first_start_ends_everything_with_its_reason() -> None:
    refusing = Command('x', shell('echo one; echo there is no camera >&2; exit 2'))
    under_test = Supervisor([refusing, Command('y', shell('sleep 99'))], io.StringIO())
    assert under_test.run() == 2
    assert under_test.refusal == 'there is no camera'
    assert under_test.pids() == {}


def test_a_refusal_later_on_does_not_end_the_turret(tmp_path: Path) -> None:
    script = f'test -e {tmp_path}/started && exit 2; touch {tmp_path}/started; exit 1'
    code, _ = run(Command('x', shell(script)), until='code 2')
    assert code == 0


@pytest.mark.parametrize(('script', 'code', 'reason'), [
    ('exit 0', 0, None), ('echo the bag is damaged; exit 2', 2, 'the bag is damaged'),
    ('exit 1', 2, 'x exited with code 1'),
    ('kill -9 $$', 2, 'x was killed by SIGKILL')])
def test_all_is_over_when_that_ends_which_ends_all(script: str, code: int, reason: str | None) -> None:
    player = Command('x', shell(script), ends_all=True)
    under_test = Supervisor([player, Command('y', shell('sleep 99'))], io.StringIO())
    assert under_test.run() == code
    assert under_test.refusal == reason


def test_what_a_process_started_ends_with_it(tmp_path: Path) -> None:
    _, output = run(Command('x', shell('sleep 99 & echo pid=$!; wait')), until=r'pid=\d+')
    pid = int(re.search(r'pid=(\d+)', output)[1])  # type: ignore[index]
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_who_does_not_end_in_time_is_killed() -> None:
    started = time.monotonic()
    _, output = run(
        Command('deaf', shell('trap "" TERM; echo ready; while true; do sleep 0.01; done')), until='ready')
    assert 'deaf did not end and was killed' in output
    assert time.monotonic() - started < 3.0


def test_what_others_need_ends_last(tmp_path: Path) -> None:
    log = tmp_path / 'log'
    script = f'trap "sleep 0.1; echo NAME >> {log}; exit" TERM; echo ready; while true; do sleep 0.01; done'
    run(Command('plant', shell(script.replace('NAME', 'plant')), ends_last=True),
        Command('driver', shell(script.replace('NAME', 'driver'))), until='ready(.|\n)*ready')
    assert log.read_text().split() == ['driver', 'plant']


def test_python_mains_keep_their_exit_codes_and_tracebacks() -> None:
    def fail() -> int:
        raise RuntimeError('a defect')

    def leave() -> int:
        raise SystemExit(5)
    _, output = run(
        Command('bad', fail), Command('left', leave), until='(?s)bad exited.*left exited|left exited.*bad exited')
    assert 'RuntimeError: a defect' in output
    assert 'bad exited with code 1' in output
    assert 'left exited with code 5' in output


def test_a_child_holds_nothing_of_its_parent() -> None:
    with Path(__file__).open():
        _, output = run(Command('x', shell('ls /proc/self/fd | wc -l; sleep 9')), until=r'\| \d+')
    assert int(re.search(r'\| (\d+)', output)[1]) == 4  # type: ignore[index]  # 0 1 2 and the folder that ls reads


def test_a_killed_supervisor_leaves_nothing(tmp_path: Path) -> None:
    script = f'''
import os
from turret_bringup.run.supervisor import Command, Supervisor
def main():
    os.execvp('sh', ['sh', '-c', 'sleep 99 & echo $$ $! >> {tmp_path}/pids; wait'])
Supervisor([Command('x', main)], clean_up=lambda: open('{tmp_path}/cleaned', 'w')).run()
'''
    running = subprocess.Popen([sys.executable, '-c', script])
    wait_until(lambda: (tmp_path / 'pids').exists() and (tmp_path / 'pids').read_text().endswith('\n'))
    groups = [Group(int(pid)) for pid in (tmp_path / 'pids').read_text().split()[:1]]
    assert process_groups.running(groups)
    running.kill()
    running.wait()
    wait_until(lambda: not process_groups.running(groups))
    wait_until((tmp_path / 'cleaned').exists)


def test_it_runs_without_threads_of_its_own() -> None:
    before = threading.active_count()
    run(Command('x', shell('echo hi; sleep 9')), until='hi')
    assert threading.active_count() == before

# SPDX-License-Identifier: Apache-2.0
"""Output without a reader holds up no process; all of it arrives where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = '''
import os, sys
from turret_common.threads.output import detach_output, restore_output
detach_output()
for i in range({lines}):
    os.write(1 + i % 2, b'%06d\\n' % i)
{end}
'''


def program(lines: int, end: str) -> list[str]:
    return [sys.executable, '-c', PROGRAM.format(lines=lines, end=end)]


def test_all_of_it_arrives_in_its_order() -> None:
    result = subprocess.run(
        program(20_000, 'restore_output(60.0); os.write(1, b"last\\n")'), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=60, check=True)
    assert result.stdout.splitlines() == [*(f'{i:06d}' for i in range(20_000)), 'last']


def test_two_outputs_stay_two() -> None:
    result = subprocess.run(program(100, 'restore_output()'), capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.split() == [f'{i:06d}' for i in range(0, 100, 2)]
    assert result.stderr.split() == [f'{i:06d}' for i in range(1, 100, 2)]


def test_a_pipe_that_no_one_reads_holds_nothing_up(tmp_path: Path) -> None:
    done = tmp_path / 'done'
    code = f'''
for i in range(400_000):
    try:
        os.write(2, b'a line without a reader\\n')
    except BlockingIOError:
        open({str(done)!r}, 'w')
        break
restore_output(0.1)
'''
    with subprocess.Popen(program(0, code), stderr=subprocess.PIPE) as process:
        assert process.wait(60) == 0
        assert done.exists()
        assert process.stderr is not None
        assert process.stderr.read(24) == b'a line without a reader\n'


def test_a_reader_who_left_ends_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(program(50_000, 'restore_output()'), stdout=writing, stderr=writing, timeout=60)
    finally:
        os.close(writing)
    assert result.returncode == 0

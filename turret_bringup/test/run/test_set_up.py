# SPDX-License-Identifier: Apache-2.0
"""What the script ``turret`` does before the program: which Python, which folder, what the shell has set."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from turret_bringup.run import prepared

ROOT = Path(__file__).parents[3]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the script and what it reads, without anything installed."""
    folder = tmp_path / "it's my turret"
    for name in ('turret_bringup', 'turret_common'):
        shutil.copytree(ROOT / name / name, folder / name / name, ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copytree(ROOT / 'requirements', folder / 'requirements')
    shutil.copy(ROOT / 'turret', folder)
    return folder


def turret(clone: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if name not in ('PYTHON', 'ROS_DISTRO')}
    return subprocess.run(
        ['./turret', *words], cwd=clone, env={**known, **variables}, capture_output=True, text=True, check=False,
        timeout=120)


def fake_python(folder: Path, name: str, version: str) -> Path:
    """Make a program that is a Python of another version, as far as the script can see."""
    program = folder / name
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo Python {version} && exit\nexit 1\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize('words', [['status'], ['bag', 'list'], ['view'], ['hw', 'pins'], ['param', 'dump']])
def test_before_the_set_up_a_command_names_it(clone: Path, words: list[str]) -> None:
    done = turret(clone, *words)
    assert done.returncode == 1
    assert 'Run ./turret setup first' in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize('words', [['--help'], ['bag', '--help'], ['up', '-h']])
def test_help_needs_no_set_up(clone: Path, words: list[str]) -> None:
    done = turret(clone, *words)
    assert (done.returncode, 'usage: ./turret' in done.stdout) == (0, True), done.stderr


def test_a_named_python_that_is_not_suitable_is_refused(clone: Path, tmp_path: Path) -> None:
    for program, found in (
            (fake_python(tmp_path, 'old', '3.9.2'), 'Python 3.9.2'), (tmp_path / 'none', 'which does not start')):
        done = turret(clone, 'setup', PYTHON=str(program))
        assert done.returncode == 1
        assert done.stderr.strip() == (
            f'turret: Python 3.10 to 3.13 is required, and $PYTHON is {program} ({found}).')


def test_the_first_python_on_the_path_may_be_too_new(clone: Path, tmp_path: Path) -> None:
    """A later, suitable one is used; without one the message names the version that was found."""
    programs = tmp_path / 'bin'
    programs.mkdir()
    for name in ('bash', 'dirname', 'readlink', 'uname', 'cc', 'c++', 'sed', 'cat', 'grep', 'mkdir', 'flock', 'id'):
        found = shutil.which(name)
        if found:
            (programs / name).symlink_to(found)
    fake_python(programs, 'python3', '3.15.0')
    done = turret(clone, 'setup', PATH=str(programs))
    assert 'python3 is Python 3.15.0. Install one of these versions' in done.stderr
    (programs / 'python3.11').symlink_to(sys.executable)
    assert 'usage: ./turret' in turret(clone, '--help', PATH=str(programs)).stdout


@pytest.mark.parametrize('character', '$"`\\:;#?*[]\n')
def test_a_path_that_pip_or_cmake_cannot_use_is_refused(clone: Path, character: str) -> None:
    renamed = clone.rename(clone.with_name(f'my{character}turret'))
    done = turret(renamed, 'setup')
    assert done.returncode == 1
    assert 'Rename the folder' in done.stderr
    assert not (renamed / '.venv').exists()


def test_what_the_shell_has_set_does_not_reach_the_set_up(clone: Path) -> None:
    """The folder of the packages stays the user's choice; where they are installed does not."""
    script = (clone / 'turret').read_text()
    beginning = script.partition('# Whatever stops this script')[0]
    (clone / 'turret').write_text(f'{beginning}\nenv\n')
    given = {
        'PIP_TARGET': 'x', 'PIP_USER': '1', 'PIP_NO_BINARY': ':all:', 'PIP_CONSTRAINT': 'x', 'PIP_PREFIX': 'x',
        'PYTHONPATH': 'x', 'PYTHONHOME': 'x', 'DESTDIR': 'x'}
    kept = {'PIP_FIND_LINKS': '/packages', 'PIP_NO_INDEX': '1', 'PIP_CERT': '/c.pem', 'PIP_PROXY': 'p:1'}
    seen = dict(line.split('=', 1) for line in turret(clone, **given, **kept).stdout.splitlines() if '=' in line)
    assert not given.keys() & seen.keys()
    assert kept.items() <= seen.items()
    assert turret(clone, ROS_DISTRO='jazzy', **given).stdout.count('PYTHONPATH=x') == 1


@pytest.mark.parametrize('quote', [str, shlex.quote])  # from 3.11.11 and 3.12.8 on, venv quotes the path
def test_a_moved_environment_is_noticed_whatever_is_in_its_path(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quote: type[str]) -> None:
    venv = tmp_path / "it's here" / '.venv'
    (venv / 'bin').mkdir(parents=True)
    (venv / 'bin' / 'activate').write_text(f'VIRTUAL_ENV={quote(str(venv))}\n')
    monkeypatch.setattr(prepared, 'VENV', venv)
    assert list(prepared.missing(['venv'])) == []
    monkeypatch.setattr(prepared, 'VENV', venv.parent.rename(tmp_path / "it's there") / '.venv')
    assert list(prepared.missing(['venv'])) == [('venv', 'was made in another folder')]

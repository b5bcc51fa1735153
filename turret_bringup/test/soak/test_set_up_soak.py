# SPDX-License-Identifier: Apache-2.0
"""The set-up recovers: from interruptions at any moment, from products that are removed or damaged, from a move."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from turret_bringup.run.prepared import ROOT
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import free_port

INTERRUPTIONS = 10
#: Maximum time in s from the start of a set-up to its interruption; a step takes up to a minute on an idle machine.
MAX_S = 60.0
TIMEOUT_S = 3600.0


@pytest.fixture(scope='module')
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if not (ROOT / '.git').exists():
        pytest.skip('needs a git checkout')
    folder = tmp_path_factory.mktemp('set up') / 'my turret'
    subprocess.run(['git', 'clone', '-q', ROOT, folder], check=True)
    yield folder
    shutil.rmtree(folder.parent)


def environment() -> dict[str, str]:
    return {**os.environ, 'ROS_DOMAIN_ID': str(claim_domain()), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}


def works(clone: Path) -> None:
    """Start the turret of a clone, which repeats what is missing of its set-up, look at its status, and stop it."""
    where, arguments = environment(), ['--detach', '--port', str(free_port())]
    up = subprocess.run(
        ['./turret', 'up', *arguments], cwd=clone, env=where, capture_output=True, text=True, check=False,
        timeout=TIMEOUT_S)
    try:
        assert up.returncode == 0, up.stderr
        status = subprocess.run(
            ['./turret', 'status'], cwd=clone, env=where, capture_output=True, text=True, check=False, timeout=120.0)
        assert 'SIMULATION' in status.stdout, status.stderr
    finally:
        subprocess.run(['./turret', 'down'], cwd=clone, env=where, check=True, timeout=120.0)


def interrupt(clone: Path, after_s: float, number: signal.Signals) -> None:
    """Start a set-up and end it, with everything that it started, after a while."""
    with subprocess.Popen(
            ['./turret', 'setup'], cwd=clone, env=environment(), start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL) as set_up:
        try:
            set_up.wait(after_s)
        except subprocess.TimeoutExpired:
            os.killpg(set_up.pid, number)


@pytest.mark.soak
def test_a_set_up_that_is_interrupted_at_random_moments_ends_in_a_turret_that_works(clone: Path) -> None:
    moments = random.Random(15)
    for _ in range(INTERRUPTIONS):
        number = moments.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
        interrupt(clone, moments.uniform(0.5, MAX_S), number)
        done = subprocess.run(
            ['./turret', 'status'], cwd=clone, env=environment(), capture_output=True, text=True, check=False,
            timeout=120.0)
        assert 'Traceback' not in done.stderr
    works(clone)


def remove_panel(clone: Path) -> None:
    shutil.rmtree(clone / 'turret_web' / 'turret_web' / 'panel')


def remove_package(clone: Path) -> None:
    shutil.rmtree(next((clone / '.venv' / 'lib').glob('python3*/site-packages/aiohttp')))


def remove_interpreter(clone: Path) -> None:
    (clone / '.venv' / 'bin' / 'python').unlink()


def change_messages_and_back(clone: Path) -> None:
    """Change a message, interrupt the build that it causes, and change the message back."""
    message = clone / 'turret_msgs' / 'msg' / 'LaserState.msg'
    text = message.read_text()
    message.write_text(text + '\nint32 added\n')
    interrupt(clone, 5.0, signal.SIGINT)
    message.write_text(text)


def remove_messages(clone: Path) -> None:
    shutil.rmtree(next((clone / '.venv' / 'lib').glob('python3*/site-packages/turret_msgs')))


@pytest.mark.soak
@pytest.mark.parametrize('damage', [
    remove_panel, remove_package, change_messages_and_back, remove_messages, remove_interpreter])
def test_what_is_removed_or_half_built_is_made_again(clone: Path, damage: object) -> None:
    assert callable(damage)
    works(clone)
    damage(clone)
    works(clone)


@pytest.mark.soak
def test_a_clone_that_is_copied_or_moved_uses_its_own_code(clone: Path) -> None:
    works(clone)
    copy = clone.with_name('copy')
    shutil.copytree(clone, copy, symlinks=True)
    (copy / 'turret_bringup' / 'turret_bringup' / 'cli.py').write_text('raise SystemExit("the code of the copy")\n')
    done = subprocess.run(
        ['./turret', 'setup'], cwd=copy, env=environment(), capture_output=True, text=True, check=False,
        timeout=TIMEOUT_S)
    assert 'the code of the copy' in done.stderr
    shutil.rmtree(copy)
    moved = clone.rename(clone.with_name('moved'))
    try:
        works(moved)
    finally:
        moved.rename(clone)

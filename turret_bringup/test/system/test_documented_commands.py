# SPDX-License-Identifier: Apache-2.0
"""The commands of the documents are run as they are printed, on a running turret."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_bringup.run.prepared import ROOT

pytestmark = pytest.mark.system
Shell = Callable[[str], None]

#: Page and command, in an order in which each has what it needs. Words in capitals and brackets are the reader's.
COMMANDS = (
    ('README.md', './turret status'),
    ('docs/bags.md', './turret bag start --selection full --label test'),
    ('docs/bags.md', './turret bag mark target lost'),
    ('docs/camera.md', './turret call camera/capture_still \'{"label": "cat"}\''),
    ('docs/camera.md', './turret call camera/start_recording \'{"annotated": true}\''),
    ('docs/camera.md', './turret call camera/list_media'),
    ('docs/bags.md', './turret bag save'),
    ('docs/bags.md', './turret bag stop'),
    ('docs/bags.md', './turret bag list'),
    ('docs/bags.md', './turret bag info [BAG]'),
    ('docs/bags.md', './turret bag check [BAG]'),
    ('docs/bags.md', './turret bag plot [BAG] -o plot.html'),
    ('docs/bags.md', './turret bag export [BAG] -o tables'),
    ('docs/bags.md', './turret bag video [BAG] -o film.mp4'),
    ('docs/ros.md', './turret param dump'),
    ('docs/raspberry_pi.md', './turret token show'),
    ('docs/raspberry_pi.md', './turret service show --params my.yaml'),
    ('docs/hardware.md', './turret hw plan --params my.yaml'),
    ('docs/aiming.md', './turret calibrate board board.png'),
    ('README.md', './turret --help'),
)


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchTurret]:
    with scratch_turret(tmp_path_factory.mktemp('state')) as turret:
        yield turret


@pytest.fixture(scope='module')
def shell(running: ScratchTurret, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return what runs a command in a folder that has a parameter file ``my.yaml``, as the reader's has."""
    folder = tmp_path_factory.mktemp('reader')
    example = ROOT / 'turret_bringup' / 'turret_bringup' / 'config' / 'pi5_step_dir.yaml'
    (folder / 'my.yaml').write_text(example.read_text())

    def run(command: str) -> None:
        program, *words = shlex.split(command)
        assert program == './turret'
        done = subprocess.run(
            [sys.executable, '-m', 'turret_bringup.cli', *(word for word in words if word != '[BAG]')], cwd=folder,
            env=running.environment, capture_output=True, text=True, check=False, timeout=180.0)
        expected = (0, 1) if ' check ' in command else (0,)  # 1: it found gaps
        assert done.returncode in expected, done.stdout + done.stderr
        assert 'Traceback' not in done.stderr
    return run


@pytest.mark.parametrize(('page', 'command'), COMMANDS, ids=[command for _, command in COMMANDS])
def test_a_documented_command_works(page: str, command: str, shell: Shell) -> None:
    assert command in Path(ROOT, page).read_text()
    shell(command)

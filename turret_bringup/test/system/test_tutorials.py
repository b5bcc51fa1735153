# SPDX-License-Identifier: Apache-2.0
"""The tutorials and the guides to parts of your own, done as written.

Files are written, commands typed, and what they print is what the page shows.

In a tutorial, ``sh`` blocks are commands, the ``text`` block after one is what its last command prints, and a block
with a title is a file. An ellipsis (…) stands for anything, as a line of its own for any lines.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import free_port

pytestmark = pytest.mark.system
ROOT = Path(__file__).resolve().parents[3]
TUTORIALS = sorted([*(ROOT / 'docs' / 'tutorials').glob('*.md'), *(ROOT / 'docs' / 'how_to').glob('your_*.md')])
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
#: Commands that only look may be repeated until they print what is expected.
LOOKS = re.compile(r'\./turret (status|param get|bag (list|info))\b')
LOOK_S = 60.0
COMMAND_S = 240.0


class Step(NamedTuple):
    """One block of a tutorial: a file to write, or commands with what the last one prints."""

    file: str
    text: str
    printed: str = ''


def steps(page: Path) -> Iterator[Step]:
    """Give the steps of a page in their order."""
    blocks = [*BLOCK.findall(page.read_text()), ('', '', '')]
    for (language, title, text), (following, _, printed) in itertools.pairwise(blocks):
        if title:
            yield Step(title, text)
        elif language == 'sh':
            yield Step('', text, printed if following == 'text' else '')


def shows(output: str, printed: str) -> bool:
    """Return whether an output contains the printed lines in their order."""
    pattern = r'[^\n]*\n(?:[^\n]*\n)*?'.join(
        r'[^\n]*'.join(re.escape(part.strip()) for part in line.split('…'))
        for line in printed.splitlines() if line.strip() not in ('', '…'))
    return re.search(pattern, output) is not None


class Reader:
    """A person with a clone and an empty state folder who types what the page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / 'turret'
        self.folder.mkdir()
        for name in ('turret', '.venv', 'examples'):
            (self.folder / name).symlink_to(ROOT / name)
        self.port = free_port()
        self.environment = {
            **os.environ, 'HOME': str(folder), 'XDG_STATE_HOME': str(folder / 'state'),
            'ROS_DOMAIN_ID': str(claim_domain()), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'PIP_DISABLE_PIP_VERSION_CHECK': '1', 'PYTHONPATH': ''}

    def write(self, name: str, text: str) -> None:
        """Write a file of the page."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def type(self, command: str) -> str:
        """Run one command and return what it prints."""
        if command.startswith(('./turret up', './turret replay')):
            command += f' --port {self.port}'
        done = subprocess.run(
            ['bash', '-c', command], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=COMMAND_S, check=False)
        assert done.returncode == 0 or LOOKS.search(command), f'{command}\n{done.stdout}'
        return done.stdout

    def do(self, step: Step) -> None:
        """Do one step, and look again while a command that only looks does not print what is expected."""
        if step.file:
            self.write(step.file, step.text)
            return
        output, last = '', ''
        for last in step.text.replace('\\\n', ' ').splitlines():
            output = self.type(last.partition('  #')[0].strip())
        deadline = time.monotonic() + LOOK_S
        while step.printed and not shows(output, step.printed):
            is_late = LOOKS.search(last) is None or time.monotonic() > deadline
            assert not is_late, f'{last}\n{output}\nis not\n{step.printed}'
            output = self.type(last.partition('  #')[0].strip())

    def leave(self) -> None:
        """Stop whatever still runs, and remove the packages that were installed."""
        subprocess.run(['./turret', 'down'], cwd=self.folder, env=self.environment, check=False, capture_output=True)
        subprocess.run(
            [sys.executable, '-m', 'pip', 'uninstall', '--quiet', '--yes', 'my-turret', 'my-camera', 'my-laser'],
            check=False, capture_output=True)


@pytest.mark.skipif('ROS_DISTRO' in os.environ, reason='the tutorials are for ./turret on the wheels')
@pytest.mark.parametrize('page', TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_works_as_written(page: Path, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    try:
        for step in steps(page):
            reader.do(step)
    finally:
        reader.leave()
        shutil.rmtree(tmp_path / 'state', ignore_errors=True)


@pytest.mark.parametrize('page', TUTORIALS, ids=lambda page: page.stem)
def test_what_a_tutorial_lets_press_is_on_the_panel(page: Path) -> None:
    texts = (ROOT / 'turret_web' / 'panel' / 'src' / 'text' / 'en.ts').read_text()
    for label in re.findall(r'\*\*([^*]+)\*\*', page.read_text()):
        assert f"'{label}'" in texts or f"'{label.upper()}'" in texts, f'{page.name}: {label}'

# SPDX-License-Identifier: Apache-2.0
"""The commands of the documents: where they are, and which of them need what a test does not have.

A command is a line of a block of code that begins with a program. ``# needs hardware`` after it, or on a line of its
own before the others of a block, says that tests do not run it, and why; :data:`NEEDS` has the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tracked import tracked_files

ROOT = Path(__file__).parents[2]
#: Reasons why a command is not run by the tests.
NEEDS = ('hardware', 'ROS 2', 'root', 'a second computer', 'the network', 'a broker', 'an hour')
#: Commands that other tests run: the test, and how it names the command.
ELSEWHERE = {
    r'\./turret test( unit| ros| system| panel| colcon)*$': ('.ci/run', './turret test "$@"'),
    r'\./turret docs$': ('turret_bringup/test/test_docs.py', "'mkdocs', 'build', '--strict'"),
    r'\./turret release$': ('turret_bringup/test/test_release.py', 'release.archive'),
    r'\./turret hw wizard( --output my.yaml)?$': (
        'turret_bringup/test/system/test_wizard_to_tracking.py', "'hw', 'wizard'"),
    r'\./turret calibrate check$': ('turret_bringup/test/system/test_calibration.py', "calibrated(capsys, 'check')"),
    r'\./turret calibrate delay$': ('turret_bringup/test/system/test_calibration.py', "calibrated(capsys, 'delay')"),
    r'\./turret calibrate gains (pan|tilt)$': (
        'turret_bringup/test/system/test_calibration.py', "calibrated(capsys, 'gains', axis)"),
    r'\./turret calibrate boresight --arm( --range \d)+$': (
        'turret_bringup/test/system/test_calibration.py', "calibrated(capsys, 'boresight', '--arm', *distances)"),
    r'\./turret model inspect yolo11n.onnx': ('turret_bringup/test/test_model_command.py', "'inspect'"),
    r'\./turret model add yolo11n.onnx': ('turret_bringup/test/test_model_command.py', "'add'"),
    r'\./turret bench split( |$)': ('turret_bringup/test/system/test_split.py', 'probe(*split'),
}
PROGRAMS = re.compile(
    r"(?:[A-Z_]+=\S+ )*(?:\./turret|ros2|colcon|rosdep|sudo|source|node|curl|ssh|git|podman|pip|python3|"
    r'[\w./]+/bin/\w+|npm|mpremote|journalctl|fast-discovery-server|rerun|export|cat|echo|printf|cd|for|touch|sleep|config=\S+|tools/\w+\.py)'
    r'(?= |$)')


class Command(NamedTuple):
    """A command of a page; ``needs`` is empty where the tests run it."""

    page: str
    text: str
    needs: str
    comment: str = ''


def pages() -> list[Path]:
    """Return the documents with commands for readers."""
    return [ROOT / name for name in tracked_files() if name.endswith('.md') and not name.startswith('.github')
            and Path(name).name not in ('CHANGELOG.md', 'interfaces.md', 'parameters.md')]


def blocks(text: str) -> Iterator[list[str]]:
    """Give the blocks of code that may hold commands: fenced ones for the shell, and indented ones."""
    fence = re.compile(r'^ *```(\w*)[^\n]*\n(.*?)^ *```$', re.DOTALL | re.MULTILINE)
    yield from (body.splitlines() for language, body in fence.findall(text) if language in ('sh', 'bash'))
    block: list[str] = []
    for line in [*fence.sub('', text).splitlines(), 'end']:
        if line.startswith('    '):
            block.append(line.strip())
        elif block:
            yield block
            block = []


def commands(page: Path) -> list[Command]:
    """Return the commands of a page in their order."""
    name, found = str(page.relative_to(ROOT)), []
    for block in blocks(page.read_text()):
        lines = re.sub(r'\\\n\s*', '', '\n'.join(block)).splitlines()
        if not any(PROGRAMS.match(line) for line in lines):
            continue
        of_block = ''
        for line in lines:
            text, _, comment = ('', '', line[1:].strip()) if line.startswith('#') else re.split(
                r'( +# )', line, maxsplit=1) if ' # ' in line else (line, '', '')
            needs = re.match(r'needs (.+?)(?:[:;,]|$)', comment)
            if not text.strip():
                of_block = needs[1] if needs else of_block
            else:
                found.append(Command(name, text.strip(), needs[1] if needs else of_block, comment))
    return found


def all_commands() -> list[Command]:
    """Return the commands of all pages."""
    return [command for page in pages() for command in commands(page)]

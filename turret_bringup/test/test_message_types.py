# SPDX-License-Identifier: Apache-2.0
"""The type checker sees the fields of messages, through the stubs that tools/generate_stubs.py makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RIGHT = """
from sensor_msgs.msg import Image
from turret_msgs.action import Home
from turret_msgs.msg import GimbalCommand, SafetyState
from turret_msgs.srv import SetMode

def width(image: Image, state: SafetyState) -> int:
    state.reasons = [1, 2]
    image.data = b'1'
    image.header.frame_id = 'base_link'
    return image.width + state.reasons[0] + GimbalCommand.MODE_STOP

request = SetMode.Request(lease_id='a', mode=1)
goal = Home.Goal()
"""


@pytest.fixture(scope='module')
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip('mypy')
    folder = tmp_path_factory.mktemp('stubs')
    subprocess.run([sys.executable, ROOT / 'tools' / 'generate_stubs.py', folder], check=True)
    return folder


def check(stubs: Path, folder: Path, source: str) -> str:
    file = folder / 'checked.py'
    file.write_text(source)
    return subprocess.run(
        [sys.executable, '-m', 'mypy', '--config-file', '', '--strict', f'--cache-dir={stubs / "cache"}', file],
        env={'MYPYPATH': str(stubs), 'PATH': ''}, capture_output=True, text=True, check=False).stdout


def test_what_is_right_passes(stubs: Path, tmp_path: Path) -> None:
    assert 'Success' in check(stubs, tmp_path, RIGHT)


@pytest.mark.parametrize(('right', 'wrong', 'error'), [
    ('image.width', 'image.widht', '"Image" has no attribute "widht"'),
    ('SafetyState)', 'GimbalCommand)', 'has no attribute "reasons"'),
    ('MODE_STOP', 'MODE_HALT', 'has no attribute "MODE_HALT"'),
    ('mode=1', 'mod=1', 'Unexpected keyword argument "mod"'),
    ('[1, 2]', "['a']", 'List item 0 has incompatible type "str"'),
    ("frame_id = 'base_link'", 'frame_id = 1', 'Incompatible types in assignment'),
    ('Home.Goal()', 'Home.Gaol()', 'has no attribute "Gaol"'),
])
def test_a_wrong_use_of_a_message_fails(stubs: Path, tmp_path: Path, right: str, wrong: str, error: str) -> None:
    assert right in RIGHT
    assert error in check(stubs, tmp_path, RIGHT.replace(right, wrong))

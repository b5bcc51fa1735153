# SPDX-License-Identifier: Apache-2.0
"""Rerun checks and converts our bags. Skipped where its program is not in the PATH: ``pip install rerun-sdk``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from bag_mutations import GOLDEN

from turret_bringup.bags.edit import rewrite
from turret_bringup.bags.reader import Bag

RERUN = shutil.which('rerun')
pytestmark = pytest.mark.skipif(RERUN is None, reason='rerun is not installed')


def rerun(folder: Path, *arguments: str) -> str:
    result = subprocess.run(
        [str(RERUN), *arguments], capture_output=True, text=True, timeout=120.0,
        env={**os.environ, 'HOME': str(folder)})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_rerun_checks_and_converts_a_bag(tmp_path: Path) -> None:
    rewrite([GOLDEN], tmp_path / 'a')
    path = tmp_path / 'a' / 'a_0.mcap'
    with Bag(path) as bag:
        topics = {name for name, count in bag.counts.items() if count}
    checked = rerun(tmp_path, 'mcap', 'check', str(path))
    assert {line.split()[3] for line in checked.splitlines() if line.startswith('ok ')} >= topics
    rerun(tmp_path, 'mcap', 'convert', str(path), '-o', str(tmp_path / 'a.rrd'))
    stats = rerun(tmp_path, 'rrd', 'stats', str(tmp_path / 'a.rrd'))
    assert topics <= {line.split(':')[0].strip() for line in stats.splitlines()}

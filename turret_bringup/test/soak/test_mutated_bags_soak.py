# SPDX-License-Identifier: Apache-2.0
"""Five hundred damaged files of each kind through every command that takes a bag."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bag_mutations import KINDS

PROGRAM = Path(__file__).resolve().parents[1] / 'bag_mutations.py'
COUNT = 500
MEMORY_MB = 300.0


@pytest.mark.soak
@pytest.mark.parametrize('kind', KINDS)
def test_damaged_files_end_no_command_and_change_nothing(tmp_path: Path, kind: str) -> None:
    result = subprocess.run(
        [sys.executable, PROGRAM, kind, str(COUNT), '2'], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found['failures'] == []
    assert found['files'] == COUNT
    assert found['memory_mb'] < MEMORY_MB

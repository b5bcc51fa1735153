# SPDX-License-Identifier: Apache-2.0
"""The proof of the safety chain at full length."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from turret_bringup.bench.laser_off.laser_off import EVENTS, run_trials

MUTATE = Path(__file__).resolve().parents[3] / 'tools' / 'mutate_safety.py'
TRIALS = 7


@pytest.mark.soak
def test_the_laser_pin_is_off_in_time_in_two_hundred_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ('XDG_RUNTIME_DIR', 'ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE'):
        monkeypatch.setenv(variable, '')  # put back at the end; the trials set their own
    assert len(EVENTS) * TRIALS >= 200
    assert [result for result in run_trials(tuple(EVENTS), TRIALS) if result.failures] == []


@pytest.mark.soak
def test_every_mutant_of_the_safety_cores_is_noticed() -> None:
    result = subprocess.run([sys.executable, MUTATE], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr

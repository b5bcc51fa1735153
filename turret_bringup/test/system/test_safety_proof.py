# SPDX-License-Identifier: Apache-2.0
"""A short version of the proof of the safety chain; the long one is in ``test/soak``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from turret_bringup.bench.laser_off.laser_off import run_trials

#: One of each kind: the driver, its guardian, the permit and its way, the operator, people, two processes at once, a
#: stop while no file can be written, messages that the safety node did not send.
EVENTS = (
    'driver stopped', 'guardian stopped', 'safety killed', 'permits buffered', 'heartbeats buffered',
    'person near the beam', 'driver and safety stopped', 'software stop on a full disk', 'grants replayed')
MUTATE = Path(__file__).resolve().parents[3] / 'tools' / 'mutate_safety.py'


@pytest.mark.system
def test_the_laser_pin_is_off_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ('XDG_RUNTIME_DIR', 'ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE'):
        monkeypatch.setenv(variable, '')  # put back at the end; the trials set their own
    assert [result for result in run_trials(EVENTS, 1) if result.failures] == []


@pytest.mark.system
def test_mutants_of_the_safety_cores_are_noticed() -> None:
    modules = [
        'permit.py', 'lease.py', 'zones.py', 'interlocks.py', 'exclusion.py', 'estop.py', 'emission_budget.py',
        'state_machine.py', 'laser_parameters.py', 'safety_parameters.py']
    result = subprocess.run(
        [sys.executable, MUTATE, '--sample', '16', *modules], capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr

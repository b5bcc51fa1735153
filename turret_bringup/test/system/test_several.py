# SPDX-License-Identifier: Apache-2.0
"""Two turrets of one host in one ROS domain: each keeps its beat, and neither touches the other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from turret_bringup.bench.ros_several import foreign_publishers, started, statuses
from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret

pytestmark = pytest.mark.system


@pytest.fixture(scope='module')
def turrets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ScratchTurret]]:
    with ExitStack() as stack:
        yield started(stack, tmp_path_factory.mktemp('state'), 2)


def test_each_beats_and_no_name_is_shared(
        turrets: dict[str, ScratchTurret], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in turrets['turret0'].environment.items():
        monkeypatch.setenv(name, value)
    with TurretClient('turret0', timeout_s=30.0) as client:
        arrivals, wrong_frames = statuses(client, list(turrets), 4.0)
        assert all(7 <= len(times) <= 9 for times in arrivals.values()), arrivals
        assert wrong_frames == 0
        assert foreign_publishers(client, list(turrets)) == []


def test_a_stop_of_one_does_not_stop_the_other(
        turrets: dict[str, ScratchTurret], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in turrets['turret0'].environment.items():
        monkeypatch.setenv(name, value)
    with TurretClient('turret0', timeout_s=30.0) as first, TurretClient('turret1', timeout_s=30.0) as second:
        first.command('safety/stop', reason='only this one')
        first.wait_for('status', lambda status: status.safety.software_stop, 10.0)
        assert not second.status().safety.software_stop


def test_both_are_listed_with_their_panels(turrets: dict[str, ScratchTurret]) -> None:
    command = [sys.executable, '-m', 'turret_bringup.cli', 'list', '--json']
    done = subprocess.run(
        command, env=turrets['turret0'].environment, capture_output=True, text=True, timeout=60.0, check=True)
    found = {turret['name']: turret for turret in json.loads(done.stdout)}
    assert set(found) == set(turrets)
    assert len({turret['url'] for turret in found.values()}) == 2
    assert all('SIMULATION' in turret['state'] for turret in found.values()), found

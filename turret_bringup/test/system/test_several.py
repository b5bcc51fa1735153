# SPDX-License-Identifier: Apache-2.0
"""Two turrets of one host in one ROS domain: each keeps its beat, and neither touches the other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from turret_bringup.bench.ros_several import foreign_publishers, started, statuses
from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret
from turret_common.errors import TurretError
from turret_common.paths import state_dir
from turret_common.testing.waiting import free_port

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


def test_another_turret_does_not_take_a_name_of_the_domain_even_with_a_state_folder_of_its_own(
        turrets: dict[str, ScratchTurret], tmp_path: Path) -> None:
    command = [sys.executable, '-m', 'turret_bringup.cli', 'up', '--namespace', 'turret0', '--port', str(free_port())]
    done = subprocess.run(
        command, env={**turrets['turret0'].environment, 'XDG_STATE_HOME': str(tmp_path)}, capture_output=True,
        text=True, timeout=60.0)
    assert done.returncode == 2, done.stdout
    assert 'is in use by the turret "turret0"' in done.stderr


def test_no_namespace_can_be_a_folder_of_a_turret(turrets: dict[str, ScratchTurret]) -> None:
    state = Path(turrets['turret0'].environment['XDG_STATE_HOME'], 'turret', 'turret0')
    folders = [path.name for path in state.iterdir() if path.is_dir()]
    assert 'run' in folders
    for folder in folders:
        with pytest.raises(TurretError, match='is a folder of the turret'):
            state_dir(f'turret0/{folder}')


def test_both_are_listed_with_their_panels(turrets: dict[str, ScratchTurret]) -> None:
    command = [sys.executable, '-m', 'turret_bringup.cli', 'list', '--json']
    done = subprocess.run(
        command, env=turrets['turret0'].environment, capture_output=True, text=True, timeout=60.0, check=True)
    found = {turret['name']: turret for turret in json.loads(done.stdout)}
    assert set(found) == set(turrets)
    assert len({turret['url'] for turret in found.values()}) == 2
    assert all('SIMULATION' in turret['state'] for turret in found.values()), found

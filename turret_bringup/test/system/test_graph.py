# SPDX-License-Identifier: Apache-2.0
"""The whole graph in simulation under the supervisor: the scenarios, and what only the supervisor does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from graph_scenarios import MORTAL, SCENARIOS, a_killed_node_ages_becomes_a_fault_and_returns, wait_for_status

from turret_bringup.bags.library import BagLibrary
from turret_bringup.bags.reader import Bag
from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run import shared_memory
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_common.testing.waiting import wait_until

pytestmark = pytest.mark.system


@pytest.fixture(scope='module')
def turret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchTurret]:
    with scratch_turret(tmp_path_factory.mktemp('state')) as turret:
        yield turret


def test_it_announces_the_simulation(turret: ScratchTurret) -> None:
    assert any('SIMULATION' in line for line in turret.lines)


@pytest.mark.parametrize('scenario', SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_scenario(client: TurretClient, scenario: Callable[[TurretClient], None]) -> None:
    scenario(client)


@pytest.mark.parametrize('name', MORTAL)
def test_a_killed_node_ages_becomes_a_fault_and_returns(
        turret: ScratchTurret, client: TurretClient, name: str) -> None:
    a_killed_node_ages_becomes_a_fault_and_returns(turret, client, name)


def test_killed_nodes_leave_no_shared_memory(turret: ScratchTurret, client: TurretClient) -> None:
    for _ in range(2):
        turret.kill('camera')
    wait_until(lambda: not shared_memory.orphans(), 10.0, 'no orphaned segment')


def test_a_recording_outlives_its_node(turret: ScratchTurret, client: TurretClient) -> None:
    name = client.call('bag/start', {'selection': 'full', 'label': 'killed', 'max_s': 0.0})['name']
    wait_for_status(client, lambda status: status.bag.recording and status.bag.duration_s > 3.0)
    turret.kill('bag')
    library = BagLibrary(Path(turret.environment['XDG_STATE_HOME']) / 'turret' / 'turret' / 'bags')
    wait_until(
        lambda: any(bag.name == name and bag.complete for bag in library.entries()), 60.0, 'the recovered bag')
    with Bag(library.path(name)) as bag:
        assert bag.duration_s > 2.0
        assert bag.counts['/turret/camera/image_raw/compressed'] > 10
        assert 'driver: sim' in bag.custom['turret.parameters']


def test_a_second_turret_in_the_namespace_is_refused(turret: ScratchTurret) -> None:
    second = subprocess.run(
        [sys.executable, '-m', 'turret_bringup.cli', 'up'], env=turret.environment, capture_output=True, text=True,
        timeout=30.0, check=False)
    assert second.returncode == 2
    assert 'already running in the namespace "turret"' in second.stderr

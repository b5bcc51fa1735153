"""The whole graph in simulation: it starts, beats, follows, and survives the death of a node."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from turret_bringup import shared_memory
from turret_bringup.ros_client import TurretClient
from turret_bringup.scratch_turret import ScratchTurret, scratch_turret
from turret_common.ros_testing import wait_until
from turret_msgs.msg import ControllerState, TurretStatus

pytestmark = pytest.mark.system
SECTIONS = ('camera', 'vision', 'controller', 'gimbal', 'laser', 'safety')


@pytest.fixture(scope='module')
def turret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchTurret]:
    with scratch_turret(tmp_path_factory.mktemp('state')) as turret:
        yield turret


@pytest.fixture
def client(turret: ScratchTurret, monkeypatch: pytest.MonkeyPatch) -> Iterator[TurretClient]:
    for name in ('XDG_STATE_HOME', 'ROS_DOMAIN_ID'):
        monkeypatch.setenv(name, turret.environment[name])
    with TurretClient('turret', timeout_s=20.0) as client:
        yield client


def wait_for_status(client: TurretClient, condition: Any, timeout_s: float = 30.0) -> TurretStatus:
    deadline = time.monotonic() + timeout_s
    for status in client.messages('status'):
        if condition(status):
            return status
        assert time.monotonic() < deadline, f'not within {timeout_s:g} s; the newest is {status}'
    raise AssertionError


def test_it_says_that_it_is_a_simulation(turret: ScratchTurret, client: TurretClient) -> None:
    assert any('SIMULATION' in line for line in turret.lines)
    status = wait_for_status(client, lambda status: status.backend != TurretStatus.BACKEND_UNKNOWN)
    assert status.backend == TurretStatus.BACKEND_SIMULATION


def test_every_section_arrives_and_stays_fresh(client: TurretClient) -> None:
    wait_for_status(client, lambda status: all(getattr(status, f'{name}_age_s') < 1.0 for name in SECTIONS))


def test_the_status_beats_twice_a_second(client: TurretClient) -> None:
    arrivals, numbers = [], []
    for status in itertools.islice(client.messages('status'), 9):
        arrivals.append(time.monotonic())
        numbers.append(status.seq)
    assert numbers == list(range(numbers[0], numbers[0] + 9))
    assert (arrivals[-1] - arrivals[0]) / 8 == pytest.approx(0.5, abs=0.05)


def test_it_homes_and_follows_a_target(client: TurretClient) -> None:
    following = wait_for_status(
        client, lambda status: status.controller.tracking == ControllerState.TRACKING_FOLLOWING, 40.0)
    assert following.gimbal.pan.homed
    assert following.gimbal.tilt.homed
    assert following.controller.target_id


@pytest.mark.parametrize('name', ['vision', 'camera', 'gimbal', 'controller', 'laser'])
def test_a_killed_node_ages_becomes_a_fault_and_returns(
        turret: ScratchTurret, client: TurretClient, name: str) -> None:
    wait_for_status(client, lambda status: getattr(status, f'{name}_age_s') < 1.0)
    turret.kill(name)
    wait_for_status(client, lambda status: any(fault.node == name for fault in status.faults))
    wait_for_status(client, lambda status: not any(fault.node == name for fault in status.faults), 40.0)
    wait_for_status(client, lambda status: getattr(status, f'{name}_age_s') < 1.0)


def test_killed_nodes_leave_no_shared_memory(turret: ScratchTurret, client: TurretClient) -> None:
    for _ in range(2):
        turret.kill('camera')
    wait_until(lambda: not shared_memory.orphans(), 10.0, 'no orphaned segment')


def test_a_second_turret_in_the_namespace_is_refused(turret: ScratchTurret) -> None:
    second = subprocess.run(
        [sys.executable, '-m', 'turret_bringup.cli', 'up'], env=turret.environment, capture_output=True, text=True,
        timeout=30.0, check=False)
    assert second.returncode == 2
    assert 'runs already in the namespace "turret"' in second.stderr

# SPDX-License-Identifier: Apache-2.0
"""Turrets of one host, started with a namespace each: each keeps its beat, and none touches another.

No shell sets a ROS domain: they choose one with free capacity.
"""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from turret_bringup.bench.ros_several import connected, foreign_publishers, started, statuses
from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.assignment import DOMAINS_VARIABLE
from turret_bringup.run.isolated_turret import ScratchTurret
from turret_bringup.settings.environment import turret_domain
from turret_common.errors import TurretError
from turret_common.paths import state_dir
from turret_common.ros.domains import ANNOUNCED_TO
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import free_port, wait_until

pytestmark = pytest.mark.system
_CLI = (sys.executable, '-m', 'turret_bringup.cli')


class Case(NamedTuple):
    """Other programs in the first domain, and the domain that each turret chooses."""

    others: int
    chosen: list[int]


@pytest.fixture(scope='module', params=[
    pytest.param(Case(0, [0, 0]), id='one domain'), pytest.param(Case(6, [0, 1]), id='two domains'),
    pytest.param(Case(0, [0, 0, 1, 1]), id='four turrets', marks=pytest.mark.soak)])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture(scope='module')
def turrets(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ScratchTurret]]:
    domains = [claim_domain() for _ in range(2)]
    with ExitStack() as stack:
        for number in range(ANNOUNCED_TO - case.others, ANNOUNCED_TO):
            other = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            other.bind(('127.0.0.1', 7410 + 250 * domains[0] + 2 * number))
        yield started(
            stack, tmp_path_factory.mktemp('state'), len(case.chosen), domains, ['--set', 'camera.rate_hz=5.0'])


@pytest.fixture(autouse=True)
def shell(turrets: dict[str, ScratchTurret], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set the environment of a shell that sets no domain."""
    environment = {**turrets['turret0'].environment}
    del environment['ROS_DOMAIN_ID']
    monkeypatch.delenv('ROS_DOMAIN_ID', raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def clients(turrets: dict[str, ScratchTurret]) -> Iterator[dict[str, TurretClient]]:
    with ExitStack() as stack:
        yield connected(stack, turrets)


def output(shell: dict[str, str], *words: str) -> str:
    done = subprocess.run([*_CLI, *words], env=shell, capture_output=True, text=True, timeout=60.0)
    assert done.returncode == 0, done.stderr
    return done.stdout


def asked(turret: ScratchTurret, path: str) -> bytes:
    with urllib.request.urlopen(f'http://127.0.0.1:{turret.port}{path}', timeout=20.0) as answer:
        return bytes(answer.read())


def test_each_chooses_a_domain_with_free_capacity_and_says_which(case: Case, turrets: dict[str, ScratchTurret]) -> None:
    known = list(map(int, next(iter(turrets.values())).environment[DOMAINS_VARIABLE].split(',')))
    for chosen, (name, turret) in zip(case.chosen, turrets.items(), strict=True):
        assert turret_domain(name) == known[chosen]
        line, = (line for line in turret.lines if 'ROS_DOMAIN_ID' in line)
        assert f'| ROS_DOMAIN_ID {known[chosen]}: ' in line


def test_each_beats_and_no_name_is_shared(clients: dict[str, TurretClient]) -> None:
    arrivals, wrong_frames = statuses(clients, 4.0)
    assert all(6 <= len(times) <= 10 for times in arrivals.values()), arrivals
    assert wrong_frames == 0
    assert foreign_publishers(clients) == []


def test_a_stop_of_one_stops_no_other(clients: dict[str, TurretClient]) -> None:
    stopped, *others = reversed(clients.values())
    stopped.command('safety/stop', reason='only this one')
    stopped.wait_for('status', lambda status: status.safety.software_stop, 20.0)
    for other in others:
        assert not other.status().safety.software_stop


def test_every_program_reaches_each_without_settings(
        turrets: dict[str, ScratchTurret], shell: dict[str, str]) -> None:
    for name in turrets:
        status = json.loads(output(shell, 'status', '--json', '--namespace', name))
        assert status['header']['frame_id'] == f'{name}/base_link'
        assert '5.0' in output(shell, 'param', 'get', 'camera', 'rate_hz', '--namespace', name)


def test_a_program_turns_from_one_to_the_other(turrets: dict[str, ScratchTurret]) -> None:
    for name in (*turrets, 'turret0'):
        with TurretClient(name, timeout_s=20.0) as client:
            assert client.status().header.frame_id == f'{name}/base_link'
    assert 'ROS_DOMAIN_ID' not in os.environ


def test_a_node_that_starts_again_is_in_the_domain_again(
        turrets: dict[str, ScratchTurret], clients: dict[str, TurretClient]) -> None:
    name, turret = list(turrets.items())[-1]
    turret.kill('status')
    assert clients[name].status().header.frame_id == f'{name}/base_link'


def test_each_panel_shows_all_of_them_live(turrets: dict[str, ScratchTurret]) -> None:
    def live(door: ScratchTurret) -> dict[str, Any] | None:
        found = {turret['id']: turret for turret in json.loads(asked(door, '/api/fleet'))['turrets']}
        return found if set(found) == {f'/{name}' for name in turrets} and not any(
            turret['problem'] for turret in found.values()) else None

    for door in turrets.values():
        found = wait_until(functools.partial(live, door), 60.0, 'all turrets')
        for name, turret in turrets.items():
            assert found[f'/{name}']['url'] == f'http://127.0.0.1:{turret.port}'
            assert asked(door, f'/api/fleet/snapshot?id={quote(f"/{name}")}').startswith(b'\xff\xd8')


def test_another_turret_does_not_take_a_name_of_the_domain_even_with_a_state_folder_of_its_own(
        shell: dict[str, str], tmp_path: Path) -> None:
    own = {**shell, 'XDG_STATE_HOME': str(tmp_path), 'ROS_DOMAIN_ID': str(turret_domain('turret1'))}
    command = [*_CLI, 'up', '--namespace', 'turret1', '--port', str(free_port())]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60.0)
    assert done.returncode == 2, done.stdout
    assert 'is in use by the turret "turret1"' in done.stderr


def test_no_namespace_can_be_a_folder_of_a_turret(shell: dict[str, str]) -> None:
    state = Path(shell['XDG_STATE_HOME'], 'turret', 'turret0')
    folders = [path.name for path in state.iterdir() if path.is_dir()]
    assert 'run' in folders
    for folder in folders:
        with pytest.raises(TurretError, match='is a folder of the turret'):
            state_dir(f'turret0/{folder}')


def test_all_are_listed_with_their_panels_and_domains(turrets: dict[str, ScratchTurret], shell: dict[str, str]) -> None:
    found = {turret['name']: turret for turret in json.loads(output(shell, 'list', '--json'))}
    assert set(found) == set(turrets)
    for name, turret in turrets.items():
        assert found[name]['url'] == f'http://127.0.0.1:{turret.port}'
        assert found[name]['domain'] == str(turret_domain(name))
        assert 'SIMULATION' in found[name]['state']
    assert f'ROS_DOMAIN_ID {turret_domain("turret1")}' in output(shell, 'list')

# SPDX-License-Identifier: Apache-2.0
"""A turret whose nodes meet at a Fast DDS discovery server."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_common.reason_codes import ReasonCode
from turret_common.ros.qos import COMMAND
from turret_msgs.msg import GimbalCommand

pytestmark = pytest.mark.system
_CLI = (sys.executable, '-m', 'turret_bringup.cli')


@contextmanager
def discovery_server() -> Iterator[str]:
    """Give host and port of a server that listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
            [*_CLI, 'discovery-server', '--port', str(port)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert any('Server is running' in line for line in server.stdout)
            yield f'127.0.0.1:{port}'
        finally:
            server.terminate()


@pytest.fixture(scope='module')
def turret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchTurret]:
    with discovery_server() as server, scratch_turret(
            tmp_path_factory.mktemp('state'), ['--discovery-server', server]) as turret:
        yield turret


def test_programs_reach_its_nodes_without_further_settings(turret: ScratchTurret) -> None:
    done = subprocess.run([*_CLI, 'status'], env=turret.environment, capture_output=True, text=True, timeout=60.0)
    assert done.returncode == 0, done.stderr
    assert 'vision' in done.stdout


def test_a_second_publisher_of_commands_is_noticed(turret: ScratchTurret, client: TurretClient) -> None:
    client.wait_for('safety/state', lambda state: ReasonCode.SECOND_PUBLISHER not in state.reasons, 20.0)
    client.node.create_publisher(GimbalCommand, 'gimbal/command', COMMAND)
    client.wait_for('safety/state', lambda state: ReasonCode.SECOND_PUBLISHER in state.reasons, 20.0)


def test_a_program_that_does_not_know_the_server_finds_nothing(turret: ScratchTurret, tmp_path: Path) -> None:
    elsewhere = {**turret.environment, 'XDG_STATE_HOME': str(tmp_path)}
    done = subprocess.run([*_CLI, 'status'], env=elsewhere, capture_output=True, text=True, timeout=60.0)
    assert done.returncode == 2, done.stdout
    assert 'no message on status' in done.stderr


def test_a_program_can_turn_to_a_turret_without_a_server(
        turret: ScratchTurret, client: TurretClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client.wait_for('safety/state', lambda state: True, 20.0)
    with scratch_turret(tmp_path, ['--namespace', 'other']) as other:
        for name in ('XDG_STATE_HOME', 'ROS_DOMAIN_ID'):
            monkeypatch.setenv(name, other.environment[name])
        with TurretClient('other', timeout_s=20.0) as second:
            second.wait_for('safety/state', lambda state: True, 20.0)

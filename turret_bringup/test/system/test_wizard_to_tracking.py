# SPDX-License-Identifier: Apache-2.0
"""From nothing but an adapter of a servo bus to a turret that tracks, with what the wizard writes and nothing else.

The servos are emulated behind a pseudo-terminal and move the simulated head, as docs/hardware.md describes it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import AxisState, ControllerState

pytestmark = pytest.mark.system

CLI = [sys.executable, '-m', 'turret_bringup.cli']
#: Answers of the person in the order of the questions: which head, five positions of the hand (without a head: Enter),
#: no laser, no camera, and three times yes in the check that moves the axes.
ANSWERS = ['1', '', '', '', '', '', '', '1', 'yes', 'yes', 'yes']


@pytest.fixture(scope='module')
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('state')


@pytest.fixture(scope='module')
def written(state: Path) -> Iterator[Path]:
    """The parameter file that the wizard writes, while the servos are on the bus."""
    environment = {**os.environ, 'XDG_STATE_HOME': str(state)}
    link = state / 'servos'
    with ExitStack() as ending:
        emulation = subprocess.Popen(
            [*CLI, 'hw', 'bus', 'emulate', '--link', str(link), '--head', 'turret'], env=environment,
            stdout=subprocess.PIPE, text=True)
        ending.callback(emulation.wait, 10.0)
        ending.callback(emulation.terminate)
        assert emulation.stdout is not None
        assert str(link) in emulation.stdout.readline()
        output = state / 'my_turret.yaml'
        done = subprocess.run(
            [*CLI, 'hw', 'wizard', '--port', str(link), '--output', str(output)], env=environment,
            input='\n'.join(ANSWERS) + '\n', capture_output=True, text=True, timeout=120.0, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f'All checks passed. Start the turret:  ./turret up --params {output}' in done.stdout
        yield output


@pytest.fixture(scope='module')
def turret(state: Path, written: Path) -> Iterator[ScratchTurret]:
    with scratch_turret(state, ['--params', str(written)]) as turret:
        yield turret


def test_it_homes_and_tracks_with_measured_positions(client: TurretClient) -> None:
    gimbal = client.wait_for('gimbal/state', lambda gimbal: gimbal.driver == 'feetech', 60.0)
    assert gimbal.hardware
    assert gimbal.pan.position_source == AxisState.POSITION_MEASURED
    with client.operator(take_over=True):
        result: dict[str, Any] = {}

        def home() -> bool:
            result.update(client.run('gimbal/home', {}))
            return bool(result['success'])

        wait_until(home, 60.0, f'home: {result}')
        client.command('controller/set_mode', mode=ControllerState.MODE_TRACK)
        client.wait_for(
            'controller/state', lambda state: state.tracking == ControllerState.TRACKING_FOLLOWING, 60.0)
        positions: list[float] = []

        def moved(state: Any) -> bool:
            positions.append(state.pan.position)
            return max(positions) - min(positions) > 0.1

        client.wait_for('gimbal/state', moved, 60.0)
        following = client.wait_for(
            'controller/state', lambda state: state.tracking == ControllerState.TRACKING_FOLLOWING, 30.0)
        assert following.target_id

# SPDX-License-Identifier: Apache-2.0
"""The scenarios of the whole graph, started with ros2 launch; where launch_testing is installed."""

from __future__ import annotations

import os
import signal
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from graph_scenarios import MORTAL, SCENARIOS, a_killed_node_ages_becomes_a_fault_and_returns

from turret_bringup.client.ros_client import TurretClient
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import free_port, wait_until

pytest.importorskip('launch_ros', reason='launch comes with a ROS distribution only')
pytest.importorskip('launch_testing', reason='launch comes with a ROS distribution only')

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_testing import post_shutdown_test
from launch_testing.actions import ReadyToTest
from launch_testing.asserts import assertExitCodes

FILE = Path(__file__).parents[2] / 'turret_bringup' / 'launch' / 'turret.launch.py'


@pytest.mark.launch_test
def generate_test_description() -> LaunchDescription:
    """Return a turret apart from all others."""
    os.environ.update(
        ROS_DOMAIN_ID=str(claim_domain()), XDG_STATE_HOME=tempfile.mkdtemp(), ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
    os.environ.pop('XDG_RUNTIME_DIR', None)
    return LaunchDescription([
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(FILE)), launch_arguments=[('port', str(free_port())), ('sim', 'true')]),
        ReadyToTest()])


class LaunchedTurret:
    """The turret that this process launched."""

    def pid(self, name: str) -> int | None:
        """Return the process id of a node, None while it does not run."""
        for process in psutil.Process().children(recursive=True):
            try:
                if f'__node:={name}' in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                    return int(process.pid)
            except psutil.NoSuchProcess:
                continue
        return None

    def kill(self, name: str) -> None:
        """Kill a node and wait until it has been started again."""
        before = wait_until(lambda: self.pid(name), 30.0, name)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: self.pid(name) not in (before, None), 30.0, f'a new {name}')


class TestTurret(unittest.TestCase):
    """One method for each scenario; they are added below and run in the order of their names."""

    def setUp(self) -> None:
        self.client = TurretClient('turret', timeout_s=30.0).__enter__()
        self.addCleanup(self.client.__exit__, None, None, None)


def _add(number: int, name: str, run: Callable[[TurretClient], None]) -> None:
    setattr(TestTurret, f'test_{number:02d}_{name}', lambda self: run(self.client))


for _number, _scenario in enumerate(SCENARIOS):
    _add(_number, _scenario.__name__, _scenario)
for _number, _name in enumerate(MORTAL, len(SCENARIOS)):
    _add(_number, f'{_name}_is_killed_and_returns',
         lambda client, name=_name: a_killed_node_ages_becomes_a_fault_and_returns(LaunchedTurret(), client, name))


@post_shutdown_test()
class TestEnd(unittest.TestCase):
    """After the shutdown of the launch."""

    def test_every_process_ended_by_itself(self, proc_info: Any) -> None:
        assertExitCodes(proc_info, allowable_exit_codes=[0, -signal.SIGKILL])

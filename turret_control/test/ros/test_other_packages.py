# SPDX-License-Identifier: Apache-2.0
"""A gimbal driver and laser lines of another installed package run without any change to the turret."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from turret_common.ros.qos import STATE
from turret_common.testing.out_of_tree import install_package
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import GimbalState, LaserState

DRIVER = """
import dataclasses
import time

from turret_common.params import param
from turret_common.registry import group_of
from turret_control.drivers.driver import AxisSample, GimbalDriver, GimbalSample, PositionSource


@dataclasses.dataclass(frozen=True)
class StatueParameters:
    pan: float = param(0.0, 'Angle of the pan axis', unit='rad', minimum=-1.0, maximum=1.0)


class Statue(GimbalDriver):
    name = 'statue'
    groups = {'statue': StatueParameters}
    hardware = False
    position_source = PositionSource.MEASURED

    @classmethod
    def make(cls, parameters, namespace):
        return cls(group_of(parameters, StatueParameters).pan)

    def __init__(self, pan):
        self.pan, self.on = pan, False

    def open(self):
        pass

    def close(self):
        pass

    def enable(self, on):
        self.on = on

    def command(self, pan, tilt):
        pass

    def read(self):
        return GimbalSample(time.monotonic_ns(), AxisSample(self.pan, 0.0), AxisSample(0.0, 0.0), self.on)
"""
LINES = """
from turret_control.laser.lines.line import LaserLines


class Lamp(LaserLines):
    name = 'lamp'
    hardware = False

    @classmethod
    def make(cls, parameters, namespace):
        return cls()

    def set_laser(self, level):
        pass

    def set_indicator(self, on):
        pass

    def description(self):
        return {'driver': 'sim', 'socket': '/nonexistent'}

    def close(self):
        pass
"""
POINTS = {
    'turret.gimbal_drivers': {'statue': 'other_turret.statue:Statue', 'gone': 'other_turret.gone:Gone'},
    'turret.laser_lines': {'lamp': 'other_turret.lamp:Lamp'},
}


@pytest.fixture(scope='module')
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_package(
        tmp_path_factory.mktemp('package'), 'other_turret', {'statue': DRIVER, 'lamp': LINES}, POINTS)


@contextmanager
def running(ros: RosHarness, installed: Path, node: str, **parameters: object) -> Iterator[list[str]]:
    """Run a node with the package installed; give the lines that it logs."""
    given = [word for name, value in parameters.items() for word in ('-p', f'{name.replace("__", ".")}:={value}')]
    process = subprocess.Popen(
        [sys.executable, '-m', f'turret_control.{node}_node', '--ros-args', '-r', '__ns:=/turret', *given],
        env={**os.environ, 'ROS_DOMAIN_ID': str(ros.domain_id),
             'PYTHONPATH': os.pathsep.join([str(installed), *sys.path])},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log: list[str] = []
    reader = threading.Thread(target=lambda: log.extend(process.stdout or ()))
    reader.start()
    try:
        yield log
    finally:
        process.terminate()
        process.wait(20.0)
        reader.join(5.0)


def test_a_gimbal_driver_of_another_package_runs(ros: RosHarness, installed: Path) -> None:
    states = ros.collect(GimbalState, 'gimbal/state', STATE)
    with running(ros, installed, 'gimbal', driver='statue', statue__pan=0.25) as log:
        wait_until(lambda: any(state.driver == 'statue' for state in states), 30.0)
        wait_until(lambda: any('other_turret.gone' in line for line in log), 10.0, 'what could not be loaded is listed')


def test_laser_lines_of_another_package_run(ros: RosHarness, installed: Path) -> None:
    states = ros.collect(LaserState, 'laser/state', STATE)
    with running(ros, installed, 'laser', driver='lamp'):
        wait_until(lambda: any(state.driver == 'lamp' for state in states), 30.0)


def test_a_choice_that_cannot_be_loaded_is_refused_with_the_reason(installed: Path) -> None:
    refused = subprocess.run(
        [sys.executable, '-c', 'from turret_common.params import build\n'
         'from turret_control.gimbal_parameters import GimbalParameters\nbuild(GimbalParameters, {"driver": "gone"})'],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join([str(installed), *sys.path])},
        capture_output=True, text=True, check=False)
    assert '"gone"' in refused.stderr
    assert "No module named 'other_turret.gone'" in refused.stderr

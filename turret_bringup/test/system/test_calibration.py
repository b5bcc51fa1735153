# SPDX-License-Identifier: Apache-2.0
"""Every task of ``./turret calibrate`` on a running simulation, against what the simulation knows to be true."""

from __future__ import annotations

import argparse
import math
import re
import time
from collections.abc import Iterator

import pytest

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.commands import calibrate
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_camera.simulation.ray_sampler import base_from_camera
from turret_common.geometry import Bearing, PinholeCamera, angle_between, direction, pixel_to_bearing
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import ControllerState, SimGroundTruth

pytestmark = pytest.mark.system

_CAMERA = PinholeCamera.from_field_of_view(640, 480, 1.047)
_CALIBRATED_AT = (1.0, 2.0, 4.0)
_JUDGED_AT = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0)


@pytest.fixture(scope='module')
def turret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchTurret]:
    settings = [f'--set={setting}' for setting in ('plant.scenario=still', 'plant.hidden_scale=1.0')]
    with scratch_turret(tmp_path_factory.mktemp('state'), settings) as turret:
        yield turret


@pytest.fixture
def client(client: TurretClient) -> TurretClient:
    client.wait_for('gimbal/state', lambda state: state.pan.homed and state.tilt.homed, 40.0)
    wait_until(lambda: client.call('controller/set_mode', {'mode': ControllerState.MODE_TRACK})['success'])
    client.set_parameter('plant', 'scenario', 'still')
    client.wait_for('controller/state', lambda state: state.on_target, 20.0)
    return client


def calibrated(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[float]:
    """Run a task, which must succeed, and return the numbers that it prints.

    On a busy machine a late message inhibits motion for a moment, which ends the task: it is then repeated, as an
    operator would.
    """
    parser = argparse.ArgumentParser()
    calibrate.add_arguments(parser)
    deadline = time.monotonic() + 120.0
    while True:
        code = calibrate.run(parser.parse_args(arguments))
        printed = capsys.readouterr().out
        if code == 0 or time.monotonic() > deadline or not re.search('inhibited|no operator', printed):
            break
    assert code == 0, printed
    return [float(number) for number in re.findall(r'-?\d+\.\d+', printed)]


def test_delay(client: TurretClient, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, actuator_ms, *backlash = calibrated(capsys, 'delay')
    assert 5.0 < actuator_ms < 60.0
    assert all(0.0 <= axis < 1.0 for axis in backlash)
    assert client.parameters('controller', ['aim.delay.actuator_s'])['aim.delay.actuator_s'] == pytest.approx(
        1e-3 * actuator_ms, abs=1e-4)


def test_check(client: TurretClient, capsys: pytest.CaptureFixture[str]) -> None:
    spread, worst, *_ = calibrated(capsys, 'check')
    assert 0.0 < spread <= worst < 1.5


@pytest.mark.parametrize('axis', ['pan', 'tilt'])
def test_gains(client: TurretClient, capsys: pytest.CaptureFixture[str], axis: str) -> None:
    kp, *_ = calibrated(capsys, 'gains', axis)
    assert 2.0 < kp < 20.0
    assert client.parameters('controller', [f'aim.{axis}.kp'])[f'aim.{axis}.kp'] == pytest.approx(kp, abs=0.01)


def test_boresight_by_itself_from_1_to_5_m(client: TurretClient, capsys: pytest.CaptureFixture[str]) -> None:
    distances = [f'--range={range_m:g}' for range_m in _JUDGED_AT]
    residual, = calibrated(capsys, 'boresight', '--arm', *distances)
    assert residual <= 0.1
    assert client.parameters('plant', ['scenario', 'wall_range']) == {'scenario': 'still', 'wall_range': 4.0}
    assert max(crosshair_error(client, range_m) for range_m in _JUDGED_AT) <= 0.1


def test_boresight_by_hand_from_1_to_5_m(client: TurretClient) -> None:
    wait_until(lambda: client.call('controller/set_boresight', {'reset': True})['success'])
    wait_until(lambda: client.call('controller/set_mode', {'mode': ControllerState.MODE_MANUAL})['success'])
    clicks = [dict(zip('xyz', (*map(round, true_dot(client, range_m)), range_m), strict=True))
              for range_m in _CALIBRATED_AT]
    before = max(crosshair_error(client, range_m) for range_m in _JUDGED_AT)
    by_hand = {'points': clicks, 'offset_y': math.nan, 'offset_z': math.nan}
    wait_until(lambda: client.call('controller/set_boresight', by_hand)['success'])
    assert max(crosshair_error(client, range_m) for range_m in _JUDGED_AT) <= 0.1 < before


def true_dot(client: TurretClient, range_m: float) -> tuple[float, float]:
    """Bring the wall to a distance and return the pixel where the beam then lands on it, for an ideal lens."""
    client.set_parameter('plant', 'scenario', 'empty')
    client.set_parameter('plant', 'wall_range', range_m)
    truth: SimGroundTruth = client.wait_for(
        'sim/ground_truth', lambda truth: abs(truth.spot_range - range_m) < 1e-6, 10.0)
    spot = base_from_camera(truth.pan, truth.tilt).T @ direction(Bearing(truth.spot_azimuth, truth.spot_elevation))
    pixel = _CAMERA.project(spot)
    assert pixel is not None
    return pixel


def crosshair_error(client: TurretClient, range_m: float) -> float:
    """Return the angle in degrees between the crosshair and the dot on a wall at a distance."""
    client.set_parameter('controller', 'range_m', range_m)
    state: ControllerState = client.wait_for(
        'controller/state', lambda state: abs(state.crosshair.range - range_m) < 1e-6, 10.0)
    views = [pixel_to_bearing(_CAMERA, *pixel, 0.0, 0.0)
             for pixel in ((state.crosshair.x, state.crosshair.y), true_dot(client, range_m))]
    return math.degrees(angle_between(*views))

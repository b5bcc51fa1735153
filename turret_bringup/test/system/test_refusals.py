# SPDX-License-Identifier: Apache-2.0
"""Wrong input ends in one clear sentence and exit code 2, and leaves nothing running."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from turret_common.testing.ros_testing import claim_domain

pytestmark = pytest.mark.system


def up(tmp_path: Path, *arguments: str) -> str:
    """Run ``./turret up``, which must refuse, and return its sentence."""
    environment = {**os.environ, 'XDG_STATE_HOME': str(tmp_path), 'ROS_DOMAIN_ID': str(claim_domain())}
    before = set(psutil.pids())
    ended = subprocess.run(
        [sys.executable, '-m', 'turret_bringup.cli', 'up', *arguments], env=environment, capture_output=True, text=True,
        timeout=60.0, check=False)
    assert ended.returncode == 2, ended
    assert 'Traceback' not in ended.stdout + ended.stderr
    ours = [p for p in psutil.process_iter() if p.pid not in before and is_of(p, str(tmp_path))]
    assert not ours
    sentences = ended.stderr.splitlines()
    assert len(sentences) == 1, ended.stderr
    return sentences[0]


def is_of(process: psutil.Process, state: str) -> bool:
    try:
        return process.environ().get('XDG_STATE_HOME') == state
    except psutil.Error:
        return False


def parameter_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    return str(path)


def test_a_missing_video_file(tmp_path: Path) -> None:
    assert up(tmp_path, '--video', '/nowhere/film.mp4') == 'turret: video file /nowhere/film.mp4 does not exist'


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    text = tmp_path / 'notes.mp4'
    text.write_text('no film')
    assert up(tmp_path, '--video', str(text)).startswith(f'turret: "{text}" cannot be played: ')


def test_an_absent_camera(tmp_path: Path) -> None:
    assert up(tmp_path, '--camera', '/dev/video77') == 'turret: camera /dev/video77 does not exist'


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f'port {port} is in use' in up(tmp_path, '--port', str(port))


def test_a_port_that_is_none(tmp_path: Path) -> None:
    assert 'web.port' in up(tmp_path, '--port', '99999')


def test_a_foreign_address(tmp_path: Path) -> None:
    assert '192.0.2.1' in up(tmp_path, '--host', '192.0.2.1')


def test_a_misspelt_parameter(tmp_path: Path) -> None:
    path = parameter_file(tmp_path, '/**/gimbal: {ros__parameters: {drivr: sim}}')
    assert up(tmp_path, '--params', path) == f'turret: {path}: gimbal has no parameter "drivr"; did you mean "driver"?'


def test_a_value_out_of_range(tmp_path: Path) -> None:
    path = parameter_file(tmp_path, '/**/camera: {ros__parameters: {rate_hz: 1000.0}}')
    assert 'camera.rate_hz: 1000.0 is outside 1 to 240 Hz' in up(tmp_path, '--params', path)


def test_no_yaml(tmp_path: Path) -> None:
    assert 'no valid YAML in line 1' in up(tmp_path, '--params', parameter_file(tmp_path, '/**/gimbal: {'))


def test_a_missing_parameter_file(tmp_path: Path) -> None:
    assert '/nowhere.yaml: No such file' in up(tmp_path, '--params', '/nowhere.yaml')


def test_a_wrong_assignment(tmp_path: Path) -> None:
    assert 'node.parameter=value' in up(tmp_path, '--set', 'gimbal.driver')


@pytest.mark.parametrize('example', ['pi5_step_dir', 'pi4_tmc2209', 'pi_servo_gpio', 'pi_pca9685', 'pi5_feetech'])
def test_real_hardware_on_a_machine_that_has_none_is_never_simulated(tmp_path: Path, example: str) -> None:
    if list(Path('/dev').glob('gpiochip*')):
        pytest.skip('this machine has pins')
    sentence = up(tmp_path, '--params', f'{example}.yaml')
    assert '.driver "' in sentence
    assert 'which this machine does not have' in sentence

# SPDX-License-Identifier: Apache-2.0
"""Settings of the legacy turret become parameters, with units and signs converted."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import yaml

from turret_bringup import cli
from turret_bringup.settings import configuration
from turret_bringup.settings.legacy import (
    KNOWN_KEYS,
    Imported,
    import_camera_calibration,
    import_config,
    import_crosshair,
)
from turret_common.errors import TurretError

CONFIG = """
[GPIO]
x_ccw_limit_pin = 20  # left end
x_cw_limit_pin = 21
y_ccw_limit_pin = 18
y_cw_limit_pin = 4
[MQTT]
broker = localhost
port = 1883
[Motor]
x_dir = 19
x_step = 23
x_enable = 5
y_dir = 26
y_step = 24
y_enable = 6
enable_active_high = false
ms1_pin = 17
ms2_pin = 27
ms3_pin = 22
microsteps = 8
steps_per_rev = 200
use_uart = false
[Control]
deadzone = 5
idle_timeout_sec = 600 ; seconds
[Laser]
laser_pin = 12
laser_max_power = 40
[Audio]
enabled = true
bitrate_kbps = 128
[Detection]
detection_method = roboflow
roboflow_server_url = http://10.0.0.5:9001
roboflow_api_key = hidden
roboflow_class_filter = balloon, person
balloon_v_threshold = 51
balloon_min_area = 2000
[Strange]
thing = 1
"""
STEP = 2 * math.pi / 1600
CALIBRATION = {
    'x_steps_per_pixel': 0.15, 'x_max_steps': 300, 'y_max_steps': 200, 'x_origin_offset': 20, 'y_origin_offset': 10,
    'step_delay': 0.001, 'acceleration_steps': 50, 'dead_zone_pixels': 20, 'is_calibrated': True,
    'pid': {'kp': 0.8, 'ki': 0.0, 'kd': 0.2}}


def imported(config: str = CONFIG) -> Imported:
    result = Imported()
    import_config(config, result)
    return result


def test_pins_and_kinds_are_taken_over() -> None:
    result = imported()
    gimbal = result.values['gimbal']
    assert (gimbal['step_dir.pan.step_pin'], gimbal['step_dir.tilt.direction_pin']) == (23, 26)
    assert (gimbal['driver'], gimbal['step_dir.enable_active_low']) == ('step_dir', True)
    assert (gimbal['step_dir.microstep_pins'], gimbal['step_dir.microstep_levels']) == ([17, 27, 22], [1, 1, 0])
    assert result.values['laser'] == {'laser_pin': 12, 'power_cap': 0.4, 'driver': 'sim'}
    vision = result.values['vision']
    assert (vision['method'], vision['classes']) == ('remote', ['balloon', 'person'])
    assert vision['remote.hosts'] == ['10.0.0.5']
    assert vision['balloon.max_dark_value'] == 0.2
    assert result.values['camera']['audio.bit_rate'] == 128_000


def test_left_is_positive_and_so_is_up() -> None:
    """CW is right and up there, with DIR low."""
    gimbal = imported().values['gimbal']
    assert (gimbal['step_dir.pan.lower_switch_pin'], gimbal['step_dir.pan.upper_switch_pin']) == (21, 20)
    assert (gimbal['step_dir.tilt.lower_switch_pin'], gimbal['step_dir.tilt.upper_switch_pin']) == (18, 4)
    assert (gimbal['step_dir.pan.invert'], gimbal['step_dir.tilt.invert']) == (False, True)


def test_the_range_is_that_between_the_switches_seen_from_home() -> None:
    result = imported()
    import_camera_calibration(json.dumps(CALIBRATION), result)
    gimbal = result.values['gimbal']
    assert gimbal['pan.reference_angle'] == pytest.approx(-280 * STEP, abs=1e-5)  # the right end, 300 - 20 steps away
    assert gimbal['pan.upper'] == pytest.approx(320 * STEP - 0.05, abs=1e-5)
    assert gimbal['tilt.reference_angle'] == pytest.approx(-210 * STEP, abs=1e-5)
    assert gimbal['tilt.upper'] == pytest.approx(190 * STEP - 0.05, abs=1e-5)
    assert gimbal['pan.max_velocity'] == pytest.approx(1000 * STEP, abs=1e-3)
    assert result.values['camera']['horizontal_fov'] == pytest.approx(2 * math.atan(960 * 0.15 * STEP), abs=1e-5)
    assert result.values['controller']['aim.dead_zone'] == pytest.approx(math.atan(20 * 0.15 * STEP), abs=1e-5)


def test_the_laser_right_of_and_below_the_middle_is_negative() -> None:
    result = imported()
    import_camera_calibration(json.dumps(CALIBRATION), result)
    import_crosshair('{"x": 100, "y": 50}', result)
    assert result.boresight == pytest.approx((-100 * 0.15 * STEP, -50 * 0.15 * STEP), rel=1e-2)


def test_what_is_left_out_is_reported() -> None:
    notes = ' '.join(imported().notes)
    for word in ('Strange.thing', 'Control.deadzone', 'key_file', 'watchdog_fitted'):
        assert word in notes
    assert 'hidden' not in notes + str(imported().values)


@pytest.mark.parametrize(('old', 'new', 'error'), [
    ('microsteps = 8', 'microsteps = 3', 'Motor.microsteps: 3'), ('x_dir = 19', 'x_dir = nine', 'Motor.x_dir: "nine"'),
    ('= roboflow', '= magic', '"magic" is none of'), ('power = 40', 'power = nan', 'laser_max_power'),
    ('[GPIO]', 'pin', 'no section headers'), (CONFIG, '', 'no sections')])
def test_nonsense_is_refused_with_the_key(old: str, new: str, error: str) -> None:
    with pytest.raises(TurretError) as caught:
        imported(CONFIG.replace(old, new))
    assert error in caught.value.message


@pytest.mark.parametrize('change', [
    {'step_delay': 0}, {'step_delay': True}, {'x_max_steps': 'far'}, {'dead_zone_pixels': -1},
    {'x_steps_per_pixel': math.nan}])
def test_a_calibration_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(TurretError):
        import_camera_calibration(json.dumps({**CALIBRATION, **change}), imported())
    for text in ('', '[]', '{"x": null, "y": 1}'):
        with pytest.raises(TurretError):
            import_crosshair(text, imported())


def test_the_command_writes_a_file_that_the_turret_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / 'laserturret.conf', tmp_path / 'my.yaml'
    source.write_text(CONFIG)
    (tmp_path / 'camera_calibration.json').write_text(json.dumps(CALIBRATION))
    assert cli.main(['import', str(source), '--output', str(target)]) == 0
    assert 'crosshair_calibration.json not found' in capsys.readouterr().err
    config = configuration.compose('turret', [target])
    assert config.effective['gimbal'].step_dir.pan.step_pin == 23
    assert config.effective['laser'].driver == 'sim'  # watchdog_fitted is not set
    assert '/**/gimbal' in yaml.safe_load(target.read_text())
    source.write_text(CONFIG.replace('laser_pin = 12', 'laser_pin = 99'))
    assert cli.main(['import', str(source)]) == cli.WRONG_INPUT
    assert 'laser_pin' in capsys.readouterr().err
    assert cli.main(['import', str(tmp_path / 'none')]) == cli.WRONG_INPUT


def test_the_boresight_is_kept_where_asked_for(tmp_path: Path) -> None:
    from turret_control.boresight.store import boresight_file
    (tmp_path / 'laserturret.conf').write_text(CONFIG)
    (tmp_path / 'crosshair_calibration.json').write_text('{"x": 100, "y": 0}')
    assert cli.main(['import', str(tmp_path / 'laserturret.conf'), '--boresight']) == 0
    boresight = boresight_file('turret').load()
    assert boresight.calibrated
    assert boresight.azimuth < 0.0


def test_every_key_is_known_once() -> None:
    assert len(set(KNOWN_KEYS)) == len(KNOWN_KEYS)

# SPDX-License-Identifier: Apache-2.0
"""The defaults and limits of the parameters of the gimbal and of its drivers."""

from __future__ import annotations

import pytest

from turret_common.params import specs
from turret_control.gimbal_parameters import GimbalParameters

#: Default, minimum and maximum of each, restated.
LIMITS = {
    'driver': ('sim', None, None), 'pan.lower': (-1.65, -6.3, 0.0), 'pan.upper': (1.65, 0.0, 6.3),
    'pan.max_velocity': (3.5, 0.01, 20.0), 'pan.max_acceleration': (30.0, 0.1, 500.0),
    'pan.limit_switches': (True, None, None), 'pan.reference': ('flag', None, None),
    'pan.reference_angle': (0.0, -6.3, 6.3), 'pan.homing_velocity': (0.8, 0.01, 3.0),
    'pan.approach_velocity': (0.1, 0.001, 0.5), 'pan.back_off': (0.02, 0.001, 0.5),
    'pan.search_range': (4.0, 0.1, 15.0), 'pan.margin': (0.05, 0.0, 0.5), 'tilt.lower': (-0.7, -6.3, 0.0),
    'tilt.upper': (0.95, 0.0, 6.3), 'tilt.max_velocity': (3.5, 0.01, 20.0),
    'tilt.max_acceleration': (30.0, 0.1, 500.0), 'tilt.limit_switches': (True, None, None),
    'tilt.reference': ('flag', None, None), 'tilt.reference_angle': (0.0, -6.3, 6.3),
    'tilt.homing_velocity': (0.8, 0.01, 3.0), 'tilt.approach_velocity': (0.1, 0.001, 0.5),
    'tilt.back_off': (0.02, 0.001, 0.5), 'tilt.search_range': (4.0, 0.1, 15.0), 'tilt.margin': (0.05, 0.0, 0.5),
    'home_on_start': (False, None, None), 'idle_release_s': (600.0, 0.0, 86400.0),
    'search_timeout_s': (60.0, 1.0, 600.0), 'frame_prefix': ('', None, None),
    'dynamixel.port': ('/dev/ttyUSB0', None, None), 'dynamixel.baud': (1000000, 9600, 4500000),
    'dynamixel.period_s': (0.01, 0.002, 0.05), 'dynamixel.answer_timeout_s': (0.02, 0.001, 0.04),
    'dynamixel.silence_s': (0.5, 0.05, 2.0), 'dynamixel.tolerance': (0.01, 0.002, 0.1),
    'dynamixel.max_torque': (0.8, 0.05, 1.0), 'dynamixel.max_temperature': (65, 40, 100),
    'dynamixel.min_voltage': (9.5, 3.5, 30.0), 'dynamixel.max_voltage': (14.0, 4.0, 32.0),
    'dynamixel.pan.id': (1, 0, 253), 'dynamixel.pan.center': (2048, 0, 4095),
    'dynamixel.pan.lower': (-1.75, -3.14, 0.0), 'dynamixel.pan.upper': (1.75, 0.0, 3.14),
    'dynamixel.pan.invert': (False, None, None), 'dynamixel.tilt.id': (2, 0, 253),
    'dynamixel.tilt.center': (2048, 0, 4095), 'dynamixel.tilt.lower': (-1.75, -3.14, 0.0),
    'dynamixel.tilt.upper': (1.75, 0.0, 3.14), 'dynamixel.tilt.invert': (False, None, None),
    'feetech.port': ('/dev/ttyACM0', None, None), 'feetech.baud': (1000000, 9600, 4500000),
    'feetech.period_s': (0.01, 0.002, 0.05), 'feetech.answer_timeout_s': (0.02, 0.001, 0.04),
    'feetech.silence_s': (0.5, 0.05, 2.0), 'feetech.tolerance': (0.01, 0.002, 0.1),
    'feetech.max_torque': (0.8, 0.05, 1.0), 'feetech.max_temperature': (65, 40, 100),
    'feetech.min_voltage': (6.0, 3.5, 30.0), 'feetech.max_voltage': (13.5, 4.0, 32.0), 'feetech.pan.id': (1, 0, 253),
    'feetech.pan.center': (2048, 0, 4095), 'feetech.pan.lower': (-1.75, -3.14, 0.0),
    'feetech.pan.upper': (1.75, 0.0, 3.14), 'feetech.pan.invert': (False, None, None), 'feetech.tilt.id': (2, 0, 253),
    'feetech.tilt.center': (2048, 0, 4095), 'feetech.tilt.lower': (-1.75, -3.14, 0.0),
    'feetech.tilt.upper': (1.75, 0.0, 3.14), 'feetech.tilt.invert': (False, None, None),
    'onvif.url': ('http://192.168.1.64/onvif/device_service', None, None), 'onvif.user': ('', None, None),
    'onvif.password_file': ('', None, None), 'onvif.period_s': (0.1, 0.04, 0.4),
    'onvif.request_timeout_s': (1.0, 0.1, 10.0), 'onvif.state_timeout_s': (2.0, 0.2, 10.0),
    'onvif.tolerance': (0.02, 0.001, 0.2), 'onvif.pan.range': (6.283, 0.1, 12.6),
    'onvif.pan.max_speed': (1.0, 0.01, 20.0), 'onvif.pan.lower': (-1.75, None, 0.0),
    'onvif.pan.upper': (1.75, 0.0, None), 'onvif.pan.invert': (True, None, None),
    'onvif.tilt.range': (3.142, 0.1, 12.6), 'onvif.tilt.max_speed': (1.0, 0.01, 20.0),
    'onvif.tilt.lower': (-1.75, None, 0.0), 'onvif.tilt.upper': (1.75, 0.0, None),
    'onvif.tilt.invert': (False, None, None), 'servo.pan.pin': (-1, -1, 27),
    'servo.pan.min_pulse_s': (0.001, 0.0003, 0.003), 'servo.pan.max_pulse_s': (0.002, 0.0003, 0.003),
    'servo.pan.travel': (1.571, 0.1, 6.3), 'servo.pan.invert': (False, None, None), 'servo.tilt.pin': (-1, -1, 27),
    'servo.tilt.min_pulse_s': (0.001, 0.0003, 0.003), 'servo.tilt.max_pulse_s': (0.002, 0.0003, 0.003),
    'servo.tilt.travel': (1.571, 0.1, 6.3), 'servo.tilt.invert': (False, None, None), 'pca9685.bus': (1, 0, 20),
    'pca9685.address': (64, 3, 119), 'pca9685.pan_channel': (0, 0, 15), 'pca9685.tilt_channel': (1, 0, 15),
    'pico.port': ('/dev/ttyACM0', None, None), 'pico.max_step_rate': (10000.0, 10.0, 40000.0),
    'pico.pan.steps_per_revolution': (200, 4, 1000), 'pico.pan.microsteps': (16, 1, 256),
    'pico.pan.gear_ratio': (1.0, 0.01, 1000.0), 'pico.tilt.steps_per_revolution': (200, 4, 1000),
    'pico.tilt.microsteps': (16, 1, 256), 'pico.tilt.gear_ratio': (1.0, 0.01, 1000.0),
    'ros.joint_states': ('head/joint_states', None, None), 'ros.output': ('trajectory', None, None),
    'ros.command': ('head/joint_trajectory', None, None), 'ros.period_s': (0.02, 0.005, 0.1),
    'ros.horizon_s': (0.05, 0.01, 0.5), 'ros.state_timeout_s': (0.2, 0.02, 2.0), 'ros.tolerance': (0.01, 0.0005, 0.1),
    'ros.pan.joint': ('pan_joint', None, None), 'ros.pan.lower': (-1.75, None, 0.0),
    'ros.pan.upper': (1.75, 0.0, None), 'ros.pan.invert': (False, None, None),
    'ros.tilt.joint': ('tilt_joint', None, None), 'ros.tilt.lower': (-1.75, None, 0.0),
    'ros.tilt.upper': (1.75, 0.0, None), 'ros.tilt.invert': (False, None, None),
    'step_dir.pan.step_pin': (-1, -1, 27), 'step_dir.pan.direction_pin': (-1, -1, 27),
    'step_dir.pan.enable_pin': (-1, -1, 27), 'step_dir.pan.lower_switch_pin': (-1, -1, 27),
    'step_dir.pan.upper_switch_pin': (-1, -1, 27), 'step_dir.pan.home_pin': (-1, -1, 27),
    'step_dir.pan.invert': (False, None, None), 'step_dir.pan.steps_per_revolution': (200, 4, 1000),
    'step_dir.pan.microsteps': (16, 1, 256), 'step_dir.pan.gear_ratio': (1.0, 0.01, 1000.0),
    'step_dir.tilt.step_pin': (-1, -1, 27), 'step_dir.tilt.direction_pin': (-1, -1, 27),
    'step_dir.tilt.enable_pin': (-1, -1, 27), 'step_dir.tilt.lower_switch_pin': (-1, -1, 27),
    'step_dir.tilt.upper_switch_pin': (-1, -1, 27), 'step_dir.tilt.home_pin': (-1, -1, 27),
    'step_dir.tilt.invert': (False, None, None), 'step_dir.tilt.steps_per_revolution': (200, 4, 1000),
    'step_dir.tilt.microsteps': (16, 1, 256), 'step_dir.tilt.gear_ratio': (1.0, 0.01, 1000.0),
    'step_dir.enable_active_low': (True, None, None), 'step_dir.switches_normally_closed': (True, None, None),
    'step_dir.debounce_s': (0.003, 0.0, 0.05), 'step_dir.max_step_rate': (4000.0, 10.0, 50000.0),
    'step_dir.microstep_pins': ((), 0, 27), 'step_dir.microstep_levels': ((), 0, 1),
    'tmc2209.port': ('/dev/serial0', None, None), 'tmc2209.baud': (115200, 9600, 500000),
    'tmc2209.echo': (True, None, None), 'tmc2209.pan_address': (0, 0, 3), 'tmc2209.tilt_address': (1, 0, 3),
    'tmc2209.run_current': (16, 0, 31), 'tmc2209.hold_current': (8, 1, 31), 'tmc2209.hold_delay': (4, 0, 15),
    'tmc2209.power_down_delay': (20, 2, 255), 'tmc2209.spread_cycle': (False, None, None),
}
#: Those that may change at run time.
LIVE = {
    'pan.lower', 'pan.upper', 'pan.reference_angle', 'tilt.lower', 'tilt.upper', 'tilt.reference_angle',
    'idle_release_s'}


@pytest.mark.parametrize('name', LIMITS)
def test_default_and_limits_are_those_of_the_design(name: str) -> None:
    spec = specs(GimbalParameters)[name]
    assert (spec.default, spec.info.minimum, spec.info.maximum) == LIMITS[name]


def test_no_other_parameter_has_a_limit_and_few_change_at_run_time() -> None:
    found = specs(GimbalParameters)
    assert set(found) == set(LIMITS)
    assert {name for name, spec in found.items() if spec.info.live} == LIVE

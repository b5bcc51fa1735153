# SPDX-License-Identifier: Apache-2.0
"""Every pin has one purpose, and hardware that is not there is named before anything starts."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from wired_pins import WIRING

from turret_common.errors import TurretError
from turret_common.params import specs
from turret_common.reason_codes import ReasonCode
from turret_control import wiring
from turret_control.axis_parameters import GimbalAxis
from turret_control.drivers import servo, step_dir
from turret_control.drivers.pca9685 import Pca9685Parameters
from turret_control.drivers.servo import ServoAxis, ServoParameters
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.laser.lines import gpio
from turret_control.laser_parameters import LaserParameters
from turret_control.safety_parameters import SafetyParameters

AXIS = GimbalAxis(max_velocity=2.0)
SERVO_AXIS = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.5, upper=0.5)
STEPPERS = GimbalParameters(
    driver='step_dir', pan=AXIS, tilt=AXIS,
    step_dir=dataclasses.replace(WIRING, microstep_pins=(16,), microstep_levels=(1,)))
SERVOS = GimbalParameters(
    driver='servo', pan=SERVO_AXIS, tilt=SERVO_AXIS, servo=ServoParameters(ServoAxis(pin=14), ServoAxis(pin=15)))
BOARD = dataclasses.replace(SERVOS, driver='pca9685', pca9685=Pca9685Parameters(bus=19))
PICOS = GimbalParameters(driver='pico', pan=AXIS, tilt=AXIS)
LASER = LaserParameters(driver='gpio_pwm', watchdog_fitted=True, watchdog_pin=24)
ESTOP = SafetyParameters(estop_driver='gpio')
NOTHING = (GimbalParameters(), LaserParameters(), SafetyParameters(estop_driver='none'))


def no_gpio(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for module in (wiring, step_dir, servo, gpio):
        monkeypatch.setattr(module, 'GPIO_DEVICES', f'{folder}/gpiochip*')


def test_simulation_is_wired_to_nothing() -> None:
    assert wiring.pins(*NOTHING) == {}
    wiring.require_devices(*NOTHING)


def test_every_pin_has_its_purpose() -> None:
    plan = wiring.pins(STEPPERS, LASER, ESTOP)
    assert plan[20] == 'gimbal.step_dir.pan.step_pin'
    assert plan[13] == 'gimbal.step_dir.tilt.home_pin'
    assert (plan[16], plan[18], plan[17]) == ('gimbal.step_dir.microstep_pins', 'laser.laser_pin', 'safety.estop_pin')
    assert -1 not in plan
    assert wiring.pins(SERVOS, *NOTHING[1:]) == {14: 'gimbal.servo.pan.pin', 15: 'gimbal.servo.tilt.pin'}
    assert wiring.pins(BOARD, *NOTHING[1:]) == {}


def test_every_parameter_of_a_pin_is_limited_to_the_header() -> None:
    found = {
        name: (spec.info.minimum, spec.info.maximum)
        for parameters in (GimbalParameters, LaserParameters, SafetyParameters)
        for name, spec in specs(parameters).items() if re.fullmatch(r'.*(?:_|\.)pins?', name)}
    assert {'step_dir.microstep_pins', 'servo.pan.pin', 'laser_pin', 'estop_pin'} <= set(found)
    assert {low for low, _ in found.values()} == {-1, 0}
    assert {high for _, high in found.values()} == {max(wiring.HEADER_PINS)} == {27}
    assert set(wiring.HEADER_PINS) == set(range(28))


def test_two_purposes_for_one_pin_are_refused() -> None:
    with pytest.raises(TurretError, match=r'both gimbal\.step_dir\.pan\.step_pin and laser\.laser_pin'):
        wiring.pins(STEPPERS, dataclasses.replace(LASER, laser_pin=20), ESTOP)


@pytest.mark.parametrize(('bus', 'pin'), [(0, 0), (0, 1), (1, 2), (1, 3)])
def test_the_lines_of_the_servo_boards_bus_have_no_other_purpose(bus: int, pin: int) -> None:
    board = dataclasses.replace(BOARD, pca9685=Pca9685Parameters(bus=bus))
    for given in ((dataclasses.replace(LASER, laser_pin=pin), NOTHING[2]), (
            NOTHING[1], dataclasses.replace(ESTOP, estop_pin=pin))):
        with pytest.raises(TurretError, match=rf'GPIO {pin} is used by both .*/dev/i2c-{bus}'):
            wiring.pins(board, *given)


@pytest.mark.parametrize('port', ['/dev/serial0', '/dev/ttyAMA0', '/dev//serial0'])
def test_the_lines_of_the_lasers_serial_port_have_no_other_purpose(port: str) -> None:
    laser = LaserParameters(driver='pico')
    laser = dataclasses.replace(laser, pico=type(laser.pico)(port))  # type: ignore[attr-defined]
    assert sorted(wiring.pins(PICOS, laser, NOTHING[2])) == [14, 15]
    with pytest.raises(TurretError, match='GPIO 14 is used by both'):
        wiring.pins(SERVOS, laser, NOTHING[2])
    chips = dataclasses.replace(STEPPERS, driver='tmc2209')
    with pytest.raises(TurretError, match='is used by both gimbal'):
        wiring.pins(chips, laser, NOTHING[2])


def test_gimbal_and_laser_on_one_serial_port_are_refused(tmp_path: Path) -> None:
    laser = LaserParameters(driver='pico')
    assert wiring.pins(PICOS, laser, SafetyParameters()) == {}
    (tmp_path / 'named').symlink_to('/dev/ttyACM0')
    for port in ('/dev/ttyACM0', f'{tmp_path}/named'):
        same = dataclasses.replace(laser, pico=type(laser.pico)(port))  # type: ignore[attr-defined]
        with pytest.raises(TurretError, match='is used by both gimbal and laser') as refusal:
            wiring.pins(PICOS, same, SafetyParameters())
        assert refusal.value.code is ReasonCode.INVALID_ARGUMENT


@pytest.mark.parametrize(('given', 'who', 'what'), [
    ((STEPPERS, *NOTHING[1:]), 'gimbal.driver "step_dir"', 'gpiochip'),
    ((SERVOS, *NOTHING[1:]), 'gimbal.driver "servo"', 'gpiochip'),
    ((BOARD, *NOTHING[1:]), 'gimbal.driver "pca9685"', '/dev/i2c-19'),
    ((NOTHING[0], LASER, NOTHING[2]), 'laser.driver "gpio_pwm"', 'gpiochip'),
    ((NOTHING[0], LaserParameters(driver='pico'), NOTHING[2]), 'laser.driver "pico"', '/dev/ttyACM1'),
    ((*NOTHING[:2], ESTOP), 'safety.estop_driver "gpio"', 'gpiochip')])
def test_hardware_that_is_not_there_is_named(
        given: tuple[GimbalParameters, LaserParameters, SafetyParameters], who: str, what: str, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    no_gpio(monkeypatch, tmp_path)
    with pytest.raises(TurretError, match='does not have') as refusal:
        wiring.require_devices(*given)
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert refusal.value.message.startswith(f'{who} needs ')
    assert what in refusal.value.message


def test_a_serial_port_is_needed_besides_the_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chip = tmp_path / 'gpiochip0'
    chip.touch()
    no_gpio(monkeypatch, tmp_path)
    uart = dataclasses.replace(STEPPERS.tmc2209, port=f'{tmp_path}/serial0')
    chips = dataclasses.replace(STEPPERS, driver='tmc2209', tmc2209=uart)
    with pytest.raises(TurretError, match='serial0'):
        wiring.require_devices(chips, LASER, ESTOP)
    (tmp_path / 'serial0').touch()
    wiring.require_devices(chips, LASER, ESTOP)
    monkeypatch.setattr('os.access', lambda path, mode: path != chip)
    with pytest.raises(TurretError, match='usermod'):
        wiring.require_devices(chips, LASER, ESTOP)

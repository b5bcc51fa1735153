# SPDX-License-Identifier: Apache-2.0
"""The laser's real pins, on gpiozero's imitation of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin

from turret_common.errors import TurretError
from turret_common.host.minimum_versions import require
from turret_common.reason_codes import ReasonCode
from turret_control.laser.lines.gpio import GpioLines
from turret_control.laser.lines.gpio_pwm import PwmParameters
from turret_control.laser.lines.registry import LINES
from turret_control.laser.lines.simulation import SimLines
from turret_control.laser_parameters import LaserParameters


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    require('GPIO pins')
    factory = MockFactory(pin_class=MockPWMPin)
    factory.chip = 4
    yield factory
    factory.reset()


def lines(pins: MockFactory, driver: str, **changes: Any) -> GpioLines:
    return LINES[driver](LaserParameters(**{'driver': driver, 'no_watchdog_accepted': True, **changes}), pins)


def level(pins: MockFactory, pin: int) -> float:
    return float(pins.pin(pin).state)


@pytest.mark.parametrize('driver', ['gpio_pwm', 'gpio_digital', 'servo_relay'])
def test_taking_the_pins_never_makes_the_line_high(pins: MockFactory, driver: str) -> None:
    pins.pin(18)  # its trace begins
    lines(pins, driver)
    assert {float(state.state) for state in pins.pin(18).states} == {0.0}
    assert level(pins, 23) == 0.0


def test_a_dimmable_laser_is_dimmed(pins: MockFactory) -> None:
    laser = lines(pins, 'gpio_pwm', gpio_pwm=PwmParameters(2000.0))
    laser.set_laser(0.3)
    assert level(pins, 18) == pytest.approx(0.3)
    assert pins.pin(18).frequency == 2000.0
    laser.set_laser(0.0)
    assert level(pins, 18) == 0.0


def test_a_switched_laser_is_switched(pins: MockFactory) -> None:
    laser = lines(pins, 'gpio_digital', laser_pin=5)
    laser.set_laser(1.0)
    assert level(pins, 5) == 1.0
    laser.set_laser(0.0)
    assert level(pins, 5) == 0.0


def test_a_relay_gets_servo_pulses_of_2_ms_or_none(pins: MockFactory) -> None:
    laser = lines(pins, 'servo_relay')
    laser.set_laser(0.0)
    assert level(pins, 18) == 0.0  # whatever the timing of pulses, no pulse is off
    laser.set_laser(1.0)
    assert level(pins, 18) == pytest.approx(0.1)
    assert pins.pin(18).frequency == 50.0


def test_the_indicator_is_on_and_the_watchdog_toggled(pins: MockFactory) -> None:
    laser = lines(pins, 'gpio_pwm', indicator_pin=6, watchdog_pin=7)
    laser.set_indicator(True)
    assert level(pins, 6) == 1.0
    levels = []
    for _ in range(4):
        laser.beat()
        levels.append(level(pins, 7))
    assert levels == [1.0, 0.0, 1.0, 0.0]
    laser.set_indicator(False)
    assert level(pins, 6) == 0.0


def test_without_a_watchdog_pin_nothing_beats(pins: MockFactory) -> None:
    lines(pins, 'gpio_pwm').beat()
    assert level(pins, 18) == 0.0


def test_the_guardian_gets_chip_and_line(pins: MockFactory) -> None:
    assert lines(pins, 'gpio_pwm').description() == {'driver': 'gpio', 'chip': '/dev/gpiochip4', 'line': 18}


def test_pins_that_the_guardian_cannot_take_are_refused() -> None:
    require('GPIO pins')
    factory = MockFactory(pin_class=MockPWMPin)
    with pytest.raises(TurretError) as refused:
        lines(factory, 'gpio_pwm')
    assert refused.value.code is ReasonCode.NOT_SUPPORTED


def test_pins_that_cannot_be_had_are_refused(pins: MockFactory) -> None:
    taken = lines(pins, 'gpio_pwm')
    with pytest.raises(TurretError) as refused:
        lines(pins, 'gpio_pwm')
    assert refused.value.code is ReasonCode.DRIVER_FAULT
    taken.set_laser(0.5)


def test_a_real_laser_on_a_machine_without_pins_is_refused_and_never_simulated(
        monkeypatch: pytest.MonkeyPatch) -> None:
    real = LaserParameters(driver='gpio_digital', watchdog_fitted=True, watchdog_pin=24)
    for factory, error in ((None, 'no GPIO pins'), ('mock', 'hidden simulation')):
        monkeypatch.setattr(Device, 'pin_factory', None)
        if factory is not None:
            monkeypatch.setenv('GPIOZERO_PIN_FACTORY', factory)
        with pytest.raises(TurretError, match=error):
            LINES[real.driver].make(real, 'turret')


def test_the_simulated_laser_is_the_plants() -> None:
    laser = LINES['sim'].make(LaserParameters(), 'turret')
    assert isinstance(laser, SimLines)
    assert laser.description()['driver'] == 'sim'
    laser.beat()

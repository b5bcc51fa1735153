# SPDX-License-Identifier: Apache-2.0
"""The guided checks say what is wrong, and leave the motors off."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import lgpio
import pytest
from lgpio_chip import Chip
from wired_pins import WIRING, SteppedDriver, WiredFactory, WiredMotor

from turret_common.errors import TurretError
from turret_control import hardware_checks
from turret_control.axis_parameters import GimbalAxis
from turret_control.drivers.driver import Dialog
from turret_control.drivers.tmc2209 import show_registers
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.hardware_checks import check_axis, check_laser, check_switches, show_pins, show_plan
from turret_control.laser.lines.gpio import GpioLines
from turret_control.laser.lines.registry import LINES
from turret_control.laser_parameters import LaserParameters
from turret_control.safety_parameters import SafetyParameters

NO_ESTOP = SafetyParameters(estop_driver='none')
AXIS = GimbalAxis(max_velocity=2.0)
PARAMETERS = GimbalParameters(driver='step_dir', pan=AXIS, tilt=AXIS, step_dir=WIRING)


class Bench:
    """A driver on wires, and a person who does something each time that they wait."""

    def __init__(self) -> None:
        self.factory = WiredFactory()
        self.motors = [WiredMotor(self.factory, pins, WIRING, (-600, 600)) for pins in (WIRING.pan, WIRING.tilt)]
        for motor in self.motors:
            motor.press()
        self.driver = SteppedDriver(WIRING, self.factory)
        self.printed: list[str] = []
        self.hand: Callable[[], None] = lambda: None
        self.seen: set[int] = set()

    def sleep(self, seconds: float) -> None:
        self.hand()
        self.driver.lockstep.go_on(seconds)
        self.seen.add(self.motors[0].position)

    def dialog(self, ask: Callable[[str], str] = lambda question: 'yes') -> Dialog:
        return Dialog(self.printed.append, ask, self.sleep)

    def check_switches(self, timeout_s: float, safety: SafetyParameters = NO_ESTOP) -> bool:
        return check_switches(self.driver, safety, self.dialog(), timeout_s, self.factory)

    def press_what_is_asked_for(self) -> None:
        """Press each switch in turn for a moment."""
        pins = {'pan lower': 5, 'pan upper': 6, 'tilt lower': 11, 'tilt upper': 12, 'emergency stop': 17}
        name, _, request = self.printed[-1].partition(':')
        if 'press' in request:
            high = self.factory.driven[f'GPIO{pins[name]}']
            self.factory.drive(pins[name], not high)


def lines_of(laser: LaserParameters, chip: Chip) -> GpioLines:
    return LINES[laser.driver](laser, chip.factory)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_switches_that_are_pressed_in_turn_are_good(bench: Bench) -> None:
    bench.hand = bench.press_what_is_asked_for
    assert bench.check_switches(3.0)
    assert [line for line in bench.printed if 'good' in line] == [
        'pan lower: good', 'pan upper: good', 'tilt lower: good', 'tilt upper: good']


def test_the_emergency_stop_is_pressed_with_the_switches(bench: Bench) -> None:
    bench.factory.drive(17, False)
    bench.hand = bench.press_what_is_asked_for
    assert bench.check_switches(3.0, SafetyParameters(estop_driver='gpio'))
    assert bench.printed[-1] == 'emergency stop: good'
    assert not any(motor.powered for motor in bench.motors)


def test_an_emergency_stop_with_a_broken_wire_is_named(bench: Bench) -> None:
    bench.factory.drive(17, True)
    bench.hand = bench.press_what_is_asked_for
    assert not bench.check_switches(3.0, SafetyParameters(estop_driver='gpio'))
    assert bench.printed[-1].startswith('emergency stop: pressed before it was touched')


def test_a_switch_that_no_one_presses_is_not(bench: Bench) -> None:
    assert not bench.check_switches(0.1)
    assert 'pan lower: no change was read' in bench.printed


def test_a_broken_wire_is_named(bench: Bench) -> None:
    bench.factory.drive(6, True)
    assert not bench.check_switches(0.1)
    assert any(line.startswith('pan upper: pressed before') for line in bench.printed)


@pytest.mark.parametrize(('answer', 'verdict'), [('yes', True), ('no', False)])
def test_each_axis_is_turned_a_little_and_back(bench: Bench, answer: str, verdict: bool) -> None:
    def ask(question: str) -> str:
        return 'yes' if 'free to move' in question else answer

    assert check_axis(bench.driver, PARAMETERS, bench.dialog(ask)) is verdict
    assert max(bench.seen) == pytest.approx(22, abs=1)  # 5 of 360 degrees of 1600 steps
    assert [motor.position for motor in bench.motors] == [0, 0]
    assert not any(motor.powered for motor in bench.motors)


def test_nothing_moves_without_a_yes(bench: Bench) -> None:
    assert not check_axis(bench.driver, PARAMETERS, bench.dialog(lambda question: ''))
    assert ('GPIO4', False) not in bench.factory.trace


def test_a_driver_without_chips_has_no_registers(bench: Bench) -> None:
    with pytest.raises(TurretError, match='no registers'):
        show_registers(bench.driver, bench.dialog())


def test_the_laser_stays_off_while_indicator_and_watchdog_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = Chip(monkeypatch)
    printed: list[str] = []
    asked: list[tuple[str, float | None]] = []

    def ask(question: str) -> str:
        asked.append((question, chip.level(23)))
        return 'yes'

    laser = LaserParameters(driver='gpio_pwm', watchdog_fitted=True, watchdog_pin=24)
    assert check_laser(laser, lines_of(laser, chip), Dialog(printed.append, ask, lambda seconds: None))
    assert [lit for _, lit in asked] == [0.0, 0.0, 0.0]
    assert chip.levels(23).count(1.0) == 1
    assert set(chip.levels(18)) == {None, 0.0}
    assert chip.levels(24).count(1.0) == 500
    assert 'GPIO 18' in printed[0]
    assert [chip.level(pin) for pin in (18, 23, 24)] == [None, None, None]


@pytest.mark.parametrize('no', range(3))
def test_one_no_fails_the_check_of_the_laser(monkeypatch: pytest.MonkeyPatch, no: int) -> None:
    chip = Chip(monkeypatch)
    answers = ['yes'] * 3
    answers[no] = 'no'
    laser = LaserParameters(driver='gpio_digital', watchdog_fitted=True, watchdog_pin=24)
    assert not check_laser(
        laser, lines_of(laser, chip), Dialog([].append, lambda question: answers.pop(0), lambda seconds: None))


def test_a_watchdog_that_nothing_feeds_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []
    laser = LaserParameters(driver='gpio_digital', watchdog_fitted=True, dry_run=True)
    assert not check_laser(
        laser, lines_of(laser, Chip(monkeypatch)), Dialog(printed.append, lambda question: 'yes', lambda seconds: None))
    assert 'no watchdog_pin' in printed[-1]


def test_a_simulated_laser_has_nothing_to_check() -> None:
    with pytest.raises(TurretError, match='simulated'):
        check_laser(
            LaserParameters(), LINES['sim'].make(LaserParameters(), 'turret'),
            Dialog([].append, lambda question: 'yes', lambda seconds: None))


def test_pins_are_shown_with_their_users_and_purposes_and_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = Chip(monkeypatch)
    printed: list[str] = []
    monkeypatch.setattr(hardware_checks, 'header_chip', lambda: 0)
    monkeypatch.setattr(lgpio, 'gpio_get_chip_info', lambda handle: (0, 3, 'gpiochip0', 'pinctrl-rp1'))
    lines = [(0, 0, 0, 'ID_SDA', ''), (0, 1, 3, 'GPIO1', 'laser'), (0, 2, 1, 'GPIO2', '')]
    monkeypatch.setattr(lgpio, 'gpio_get_line_info', lambda handle, line: lines[line])
    show_pins(printed.append, {1: 'laser.laser_pin'})
    assert [line.split() for line in printed] == [
        ['gpiochip0', '(pinctrl-rp1),', '3', 'lines'], ['0', 'ID_SDA', 'input', 'free'],
        ['1', 'GPIO1', 'output', 'laser', 'laser.laser_pin'], ['2', 'GPIO2', 'input', 'kernel']]
    assert chip.trace == []


def test_a_machine_without_pins_says_so(bench: Bench) -> None:
    if list(Path('/dev').glob('gpiochip*')):
        pytest.skip('this machine has pins')
    with pytest.raises(TurretError, match='no GPIO pins'):
        show_pins(bench.printed.append)


def test_a_plan_needs_no_hardware_and_names_every_pin_and_device() -> None:
    axis = dataclasses.replace(AXIS, reference='lower_switch')
    steps = dataclasses.replace(
        WIRING, pan=dataclasses.replace(WIRING.pan, home_pin=-1),
        tilt=dataclasses.replace(WIRING.tilt, home_pin=-1, direction_pin=22, lower_switch_pin=23, step_pin=24))
    gimbal = GimbalParameters(driver='tmc2209', pan=axis, tilt=axis, step_dir=steps)
    laser = LaserParameters(driver='gpio_digital', laser_pin=18, indicator_pin=19, dry_run=True)
    printed: list[str] = []
    show_plan(printed.append, gimbal, laser, SafetyParameters(estop_driver='gpio', estop_pin=17))
    text = '\n'.join(printed)
    assert 'GPIO  4  header pin  7  pulled up   at power-on  gimbal.step_dir.pan.enable_pin' in text
    assert 'GPIO 18  header pin 12  pulled down at power-on  laser.laser_pin' in text
    assert 'GPIO 14  header pin  8  pulled down at power-on  gimbal.driver "tmc2209" (/dev/serial0)' in text
    assert 'safety.estop_pin' in text
    assert 'dry run' in text
    assert '0.2250 degrees per step' in text

"""The guided checks say what is wrong, and leave the motors off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from wired_pins import WIRING, SteppedDriver, WiredFactory, WiredMotor

from turret_common.errors import TurretError
from turret_control.gimbal_parameters import GimbalAxis, GimbalParameters
from turret_control.hardware_checks import check_axis, check_switches, show_pins, show_registers

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
        self.said: list[str] = []
        self.hand: Callable[[], None] = lambda: None
        self.seen: set[int] = set()

    def sleep(self, seconds: float) -> None:
        self.hand()
        self.driver.lockstep.go_on(seconds)
        self.seen.add(self.motors[0].position)

    def press_what_is_asked_for(self) -> None:
        """Press each switch in turn for a moment."""
        pins = {'pan lower': 5, 'pan upper': 6, 'tilt lower': 11, 'tilt upper': 12}
        name, _, request = self.said[-1].partition(':')
        if 'press' in request:
            high = self.factory.driven[f'GPIO{pins[name]}']
            self.factory.drive(pins[name], not high)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_switches_that_are_pressed_in_turn_are_good(bench: Bench) -> None:
    bench.hand = bench.press_what_is_asked_for
    assert check_switches(bench.driver, PARAMETERS, bench.said.append, 3.0, bench.sleep)
    assert [line for line in bench.said if 'good' in line] == [
        'pan lower: good', 'pan upper: good', 'tilt lower: good', 'tilt upper: good']


def test_a_switch_that_nobody_presses_is_not(bench: Bench) -> None:
    assert not check_switches(bench.driver, PARAMETERS, bench.said.append, 0.1, bench.sleep)
    assert 'pan lower: nothing was seen' in bench.said


def test_a_broken_wire_is_named(bench: Bench) -> None:
    bench.factory.drive(6, True)
    assert not check_switches(bench.driver, PARAMETERS, bench.said.append, 0.1, bench.sleep)
    assert any(line.startswith('pan upper: pressed though nobody') for line in bench.said)


@pytest.mark.parametrize(('answer', 'verdict'), [('yes', True), ('no', False)])
def test_each_axis_is_turned_a_little_and_back(bench: Bench, answer: str, verdict: bool) -> None:
    def ask(question: str) -> str:
        return 'yes' if 'free to move' in question else answer

    assert check_axis(bench.driver, PARAMETERS, bench.said.append, ask, bench.sleep) is verdict
    assert max(bench.seen) == pytest.approx(22, abs=1)  # 5 of 360 degrees of 1600 steps
    assert [motor.position for motor in bench.motors] == [0, 0]
    assert not any(motor.powered for motor in bench.motors)


def test_nothing_moves_without_a_yes(bench: Bench) -> None:
    assert not check_axis(bench.driver, PARAMETERS, bench.said.append, lambda question: '', bench.sleep)
    assert ('GPIO4', False) not in bench.factory.trace


def test_a_driver_without_chips_has_no_registers(bench: Bench) -> None:
    with pytest.raises(TurretError, match='no registers'):
        show_registers(bench.driver, bench.said.append)


def test_a_machine_without_pins_says_so(bench: Bench) -> None:
    with pytest.raises(TurretError, match='no GPIO chip 99'):
        show_pins(bench.said.append, chip=99)

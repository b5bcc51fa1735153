# SPDX-License-Identifier: Apache-2.0
"""The stepper driver on mock pins that turn a model: levels at start and end, switches, homing, counting."""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Iterator

import pytest
from wired_pins import WIRING, SteppedDriver, WiredFactory, WiredMotor

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.driver import Switch
from turret_control.drivers.step_dir import StepDirDriver, StepDirParameters
from turret_control.gimbal.gimbal import Gimbal
from turret_control.gimbal_parameters import GimbalParameters

NEVER = 2**62  # no order expires
STILL = stand_still(30.0)
STEP = 2.0 * math.pi / 1600


class Bench:
    """A driver on wires to two motors that can turn 600 steps either way."""

    def __init__(self, parameters: StepDirParameters = WIRING, start: tuple[int, int] = (0, 0)) -> None:
        self.factory = WiredFactory()
        self.pan, self.tilt = (
            WiredMotor(self.factory, pins, parameters, (-600, 600), begin)
            for pins, begin in zip((parameters.pan, parameters.tilt), start, strict=True))
        self.pan.press()
        self.tilt.press()
        self.driver = SteppedDriver(parameters, self.factory)
        self.driver.open()

    def wait(self, seconds: float) -> None:
        self.driver.lockstep.go_on(seconds)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.driver.close()


def enable_levels(factory: WiredFactory) -> set[float]:
    return {level for name, level in factory.trace if name in ('GPIO4', 'GPIO10')}


def test_start_and_end_never_give_the_motors_current(bench: Bench) -> None:
    assert not bench.pan.powered
    bench.wait(0.05)
    bench.driver.close()
    assert enable_levels(bench.factory) <= {True}
    assert not {name for name, _ in bench.factory.trace} & {'GPIO20', 'GPIO8'}


def test_each_axis_turns_its_own_motor_the_right_way(bench: Bench) -> None:
    bench.driver.enable(True)
    bench.driver.command(AxisMotion(100 * STEP, 1.0, 20.0), AxisMotion(-50 * STEP, 1.0, 20.0), NEVER)
    bench.wait(1.0)
    assert (bench.pan.position, bench.tilt.position) == (100, -50)
    sample = bench.driver.read()
    assert (sample.pan.position, sample.tilt.position) == (pytest.approx(100 * STEP), pytest.approx(-50 * STEP))
    bench.driver.command(AxisMotion(0.0, 1.0, 20.0), AxisMotion(0.0, 1.0, 20.0), NEVER)
    bench.wait(1.0)
    assert (bench.pan.position, bench.tilt.position) == (0, 0)


def test_the_count_is_that_of_the_motor_however_often_it_is_interrupted(bench: Bench) -> None:
    for i in range(12):
        bench.driver.enable(True)
        bench.driver.command(AxisMotion((-1) ** i * 1.0, 2.0, 40.0), STILL, NEVER)
        bench.wait(0.031 + 0.007 * i)
        bench.driver.enable(False)
        assert bench.driver.read().pan.position == pytest.approx(bench.pan.position * STEP)
    assert bench.pan.ignored == 0


@pytest.mark.parametrize('normally_closed', [True, False])
def test_switches_are_seen_and_stop_the_way_towards_them(normally_closed: bool) -> None:
    bench = Bench(dataclasses.replace(WIRING, switches_normally_closed=normally_closed))
    bench.driver.enable(True)
    assert bench.driver.read().pan[2:] == (Switch.OPEN, Switch.OPEN, Switch.PRESSED)
    bench.driver.command(AxisMotion(10.0, 1.0, 20.0), STILL, NEVER)
    bench.wait(4.0)
    assert bench.driver.read().pan.upper is Switch.PRESSED
    assert bench.driver.read().pan.velocity == 0.0
    assert 580 <= bench.pan.position < 600
    bench.driver.command(AxisMotion(-10.0, 1.0, 20.0), STILL, NEVER)
    bench.wait(0.5)
    assert bench.driver.read().pan.upper is Switch.OPEN
    bench.driver.close()


def test_a_broken_wire_counts_as_pressed(bench: Bench) -> None:
    del bench.factory.driven['GPIO6']
    bench.factory.pin(6).drive_high()  # the pull-up
    bench.wait(0.1)
    assert bench.driver.read().pan.upper is Switch.PRESSED


def test_a_switch_that_cannot_be_read_is_unreadable(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> bool:
        raise OSError('bus')

    monkeypatch.setattr(type(bench.factory.pin(6)), '_get_state', fail)
    bench.wait(0.05)
    assert bench.driver.read().pan.upper is Switch.UNREADABLE


def test_switches_that_are_not_fitted_are_none() -> None:
    bare = dataclasses.replace(WIRING, pan=dataclasses.replace(WIRING.pan, upper_switch_pin=-1, home_pin=-1))
    bench = Bench(bare)
    assert bench.driver.read().pan[2:] == (Switch.OPEN, Switch.NONE, Switch.NONE)
    bench.driver.close()


def test_microstep_pins_take_their_levels() -> None:
    bench = Bench(dataclasses.replace(WIRING, microstep_pins=(16, 17), microstep_levels=(1, 0)))
    assert [bench.factory.pin(pin).state for pin in (16, 17)] == [True, False]
    bench.driver.close()


def test_steps_never_come_faster_than_the_motor_can_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = dataclasses.replace(WIRING, max_step_rate=100.0)
    bench = Bench(slow)
    times: list[int] = []
    bench.factory.wires['GPIO20'] = lambda level: times.append(bench.driver.lockstep.now_ns()) if level else None
    bench.driver.enable(True)
    bench.driver.command(AxisMotion(1.0, 3.0, 100.0), STILL, NEVER)
    bench.wait(0.5)
    assert len(times) > 30
    assert min(b - a for a, b in itertools.pairwise(times)) >= 10_000_000
    bench.driver.close()


def test_a_failing_pin_switches_the_motors_off_and_is_a_driver_fault(
        bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.driver.enable(True)

    def fail(level: float) -> None:
        raise OSError('gone')

    bench.factory.wires['GPIO20'] = fail
    bench.driver.command(AxisMotion(1.0, 1.0, 20.0), STILL, NEVER)
    bench.driver.lockstep.release()
    deadline = time.monotonic() + 5.0
    while bench.pan.powered:
        assert time.monotonic() < deadline
    del bench.factory.wires['GPIO20']
    with pytest.raises(TurretError) as refusal:
        bench.driver.read()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


def test_pins_that_are_taken_are_a_driver_fault(bench: Bench) -> None:
    second = SteppedDriver(WIRING, bench.factory)
    with pytest.raises(TurretError) as refusal:
        second.open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    with pytest.raises(TurretError):
        second.read()


def test_a_machine_without_pins_says_so() -> None:
    with pytest.raises(TurretError, match='no GPIO pins'):
        StepDirDriver(WIRING).open()


def test_imitated_pins_are_not_taken_for_real_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpiozero import Device
    monkeypatch.setenv('GPIOZERO_PIN_FACTORY', 'mock')
    monkeypatch.setattr(Device, 'pin_factory', None)
    with pytest.raises(TurretError, match='hidden simulation'):
        StepDirDriver(WIRING).open()


def test_it_steps_in_real_time() -> None:
    factory = WiredFactory()
    motor = WiredMotor(factory, WIRING.pan, WIRING, (-600, 600))
    WiredMotor(factory, WIRING.tilt, WIRING, (-600, 600)).press()
    motor.press()
    driver = StepDirDriver(WIRING, factory)
    driver.open()
    driver.enable(True)
    driver.command(AxisMotion(50 * STEP, 2.0, 40.0), STILL, NEVER)
    deadline = time.monotonic() + 5.0
    while motor.position < 50:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    driver.close()
    assert (motor.position, motor.powered) == (50, False)


# The whole gimbal on pins

LIMIT = 580 * STEP


ANGLES = {'flag': 0.0, 'lower_switch': -LIMIT, 'upper_switch': LIMIT}
AXIS = GimbalAxis(lower=-2.0, upper=2.0, search_range=6.0, max_velocity=3.0)


def procedure(bench: Bench, axis: GimbalAxis, calibrate: bool = False) -> Gimbal:
    """Home or calibrate both axes through the driver's pins; return the gimbal, which must have succeeded."""
    gimbal = Gimbal(GimbalParameters(driver='step_dir', pan=axis, tilt=axis, step_dir=WIRING), bench.driver.resolution)
    ends: list[TurretError | None] = []
    powered = False
    for tick in range(8000):
        motions = gimbal.tick(bench.driver.read(), ReasonCode.OK, bench.driver.lockstep.now_ns())
        if tick == 0:
            (gimbal.start_calibration if calibrate else gimbal.start_homing)(ends.append)
        if motions.enabled != powered:
            bench.driver.enable(motions.enabled)
            powered = motions.enabled
        bench.driver.command(motions.pan, motions.tilt, NEVER)
        bench.wait(0.008)
        if ends:
            break
    assert ends == [None]
    assert bench.pan.ignored == bench.tilt.ignored == 0
    return gimbal


@pytest.mark.parametrize('reference', ANGLES)
@pytest.mark.parametrize('start', [(0, 0), (150, -200), (-590, 590), (595, -595)])
def test_homing_through_pins_ends_at_true_zero(reference: str, start: tuple[int, int]) -> None:
    bench = Bench(start=start)
    procedure(bench, dataclasses.replace(AXIS, reference=reference, reference_angle=ANGLES[reference]))
    assert abs(bench.pan.position) <= 1
    assert abs(bench.tilt.position) <= 1
    bench.driver.close()


@pytest.mark.parametrize('start', [(0, 0), (-590, 590), (595, -595)])
def test_calibration_through_pins_finds_the_ends_and_keeps_its_distance(start: tuple[int, int]) -> None:
    bench = Bench(start=start)
    axis = dataclasses.replace(AXIS, lower=-5.0, upper=5.0, reference='declared', homing_velocity=2.0)
    view = procedure(bench, axis, calibrate=True).view(0)
    assert abs(bench.pan.position) <= 1, 'the middle of what the switches leave'
    for limits in (view.pan.limits, view.tilt.limits):
        assert limits.upper == pytest.approx(LIMIT - axis.margin, abs=2 * STEP)
        assert limits.lower == pytest.approx(-LIMIT + axis.margin, abs=2 * STEP)
    bench.driver.close()


@pytest.mark.parametrize(('change', 'error'), [
    ({'step_pin': -1}, 'needs step_pin'), ({'home_pin': -1}, 'needs home_pin'),
    ({'lower_switch_pin': -1}, 'needs lower_switch_pin'), ({'microsteps': 256}, 'steps/s')])
def test_a_wiring_that_cannot_work_is_refused_at_start(change: dict[str, int], error: str) -> None:
    wiring = dataclasses.replace(WIRING, pan=dataclasses.replace(WIRING.pan, **change))
    with pytest.raises(ValueError, match=error):
        GimbalParameters(driver='step_dir', step_dir=wiring)


def test_microstep_levels_must_match_their_pins() -> None:
    with pytest.raises(ValueError, match='one level for each'):
        StepDirParameters(microstep_pins=(1, 2), microstep_levels=(1,))

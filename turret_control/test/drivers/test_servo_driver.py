# SPDX-License-Identifier: Apache-2.0
"""Servos get the right pulses, and none when they are off."""

from __future__ import annotations

import dataclasses
import fcntl
import itertools
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from i2c_bus import FakeBus
from wired_pins import Lockstep

from turret_common import params
from turret_common.errors import TurretError
from turret_common.host.minimum_versions import require
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.devices.pca9685 import open_bus
from turret_control.drivers.pca9685 import Pca9685Driver, Pca9685Parameters
from turret_control.drivers.servo import ServoAxis, ServoDriver, ServoParameters, pulse_width
from turret_control.gimbal.gimbal import Gimbal
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.motion import Command, CommandMode

SERVOS = ServoParameters(ServoAxis(pin=12), ServoAxis(pin=13, invert=True))
NEVER = 2**62  # no order expires
STILL = stand_still(30.0)
NAN = math.nan


class Pins(Lockstep, ServoDriver):
    """The driver on pins."""


class Board(Lockstep, Pca9685Driver):
    """The driver on a board."""


def widths(factory: MockFactory) -> list[float]:
    return [factory.pin(pin).state * 0.02 for pin in (12, 13)]


@pytest.fixture
def factory() -> MockFactory:
    require('GPIO pins')
    return MockFactory(pin_class=MockPWMPin)


@pytest.fixture
def pins(factory: MockFactory) -> Iterator[Pins]:
    driver = Pins(SERVOS, factory)
    driver.open()
    yield driver
    driver.close()


@pytest.mark.parametrize(('angle', 'width'), [
    (0.0, 0.0015), (0.78539, 0.002), (-0.78539, 0.001), (3.0, 0.002), (-3.0, 0.001)])
def test_an_angle_as_a_pulse(angle: float, width: float) -> None:
    assert pulse_width(ServoAxis(), angle) == pytest.approx(width, abs=1e-6)
    assert pulse_width(ServoAxis(invert=True), -angle) == pytest.approx(width, abs=1e-6)


def start(driver: Pins | Board) -> None:
    """Enable the servos and wait until the soft start is over."""
    driver.enable(True)
    driver.lockstep.go_on(2.1)
    assert driver.read().known


def on_pins() -> tuple[Pins | Board, Callable[[], float]]:
    factory = MockFactory(pin_class=MockPWMPin)
    return Pins(SERVOS, factory), lambda: widths(factory)[0]


def on_board() -> tuple[Pins | Board, Callable[[], float]]:
    bus = FakeBus()
    return Board(SERVOS, Pca9685Parameters(), bus), lambda: bus.width_s(0)


@pytest.mark.parametrize('make', [on_pins, on_board])
def test_servos_start_slowly_and_their_positions_are_unknown_until_then(
        make: Callable[[], tuple[Pins | Board, Callable[[], float]]]) -> None:
    driver, width_s = make()
    driver.open()
    driver.enable(True)
    driver.command(AxisMotion(0.4, 1.0, 10.0), STILL, NEVER)
    pulsed = []
    for _ in range(90):
        driver.lockstep.go_on(0.02)
        assert not driver.read().known
        pulsed.append(width_s() > 0.0)
    thirds = [sum(pulsed[begin:begin + 30]) for begin in (0, 30, 60)]
    assert thirds[0] < 8
    assert thirds[0] < thirds[1] < thirds[2]
    driver.lockstep.go_on(0.3)
    assert driver.read().known
    assert driver.read().pan.position < 0.1  # the motion begins only then
    driver.close()


def test_there_are_no_pulses_before_and_after(factory: MockFactory, pins: Pins) -> None:
    assert widths(factory) == [0.0, 0.0]
    start(pins)
    assert widths(factory) == [pytest.approx(0.0015), pytest.approx(0.0015)]
    pins.enable(False)
    assert widths(factory) == [0.0, 0.0]


def test_the_pulses_follow_the_motion(factory: MockFactory, pins: Pins) -> None:
    start(pins)
    pins.command(AxisMotion(0.4, 1.0, 10.0), AxisMotion(0.2, 1.0, 10.0), NEVER)
    seen = []
    for _ in range(60):
        pins.lockstep.go_on(0.02)
        seen.append(widths(factory)[0])
    assert seen == sorted(seen)
    assert widths(factory) == [
        pytest.approx(pulse_width(SERVOS.pan, 0.4)), pytest.approx(pulse_width(SERVOS.tilt, 0.2))]
    assert widths(factory)[1] < 0.0015


def test_the_whole_gimbal_on_servos_keeps_its_limits_and_its_speed(factory: MockFactory, pins: Pins) -> None:
    axis = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.3, upper=0.5, max_velocity=1.0)
    gimbal = Gimbal(GimbalParameters(driver='servo', pan=axis, tilt=axis, servo=SERVOS))
    ends: list[TurretError | None] = []
    angles: list[float] = []
    powered = False
    for tick in range(700):
        now_ns = pins.lockstep.now_ns()
        if tick == 1:
            gimbal.start_homing(ends.append)
        elif ends:
            gimbal.command(Command(
                CommandMode.VELOCITY, NAN, NAN, 1.0, -1.0, tick, monotonic_ns=now_ns), now_ns)
        motions = gimbal.tick(pins.read(), ReasonCode.OK, now_ns)
        if motions.enabled != powered:
            powered = motions.enabled
            pins.enable(powered)
        pins.command(motions.pan, motions.tilt, NEVER)
        pins.lockstep.go_on(0.008)
        if powered and widths(factory)[0]:
            angles.append((widths(factory)[0] - 0.0015) / 0.001 * SERVOS.pan.travel)
    assert ends == [None]
    assert max(b - a for a, b in itertools.pairwise(angles)) <= 1.0 * 0.02 + 1e-9
    assert angles[-1] == pytest.approx(0.5, abs=1e-3)
    assert widths(factory)[1] == pytest.approx(pulse_width(SERVOS.tilt, -0.3), abs=1e-6)


def test_a_released_servo_is_put_back_where_the_motion_stands(factory: MockFactory, pins: Pins) -> None:
    start(pins)
    pins.command(AxisMotion(0.4, 1.0, 10.0), STILL, NEVER)
    pins.lockstep.go_on(1.5)
    pins.enable(False)
    start(pins)
    assert widths(factory)[0] == pytest.approx(pulse_width(SERVOS.pan, 0.4))


def test_pins_that_are_taken_are_a_driver_fault(factory: MockFactory, pins: Pins) -> None:
    with pytest.raises(TurretError) as refusal:
        Pins(SERVOS, factory).open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


def test_a_machine_without_pins_says_so() -> None:
    with pytest.raises(TurretError, match='no GPIO pins'):
        ServoDriver(SERVOS).open()


def test_the_board_gets_its_frame_rate_and_pulses() -> None:
    bus = FakeBus()
    board = Board(SERVOS, Pca9685Parameters(pan_channel=3, tilt_channel=7), bus)
    board.open()
    assert bus.registers[0xFE] == 121
    assert bus.registers[0x00] == 0x20
    assert bus.registers[0x01] == 0x04, 'the outputs drive both levels'
    assert [bus.width_s(channel) for channel in (3, 7)] == [0.0, 0.0]
    start(board)
    assert [bus.width_s(channel) for channel in (3, 7)] == pytest.approx([0.0015, 0.0015], rel=0.01)
    board.command(AxisMotion(0.4, 1.0, 10.0), STILL, NEVER)
    board.lockstep.go_on(1.5)
    assert bus.width_s(3) == pytest.approx(pulse_width(SERVOS.pan, 0.4), rel=0.01)
    assert bus.width_s(7) == pytest.approx(0.0015, rel=0.01)
    board.close()
    assert [bus.width_s(channel) for channel in (3, 7)] == [0.0, 0.0]
    assert bus.closed


def test_the_board_completes_every_pulse() -> None:
    bus = FakeBus()
    bus.leave_pulses(0)
    board = Board(SERVOS, Pca9685Parameters(), bus)
    board.open()
    start(board)
    board.enable(False)
    assert [bus.width_s(channel) for channel in (0, 1)] == [0.0, 0.0]
    start(board)
    board.close()
    assert bus.cut == 0
    assert bus.registers[9] & 0x10


@pytest.mark.parametrize('harm', [FakeBus.reset, lambda bus: bus.write(bytes([6, 0, 0, 0x33, 0]))])
def test_a_board_that_makes_other_pulses_than_it_was_given_is_a_driver_fault(harm: Callable[[FakeBus], None]) -> None:
    bus = FakeBus()
    board = Board(SERVOS, Pca9685Parameters(), bus)
    board.open()
    start(board)
    board.read()
    harm(bus)
    board.lockstep.release()
    board._thread.join(5.0)  # type: ignore[union-attr]  # noqa: SLF001  its end is what is waited for
    with pytest.raises(TurretError, match='reset or written by another program') as refusal:
        board.read()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    board.close()


def test_a_board_that_does_not_answer_is_a_driver_fault() -> None:
    bus = FakeBus()
    bus.broken = True
    board = Board(SERVOS, Pca9685Parameters(), bus)
    with pytest.raises(TurretError, match='does not answer') as refusal:
        board.open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert bus.closed
    bus.broken, bus.closed = False, False
    board.open()
    board.enable(True)
    bus.broken = True
    board.command(AxisMotion(0.4, 1.0, 10.0), STILL, NEVER)
    board.lockstep.release()
    board._thread.join(5.0)  # type: ignore[union-attr]  # noqa: SLF001  its end is what is waited for
    with pytest.raises(TurretError, match='does not answer'):
        board.read()
    board.close()


def test_a_bus_that_is_not_there_is_a_driver_fault() -> None:
    with pytest.raises(TurretError, match='no I2C bus'):
        open_bus(19, 0x40)


def test_a_bus_of_linux_reaches_one_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device, asked, really_open = tmp_path / 'bus', [], os.open

    def open_device(path: str, flags: int) -> int:
        asked.append(path)
        return really_open(device, flags | os.O_CREAT)
    monkeypatch.setattr(os, 'open', open_device)
    monkeypatch.setattr(fcntl, 'ioctl', lambda file, request, address: asked.append((request, address)))
    bus = open_bus(3, 0x41)
    assert asked == ['/dev/i2c-3', (0x0703, 0x41)]
    bus.write(b'\x06\x01')
    assert device.read_bytes() == b'\x06\x01'
    device.write_bytes(b'\x06\x01\x07\x08')
    assert bus.read(2) == b'\x07\x08'
    bus.close()
    with pytest.raises(OSError, match='Bad file descriptor'):
        bus.read(1)


def test_parameters_that_cannot_work_are_refused() -> None:
    axis = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.7, upper=0.7)
    good = GimbalParameters(driver='servo', pan=axis, tilt=axis, servo=SERVOS)
    for change, error in (
            ({'servo': ServoParameters()}, 'needs pin'), ({'pan': GimbalAxis()}, 'reference "absolute"'),
            ({'tilt': dataclasses.replace(axis, upper=0.9)}, 'travel'),
            ({'tilt': dataclasses.replace(axis, reference_angle=0.2)}, 'travel')):
        with pytest.raises(ValueError, match=error):
            dataclasses.replace(good, **change)
    with pytest.raises(ValueError, match='below max_pulse_s'):
        ServoAxis(min_pulse_s=0.002)
    with pytest.raises(ValueError, match='must differ'):
        Pca9685Parameters(pan_channel=5, tilt_channel=5)
    assert Pca9685Parameters(pan_channel=4, tilt_channel=2, bus=4)


@pytest.mark.parametrize(('given', 'expected'), [({}, (1, 0x40)), ({'bus': 3, 'address': 0x41}, (3, 0x41))])
def test_the_board_is_that_of_the_parameters(
        given: dict[str, int], expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[int, int]] = []

    def open_it(number: int, address: int) -> FakeBus:
        opened.append((number, address))
        return FakeBus()
    monkeypatch.setattr('turret_control.drivers.pca9685.open_bus', open_it)
    axis = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.7, upper=0.7)
    parameters = GimbalParameters(
        driver='pca9685', pan=axis, tilt=axis, servo=SERVOS, pca9685=Pca9685Parameters(**given))
    driver = Pca9685Driver.make(parameters, 'turret')
    driver.open()
    assert driver.read().enabled is False
    driver.close()
    assert opened == [expected]
    assert list(Pca9685Driver.devices(parameters)) == [f'/dev/i2c-{expected[0]}']


@pytest.mark.parametrize(('name', 'lowest', 'highest'), [
    ('bus', 0, 20), ('address', 0x03, 0x77), ('pan_channel', 0, 15), ('tilt_channel', 0, 15)])
def test_the_board_has_the_numbers_of_its_data_sheet(name: str, lowest: int, highest: int) -> None:
    board = Pca9685Parameters(pan_channel=2, tilt_channel=3)
    assert (Pca9685Parameters().pan_channel, Pca9685Parameters().tilt_channel) == (0, 1)
    for value in (lowest, highest):
        assert getattr(params.replace(board, {name: value}), name) == value
    for value in (lowest - 1, highest + 1):
        with pytest.raises(params.ParameterError, match=name):
            params.replace(board, {name: value})

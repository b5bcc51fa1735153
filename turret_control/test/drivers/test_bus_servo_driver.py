# SPDX-License-Identifier: Apache-2.0
"""Drivers of bus servos: faults on the wire and in the servos, limits, and positions that are known only when read."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gimbal_rig import has_failed
from wired_pins import Lockstep

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.bus_servo import BusServoAxis, BusServoDriver, _refuse_fault, show_servos
from turret_control.drivers.driver import Dialog, PositionSource
from turret_control.drivers.dynamixel import DynamixelDriver, DynamixelParameters
from turret_control.drivers.feetech import FeetechDriver, FeetechParameters
from turret_control.gimbal.gimbal import Gimbal
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.motion import Command, CommandMode
from turret_control.servo_bus.bus import ServoBus, ServoState
from turret_control.servo_bus.emulated_dynamixel import EmulatedDynamixelBus
from turret_control.servo_bus.emulated_feetech import EmulatedFeetechBus
from turret_control.servo_bus.emulator import EmulatedWire
from turret_control.servo_bus.pty_bus import PtyBus

NEVER = 2**62
STILL = stand_still(30.0)
NAN = math.nan
COUNT = 2.0 * math.pi / 4096


class SteppedFeetech(Lockstep, FeetechDriver):
    """The driver of Feetech servos."""


class SteppedDynamixel(Lockstep, DynamixelDriver):
    """The driver of Dynamixel servos."""


class Rig:
    """A driver in lockstep with two emulated servos."""

    def __init__(self, name: str, **changes: Any) -> None:
        feetech = name == 'feetech'
        self.emulated = EmulatedFeetechBus() if feetech else EmulatedDynamixelBus()
        self.pan, self.tilt = self.emulated.servos
        self.wires: list[EmulatedWire] = []
        parameters: Any = FeetechParameters(**changes) if feetech else DynamixelParameters(**changes)
        self.driver: Any = (SteppedFeetech if feetech else SteppedDynamixel)(parameters, self.open_wire)

    def open_wire(self, port: str, baud: int) -> EmulatedWire:
        self.wires.append(EmulatedWire(self.emulated, self.driver.lockstep, baud))
        return self.wires[-1]

    def wait(self, seconds: float) -> None:
        self.driver.lockstep.go_on(seconds)

    def start(self) -> None:
        self.driver.open()
        self.driver.enable(True)
        self.wait(0.03)
        assert self.driver.read().known

    def go(self, until_ns: int = NEVER, target: float = 1.0) -> None:
        self.driver.command(AxisMotion(target, 0.5, 10.0), STILL, until_ns)

    def fault(self) -> str:
        """Wait for the driver's thread to end; return why it did."""
        self.driver.lockstep.release()
        deadline = time.monotonic() + 10.0
        while time.monotonic() < deadline:
            with contextlib.suppress(TurretError):
                self.driver.read()
                time.sleep(0.001)
                continue
            with pytest.raises(TurretError) as fault:
                self.driver.read()
            assert fault.value.code is ReasonCode.DRIVER_FAULT
            return fault.value.message
        raise AssertionError('no fault')


NAMES = ['feetech', pytest.param('dynamixel', marks=pytest.mark.skipif(
    importlib.util.find_spec('dynamixel_sdk') is None, reason='dynamixel-sdk is missing'))]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def rig(name: str) -> Iterator[Rig]:
    rig = Rig(name)
    yield rig
    rig.driver.close()


def test_a_driver_is_made_of_its_group_of_the_parameters(name: str) -> None:
    group = dataclasses.replace(getattr(GimbalParameters(), name), port='/dev/other', tolerance=0.03)
    axis = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.7, upper=0.7)
    kind = FeetechDriver if name == 'feetech' else DynamixelDriver
    parameters = GimbalParameters(driver=name, pan=axis, tilt=axis, **{name: group})
    assert list(kind.devices(parameters)) == ['/dev/other']
    driver = kind.make(parameters, 'turret')
    assert isinstance(driver, kind)
    assert driver._parameters == group  # noqa: SLF001
    assert driver.resolution == (0.03, 0.03)


def test_positions_are_measured(rig: Rig) -> None:
    rig.pan.shaft.position, rig.tilt.shaft.position = 2148.0, 1948.0
    rig.driver.open()
    sample = rig.driver.read()
    assert rig.driver.position_source is PositionSource.MEASURED
    assert (sample.pan.position, sample.tilt.position) == (
        pytest.approx(100 * COUNT), pytest.approx(-100 * COUNT))


@pytest.mark.parametrize('lost', [2, 3])
def test_a_state_that_is_lost_is_asked_for_three_times(rig: Rig, lost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    states = rig.driver.bus.states

    def lose(bus: ServoBus, servos: list[int]) -> dict[int, Any]:
        asked.append(len(asked))
        return {servo: state for servo, state in states(bus, servos).items() if servo == 1 or len(asked) > lost}

    monkeypatch.setattr(rig.driver.bus, 'states', lose)
    if lost < 3:
        rig.driver.open()
    else:
        with pytest.raises(TurretError, match='the servo of tilt does not answer with its state'):
            rig.driver.open()
        assert len(asked) == 3


def test_positions_are_unknown_until_servos_with_power_were_read(rig: Rig) -> None:
    rig.driver.open()
    assert not rig.driver.read().known
    rig.driver.enable(True)
    assert rig.driver.read().enabled
    assert not rig.driver.read().known
    rig.wait(0.03)
    assert rig.driver.read().known
    rig.driver.enable(False)
    assert not rig.driver.read().known
    assert not rig.driver.read().enabled


def test_a_head_that_was_moved_by_hand_does_not_jump_when_it_is_powered(rig: Rig) -> None:
    rig.start()
    rig.go()
    rig.wait(1.0)
    rig.driver.enable(False)
    rig.pan.shaft.position = 1700.0
    rig.driver.enable(True)
    rig.wait(0.5)
    assert rig.pan.shaft.position == pytest.approx(1700.0, abs=1.0)
    assert rig.driver.read().pan.position == pytest.approx((1700 - 2048) * COUNT, abs=COUNT)


def test_a_head_beyond_its_end_positions_is_not_powered(rig: Rig) -> None:
    rig.driver.open()
    rig.tilt.shaft.position = 4000.0
    with pytest.raises(TurretError, match='tilt is at 172 degrees') as refusal:
        rig.driver.enable(True)
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert not rig.pan.shaft.powered
    assert not rig.tilt.shaft.powered


@pytest.mark.parametrize(('beyond', 'powered'), [(20, True), (21, False)])
@pytest.mark.parametrize('end', [-1, 1])
def test_a_head_that_sagged_a_little_beyond_an_end_is_powered(rig: Rig, end: int, beyond: int, powered: bool) -> None:
    rig.driver.open()
    rig.pan.shaft.position = 2048.0 + end * (1141 + beyond)
    if powered:
        rig.driver.enable(True)
    else:
        with pytest.raises(TurretError, match='beyond its end positions'):
            rig.driver.enable(True)
    assert rig.pan.shaft.powered is powered


def test_one_lost_answer_at_the_start_is_asked_for_again(rig: Rig) -> None:
    rig.emulated.faults.lose = 1
    rig.driver.open()
    assert rig.driver.read().pan.position == 0.0


def test_the_goal_is_where_the_head_is_before_a_servo_is_powered(rig: Rig) -> None:
    """It may go to its old one at once."""
    rig.driver.open()
    address, size, torque = (42, 2, 40) if rig.driver.name == 'feetech' else (116, 4, 64)
    rig.tilt.store(address, size, 2500)
    rig.tilt.shaft.position = 2100.0
    write, goals = rig.tilt.write, []

    def watched(place: int, data: bytes, now_s: float) -> int:
        if place == torque and data == b'\x01':
            goals.append(rig.tilt.number(address, size))
        return write(place, data, now_s)

    rig.tilt.write = watched
    rig.driver.enable(True)
    assert goals == [2100]


def test_servos_keep_the_end_positions_by_themselves(name: str) -> None:
    rig = Rig(name, pan=BusServoAxis(lower=-0.2, upper=0.3))
    rig.start()
    for target, end in ((2.0, 0.3), (-2.0, -0.2)):
        rig.go(target=target)
        rig.wait(3.0)
        assert rig.driver.read().pan.position == pytest.approx(end, abs=2 * COUNT)
    rig.driver.close()


def test_a_head_that_is_held_does_not_make_up_for_it_at_once(rig: Rig) -> None:
    rig.start()
    rig.pan.shaft.blocked = True
    rig.go(target=1.5)
    rig.wait(5.0)
    goals = [rig.pan.shaft.goal]
    rig.pan.shaft.blocked = False
    assert (rig.pan.shaft.goal - rig.pan.shaft.position) * COUNT == pytest.approx(0.35, abs=0.02)
    while goals[-1] == goals[0]:
        rig.wait(0.01)
        goals.append(rig.pan.shaft.goal)
    assert abs(goals[-1] - goals[0]) < 2.0, 'it starts from standing still'
    rig.wait(0.2)
    assert (rig.pan.shaft.position - 2048) * COUNT < 0.5 * 0.2 + 0.05
    rig.wait(4.0)
    assert rig.driver.read().pan.position == pytest.approx(1.5, abs=2 * COUNT)


def test_the_speed_of_the_order_is_the_maximum_of_the_servo(rig: Rig) -> None:
    rig.start()
    rig.go()
    rig.wait(0.3)
    assert rig.pan.shaft.speed == pytest.approx(0.5 / COUNT, abs=16.0)
    assert rig.driver.read().pan.velocity == pytest.approx(0.5, abs=0.03)


def test_an_inverted_axis_moves_the_other_way(name: str) -> None:
    rig = Rig(name, pan=BusServoAxis(invert=True, center=2000, lower=-0.5, upper=1.5))
    rig.pan.shaft.position = 2000.0
    rig.start()
    rig.go()
    rig.wait(3.0)
    assert rig.pan.shaft.position == pytest.approx(2000 - 1.0 / COUNT, abs=1.0)
    assert rig.driver.read().pan.position == pytest.approx(1.0, abs=COUNT)
    rig.driver.close()


@pytest.mark.parametrize('disturbance', ['corrupt', 'truncate', 'lose', 'noise'])
def test_disturbances_delay_the_motion_and_nothing_else(rig: Rig, disturbance: str) -> None:
    rig.start()
    rig.go(target=0.3)
    for _ in range(20):
        setattr(rig.emulated.faults, disturbance, 1)
        rig.wait(0.1)
    assert rig.driver.read().pan.position == pytest.approx(0.3, abs=2 * COUNT)
    assert abs(rig.driver.read().pan.velocity) < 0.6


def test_an_order_expires_also_while_answers_are_lost(rig: Rig) -> None:
    rig.start()
    begin = rig.driver.read()
    rig.go(begin.t_ns + 100_000_000)
    for _ in range(10):
        rig.emulated.faults.lose = 2
        rig.wait(0.05)
    stopped = rig.pan.shaft.position
    rig.emulated.faults.lose = 0
    rig.wait(0.5)
    assert rig.pan.shaft.position == stopped
    assert (stopped - 2048) * COUNT < 0.5 * 0.13 + 0.5**2 / 20.0 + 0.011


@pytest.mark.parametrize('axis', ['pan', 'tilt'])
def test_a_servo_that_falls_silent_is_a_driver_fault_and_the_other_is_switched_off(rig: Rig, axis: str) -> None:
    rig.start()
    rig.go()
    rig.wait(0.1)
    getattr(rig, axis).dead = True
    other = rig.tilt if axis == 'pan' else rig.pan
    assert f'the {axis} servo' in rig.fault()
    rig.driver.close()
    assert not other.shaft.powered


def test_an_unplugged_adapter_is_a_driver_fault(rig: Rig) -> None:
    rig.start()
    rig.wires[-1].broken = True
    assert 'adapter' in rig.fault()
    rig.driver.close()
    rig.wires[-1].broken = False
    rig.driver.open()
    assert not rig.driver.read().enabled


def test_nothing_is_written_to_servos_without_power(rig: Rig) -> None:
    rig.driver.open()
    written: list[int] = []
    rig.pan.write = lambda address, data, now_s: written.append(address)
    rig.go()
    rig.wait(0.2)
    assert not written


def test_a_servo_that_takes_goals_only_with_power_does_not_jump(rig: Rig) -> None:
    rig.driver.open()
    write, old = rig.pan.write, rig.pan.shaft.position + 500.0

    def deaf(address: int, data: bytes, now_s: float) -> int:
        powered = rig.pan.shaft.powered
        error = write(address, data, now_s)
        if not powered:
            rig.pan.shaft.goal = old
        return error

    rig.pan.write = deaf
    rig.driver.enable(True)
    assert rig.pan.shaft.powered
    assert abs(rig.pan.shaft.goal - 2048.0) < 2.0


def test_a_servo_is_lost_after_three_answers_in_a_row(name: str) -> None:
    rig = Rig(name, period_s=0.05, silence_s=0.06)
    rig.driver.open()
    rig.driver.enable(True)
    rig.wait(0.2)
    rig.pan.dead = True
    began_ns = rig.driver.lockstep.now_ns()
    rig.wait(0.1)
    assert not has_failed(rig.driver)
    assert 'the pan servo' in rig.fault()
    assert rig.driver.lockstep.now_ns() - began_ns <= 150_000_000
    rig.driver.close()


def test_the_limits_of_the_parameters_are_written(name: str) -> None:
    rig = Rig(name, min_voltage=7.0, max_voltage=12.9, max_temperature=61)
    rig.driver.open()
    values = {register.name: register.value for register in rig.driver.registers() if register.axis == 'tilt'}
    assert (values['min_voltage'], values['max_voltage'], values['max_temperature']) == (70, 129, 61)
    rig.driver.close()
    assert FeetechParameters().min_voltage == 6.0, 'two cells that are nearly empty'


def test_closing_releases_the_port(rig: Rig) -> None:
    rig.start()
    rig.driver.close()
    assert rig.wires[-1].closed


def test_an_answer_that_is_lost_after_a_fault_does_not_prevent_the_next_start(
        rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.start()
    rig.pan.dead = True
    rig.fault()
    rig.driver.close()
    rig.pan.dead = False
    states, lost = rig.driver.bus.states, iter([True, True])
    monkeypatch.setattr(
        rig.driver.bus, 'states', lambda bus, servos: {} if next(lost, False) else states(bus, servos))
    rig.driver.open()
    assert not rig.driver.read().enabled


@pytest.mark.parametrize(('missing', 'named'), [([1], 'pan'), ([2], 'tilt'), ([1, 2], 'pan and tilt')])
def test_servos_that_do_not_answer_with_their_state_are_named_and_not_used(
        rig: Rig, monkeypatch: pytest.MonkeyPatch, missing: list[int], named: str) -> None:
    states = rig.driver.bus.states
    monkeypatch.setattr(rig.driver.bus, 'states', lambda bus, servos: {
        servo: state for servo, state in states(bus, servos).items() if servo not in missing})
    with pytest.raises(TurretError, match=f'the servo of {named} does not answer with its state'):
        rig.driver.open()
    assert rig.wires[-1].closed
    assert {register.value for register in rig.driver.registers()} == {None}


def test_two_servos_with_one_id_are_suspected(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both answer at the same time: what is the same in both answers arrives, the rest is garbled."""
    twins, send = type(rig.emulated)([type(rig.tilt)(2, 1000.0)]), EmulatedWire.send

    def send_to_both(wire: EmulatedWire, data: bytes) -> None:
        send(wire, data)
        other = EmulatedWire(twins, rig.driver.lockstep, wire.baud)
        send(other, data)
        mine, its = wire.receive(1, 0.0), other.receive(1, 0.0)
        garbled = bytes(a & b for a, b in zip(mine[-len(its):], its, strict=True)) if its else b''
        wire._arrived = mine[:len(mine) - len(its)] + garbled  # noqa: SLF001  as it arrives

    monkeypatch.setattr(EmulatedWire, 'send', send_to_both)
    with pytest.raises(TurretError, match=r'servo of tilt does not answer with its state: do two servos have the same'):
        rig.driver.open()


def test_faults_together_are_all_named(rig: Rig) -> None:
    rig.start()
    rig.tilt.fail(1 | 4 | 32)
    message = rig.fault()
    for text in ('voltage out of range', 'too hot', 'overload', '31 deg C'):
        assert text in message


def test_a_fault_is_shown_with_the_load_in_percent() -> None:
    with pytest.raises(TurretError, match=r'one reports: overload \(12\.0 V, 30 deg C, load 37 %\)'):
        _refuse_fault('one', ServoState(0, 0.0, True, 0.37, 12.0, 30.0, ('overload',)), True)


def test_an_adapter_that_comes_back_under_another_name_is_named_as_missing_and_then_found(
        name: str, tmp_path: Path) -> None:
    bus = EmulatedFeetechBus if name == 'feetech' else EmulatedDynamixelBus
    link = tmp_path / 'adapter'  # as the links of udev in /dev/serial/by-id, which keep the name
    served = PtyBus(bus())
    link.symlink_to(served.path)
    driver: BusServoDriver = (
        FeetechDriver(FeetechParameters(port=str(link), answer_timeout_s=0.04)) if name == 'feetech'
        else DynamixelDriver(DynamixelParameters(port=str(link), answer_timeout_s=0.04)))
    driver.open()
    served.close()
    wait_until(lambda: has_failed(driver), 60.0)
    link.unlink()
    with pytest.raises(TurretError, match='cannot open') as refusal:
        driver.open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    again = PtyBus(bus())
    link.symlink_to(again.path)
    driver.open()
    assert not driver.read().enabled
    driver.close()
    again.close()


@pytest.mark.parametrize(('bit', 'text'), [(0, 'voltage'), (2, 'too hot'), (5, 'overload')])
def test_faults_of_a_servo_are_driver_faults_with_its_values(rig: Rig, bit: int, text: str) -> None:
    rig.start()
    rig.go()
    rig.wait(0.1)
    rig.tilt.fail(1 << bit)
    message = rig.fault()
    assert 'the tilt servo (ID 2)' in message
    assert text in message
    assert '31 deg C' in message
    rig.driver.close()
    assert not rig.pan.shaft.powered
    assert not rig.tilt.shaft.powered


def test_an_overload_ends_when_the_driver_is_opened_and_powered_again(rig: Rig) -> None:
    rig.start()
    rig.tilt.fail(32)
    rig.fault()
    rig.driver.close()
    rig.start()
    assert rig.tilt.shaft.powered


def test_a_servo_that_was_reset_is_a_driver_fault(rig: Rig) -> None:
    rig.start()
    rig.pan.reset()
    assert 'switched its motor off, or was reset' in rig.fault()


def test_a_servo_that_is_missing_is_named_at_the_start(rig: Rig) -> None:
    rig.tilt.dead = True
    with pytest.raises(TurretError, match=r'the tilt servo \(ID 2\) does not answer at 1000000 Bd') as refusal:
        rig.driver.open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert rig.wires[-1].closed


def test_a_port_that_is_missing_is_a_driver_fault(name: str) -> None:
    driver = FeetechDriver(FeetechParameters(port='/dev/nothing'))
    with pytest.raises(TurretError, match='cannot open the servo bus /dev/nothing') as refusal:
        driver.open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    driver.close()


def test_the_bus_watchdog_stops_a_dynamixel_without_packets() -> None:
    pytest.importorskip('dynamixel_sdk')
    rig = Rig('dynamixel')
    rig.start()
    assert rig.pan.number(98, 1) == 10
    rig.pan.write(116, (2500).to_bytes(4, 'little'), 0.0)
    rig.pan.shaft.advance(1e-9 * rig.driver.lockstep.now_ns() + 0.25)
    rig.pan.hear(1e-9 * rig.driver.lockstep.now_ns() + 0.25)  # type: ignore[attr-defined]
    assert 'stopped by its bus watchdog' in rig.fault()
    rig.driver.close()
    rig.start()
    rig.driver.close()


def test_the_control_tables_are_shown_as_registers(rig: Rig) -> None:
    rig.driver.open()
    registers = {(register.axis, register.name): register.value for register in rig.driver.registers()}
    assert registers['pan', 'id'] == 1
    assert registers['tilt', 'position'] == 2048
    with pytest.raises(TurretError) as refusal:
        rig.driver.write_register('pan', 40, 1)
    assert refusal.value.code is ReasonCode.READ_ONLY


def test_a_servo_that_does_not_answer_is_not_asked_for_each_of_its_registers(rig: Rig) -> None:
    rig.driver.open()
    rig.pan.dead = True
    asked: list[int] = []
    read = rig.driver._bus.read  # noqa: SLF001  the bus under the driver

    def watched(servo: int, address: int, size: int) -> bytes:
        asked.append(servo)
        return bytes(read(servo, address, size))

    rig.driver._bus.read = watched  # noqa: SLF001
    registers = rig.driver.registers()
    assert asked.count(1) == 3
    assert {register.value for register in registers if register.axis == 'pan'} == {None}
    assert len([register for register in registers if register.axis == 'tilt' and register.value is not None]) > 20


def test_the_whole_gimbal_homes_and_keeps_its_limits(rig: Rig) -> None:
    axis = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.3, upper=0.5, max_velocity=1.0)
    gimbal = Gimbal(GimbalParameters(driver=rig.driver.name, pan=axis, tilt=axis), rig.driver.resolution)
    rig.pan.shaft.position = 2200.0
    rig.driver.open()
    ends: list[TurretError | None] = []
    powered = False
    for tick in range(400):
        now_ns = rig.driver.lockstep.now_ns()
        if tick == 1:
            gimbal.start_homing(ends.append)
        elif ends:
            gimbal.command(Command(
                CommandMode.VELOCITY, NAN, NAN, 1.0, -1.0, tick, monotonic_ns=now_ns), now_ns)
        motions = gimbal.tick(rig.driver.read(), ReasonCode.OK, now_ns)
        if motions.enabled != powered:
            powered = motions.enabled
            rig.driver.enable(powered)
        rig.driver.command(motions.pan, motions.tilt, NEVER)
        rig.wait(0.01)
    assert ends == [None]
    assert rig.driver.read().pan.position == pytest.approx(0.5, abs=2 * COUNT)
    assert rig.driver.read().tilt.position == pytest.approx(-0.3, abs=2 * COUNT)


def test_a_position_that_cannot_be_is_a_driver_fault(rig: Rig) -> None:
    rig.start()
    rig.go()
    rig.wait(0.1)
    rig.tilt.shaft.position = rig.tilt.shaft.goal = 4000.0
    assert 'the tilt servo (ID 2) reports position 4000, far beyond its end positions' in rig.fault()
    rig.driver.close()
    assert not rig.pan.shaft.powered
    assert not rig.tilt.shaft.powered


@pytest.mark.parametrize('way', [500.0, -500.0])
def test_a_position_that_jumps_is_a_driver_fault(rig: Rig, way: float) -> None:
    rig.start()
    rig.go()
    rig.wait(0.1)
    rig.pan.shaft.position += way
    assert 'the pan servo (ID 1) reports that it turned by' in rig.fault()
    rig.driver.close()
    assert not rig.pan.shaft.powered
    assert not rig.tilt.shaft.powered


def test_a_servo_that_moves_while_its_answers_are_lost_did_not_jump(rig: Rig) -> None:
    rig.start()
    rig.driver.command(AxisMotion(1.0, 4.0, 100.0), STILL, NEVER)
    for _ in range(4):
        rig.emulated.faults.lose = 8
        rig.wait(0.1)
    assert rig.driver.read().pan.position == pytest.approx(1.0, abs=2 * COUNT)


@pytest.mark.parametrize('max_torque', [0.5, 1.0])
def test_a_servo_that_restarts_and_powers_itself_is_a_driver_fault(name: str, max_torque: float) -> None:
    """Its limits and its watchdog are gone then, and its head may have sagged meanwhile."""
    rig = Rig(name, max_torque=max_torque)
    rig.start()
    rig.go()
    rig.wait(0.1)
    rig.tilt.reset()
    rig.tilt.write(64 if name == 'dynamixel' else 40, b'\x01', 1e-9 * rig.driver.lockstep.now_ns())
    assert 'the tilt servo (ID 2) reports: restarted' in rig.fault()
    rig.driver.close()
    rig.start()
    rig.driver.close()


@pytest.mark.parametrize(('beyond', 'text'), [(201, 'far beyond its end positions'), (200, 'that it turned by')])
@pytest.mark.parametrize('end', [-1, 1])
def test_a_position_is_far_beyond_an_end_from_201_counts_on(name: str, end: int, beyond: int, text: str) -> None:
    rig = Rig(name, pan=BusServoAxis(lower=-0.3, upper=0.3))
    rig.start()
    rig.pan.shaft.position = rig.pan.shaft.goal = 2048.0 + end * (196 + beyond)
    assert text in rig.fault()
    rig.driver.close()


@pytest.mark.parametrize(('at', 'after'), [(4090.0, 5.0), (5.0, 4090.0)])
def test_a_position_that_passes_the_end_of_the_encoder_is_a_driver_fault(name: str, at: float, after: float) -> None:
    rig = Rig(name, pan=BusServoAxis(lower=-3.14, upper=3.14))
    rig.pan.shaft.position = at
    rig.start()
    rig.pan.shaft.position = rig.pan.shaft.goal = after
    assert 'that it turned by 4085 counts' in rig.fault()
    rig.driver.close()


def test_power_that_one_servo_does_not_take_is_taken_from_the_other(rig: Rig) -> None:
    rig.driver.open()
    put = rig.driver._bus.put  # noqa: SLF001  the servo that refuses

    def refuse(servo: int, name: str, value: int) -> None:
        if (servo, name, value) == (2, 'torque', 1):
            raise TurretError(ReasonCode.DRIVER_FAULT, 'servo 2 does not take torque = 1')
        put(servo, name, value)

    rig.driver._bus.put = refuse  # noqa: SLF001
    with pytest.raises(TurretError, match='servo 2 does not take'):
        rig.driver.enable(True)
    assert not rig.pan.shaft.powered
    assert not rig.driver.read().enabled


def test_the_check_shows_what_the_hand_does(rig: Rig) -> None:
    lines: list[str] = []
    slept: list[float] = []
    rig.pan.shaft.position, rig.tilt.shaft.position = 1700.0, 2300.0

    def sleep(seconds: float) -> None:
        rig.pan.shaft.position += 2.0
        rig.tilt.shaft.position -= 1.0
        slept.append(seconds)
        rig.wait(seconds)

    assert show_servos(rig.driver, Dialog(lines.append, lambda question: 'no', sleep))
    assert slept == [0.1] * 100
    assert [line[:5] for line in lines if 'angle fell' in line] == ['tilt:']
    assert [line.split()[1] for line in lines if 'counts' in line] == [
        str(position + way * step) for step in range(0, 100, 20) for position, way in ((1700, 2), (2300, -1))]
    for moved in ('pan: moved by 17.', 'tilt: moved by 8.'):
        assert moved in ''.join(lines)
    assert rig.wires[-1].closed
    assert '12.1 V' in ''.join(lines)
    assert 'Move the head by hand' in lines[0]


def test_a_driver_on_a_pseudo_terminal_follows_in_real_time(name: str) -> None:
    emulated = EmulatedFeetechBus() if name == 'feetech' else EmulatedDynamixelBus()
    served = PtyBus(emulated)
    driver: BusServoDriver = (
        FeetechDriver(FeetechParameters(port=served.path, answer_timeout_s=0.04)) if name == 'feetech'
        else DynamixelDriver(DynamixelParameters(port=served.path, answer_timeout_s=0.04)))
    try:
        driver.open()
        driver.enable(True)
        deadline = time.monotonic() + 20.0
        while time.monotonic() < deadline and abs(driver.read().pan.position - 0.4) > 0.01:
            driver.command(AxisMotion(0.4, 1.0, 10.0), STILL, time.monotonic_ns() + 200_000_000)
            time.sleep(0.005)
        assert driver.read().pan.position == pytest.approx(0.4, abs=0.01)
        assert driver.read().known
    finally:
        driver.close()
        served.close()
    assert not any(servo.shaft.powered for servo in emulated.servos)


def test_parameters_that_cannot_work_are_refused(name: str) -> None:
    axis = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.7, upper=0.7)
    good = GimbalParameters(driver=name, pan=axis, tilt=axis)
    group = getattr(good, name)
    for change, error in (
            ({'pan': GimbalAxis()}, 'reference "absolute" or "declared"'),
            ({'pan': dataclasses.replace(axis, limit_switches=True)}, 'no limit_switches'),
            ({'tilt': dataclasses.replace(axis, upper=1.9)}, 'beyond the end positions'),
            ({'tilt': dataclasses.replace(axis, upper=1.9, reference='declared')}, None),
            ({'tilt': dataclasses.replace(axis, lower=-1.75, upper=1.75)}, None),
            ({name: dataclasses.replace(group, pan=BusServoAxis(center=1141))}, None),
            ({name: dataclasses.replace(group, pan=BusServoAxis(center=1140))}, 'within one revolution'),
            ({name: dataclasses.replace(group, pan=BusServoAxis(center=2954))}, None),
            ({name: dataclasses.replace(group, pan=BusServoAxis(center=2955))}, 'within one revolution'),
            ({name: dataclasses.replace(group, pan=BusServoAxis(id=2))}, 'must differ'),
            ({name: dataclasses.replace(group, baud=12345)}, 'baud must be one of'),
            ({name: dataclasses.replace(group, pan=BusServoAxis(id=253), baud=57_600)},
             None if name == 'feetech' else 'must not be above 252'),
            ({name: dataclasses.replace(group, pan=BusServoAxis(center=100))}, 'within one revolution')):
        if error is None:
            dataclasses.replace(good, **change)
            continue
        with pytest.raises(ValueError, match=error):
            dataclasses.replace(good, **change)
    for low in (13.5, 14.0):
        with pytest.raises(ValueError, match='below max_voltage'):
            FeetechParameters(min_voltage=low, max_voltage=13.5)
    with pytest.raises(ValueError, match='within one revolution'):
        dataclasses.replace(good, **{name: dataclasses.replace(group, pan=BusServoAxis(lower=0.0, upper=0.0))})

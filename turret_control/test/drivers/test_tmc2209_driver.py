# SPDX-License-Identifier: Apache-2.0
"""The TMC2209 driver: chips set up before anything moves, and watched."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import pytest
from tmc_bus import FakePort
from wired_pins import WIRING, Lockstep, WiredFactory, WiredMotor

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.tmc2209 import CHOPCONF, GSTAT, IHOLD_IRUN, PWMCONF, SLAVECONF, VACTUAL
from turret_control.drivers.tmc2209 import Tmc2209Driver, Tmc2209Parameters
from turret_control.gimbal_parameters import GimbalParameters


def fault(driver: Driver) -> TurretError:
    """Return the fault that the next readings report."""
    def raised() -> TurretError | None:
        try:
            driver.read()
        except TurretError as error:
            return error
        return None
    return wait_until(raised)  # type: ignore[no-any-return]


class Driver(Lockstep, Tmc2209Driver):
    """The real driver on a clock that stands still and a port with two chips."""

    def __init__(self, port: FakePort) -> None:
        factory = WiredFactory()
        self.motor = WiredMotor(factory, WIRING.pan, WIRING, (-600, 600))
        super().__init__(WIRING, Tmc2209Parameters(), factory, open_uart=lambda parameters: port, check_s=0.02)


@pytest.fixture
def port() -> FakePort:
    return FakePort()


@pytest.fixture
def driver(port: FakePort) -> Iterator[Driver]:
    driver = Driver(port)
    yield driver
    driver.close()


def test_opening_sets_both_chips_up_with_the_motors_off(driver: Driver, port: FakePort) -> None:
    driver.open()
    for chip in port.chips.values():
        assert chip.registers[CHOPCONF] == 0x15010043
        assert chip.registers[IHOLD_IRUN] == 0x00041008
        assert chip.registers[GSTAT] == 0
    assert not driver.motor.powered
    driver.close()
    assert port.closed


def test_all_chips_on_the_wire_wait_before_they_answer_when_the_first_is_read(driver: Driver, port: FakePort) -> None:
    driver.open()
    assert port.early == 0
    assert [data[1] for data in port.sent[:2]] == [0, 1]
    assert all(chip.registers[SLAVECONF] == 0x200 for chip in port.chips.values())


def test_a_chip_that_another_program_changes_is_noticed(driver: Driver, port: FakePort) -> None:
    driver.open()
    port.chips[1].write(VACTUAL, 500)
    assert 'another program' in fault(driver).message


@pytest.mark.parametrize('trouble', ['silent', 'deaf'])
def test_a_chip_that_does_not_confirm_fails_the_opening(driver: Driver, port: FakePort, trouble: str) -> None:
    setattr(port.chips[1], trouble, True)
    with pytest.raises(TurretError, match='address 1') as refusal:
        driver.open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert port.closed
    assert not driver.motor.powered


def test_a_chip_that_was_reset_is_noticed_within_a_second(driver: Driver, port: FakePort) -> None:
    driver.open()
    driver.enable(True)
    driver.read()
    port.chips[0].registers[GSTAT] = 1
    assert 'lost its settings' in fault(driver).message


def test_a_broken_port_is_a_driver_fault(driver: Driver, port: FakePort) -> None:
    driver.open()
    port.broken = True
    refusal = fault(driver)
    assert 'unplugged' in refusal.message
    assert refusal.code is ReasonCode.DRIVER_FAULT


def test_a_port_that_vanishes_is_a_driver_fault(driver: Driver, port: FakePort) -> None:
    driver.open()
    port.vanished = True
    assert 'Input/output error' in fault(driver).message
    assert {register.value for register in driver.registers() if register.name == 'GSTAT'} == {None}


def test_a_uart_that_blocks_does_not_hold_up_the_motors(driver: Driver, port: FakePort) -> None:
    driver.open()
    blocked, go_on = threading.Event(), threading.Event()
    read = port.read

    def wait(size: int) -> bytes:
        blocked.set()
        go_on.wait(10.0)
        return read(size)
    port.read = wait  # type: ignore[method-assign]
    reader = threading.Thread(target=driver.registers)
    reader.start()
    try:
        assert blocked.wait(10.0)
        driver.read()
        driver.enable(True)
        assert driver.read().enabled
        driver.enable(False)
        assert not driver.read().enabled
        assert reader.is_alive()
    finally:
        go_on.set()
        reader.join(10.0)


def test_registers_are_shown_and_some_can_be_written(driver: Driver, port: FakePort) -> None:
    driver.open()
    driver.write_register('tilt', IHOLD_IRUN, 0x00020A05)
    shown = {(register.axis, register.name): register.value for register in driver.registers()}
    assert shown['tilt', 'IHOLD_IRUN'] == port.chips[1].registers[IHOLD_IRUN] == 0x00020A05
    assert shown['pan', 'IHOLD_IRUN'] == 0x00041008
    assert shown['pan', 'CHOPCONF'] == 0x15010043
    port.chips[0].silent = True
    shown = {(register.axis, register.name): register.value for register in driver.registers()}
    assert shown['pan', 'CHOPCONF'] is None


@pytest.mark.parametrize(('axis', 'address', 'value', 'code'), [
    ('roll', IHOLD_IRUN, 0, ReasonCode.UNKNOWN_NAME), ('pan', CHOPCONF, 0, ReasonCode.READ_ONLY),
    ('pan', 0x22, 1000, ReasonCode.READ_ONLY), ('pan', IHOLD_IRUN, 2**32, ReasonCode.OUT_OF_RANGE),
    ('pan', IHOLD_IRUN, -1, ReasonCode.OUT_OF_RANGE), ('pan', IHOLD_IRUN, 0x1F00, ReasonCode.OUT_OF_RANGE),
    ('tilt', PWMCONF, 0x24, ReasonCode.OUT_OF_RANGE)])
def test_other_registers_are_not_written(
        driver: Driver, port: FakePort, axis: str, address: int, value: int, code: ReasonCode) -> None:
    driver.open()
    sent = len(port.sent)
    with pytest.raises(TurretError) as refusal:
        driver.write_register(axis, address, value)
    assert refusal.value.code is code
    assert len(port.sent) == sent


def test_a_port_that_is_not_there_is_a_driver_fault(tmp_path: object) -> None:
    from turret_control.drivers.tmc2209 import open_port
    with pytest.raises(TurretError, match='no UART'):
        open_port(Tmc2209Parameters(port=f'{tmp_path}/nothing'))


def test_parameters_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match='must differ'):
        Tmc2209Parameters(pan_address=1)
    odd = dataclasses.replace(WIRING, pan=dataclasses.replace(WIRING.pan, microsteps=10))
    with pytest.raises(ValueError, match='microsteps must be'):
        GimbalParameters(
            driver='tmc2209', step_dir=odd, pan=GimbalAxis(max_velocity=1.0), tilt=GimbalAxis(max_velocity=1.0))

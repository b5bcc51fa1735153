# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver for two TMC2209: motion by step pulses, currents and microsteps over their UART.

The chip could also rotate a motor by itself (VACTUAL), but it would continue when this process dies, without counting;
step pulses end with the process and are counted. The UART has a thread of its own for the periodic check, because an
unanswered read takes a tenth of a second. A fault that it finds is raised by the next :meth:`Tmc2209Driver.read`.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_common.registry import group_of
from turret_common.threads.clock import Clock
from turret_control.devices.tmc2209 import (
    REGISTERS,
    WRITABLE,
    WRITE_ONLY,
    Chip,
    ChipSettings,
    Port,
    keeps_current,
)
from turret_control.drivers.driver import Dialog, DriverParameters, GimbalDriver, GimbalSample, Register
from turret_control.drivers.step_dir import StepDirDriver, StepDirParameters
from turret_control.servo_bus.wire import lost_port

_ANSWER_S = 0.02

ResultT = TypeVar('ResultT')


@dataclasses.dataclass(frozen=True)
class Tmc2209Parameters:
    """Two TMC2209 on one UART; steps come from the pins of ``step_dir``. Currents are in 32nds of the full one."""

    port: str = param('/dev/serial0', 'Serial port of the drivers')
    baud: int = param(115200, 'Baud rate of the serial port', unit='Bd', minimum=9600, maximum=500000)
    echo: bool = param(True, 'Single-wire connection, on which every transmitted byte is received again')
    pan_address: int = param(0, 'Address of the pan driver, set by its pins MS1 and MS2', minimum=0, maximum=3)
    tilt_address: int = param(1, 'Address of the tilt driver, set by its pins MS1 and MS2', minimum=0, maximum=3)
    run_current: int = param(
        16, 'Motor current in motion, in 32nds of full scale minus one (IRUN)', minimum=0, maximum=31)
    hold_current: int = param(
        8, 'Motor current at standstill (IHOLD); never 0, since nothing would hold the head', minimum=1, maximum=31)
    hold_delay: int = param(4, 'Ramp time from run to hold current (IHOLDDELAY)', minimum=0, maximum=15)
    power_down_delay: int = param(
        20, 'Standstill before the current is reduced, in units of 22 ms (TPOWERDOWN)', minimum=2, maximum=255)
    spread_cycle: bool = param(False, 'SpreadCycle mode: more torque at speed, more noise')

    def __post_init__(self) -> None:
        if self.pan_address == self.tilt_address:
            raise ValueError('tmc2209.pan_address and tilt_address must differ')


def open_port(parameters: Tmc2209Parameters) -> Any:
    """Return the serial port.

    Raises:
        TurretError: DRIVER_FAULT, it is not there or taken.
    """
    import serial  # only where there is a port

    try:
        return serial.Serial(
            parameters.port, parameters.baud, timeout=_ANSWER_S, write_timeout=_ANSWER_S, exclusive=True)
    except (serial.SerialException, OSError) as error:
        raise TurretError(ReasonCode.DRIVER_FAULT, f'no UART to the motor drivers: {error}') from error


def show_registers(driver: GimbalDriver, dialog: Dialog) -> bool:
    """Show the registers of the motor driver chips, after writing and verifying their settings."""
    driver.open()
    try:
        values = driver.registers()
        for register in values:
            text = 'no answer' if register.value is None else f'0x{register.value:08X}'
            dialog.say(f'{register.axis:5}{register.name:12}0x{register.address:02X}  {text}')
        return all(register.value is not None for register in values)
    finally:
        driver.close()


class Tmc2209Driver(StepDirDriver):
    """Steps like :class:`StepDirDriver`; configures the chips first and checks them once a second."""

    name: ClassVar[str] = 'tmc2209'
    groups: ClassVar[Mapping[str, type]] = {'step_dir': StepDirParameters, 'tmc2209': Tmc2209Parameters}
    hardware_checks: ClassVar[Mapping[str, Callable[[GimbalDriver, Dialog], bool]]] = {'uart': show_registers}

    @classmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        return cls(group_of(parameters, StepDirParameters), group_of(parameters, Tmc2209Parameters))

    @classmethod
    def check_parameters(cls, parameters: DriverParameters) -> None:
        super().check_parameters(parameters)
        steps = group_of(parameters, StepDirParameters)
        for name, motor in (('pan', steps.pan), ('tilt', steps.tilt)):
            if motor.microsteps & (motor.microsteps - 1):
                raise ValueError(f'step_dir.{name}.microsteps must be 1, 2, 4, ... or 256 for a TMC2209')

    @classmethod
    def devices(cls, parameters: DriverParameters) -> Iterator[str]:
        yield from super().devices(parameters)
        yield group_of(parameters, Tmc2209Parameters).port

    def __init__(
            self, steps: StepDirParameters, uart: Tmc2209Parameters, factory: Any = None, clock: Clock | None = None,
            open_uart: Callable[[Tmc2209Parameters], Any] = open_port, check_s: float = 1.0) -> None:
        """Drive the pins and chips that the parameters name.

        Args:
            steps: pins and gearing.
            uart: port, addresses and currents.
            factory: as for :class:`StepDirDriver`.
            clock: as for :class:`StepDirDriver`.
            open_uart: opens the serial port.
            check_s: time between two checks of the chips [s].
        """
        super().__init__(steps, factory, clock)
        self._steps = steps
        self._uart = uart
        self._open_uart = open_uart
        self._check_s = check_s
        self._port: Any = None
        self._chips: dict[str, Chip] = {}
        self._uart_lock = threading.Lock()  # held while the UART is used
        self._uart_error: TurretError | None = None
        self._uart_thread: threading.Thread | None = None
        self._uart_ended = threading.Event()

    def open(self) -> None:
        super().open()
        try:
            self._port = self._open_uart(self._uart)
            port: Port = self._port
            self._chips = {
                'pan': Chip(port, self._uart.pan_address, self._uart.echo),
                'tilt': Chip(port, self._uart.tilt_address, self._uart.echo)}
            self._talk(self._configure)
        except TurretError:
            self.close()
            raise
        self._uart_error = None
        self._uart_ended.clear()
        self._uart_thread = threading.Thread(target=self._check_periodically, name='uart', daemon=True)
        self._uart_thread.start()

    def close(self) -> None:
        self._uart_ended.set()
        super().close()  # the motors are off before the UART is waited for
        if self._uart_thread is not None:
            self._uart_thread.join()
            self._uart_thread = None
        if self._port is not None:
            self._port.close()
            self._port = None
        self._chips = {}

    def read(self) -> GimbalSample:
        if self._uart_error is not None:
            raise self._uart_error.again()
        return super().read()

    def registers(self) -> list[Register]:
        return [register for axis, chip in self._chips.items() for register in self._registers_of(axis, chip)]

    def _registers_of(self, axis: str, chip: Chip) -> Iterator[Register]:
        """Give the registers of a chip; once it does not answer the rest is not asked for."""
        answers = True
        for name, address in REGISTERS.items():
            value = chip.written.get(address)
            if address not in WRITE_ONLY:
                value = self._value(chip, address) if answers else None
                answers = value is not None
            yield Register(axis, name, address, value)

    def write_register(self, axis: str, address: int, value: int) -> None:
        if axis not in self._chips:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'axis "{axis}" does not exist')
        if address not in WRITABLE:
            raise TurretError(ReasonCode.READ_ONLY, f'register 0x{address:02X} cannot be written')
        if not 0 <= value < 2**32:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'{value} does not fit a register')
        if not keeps_current(address, value):
            raise TurretError(
                ReasonCode.OUT_OF_RANGE, f'{value:#x} in register 0x{address:02X} would leave the head without current')
        self._talk(lambda: self._chips[axis].write(address, value))

    def _configure(self) -> None:
        for chip in self._chips.values():
            chip.share_wire()
        for chip, motor in zip(self._chips.values(), (self._steps.pan, self._steps.tilt), strict=True):
            chip.configure(ChipSettings(
                self._uart.run_current, self._uart.hold_current, self._uart.hold_delay, self._uart.power_down_delay,
                motor.microsteps, self._uart.spread_cycle))

    def _check_periodically(self) -> None:
        while not self._uart_ended.wait(self._check_s):
            try:
                for chip in self._chips.values():
                    self._talk(chip.check)
            except TurretError as error:
                self._uart_error = error
                return

    def _value(self, chip: Chip, address: int) -> int | None:
        try:
            return self._talk(lambda: chip.read(address))
        except TurretError:
            return None

    def _talk(self, use: Callable[[], ResultT]) -> ResultT:
        """Use the UART, whose loss is a driver fault."""
        try:
            with self._uart_lock, lost_port():
                return use()
        except OSError as error:  # SerialException is one
            raise TurretError(ReasonCode.DRIVER_FAULT, f'the UART to the motor drivers failed: {error}') from error

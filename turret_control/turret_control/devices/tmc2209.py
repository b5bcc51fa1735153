# SPDX-License-Identifier: Apache-2.0
"""The UART of the TMC2209 stepper driver chip: datagrams, registers and what they mean.

Source: TMC2209 datasheet (Trinamic/ADI, rev. 1.09), chapters 4 (UART), 5 (registers). One wire carries both
directions, so everything that is sent comes back first; the chip answers to address 0xFF, and counts every write that
it accepted in IFCNT.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_SYNC = 0x05
_MASTER = 0xFF
_WRITE = 0x80
_ATTEMPTS = 3

GCONF, GSTAT, IFCNT, SLAVECONF, IHOLD_IRUN, TPOWERDOWN = 0x00, 0x01, 0x02, 0x03, 0x10, 0x11
TPWMTHRS, TCOOLTHRS, VACTUAL, SGTHRS, COOLCONF = 0x13, 0x14, 0x22, 0x40, 0x42
CHOPCONF, DRV_STATUS, PWMCONF = 0x6C, 0x6F, 0x70

#: The registers that are shown, by name.
REGISTERS = {
    'GCONF': GCONF, 'GSTAT': GSTAT, 'IFCNT': IFCNT, 'IHOLD_IRUN': IHOLD_IRUN, 'TPOWERDOWN': TPOWERDOWN,
    'TPWMTHRS': TPWMTHRS, 'TCOOLTHRS': TCOOLTHRS, 'VACTUAL': VACTUAL, 'SGTHRS': SGTHRS, 'COOLCONF': COOLCONF,
    'CHOPCONF': CHOPCONF, 'DRV_STATUS': DRV_STATUS, 'PWMCONF': PWMCONF}
#: Those that cannot be read back, which are remembered instead.
WRITE_ONLY = frozenset({SLAVECONF, IHOLD_IRUN, TPOWERDOWN, TPWMTHRS, TCOOLTHRS, VACTUAL, SGTHRS, COOLCONF})
#: Those that an operator may change: they set currents and tuning, nothing that moves or unlocks anything.
WRITABLE = frozenset({IHOLD_IRUN, TPOWERDOWN, TPWMTHRS, TCOOLTHRS, PWMCONF})

GSTAT_RESET, GSTAT_DRV_ERR, GSTAT_UV_CP = 1, 2, 4
_SENDDELAY = 2 << 8  # in SLAVECONF: where several chips share the wire it must be set before any of them answers
_IHOLD = 0x1F  # in IHOLD_IRUN
_PWM_AUTOSCALE = 1 << 18  # in PWMCONF: the current is regulated
_PWMCONF_RESET = 0xC10D0024


class Port(Protocol):
    """A serial port, such as pyserial's with a time-out."""

    def write(self, data: bytes) -> object:
        """Send all of ``data``."""
        ...

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer after the time-out."""
        ...

    def reset_input_buffer(self) -> None:
        """Forget what has arrived."""
        ...


def crc8(data: bytes) -> int:
    """Return the checksum of a datagram without its last byte: x^8 + x^2 + x + 1, each byte from its lowest bit."""
    crc = 0
    for byte in data:
        for _ in range(8):
            crc = ((crc << 1) ^ 0x07) & 0xFF if (crc >> 7) ^ (byte & 1) else (crc << 1) & 0xFF
            byte >>= 1
    return crc


def _datagram(*data: int) -> bytes:
    body = bytes(data)
    return body + bytes([crc8(body)])


def read_request(node: int, register: int) -> bytes:
    """Return the datagram that asks a chip for a register."""
    return _datagram(_SYNC, node, register)


def write_request(node: int, register: int, value: int) -> bytes:
    """Return the datagram that writes a register."""
    return _datagram(_SYNC, node, register | _WRITE, *value.to_bytes(4, 'big'))


def parse_reply(reply: bytes, register: int) -> int | None:
    """Return the value in a chip's answer; None when it is not a valid answer for that register."""
    if len(reply) != 8 or reply[:3] != bytes([_SYNC, _MASTER, register]) or crc8(reply[:7]) != reply[7]:
        return None
    return int.from_bytes(reply[3:7], 'big')


@dataclasses.dataclass(frozen=True)
class ChipSettings:
    """Motor settings of a chip.

    Attributes:
        run_current, hold_current: 0 to 31, in 32nds of the full current that the sense resistors set.
        hold_delay: 0 to 15, how slowly the current falls to the hold current.
        power_down_delay: 0 to 255, from standstill to the hold current, in units of about 22 ms.
        microsteps: 1, 2, 4, ... 256 per full step.
        spread_cycle: chopper for torque at speed; otherwise the silent one.
    """

    run_current: int
    hold_current: int
    hold_delay: int
    power_down_delay: int
    microsteps: int
    spread_cycle: bool

    def registers(self) -> dict[int, int]:
        """Return the value of every register that decides about motion or current, in the order of writing."""
        resolution = 8 - (self.microsteps.bit_length() - 1)                 # MRES: 0 = 256, 8 = full steps
        return {
            SLAVECONF: _SENDDELAY,
            VACTUAL: 0,                                                     # motion by step pulses only
            GCONF: (1 << 6) | (1 << 7) | (1 << 8) | (self.spread_cycle << 2),  # PDN off, MRES from here, filtered steps
            CHOPCONF: (1 << 28) | (resolution << 24) | (2 << 15) | (4 << 4) | 3,   # INTPOL, MRES, TBL, HSTRT, TOFF
            IHOLD_IRUN: (self.hold_delay << 16) | (self.run_current << 8) | self.hold_current,
            TPOWERDOWN: self.power_down_delay,
            TPWMTHRS: 0,
            TCOOLTHRS: 0,
            SGTHRS: 0,
            COOLCONF: 0,                                                    # the current does not depend on the load
            PWMCONF: _PWMCONF_RESET,
        }


def keeps_current(register: int, value: int) -> bool:
    """Return whether a motor still has a regulated current at standstill once a register is written."""
    if register == IHOLD_IRUN:
        return value & _IHOLD > 0
    return register != PWMCONF or bool(value & _PWM_AUTOSCALE)


class Chip:
    """One TMC2209 on a shared wire.

    Attributes:
        written: the last value that the chip accepted for each register, for those that cannot be read.
    """

    def __init__(self, port: Port, node: int, echo: bool = True) -> None:
        """Talk to the chip with address ``node`` (0 to 3); ``echo`` where sent bytes come back."""
        self._port = port
        self._node = node
        self._echo = echo
        self._count: int | None = None  # IFCNT after the last write that the chip accepted
        self.written: dict[int, int] = {}

    def read(self, register: int) -> int:
        """Return a register's value.

        Raises:
            TurretError: DRIVER_FAULT, no valid answer in three attempts.
        """
        request = read_request(self._node, register)
        echoed = False
        for _ in range(_ATTEMPTS):
            echoed = self._send(request)
            value = parse_reply(self._port.read(8), register) if echoed else None
            if value is not None:
                return value
        why = f'does not answer for register 0x{register:02X}' if echoed else (
            'is not reached: what is sent does not come back, see tmc2209.echo')
        raise TurretError(ReasonCode.DRIVER_FAULT, f'TMC2209 at address {self._node} {why}')

    def write(self, register: int, value: int) -> None:
        """Write a register and make sure that the chip took it.

        Raises:
            TurretError: DRIVER_FAULT, the chip does not count the write.
        """
        for _ in range(_ATTEMPTS):
            before = self.read(IFCNT)
            self._send(write_request(self._node, register, value))
            count = self.read(IFCNT)
            if count == (before + 1) % 256:
                self._count = count
                self.written[register] = value
                return
        raise TurretError(
            ReasonCode.DRIVER_FAULT, f'TMC2209 at address {self._node} does not take register 0x{register:02X}')

    def share_wire(self) -> None:
        """Make the chip wait before it answers. Call this for every chip on the wire before any of them is read."""
        self._send(write_request(self._node, SLAVECONF, _SENDDELAY))

    def configure(self, settings: ChipSettings) -> None:
        """Write every setting, whatever the chip was set to before, and make sure that it keeps them.

        An earlier reset is forgotten first, so that one that comes while the settings are written is found.

        Raises:
            TurretError: as :meth:`write` and :meth:`check`.
        """
        self.write(GSTAT, GSTAT_RESET | GSTAT_DRV_ERR | GSTAT_UV_CP)
        for register, value in settings.registers().items():
            self.write(register, value)
        self.check()

    def check(self) -> None:
        """Make sure that the chip still runs with its settings and without an error.

        Raises:
            TurretError: DRIVER_FAULT, it was reset or written by another program, reports an error or does not answer.
        """
        status = self.read(GSTAT)
        if status & GSTAT_RESET:
            raise TurretError(ReasonCode.DRIVER_FAULT, f'TMC2209 at address {self._node} lost its settings in a reset')
        if status:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'TMC2209 at address {self._node} switched its motor off, GSTAT {status}')
        if self.read(IFCNT) != self._count:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'TMC2209 at address {self._node} was written by another program')

    def _send(self, data: bytes) -> bool:
        """Send a datagram; return whether it came back as it was sent, where it must."""
        self._port.reset_input_buffer()
        self._port.write(data)
        return not self._echo or self._port.read(len(data)) == data

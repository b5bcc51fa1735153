"""The PCA9685, a board that makes PWM pulses on 16 channels, over I2C.

Source: PCA9685 datasheet (NXP, rev. 4), chapter 7.3. It counts 4096 ticks per frame from its own 25 MHz clock, which
is good to a few percent only.
"""

from __future__ import annotations

import fcntl
import os
from typing import Protocol

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_MODE1, _MODE2, _LED0, _PRESCALE = 0x00, 0x01, 0x06, 0xFE
_SLEEP, _AUTO_INCREMENT, _TOTEM_POLE = 0x10, 0x20, 0x04
_OFF = 0x10  # in the highest byte of a channel: no pulses at all
_TICKS = 4096
_CLOCK_HZ = 25_000_000
_I2C_SLAVE = 0x0703


class Bus(Protocol):
    """The way to one device on an I2C bus."""

    def write(self, data: bytes) -> None:
        """Send bytes in one message; raise OSError without an acknowledge."""
        ...

    def close(self) -> None:
        """Release the bus."""
        ...


class LinuxBus:
    """One device behind ``/dev/i2c-*``."""

    def __init__(self, number: int, address: int) -> None:
        """Open the bus; raise OSError when it is not there."""
        self._file = os.open(f'/dev/i2c-{number}', os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._file, _I2C_SLAVE, address)
        except OSError:
            os.close(self._file)
            raise

    def write(self, data: bytes) -> None:
        """Send bytes in one message."""
        os.write(self._file, data)

    def close(self) -> None:
        """Release the bus."""
        os.close(self._file)


def open_bus(number: int, address: int) -> Bus:
    """Return the way to a device.

    Raises:
        TurretError: DRIVER_FAULT, there is no such bus.
    """
    try:
        return LinuxBus(number, address)
    except OSError as error:
        raise TurretError(ReasonCode.DRIVER_FAULT, f'no I2C bus {number} to the servo board: {error}') from error


class Pca9685:
    """Two servos on a PCA9685. Raises TurretError with DRIVER_FAULT when it does not answer."""

    def __init__(self, bus: Bus, channels: tuple[int, int], frequency_hz: float) -> None:
        """Switch the pulses of both channels off and set the frame rate, which the chip takes only while it sleeps."""
        self._bus = bus
        self._channels = channels
        self._frequency_hz = frequency_hz
        try:
            self._write(_MODE1, _SLEEP | _AUTO_INCREMENT)
            for axis in (0, 1):
                self.pulse(axis, None)
            self._write(_PRESCALE, round(_CLOCK_HZ / (_TICKS * frequency_hz)) - 1)
            self._write(_MODE2, _TOTEM_POLE)
            self._write(_MODE1, _AUTO_INCREMENT)
        except TurretError:
            bus.close()
            raise

    def pulse(self, axis: int, width_s: float | None) -> None:
        """Give a servo pulses of this width; None for none at all."""
        ticks = 0 if width_s is None else round(width_s * self._frequency_hz * _TICKS)
        high = _OFF if width_s is None else ticks >> 8
        self._write(_LED0 + 4 * self._channels[axis], 0, 0, ticks & 0xFF, high)

    def close(self) -> None:
        """End the pulses and release the bus."""
        try:
            for axis in (0, 1):
                self.pulse(axis, None)
        finally:
            self._bus.close()

    def _write(self, register: int, *data: int) -> None:
        try:
            self._bus.write(bytes([register, *data]))
        except OSError as error:
            raise TurretError(ReasonCode.DRIVER_FAULT, f'the servo board does not answer: {error}') from error

# SPDX-License-Identifier: Apache-2.0
"""The PCA9685, a board that makes PWM pulses on 16 channels, over I2C.

Source: PCA9685 datasheet (NXP, rev. 4), chapter 7.3. It counts 4096 ticks per frame from its own 25 MHz clock, which
is good to a few percent only. New counts take effect once the pulse under way is complete; the bit "full OFF" and the
sleep of the oscillator take effect at once, in the middle of a pulse, for which a servo may jump (Pi4J/pi4j-v1#540).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_MODE1, _MODE2, _LED0, _PRESCALE = 0x00, 0x01, 0x06, 0xFE
_SLEEP, _AUTO_INCREMENT, _TOTEM_POLE = 0x10, 0x20, 0x04
_OFF = 0x10  # in the highest byte of a channel: no pulses at all
_TICKS = 4096
_CLOCK_HZ = 25_000_000
_I2C_SLAVE = 0x0703
#: Longest frame that another program may have set [s].
_MAX_FRAME_S = 0.05
#: Time until the oscillator runs after a sleep [s].
_WAKE_S = 0.001
_NO_PULSE = bytes(4)  # counts ON and OFF alike


class Bus(Protocol):
    """The way to one device on an I2C bus."""

    def write(self, data: bytes) -> None:
        """Send bytes in one message; raise OSError without an acknowledge."""
        ...

    def read(self, size: int) -> bytes:
        """Return bytes from the register that was written last; raise OSError without an acknowledge."""
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

    def read(self, size: int) -> bytes:
        """Return bytes in one message."""
        return os.read(self._file, size)

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

    def __init__(
            self, bus: Bus, channels: tuple[int, int], frequency_hz: float,
            sleep: Callable[[float], None] = time.sleep) -> None:
        """End the pulses of both channels and set the frame rate, which the chip takes only while it sleeps.

        Args:
            bus: connection to the chip, which is closed with it.
            channels: of pan and tilt.
            frequency_hz: frame rate.
            sleep: waits [s] until pulses are complete.
        """
        self._bus = bus
        self._channels = channels
        self._frequency_hz = frequency_hz
        self._sleep = sleep
        self._written = [_NO_PULSE, _NO_PULSE]
        try:
            self._write(_MODE1, _AUTO_INCREMENT)  # awake, so that a pulse that another program began is completed
            self._end_pulses(_MAX_FRAME_S)
            self._write(_MODE1, _SLEEP | _AUTO_INCREMENT)
            self._write(_PRESCALE, round(_CLOCK_HZ / (_TICKS * frequency_hz)) - 1)
            self._write(_MODE2, _TOTEM_POLE)
            self._write(_MODE1, _AUTO_INCREMENT)
            sleep(_WAKE_S)
        except TurretError:
            bus.close()
            raise

    def pulse(self, axis: int, width_s: float | None) -> None:
        """Give a servo pulses of this width once the pulse under way is complete; None for none."""
        counts = _NO_PULSE
        if width_s is not None:
            counts = bytes(2) + round(width_s * self._frequency_hz * _TICKS).to_bytes(2, 'little')
        self._write(_LED0 + 4 * self._channels[axis], *counts)
        self._written[axis] = counts

    def check(self) -> None:
        """Raise TurretError, DRIVER_FAULT, when the board does not make the pulses that it was given."""
        pulses = [self._read(_LED0 + 4 * channel, 4) for channel in self._channels]
        if self._read(_MODE1, 1)[0] & _SLEEP or pulses != self._written:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, 'the servo board was reset or written by another program: nothing holds the '
                'head')

    def close(self) -> None:
        """End the pulses and release the bus."""
        try:
            self._end_pulses(1.1 / self._frequency_hz)
        finally:
            self._bus.close()

    def _end_pulses(self, frame_s: float) -> None:
        for axis in (0, 1):
            self.pulse(axis, None)
        self._sleep(frame_s)
        for channel in self._channels:
            self._write(_LED0 + 4 * channel, 0, 0, 0, _OFF)

    def _write(self, register: int, *data: int) -> None:
        with _answering():
            self._bus.write(bytes([register, *data]))

    def _read(self, register: int, size: int) -> bytes:
        with _answering():
            self._bus.write(bytes([register]))
            return self._bus.read(size)


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TurretError(ReasonCode.DRIVER_FAULT, f'the servo board does not answer: {error}') from error

# SPDX-License-Identifier: Apache-2.0
"""The serial line of a servo bus: an adapter on a serial port, with reads that end at a deadline."""

from __future__ import annotations

import contextlib
import termios
import time
from collections.abc import Iterator
from typing import Any, Protocol

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode


@contextlib.contextmanager
def lost_port() -> Iterator[None]:
    """Raise OSError where a serial port is lost: for some of its calls pyserial lets another kind of error through."""
    try:
        yield
    except termios.error as error:
        raise OSError(*error.args) from error


class Wire(Protocol):
    """A half-duplex serial line. Both methods raise OSError when the adapter is lost."""

    baud: int

    def send(self, data: bytes) -> None:
        """Discard what has arrived, then transmit ``data``."""

    def receive(self, count: int, timeout_s: float) -> bytes:
        """Return at least ``count`` bytes and all that have arrived, fewer after the time-out."""

    def close(self) -> None:
        """Release the port."""


class SerialWire:
    """A serial port. What it does not take within 0.1 s is lost.

    Attributes:
        baud: baud rate in force.
    """

    def __init__(self, path: str, baud: int) -> None:
        """Open the port for this process only.

        Raises:
            TurretError: DRIVER_FAULT, it does not exist or another process uses it.
        """
        import serial  # only where there is a port

        self.baud = baud
        self._busy = serial.SerialTimeoutException
        try:
            self._port: Any = serial.Serial(path, baud, write_timeout=0.1, exclusive=True)
        except (serial.SerialException, OSError, ValueError, termios.error) as error:
            raise TurretError(ReasonCode.DRIVER_FAULT, f'cannot open the servo bus {path}: {error}') from error

    def send(self, data: bytes) -> None:
        """Discard what has arrived, then transmit ``data``."""
        with lost_port():
            self._port.reset_input_buffer()
            try:
                self._port.write(data)
            except self._busy:  # the answer will be missing
                self._port.reset_output_buffer()

    def receive(self, count: int, timeout_s: float) -> bytes:
        """Return at least ``count`` bytes and all that have arrived, fewer after the time-out."""
        deadline, data = time.monotonic() + timeout_s, b''
        with lost_port():
            while len(data) < count:
                self._port.timeout = max(0.0, deadline - time.monotonic())
                chunk = self._port.read(max(1, self._port.in_waiting))
                if not chunk:
                    break
                data += chunk
        return data

    def close(self) -> None:
        """Release the port."""
        with contextlib.suppress(OSError), lost_port():
            self._port.close()

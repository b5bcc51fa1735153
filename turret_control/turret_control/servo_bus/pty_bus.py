# SPDX-License-Identifier: Apache-2.0
"""An emulated servo bus on a pseudo-terminal, for programs that open it like a serial port."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import sys
import threading
import time
import tty

from turret_common.threads.real_time import wake_on_time
from turret_control.servo_bus.emulator import EmulatedBus

_TCGETS2, _TERMIOS2, _SPEED = 0x802C542A, 44, 40  # Linux: request, size of its struct, offset of the output speed


class PtyBus:
    """Serves an emulated bus in a thread of its own.

    Attributes:
        path: the terminal to open in place of a serial port.
    """

    def __init__(self, bus: EmulatedBus) -> None:
        """Open a pseudo-terminal and serve ``bus`` on it until :meth:`close`."""
        self._bus = bus
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name='servo bus', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Remove the terminal, as unplugging the adapter does."""
        os.write(self._wake_write, b'.')
        self._thread.join()
        for descriptor in (self._master, self._slave, self._wake_read, self._wake_write):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _run(self) -> None:
        wake_on_time()  # servos answer in time, however busy this machine is
        while True:
            ready, _, _ = select.select([self._master, self._wake_read], [], [])
            if self._wake_read in ready:
                return
            data = os.read(self._master, 4096)
            begin_s = time.monotonic()
            settings = fcntl.ioctl(self._slave, _TCGETS2, bytes(_TERMIOS2))
            rate = int.from_bytes(settings[_SPEED:_SPEED + 4], sys.byteorder)
            answer = self._bus.handle(data, begin_s, rate)
            if answer:
                wire_s = 10.0 * (len(data) + len(answer)) / rate
                time.sleep(max(0.0, begin_s + wire_s + self._bus.faults.latency_s - time.monotonic()))
                os.write(self._master, answer)

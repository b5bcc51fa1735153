# SPDX-License-Identifier: Apache-2.0
"""The firmware of the Pico in this process, behind an imitated serial port."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from turret_common.threads.clock import MonotonicClock
from turret_control.servo_bus.emulator import WireFaults

FOLDER = Path(__file__).parents[2] / 'firmware' / 'pico'


def firmware(name: str) -> Any:
    """Import a module of the firmware, whose modules import each other by their bare names."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    return importlib.import_module(name)


class FirmwareWire:
    """A serial port to a Pico whose time is that of a clock; its loop runs once a millisecond.

    Attributes:
        switches, estop: what the Pico reads from its pins.
        broken: the cable is out.
        deaf: it receives nothing any more, but runs.
        lose, corrupt: answers to come that are lost, or have a wrong bit.
    """

    baud = 115_200

    def __init__(self, clock: Any, machine: Any = None) -> None:
        self.machine = machine or firmware('logic').Machine(firmware('config'))
        self.switches = self.lose = self.corrupt = 0
        self.estop = self.broken = self.deaf = self.closed = False
        self._clock = clock
        self._now_us = clock.now_ns() // 1000
        self._answer = b''

    def run(self) -> None:
        """Let the loop of the Pico catch up with the clock."""
        while self._now_us < self._clock.now_ns() // 1000:
            self._now_us += 1000
            self.machine.step(self._now_us, self.switches, self.estop)

    def send(self, data: bytes) -> None:
        if self.broken:
            raise OSError('unplugged')
        self.run()
        self._answer = b'' if self.deaf else self.machine.receive(data, self._now_us)
        if self.lose:
            self.lose -= 1
            self._answer = b''
        if self.corrupt:
            self.corrupt -= 1
            self._answer = self._answer[:9] + bytes([self._answer[9] ^ 1]) + self._answer[10:]

    def receive(self, count: int, timeout_s: float) -> bytes:
        data, self._answer = self._answer, b''
        return data

    def close(self) -> None:
        self.closed = True


class EmulatedPico:
    """A Pico for :class:`PtyBus`: the firmware in this process, whose loop catches up at each use."""

    def __init__(self) -> None:
        self.faults = WireFaults()
        self.wire = FirmwareWire(MonotonicClock())

    def handle(self, data: bytes, now_s: float, baud: int | None = None) -> bytes:
        self.wire.send(data)
        return self.wire.receive(0, 0.0)

    def emitting(self) -> bool:
        self.wire.run()
        return self.wire.machine.laser.level > 0

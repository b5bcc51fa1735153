# SPDX-License-Identifier: Apache-2.0
"""Emulated servos on an emulated bus: what the protocols of this folder talk to where there is no hardware.

The emulation is made from the data sheets and shares no code with the protocols. Time is an argument. Faults on the
wire and in the servos can be switched on: answers that come late, with a wrong byte or without one, servos that are
dead, hot, blocked or reset.
"""

from __future__ import annotations

import abc
import dataclasses
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, Protocol

_WINDOW_S = 0.01     # over which a servo measures its speed
_MAX_SPEED = 3400.0  # counts/s of an STS3215 at 12 V


class Shaft:
    """Output shaft of a servo: it moves to its goal at a limited speed while the motor is powered.

    Attributes:
        position: counts.
        goal: counts.
        speed: maximum speed in counts/s.
        powered: the motor is on.
        blocked: something holds the shaft.
    """

    def __init__(self, position: float) -> None:
        """Rest at a position [counts]."""
        self.position = self.goal = position
        self.speed = _MAX_SPEED
        self.powered = False
        self.blocked = False
        self._history: deque[tuple[float, float]] = deque([(0.0, position)])

    def advance(self, now_s: float) -> None:
        """Move until ``now_s``."""
        then_s = self._history[-1][0]
        if now_s <= then_s:
            return
        if self.powered and not self.blocked and self.goal != self.position:
            speed = min(self.speed, _MAX_SPEED)
            way = self.goal - self.position
            arrival_s = then_s + abs(way) / speed if speed else now_s
            if arrival_s < now_s:
                self.position = self.goal
                self._history.append((arrival_s, self.position))
            else:
                self.position += (speed if way > 0.0 else -speed) * (now_s - then_s)
        self._history.append((now_s, self.position))
        while len(self._history) > 2 and self._history[1][0] < now_s - _WINDOW_S:
            self._history.popleft()

    def at(self, now_s: float) -> float:
        """Return the position [counts] at ``now_s``, not before the newest advance, without moving the shaft."""
        then_s, position = self._history[-1]
        if not self.powered or self.blocked:
            return position
        reach = min(self.speed, _MAX_SPEED) * max(0.0, now_s - then_s)
        return position + max(-reach, min(reach, self.goal - position))

    @property
    def velocity(self) -> float:
        """Mean speed of the last 10 ms in counts/s."""
        now_s, position = self._history[-1]
        begin_s = now_s - _WINDOW_S
        before, after = self._history[0], self._history[min(1, len(self._history) - 1)]
        if after[0] <= before[0] or begin_s <= before[0]:
            start = before[1]
        else:
            share = min(1.0, (begin_s - before[0]) / (after[0] - before[0]))
            start = before[1] + share * (after[1] - before[1])
        return (position - start) / _WINDOW_S


class EmulatedServo(abc.ABC):
    """One servo: its control table and its shaft.

    Attributes:
        table: the control table.
        shaft: the output shaft.
        dead: it answers nothing and its motor is off.
        fault_bits: faults that it reports; they switch the motor off.
    """

    def __init__(self, size: int, position: float) -> None:
        """Start unpowered at ``position`` [counts] with a table of ``size`` bytes."""
        self.table = bytearray(size)
        self.shaft = Shaft(position)
        self.dead = False
        self.fault_bits = 0

    def number(self, address: int, size: int) -> int:
        """Return an unsigned number of the table."""
        return int.from_bytes(self.table[address:address + size], 'little')

    def store(self, address: int, size: int, value: int) -> None:
        """Put a number into the table, negative ones in two's complement."""
        self.table[address:address + size] = (value & (1 << 8 * size) - 1).to_bytes(size, 'little')

    def fail(self, bits: int) -> None:
        """Report a fault and switch the motor off, as its protection does."""
        self.fault_bits = bits
        self.reset_torque()

    def reset(self) -> None:
        """Restart as after a brief loss of the supply: the motor is off, the settings are the saved ones."""
        self.fault_bits = 0
        self.reset_torque()

    @abc.abstractmethod
    def reset_torque(self) -> None:
        """Switch the motor off by itself."""

    @abc.abstractmethod
    def refresh(self, now_s: float) -> None:
        """Bring measured values in the table up to date."""

    @abc.abstractmethod
    def write(self, address: int, data: bytes, now_s: float) -> int:
        """Take bytes into the table and act on them; return an error number, 0 for none."""


@dataclasses.dataclass
class WireFaults:
    """Disturbances of the answers; each counts down to nothing by itself, except for the latency.

    Attributes:
        latency_s: time until a servo answers, with that of the adapter [s].
        corrupt: answers to come that have one wrong bit.
        truncate: answers to come that lack one byte.
        lose: answers to come that are lost.
        noise: answers to come with arbitrary bytes in front.
    """

    latency_s: float = 0.0
    corrupt: int = 0
    truncate: int = 0
    lose: int = 0
    noise: int = 0

    def disturb(self, answer: bytes) -> bytes:
        """Return what arrives of an answer."""
        if self.lose:
            self.lose -= 1
            return b''
        if self.corrupt:
            self.corrupt -= 1
            middle = len(answer) // 2
            answer = answer[:middle] + bytes([answer[middle] ^ 4]) + answer[middle + 1:]
        if self.truncate:
            self.truncate -= 1
            answer = answer[:-2] + answer[-1:]
        if self.noise:
            self.noise -= 1
            answer = b'\x00\xff\x7e\xff\xff' + answer
        return answer


class Instruction(NamedTuple):
    """An instruction packet: ID, instruction and parameters."""

    servo: int
    code: int
    parameters: bytes


class EmulatedBus(abc.ABC):
    """Servos on one wire.

    Attributes:
        servos: by ID; the ID in the table of a servo decides what it answers to.
        faults: disturbances of the answers.
    """

    def __init__(self, servos: Iterable[EmulatedServo]) -> None:
        """Connect servos."""
        self.servos = list(servos)
        self.faults = WireFaults()
        self._input = bytearray()

    def handle(self, data: bytes, now_s: float, baud: int | None = None) -> bytes:
        """Take bytes from the wire at time ``now_s``; return what is sent back.

        Args:
            data: received bytes, parts of packets included.
            now_s: monotonic time.
            baud: rate of the sender; servos with another one do not understand it. None for the right one.
        """
        self._input += data
        sent = b''
        for instruction in iter(self._take, None):
            for servo in self.servos:
                servo.shaft.advance(now_s)
            sent += b''.join(map(self.faults.disturb, self._obey(instruction, now_s, baud)))
        return sent

    def hearing(self, baud: int | None) -> dict[int, EmulatedServo]:
        """Return the living servos with this baud rate by ID."""
        return {
            self.id_of(servo): servo for servo in self.servos
            if not servo.dead and baud in (None, self.baud_of(servo))}

    @abc.abstractmethod
    def id_of(self, servo: EmulatedServo) -> int:
        """Return the ID of a servo."""

    @abc.abstractmethod
    def baud_of(self, servo: EmulatedServo) -> int:
        """Return the baud rate of a servo."""

    @abc.abstractmethod
    def _take(self) -> Instruction | None:
        """Remove the next valid instruction from the input; None when there is none."""

    @abc.abstractmethod
    def _obey(self, instruction: Instruction, now_s: float, baud: int | None) -> Iterable[bytes]:
        """Carry out an instruction; yield the answers."""


class Ticker(Protocol):
    """A clock, as :class:`turret_common.threads.clock.Clock`."""

    def now_ns(self) -> int:
        """Return the monotonic time in ns."""


class EmulatedWire:
    """Connects a protocol with an emulated bus in the same process; answers are there at once.

    Attributes:
        baud: rate of the sender.
        broken: the adapter was unplugged.
        closed: the port was released.
    """

    def __init__(self, bus: EmulatedBus, clock: Ticker, baud: int = 1_000_000) -> None:
        """Connect to ``bus``, whose time is that of ``clock``."""
        self.baud = baud
        self.broken = self.closed = False
        self._bus = bus
        self._clock = clock
        self._arrived = b''

    def send(self, data: bytes) -> None:
        """Pass bytes to the bus and keep its answers."""
        if self.broken:
            raise OSError('unplugged')
        self._arrived = self._bus.handle(data, 1e-9 * self._clock.now_ns(), self.baud)

    def receive(self, count: int, timeout_s: float) -> bytes:
        """Return all that has arrived."""
        if self.broken:
            raise OSError('unplugged')
        data, self._arrived = self._arrived, b''
        return data

    def close(self) -> None:
        """Note it."""
        self.closed = True

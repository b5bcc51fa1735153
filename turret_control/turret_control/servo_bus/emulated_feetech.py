# SPDX-License-Identifier: Apache-2.0
"""Emulated Feetech STS3215 servos, from the manual of the protocol and the memory table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turret_control.servo_bus.emulator import EmulatedBus, EmulatedServo, Instruction

_BROADCAST = 0xFE
_BAUDS = (1_000_000, 500_000, 250_000, 128_000, 115_200, 76_800, 57_600, 38_400)
_SIZE = 87
_SAVED = range(5, 40)   # kept without power; written there only while byte 55 is 0
_WRITABLE = range(5, 56)
_TORQUE, _GOAL, _GOAL_SPEED, _LOCK = 40, 42, 46, 55
#: Values of a new servo by address: (size, value).
_NEW = {
    0: (1, 3), 1: (1, 10), 3: (2, 777), 5: (1, 1), 6: (1, 0), 7: (1, 0), 8: (1, 1), 9: (2, 0), 11: (2, 4095),
    13: (1, 70), 14: (1, 140), 15: (1, 40), 16: (2, 1000), 18: (1, 12), 19: (1, 44), 20: (1, 47), 21: (1, 32),
    22: (1, 32), 24: (2, 16), 26: (1, 1), 27: (1, 1), 28: (2, 500), 30: (1, 1), 34: (1, 20), 35: (1, 200),
    36: (1, 80), 48: (2, 1000), 55: (1, 1), 62: (1, 121), 63: (1, 31)}


def _sign_magnitude(value: int, bit: int) -> int:
    return value if value >= 0 else -value | 1 << bit


class EmulatedSts(EmulatedServo):
    """An STS3215 as it is delivered, with the given ID."""

    def __init__(self, servo: int = 1, position: float = 2048.0) -> None:
        """Start with an ID at a position [counts]."""
        super().__init__(_SIZE, position)
        for address, (size, value) in _NEW.items():
            self.store(address, size, value)
        self.table[5] = servo
        self._saved = bytes(self.table)

    def reset(self) -> None:
        """Restart with the saved settings."""
        super().reset()
        self.table = bytearray(self._saved)

    def reset_torque(self) -> None:
        """Switch the motor off."""
        self.table[_TORQUE] = 0
        self.shaft.powered = False

    def refresh(self, now_s: float) -> None:
        """Bring position, speed, load and status up to date."""
        shaft = self.shaft
        unit = 1.0 if self.table[18] & 4 else 50.0
        self.store(56, 2, _sign_magnitude(round(shaft.position), 15))
        self.store(58, 2, _sign_magnitude(round(shaft.velocity / unit), 15))
        pushing = shaft.powered and shaft.blocked and abs(shaft.goal - shaft.position) > 20.0
        self.store(60, 2, 980 if pushing else 40 if shaft.powered else 0)
        self.table[65] = self.fault_bits
        self.table[66] = int(shaft.powered and shaft.goal != shaft.position)

    def write(self, address: int, data: bytes, now_s: float) -> int:
        """Take bytes; those outside of the writable part have no effect."""
        for offset, value in enumerate(data):
            if address + offset in _WRITABLE:
                self.table[address + offset] = value
        written = range(address, address + len(data))
        if self.table[_LOCK] == 0:
            kept = bytearray(self._saved)
            for place in set(written) & set(_SAVED):
                kept[place] = self.table[place]
            self._saved = bytes(kept)
        if _TORQUE in written:
            if self.table[_TORQUE] == 1 and not self.shaft.powered:
                self.fault_bits &= ~32  # powering again ends the overload protection
                self.shaft.goal = self.shaft.position
            self.shaft.powered = self.table[_TORQUE] == 1 and not self.fault_bits & self.table[19]
            self.table[_TORQUE] = int(self.shaft.powered)
        if _GOAL in written:
            goal = self.number(_GOAL, 2)
            goal = -(goal & 0x7FFF) if goal & 0x8000 else goal
            self.shaft.goal = float(max(self.number(9, 2), min(self.number(11, 2), goal)))
            unit = 1.0 if self.table[18] & 4 else 50.0
            self.shaft.speed = unit * (self.number(_GOAL_SPEED, 2) & 0x7FFF) or 3400.0
        return 0


class EmulatedFeetechBus(EmulatedBus):
    """STS servos on one wire."""

    def __init__(self, servos: Iterable[EmulatedServo] = ()) -> None:
        """Connect servos; without any, two new ones with the IDs 1 and 2."""
        super().__init__(list(servos) or [EmulatedSts(1), EmulatedSts(2)])

    def id_of(self, servo: EmulatedServo) -> int:
        """Return the ID of a servo."""
        return servo.table[5]

    def baud_of(self, servo: EmulatedServo) -> int:
        """Return the baud rate of a servo."""
        return _BAUDS[servo.table[6] % len(_BAUDS)]

    def _take(self) -> Instruction | None:
        data = self._input
        while True:
            while data and data[:2] != b'\xff\xff'[:len(data)]:
                del data[0]
            if len(data) < 4 or len(data) < 4 + data[3]:
                return None
            end = 4 + data[3]
            body = bytes(data[2:end])
            if len(body) < 4 or (sum(body) & 0xFF) != 0xFF:  # checksum = inverted sum
                del data[0]
                continue
            del data[:end]
            return Instruction(body[0], body[2], body[3:-1])

    def _obey(self, instruction: Instruction, now_s: float, baud: int | None) -> Iterator[bytes]:
        servos, (target, code, parameters) = self.hearing(baud), instruction
        if code == 0x82:
            address, size, ids = parameters[0], parameters[1], parameters[2:]
            yield from (self._block(servos[one], address, size, now_s) for one in ids if one in servos)
        elif code == 0x83:
            address, size, rest = parameters[0], parameters[1], parameters[2:]
            for begin in range(0, len(rest), size + 1):
                if rest[begin] in servos:
                    servos[rest[begin]].write(address, rest[begin + 1:begin + 1 + size], now_s)
        elif target in servos:
            servo = servos[target]
            if code == 0x01:
                yield self._answer(servo)
            elif code == 0x02:
                yield self._block(servo, parameters[0], parameters[1], now_s)
            elif code == 0x03:
                answer = self._answer(servo) if servo.table[8] else b''
                servo.write(parameters[0], parameters[1:], now_s)
                yield answer
        elif target == _BROADCAST and code == 0x03:
            for servo in servos.values():
                servo.write(parameters[0], parameters[1:], now_s)

    def _block(self, servo: EmulatedServo, address: int, size: int, now_s: float) -> bytes:
        servo.refresh(now_s)
        return self._answer(servo, bytes(servo.table[address:address + size]))

    def _answer(self, servo: EmulatedServo, parameters: bytes = b'') -> bytes:
        body = bytes([servo.table[5], len(parameters) + 2, servo.fault_bits]) + parameters
        return b'\xff\xff' + body + bytes([0xFF - (sum(body) & 0xFF)])

# SPDX-License-Identifier: Apache-2.0
"""Emulated Dynamixel XL430-W250 servos, from the e-manual (protocol 2.0)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turret_control.servo_bus.emulator import EmulatedBus, EmulatedServo, Instruction

_BROADCAST = 0xFE
_BAUDS = {0: 9600, 1: 57_600, 2: 115_200, 3: 1_000_000, 4: 2_000_000, 5: 3_000_000, 6: 4_000_000, 7: 4_500_000}
_SIZE = 147
_SAVED = range(64)      # written only while the motor is off
_READ_ONLY = frozenset({*range(7), 69, 70, *range(120, 147)})
_TORQUE, _ERROR, _WATCHDOG, _SPEED, _GOAL = 64, 70, 98, 112, 116
_COUNTS_S = 0.229 * 4096 / 60.0
_ACCESS_ERROR, _LIMIT_ERROR, _ALERT = 7, 6, 0x80
#: Values of a new servo by address: (size, value).
_NEW = {
    0: (2, 1060), 6: (1, 48), 7: (1, 1), 8: (1, 1), 9: (1, 250), 11: (1, 3), 12: (1, 255), 13: (1, 2), 24: (4, 10),
    31: (1, 72), 32: (2, 140), 34: (2, 60), 36: (2, 885), 44: (4, 265), 48: (4, 4095), 52: (4, 0), 63: (1, 52),
    68: (1, 2), 80: (2, 640), 84: (2, 4000), 100: (2, 885), 144: (2, 121), 146: (1, 31)}
#: Range of fields that refuse values beyond it: size, minimum, maximum.
_RANGES = {
    7: (1, 0, 252), 8: (1, 0, 7), 31: (1, 0, 100), 32: (2, 60, 140), 34: (2, 60, 140), 48: (4, 0, 4095),
    52: (4, 0, 4095), 100: (2, 0, 885)}


def crc16(data: bytes) -> int:
    """Return the CRC of a packet: polynomial 0x8005, from 0, highest bit first."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x8005) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc


class EmulatedX(EmulatedServo):
    """An XL430-W250 with the given ID, at 1 Mbit/s; new ones have 57600 Bd."""

    def __init__(self, servo: int = 1, position: float = 2048.0, baud_code: int = 3) -> None:
        """Start with an ID at a position [counts] with a number that selects the baud rate."""
        super().__init__(_SIZE, position)
        for address, (size, value) in _NEW.items():
            self.store(address, size, value)
        self.table[7], self.table[8] = servo, baud_code
        self.store(_GOAL, 4, round(position))
        self._heard_s = 0.0

    def reset(self) -> None:
        """Restart: the saved part stays, the rest is that of a new servo."""
        super().reset()
        saved = bytes(self.table[:64])
        self.table = bytearray(_SIZE)
        for address, (size, value) in _NEW.items():
            self.store(address, size, value)
        self.table[:64] = saved

    def reset_torque(self) -> None:
        """Switch the motor off."""
        self.table[_TORQUE] = 0
        self.shaft.powered = False

    def hear(self, now_s: float) -> None:
        """Notice an instruction packet on the bus; the bus watchdog stops the shaft where there was none for long."""
        limit_s = 0.02 * self.table[_WATCHDOG]
        if self.shaft.powered and 0 < self.table[_WATCHDOG] < 128 and now_s - self._heard_s > limit_s:
            self.table[_WATCHDOG] = 0xFF
            self.shaft.goal = self.shaft.position
        self._heard_s = now_s

    def refresh(self, now_s: float) -> None:
        """Bring position, speed, load and errors up to date."""
        shaft = self.shaft
        self.table[_ERROR] = self.fault_bits
        self.table[122] = int(shaft.powered and shaft.goal != shaft.position)
        self.store(124, 2, 40 if shaft.powered else 0)
        self.store(128, 4, round(shaft.velocity / _COUNTS_S))
        self.store(132, 4, round(shaft.position))

    def write(self, address: int, data: bytes, now_s: float) -> int:
        """Take bytes, or return the number of an error."""
        written = range(address, address + len(data))
        if any(place in _READ_ONLY for place in written) or written.stop > _SIZE or (
                self.table[_TORQUE] and any(place in _SAVED for place in written)):
            return _ACCESS_ERROR
        if self.table[_WATCHDOG] == 0xFF and any(100 <= place < 120 for place in written):
            return _ACCESS_ERROR  # goals cannot be written until the watchdog is cleared
        if address in _RANGES:
            size, low, high = _RANGES[address]
            if not low <= int.from_bytes(data[:size], 'little') <= high:
                return _LIMIT_ERROR
        if _GOAL in written:
            offset = _GOAL - address
            goal = int.from_bytes(data[offset:offset + 4], 'little', signed=True)
            if not self.number(52, 4) <= goal <= self.number(48, 4):
                return _LIMIT_ERROR
        self.table[address:written.stop] = data
        if _TORQUE in written:
            on = bool(self.table[_TORQUE]) and not self.fault_bits
            if on and not self.shaft.powered:
                self.shaft.goal = self.shaft.position
                self.store(_GOAL, 4, round(self.shaft.position))
            self.shaft.powered = on
            self.table[_TORQUE] = int(on)
        if _GOAL in written and self.shaft.powered:
            self.shaft.goal = float(self.number(_GOAL, 4))
        if _SPEED in written:
            self.shaft.speed = self.number(_SPEED, 4) * _COUNTS_S or 1000.0
        return 0


class EmulatedDynamixelBus(EmulatedBus):
    """X series servos on one wire."""

    def __init__(self, servos: Iterable[EmulatedServo] = ()) -> None:
        """Connect servos; without any, two at 1 Mbit/s with the IDs 1 and 2."""
        super().__init__(list(servos) or [EmulatedX(1), EmulatedX(2)])

    def id_of(self, servo: EmulatedServo) -> int:
        """Return the ID of a servo."""
        return servo.table[7]

    def baud_of(self, servo: EmulatedServo) -> int:
        """Return the baud rate of a servo."""
        return _BAUDS[servo.table[8]]

    def _take(self) -> Instruction | None:
        data, header = self._input, b'\xff\xff\xfd\x00'
        while True:
            while data and data[:4] != header[:len(data)]:
                del data[0]
            if len(data) < 7:
                return None
            end = 7 + int.from_bytes(data[5:7], 'little')
            if len(data) < end:
                return None
            packet = bytes(data[:end])
            if end < 10 or crc16(packet[:-2]) != int.from_bytes(packet[-2:], 'little'):
                del data[0]
                continue
            del data[:end]
            body = packet[7:-2].replace(b'\xff\xff\xfd\xfd', b'\xff\xff\xfd')
            return Instruction(packet[4], body[0], body[1:])

    def _obey(self, instruction: Instruction, now_s: float, baud: int | None) -> Iterator[bytes]:
        servos, (target, code, parameters) = self.hearing(baud), instruction
        for servo in servos.values():
            assert isinstance(servo, EmulatedX)
            servo.hear(now_s)
        if code == 0x82:
            address, size = (int.from_bytes(parameters[i:i + 2], 'little') for i in (0, 2))
            yield from (self._block(servos[one], address, size, now_s) for one in parameters[4:] if one in servos)
        elif code == 0x83:
            address, size = (int.from_bytes(parameters[i:i + 2], 'little') for i in (0, 2))
            rest = parameters[4:]
            for begin in range(0, len(rest), size + 1):
                if rest[begin] in servos:
                    servos[rest[begin]].write(address, rest[begin + 1:begin + 1 + size], now_s)
        elif target in servos:
            yield from self._answer_one(servos[target], code, parameters, now_s)

    def _answer_one(self, servo: EmulatedServo, code: int, parameters: bytes, now_s: float) -> Iterator[bytes]:
        address = int.from_bytes(parameters[:2], 'little')
        number = servo.table[7]
        if code == 0x01:
            yield self._status(servo, number, bytes(servo.table[0:2]) + bytes(servo.table[6:7]))
        elif code == 0x02:
            yield self._block(servo, address, int.from_bytes(parameters[2:4], 'little'), now_s)
        elif code == 0x03:
            error = servo.write(address, parameters[2:], now_s)
            yield self._status(servo, number, error=error)
        elif code == 0x08:
            yield self._status(servo, number)
            servo.reset()

    def _block(self, servo: EmulatedServo, address: int, size: int, now_s: float) -> bytes:
        servo.refresh(now_s)
        return self._status(servo, servo.table[7], bytes(servo.table[address:address + size]))

    def _status(self, servo: EmulatedServo, number: int, parameters: bytes = b'', error: int = 0) -> bytes:
        alert = _ALERT if servo.fault_bits else 0
        body = (bytes([0x55, error | alert]) + parameters).replace(b'\xff\xff\xfd', b'\xff\xff\xfd\xfd')
        packet = b'\xff\xff\xfd\x00' + bytes([number]) + (len(body) + 2).to_bytes(2, 'little') + body
        return packet + crc16(packet).to_bytes(2, 'little')

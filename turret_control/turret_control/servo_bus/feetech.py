# SPDX-License-Identifier: Apache-2.0
"""The protocol and control table of Feetech STS servos (STS3215; Waveshare sells it as ST3215).

Written here instead of taken from ``ftservo-python-sdk`` (2.0.1): that package polls the port without sleeping, which
takes a whole core beside the steps and the laser, waits at least 50 ms for a lost answer by the wall clock, has neither
the status byte (65) nor the limits in its table, and checks no write. The protocol takes 60 lines.

Sources: Feetech "communication protocol manual" (packets) and "STS series memory table" (addresses, units). Numbers are
little endian, negative ones have bit 15 set, or bit 10 for loads. The servo answers FF FF, ID, length, status,
parameters and the inverted sum of all bytes behind the header.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from turret_control.servo_bus.bus import OVERLOAD, RESTARTED, Field, NoAnswerError, ServoBus, ServoLimits, ServoState
from turret_control.servo_bus.wire import Wire

READ, WRITE, SYNC_READ, SYNC_WRITE = 0x02, 0x03, 0x82, 0x83
BROADCAST = 0xFE
HEADER = b'\xff\xff'
#: Bits of the status byte. The servo switches its motor off for those of field ``unload``.
FAULTS = {0: 'voltage out of range', 1: 'position sensor', 2: 'too hot', 3: 'overcurrent', 5: OVERLOAD}
#: Model numbers that are known.
MODELS = {777: 'STS3215', 2825: 'STS3250', 1033: 'STS3020'}
_ALL_FAULTS = sum(1 << bit for bit in FAULTS)
_MAX_FLOOD = 4096       # bytes without an answer: not a servo bus
_MAX_LENGTH = 128       # of the packets that are used here; more is a disturbance
_COARSE_SPEED = 50.0    # counts/s per unit of speed, where bit 2 of the phase field is not set
_FULL_TORQUE = 1000     # the limit in force after a restart
_STATE = (40, 27)       # address and size of the block with torque, goal, limits, state
_GOAL = (41, 7)         # acceleration, goal position, time, speed


def checksum(body: bytes) -> int:
    """Return the checksum of the bytes between the header and the checksum."""
    return ~sum(body) & 0xFF


def packet(servo: int, code: int, parameters: bytes = b'') -> bytes:
    """Return an instruction packet, or the answer of a servo with status ``code``."""
    body = bytes([servo, len(parameters) + 2, code]) + parameters
    return HEADER + body + bytes([checksum(body)])


def take_packet(data: bytearray) -> tuple[int, int, bytes] | None:
    """Remove the first valid packet from ``data``, and everything before it.

    Returns:
        ID, instruction or status, and parameters; None when there is no complete valid packet.
    """
    while (begin := data.find(HEADER)) >= 0:
        del data[:begin]
        if len(data) < 4:
            return None
        end = 4 + data[3]
        if data[2] <= BROADCAST and 2 <= data[3] <= _MAX_LENGTH:
            if len(data) < end:
                return None
            if checksum(bytes(data[2:end - 1])) == data[end - 1]:
                servo, code, parameters = data[2], data[4], bytes(data[5:end - 1])
                del data[:end]
                return servo, code, parameters
        del data[0]  # the header was a disturbance, or part of one
    del data[:max(0, len(data) - 1)]
    return None


class FeetechBus(ServoBus):
    """STS servos on one wire."""

    name: ClassVar[str] = 'feetech'
    bauds: ClassVar[Mapping[int, int]] = {
        0: 1_000_000, 1: 500_000, 2: 250_000, 3: 128_000, 4: 115_200, 5: 76_800, 6: 57_600, 7: 38_400}
    max_id: ClassVar[int] = 253
    table: ClassVar[Mapping[str, Field]] = {
        'model': Field(3, 2), 'id': Field(5, saved=True), 'baud': Field(6, saved=True),
        'answers': Field(8, saved=True), 'lower': Field(9, 2, True), 'upper': Field(11, 2, True),
        'max_temperature': Field(13, saved=True), 'max_voltage': Field(14, saved=True),
        'min_voltage': Field(15, saved=True), 'max_torque': Field(16, 2, True), 'phase': Field(18, saved=True),
        'unload': Field(19, saved=True), 'resolution': Field(30, saved=True), 'offset': Field(31, 2, True, 11),
        'mode': Field(33, saved=True), 'torque': Field(40), 'acceleration': Field(41),
        'goal': Field(42, 2, sign_bit=15), 'goal_time': Field(44, 2), 'goal_speed': Field(46, 2, sign_bit=15),
        'torque_limit': Field(48, 2), 'lock': Field(55), 'position': Field(56, 2, sign_bit=15),
        'velocity': Field(58, 2, sign_bit=15), 'load': Field(60, 2, sign_bit=10), 'voltage': Field(62),
        'temperature': Field(63), 'status': Field(65), 'moving': Field(66)}

    def __init__(self, wire: Wire, answer_timeout_s: float) -> None:
        super().__init__(wire, answer_timeout_s)
        self._speed_unit: dict[int, float] = {}  # counts/s per unit of speed, by servo
        self._torque_limit: dict[int, int] = {}  # that was written, by servo; another one is in force after a restart

    # The protocol

    def ping(self, servo: int) -> int | None:
        try:
            return self.table['model'].decode(self.read(servo, 3, 2))
        except NoAnswerError:
            return None

    def read(self, servo: int, address: int, size: int) -> bytes:
        return self._exchange(servo, READ, bytes([address, size]), size)

    def write(self, servo: int, address: int, data: bytes) -> None:
        self._exchange(servo, WRITE, bytes([address]) + data)

    def read_all(self, servos: Iterable[int], address: int, size: int) -> dict[int, bytes]:
        ids = bytes(servos)
        self._wire.send(packet(BROADCAST, SYNC_READ, bytes([address, size]) + ids))
        return self._answers(ids, size)

    def write_all(self, address: int, data: Mapping[int, bytes]) -> None:
        size = len(next(iter(data.values())))
        body = bytes([address, size]) + b''.join(bytes([servo]) + values for servo, values in data.items())
        self._wire.send(packet(BROADCAST, SYNC_WRITE, body))

    def _exchange(self, servo: int, instruction: int, parameters: bytes = b'', size: int = 0) -> bytes:
        self._wire.send(packet(servo, instruction, parameters))
        answers = self._answers(bytes([servo]), size, (servo, instruction, parameters))
        if servo not in answers:
            raise NoAnswerError(servo)
        return answers[servo]

    def _answers(
            self, servos: bytes, size: int, sent: tuple[int, int, bytes] | None = None) -> dict[int, bytes]:
        """Return the parameters that servos send, ``size`` bytes each.

        Other packets are left out: those of other servos, answers to something else, and ``sent``, which some adapters
        send back. A servo of which different answers arrive is left out too.
        """
        found: dict[int, bytes] = {}
        contradicted: set[int] = set()
        data = bytearray()
        answer_s = (6 + size) * 10.0 / self._wire.baud
        flood = _MAX_FLOOD
        while len(found) < len(servos):
            missing = len(servos) - len(found)
            arrived = self._wire.receive(
                max(1, missing * (6 + size) - len(data)), self._answer_timeout_s + missing * answer_s)
            data += arrived
            flood -= len(arrived)
            while (answer := take_packet(data)) is not None:
                if answer[0] in servos and len(answer[2]) == size and answer != sent and (
                        found.setdefault(answer[0], answer[2]) != answer[2]):
                    contradicted.add(answer[0])
            if not arrived or flood < 0:
                self._lost = len(found) < len(servos)
                break
        return {servo: answer for servo, answer in found.items() if servo not in contradicted}

    def _write_field(self, servo: int, field: Field, value: int) -> None:
        """Write a field; those that are saved are protected by the field ``lock``."""
        if not field.saved:
            super()._write_field(servo, field, value)
            return
        lock = self.table['lock']
        self.write(servo, lock.address, b'\x00')
        super()._write_field(servo, field, value)
        changed = value if field is self.table['id'] else servo
        if field is not self.table['baud']:  # after which it answers at another rate; it is locked again at power-up
            self.write(changed, lock.address, b'\x01')

    # The servos

    def states(self, servos: Iterable[int]) -> dict[int, ServoState]:
        return {
            servo: self._state(servo, block) for servo, block in self._read_repeatedly(servos, *_STATE).items()}

    def _state(self, servo: int, block: bytes) -> ServoState:
        def of(name: str) -> int:
            return self.table[name].of(block, _STATE[0])

        status, powered, limit = of('status'), of('torque') == 1, of('torque_limit')
        faults = tuple(text for bit, text in FAULTS.items() if status >> bit & 1)
        if powered and self._torque_limit.get(servo, limit) != limit:
            faults += (RESTARTED,)
        return ServoState(
            of('position'), of('velocity') * self._speed_unit.get(servo, 1.0), powered, 1e-3 * of('load'),
            0.1 * of('voltage'), of('temperature'), faults)

    def move(self, goals: Mapping[int, tuple[int, float]]) -> None:
        """Send goals; a speed of 0 would be none, so that the minimum is one unit."""
        self.write_all(_GOAL[0], {
            servo: b'\x00' + self.table['goal'].encode(goal) + b'\x00\x00' + self.table['goal_speed'].encode(
                min(32_000, max(1, -int(-speed // self._speed_unit.get(servo, 1.0)))))
            for servo, (goal, speed) in goals.items()})

    def configure(self, servo: int, limits: ServoLimits) -> None:
        """Switch the motor off, select the position mode and write the limits.

        Raises:
            TurretError: DRIVER_FAULT, the servo does not answer or does not take a value.
        """
        self.put(servo, 'torque', 0)
        self._torque_limit[servo] = min(_FULL_TORQUE - 1, round(_FULL_TORQUE * limits.torque))
        for name, value in (
                ('answers', 1), ('mode', 0), ('resolution', 1), ('lower', limits.lower), ('upper', limits.upper),
                ('max_temperature', limits.temperature), ('max_voltage', round(10 * limits.max_voltage)),
                ('min_voltage', round(10 * limits.min_voltage)), ('unload', _ALL_FAULTS),
                ('torque_limit', self._torque_limit[servo])):
            self.put(servo, name, value)
        self._speed_unit[servo] = 1.0 if self.get(servo, 'phase') & 4 else _COARSE_SPEED

    def describe(self, servo: int, model: int) -> str:
        return MODELS.get(model, f'model {model}')

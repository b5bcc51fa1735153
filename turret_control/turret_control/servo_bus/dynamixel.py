# SPDX-License-Identifier: Apache-2.0
"""Protocol 2.0 and control table of Dynamixel X servos, with the packets of ``dynamixel-sdk`` (4.1.0).

The package makes and parses packets; its own port polls without sleeping and measures time-outs by the wall clock, so
that a :class:`~turret_control.servo_bus.wire.Wire` takes its place. Its reader of synchronized answers gives up at the
first servo that is silent and loses the others, so that the answers are sorted here.

Source: Robotis e-manual, XL430 and XM430. Numbers are little endian in two's complement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.servo_bus.bus import (
    OVERLOAD,
    RESTARTED,
    Field,
    NoAnswerError,
    ServoBus,
    ServoLimits,
    ServoState,
)
from turret_control.servo_bus.wire import Wire

#: Bits of the field ``hardware_error``. The servo switches its motor off for those of field ``shutdown``.
FAULTS = {0: 'voltage out of range', 2: 'too hot', 3: 'position sensor', 4: 'electrical shock', 5: OVERLOAD}
#: Model numbers that are known.
MODELS = {
    1020: 'XM430-W350', 1030: 'XM430-W210', 1060: 'XL430-W250', 1070: 'XC430-W150', 1080: 'XC430-W240',
    1120: 'XM540-W270', 1130: 'XM540-W150', 1190: 'XL330-M077', 1200: 'XL330-M288'}
_ALERT = 0x80                       # of an error number: a fault of the hardware, which states() describes
_SHUTDOWN = 0b110101                # voltage, temperature, shock, overload
_SPEED_UNIT = 0.229 * 4096 / 60.0   # counts/s
_FULL_PWM = 885
_STATE = (64, 83)                   # address and size of the block from torque to temperature
_GOAL = 112                         # maximum speed and goal, 4 bytes each
_POSITION_MODE = 3
_NO_ID = 255
_WATCHDOG = 10                      # in units of 20 ms: without a packet this long, the servo stops
_STOPPED = 'stopped by its bus watchdog'
_REBOOT_ATTEMPTS = 100
_HEADER = b'\xff\xff\xfd'           # behind which a byte is inserted where it occurs in data
_SHORTEST = 11                      # bytes of an answer
_MAX_FLOOD = 4096                   # bytes without an answer: not a servo bus
_PACKAGE = (
    'driver "dynamixel" needs the Python package dynamixel-sdk: run ./turret setup --hardware; with a ROS '
    'distribution: python3 -m pip install --user --break-system-packages dynamixel-sdk==4.1.0')


class _SdkPort:
    """A wire as the packet handler of the SDK uses its port; the names are those of the SDK.

    Attributes:
        is_using: set by the SDK while it waits for an answer.
    """

    def __init__(self, wire: Wire, answer_timeout_s: float) -> None:
        self.is_using = False
        self._wire = wire
        self._answer_timeout_s = self._timeout_s = answer_timeout_s
        self._data = b''  # has arrived and is not taken
        self._timed_out = False
        self._left = 0

    def clearPort(self) -> None:  # noqa: N802
        """Discard what has arrived; sending does it."""
        self._data = b''

    def writePort(self, packet: list[int]) -> int:  # noqa: N802
        try:
            self._wire.send(bytes(packet))
        except BaseException:
            self.is_using = False  # the SDK would never send again
            raise
        self._left = _MAX_FLOOD
        self._timed_out = False
        return len(packet)

    def readPort(self, length: int) -> bytes:  # noqa: N802
        """Return up to ``length`` bytes, fewer after the time-out."""
        if len(self._data) < length and self._left > 0:
            arrived = self._wire.receive(length - len(self._data), self._timeout_s)
            self._data += arrived
            self._left -= len(arrived)
        self._timed_out = len(self._data) < length
        taken, self._data = self._data[:max(0, length)], self._data[max(0, length):]
        return taken

    @property
    def has_packet(self) -> bool:
        """Whether more has arrived, enough for a packet."""
        return len(self._data) >= _SHORTEST

    def setPacketTimeout(self, length: int) -> None:  # noqa: N802
        self._timeout_s = self._answer_timeout_s + 10.0 * length / self._wire.baud

    def isPacketTimeout(self) -> bool:  # noqa: N802
        return self._timed_out

    def getBaudRate(self) -> int:  # noqa: N802
        return self._wire.baud


class DynamixelBus(ServoBus):
    """X series servos on one wire."""

    name: ClassVar[str] = 'dynamixel'
    bauds: ClassVar[Mapping[int, int]] = {
        1: 57_600, 3: 1_000_000, 2: 115_200, 4: 2_000_000, 5: 3_000_000, 6: 4_000_000, 7: 4_500_000, 0: 9600}
    max_id: ClassVar[int] = 252
    table: ClassVar[Mapping[str, Field]] = {
        'model': Field(0, 2), 'id': Field(7, saved=True), 'baud': Field(8, saved=True),
        'answer_delay': Field(9, saved=True), 'drive_mode': Field(10, saved=True), 'mode': Field(11, saved=True),
        'second_id': Field(12, saved=True), 'offset': Field(20, 4, True, -1),
        'max_temperature': Field(31, saved=True), 'max_voltage': Field(32, 2, True),
        'min_voltage': Field(34, 2, True), 'upper': Field(48, 4, True), 'lower': Field(52, 4, True),
        'startup': Field(60, saved=True), 'shutdown': Field(63, saved=True), 'torque': Field(64),
        'answers': Field(68), 'hardware_error': Field(70), 'bus_watchdog': Field(98, sign_bit=-1),
        'goal_pwm': Field(100, 2, sign_bit=-1), 'profile_acceleration': Field(108, 4),
        'profile_velocity': Field(112, 4), 'goal': Field(116, 4, sign_bit=-1), 'moving': Field(122),
        'pwm': Field(124, 2, sign_bit=-1), 'load': Field(126, 2, sign_bit=-1), 'velocity': Field(128, 4, sign_bit=-1),
        'position': Field(132, 4, sign_bit=-1), 'voltage': Field(144, 2), 'temperature': Field(146)}

    def __init__(self, wire: Wire, answer_timeout_s: float) -> None:
        """Use a wire, as :class:`ServoBus`.

        Raises:
            TurretError: NOT_SUPPORTED, the package of the SDK is not installed.
        """
        super().__init__(wire, answer_timeout_s)
        try:
            import dynamixel_sdk
        except ImportError as error:
            wire.close()
            raise TurretError(ReasonCode.NOT_SUPPORTED, _PACKAGE) from error
        self._sdk: Any = dynamixel_sdk
        self._packets: Any = dynamixel_sdk.Protocol2PacketHandler()
        self._port = _SdkPort(wire, answer_timeout_s)

    # The protocol

    def ping(self, servo: int) -> int | None:
        model, result, _ = self._packets.ping(self._port, servo)
        return int(model) if self._arrived(result) else None

    def read(self, servo: int, address: int, size: int) -> bytes:
        self._packets.readTx(self._port, servo, address, size)
        while True:  # readTxRx would take the begin of a longer answer
            answer, _ = self._receive()
            if answer is None:
                raise NoAnswerError(servo)
            if answer[0] == servo and len(answer[1]) == size:
                return answer[1]

    def write(self, servo: int, address: int, data: bytes) -> None:
        result, error = self._packets.writeTxRx(self._port, servo, address, len(data), list(data))
        if not self._arrived(result):
            raise NoAnswerError(servo)
        if error & ~_ALERT:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'servo {servo} refuses {int.from_bytes(data, "little")} at address '
                f'{address}: {self._packets.getRxPacketError(error)}')

    def read_all(self, servos: Iterable[int], address: int, size: int) -> dict[int, bytes]:
        ids = list(servos)
        found: dict[int, bytes] = {}
        contradicted: set[int] = set()
        self._packets.syncReadTx(self._port, address, size, ids, len(ids), False)
        due = len(ids)
        while due > 0 or self._port.has_packet:
            due -= 1
            answer, result = self._receive()
            if answer is not None and answer[0] in ids and len(answer[1]) == size:
                if found.setdefault(*answer) != answer[1]:
                    contradicted.add(answer[0])
            elif result == self._sdk.COMM_RX_TIMEOUT:
                break
        return {servo: block for servo, block in found.items() if servo not in contradicted}

    def write_all(self, address: int, data: Mapping[int, bytes]) -> None:
        size = len(next(iter(data.values())))
        body = [byte for servo, values in data.items() for byte in (servo, *values)]
        self._packets.syncWriteTxOnly(self._port, address, size, body, len(body))

    def _receive(self) -> tuple[tuple[int, bytes] | None, int]:
        """Return ID and data of the next answer, None where none arrived, and the result of the SDK.

        The SDK takes inserted bytes out wrongly behind the first one, and leaves the packet as long as it was.
        """
        packet, result = self._packets.rxPacket(self._port, True)
        if not self._arrived(result):
            return None, result
        return (packet[4], bytes(packet[8:-2]).replace(_HEADER + b'\xfd', _HEADER)[1:]), result

    def _arrived(self, result: int) -> bool:
        """Return whether an answer arrived, by the result of the SDK."""
        self._lost = self._lost or result != self._sdk.COMM_SUCCESS
        return bool(result == self._sdk.COMM_SUCCESS)

    # The servos

    def states(self, servos: Iterable[int]) -> dict[int, ServoState]:
        return {servo: self._state(block) for servo, block in self._read_repeatedly(servos, *_STATE).items()}

    def _state(self, block: bytes) -> ServoState:
        def of(name: str) -> int:
            return self.table[name].of(block, _STATE[0])

        errors = of('hardware_error')
        faults = tuple(text for bit, text in FAULTS.items() if errors >> bit & 1)
        if of('bus_watchdog') < 0:
            faults += (_STOPPED,)
        powered = of('torque') == 1
        if powered and of('bus_watchdog') == 0:
            faults += (RESTARTED,)
        return ServoState(
            of('position'), of('velocity') * _SPEED_UNIT, powered, of('pwm') / _FULL_PWM, 0.1 * of('voltage'),
            of('temperature'), faults)

    def move(self, goals: Mapping[int, tuple[int, float]]) -> None:
        """Send goals; a speed of 0 would be none, so that the minimum is one unit."""
        self.write_all(_GOAL, {
            servo: max(1, -int(-speed // _SPEED_UNIT)).to_bytes(4, 'little') + self.table['goal'].encode(goal)
            for servo, (goal, speed) in goals.items()})

    def configure(self, servo: int, limits: ServoLimits) -> None:
        """Restart a servo that has a fault, switch the motor off, select the position mode and write the limits.

        Raises:
            TurretError: DRIVER_FAULT, the servo does not answer or does not take a value.
        """
        if self.get(servo, 'hardware_error'):
            self._packets.reboot(self._port, servo)
            if not any(self.ping(servo) is not None for _ in range(_REBOOT_ATTEMPTS)):
                raise NoAnswerError(servo)
        for name, value in (
                ('bus_watchdog', 0), ('torque', 0), ('answers', 2), ('answer_delay', 0), ('drive_mode', 0),
                ('mode', _POSITION_MODE), ('second_id', _NO_ID), ('startup', 0),
                ('max_temperature', limits.temperature), ('max_voltage', round(10 * limits.max_voltage)),
                ('min_voltage', round(10 * limits.min_voltage)), ('lower', limits.lower), ('upper', limits.upper),
                ('shutdown', _SHUTDOWN), ('profile_acceleration', 0), ('goal_pwm', round(_FULL_PWM * limits.torque))):
            self.put(servo, name, value)

    def set_torque(self, servos: Iterable[int], on: bool) -> None:
        """Power the motors, or not; while they are on, the bus watchdog is too."""
        def switch(servo: int) -> None:
            self.put(servo, 'bus_watchdog', 0)
            self.put(servo, 'torque', int(on))
            if on:
                self.put(servo, 'bus_watchdog', _WATCHDOG)

        self._each(servos, switch)

    def describe(self, servo: int, model: int) -> str:
        return MODELS.get(model, f'model {model}')

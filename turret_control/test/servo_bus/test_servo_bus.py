# SPDX-License-Identifier: Apache-2.0
"""Servo buses: packets, control tables, set-up of ID and baud rate, and faults on the wire."""

from __future__ import annotations

import contextlib
import importlib.util
import time
from collections.abc import Callable, Iterator
from random import Random

import pytest
import serial

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.threads.clock import MonotonicClock
from turret_control.servo_bus import dynamixel, feetech
from turret_control.servo_bus.bus import Field, FoundServo, NoAnswerError, ServoBus, ServoLimits, scan
from turret_control.servo_bus.dynamixel import DynamixelBus
from turret_control.servo_bus.emulated_dynamixel import EmulatedDynamixelBus, EmulatedX
from turret_control.servo_bus.emulated_feetech import EmulatedFeetechBus, EmulatedSts
from turret_control.servo_bus.emulator import EmulatedBus, EmulatedWire
from turret_control.servo_bus.feetech import FeetechBus
from turret_control.servo_bus.pty_bus import PtyBus
from turret_control.servo_bus.wire import SerialWire

LIMITS = ServoLimits(900, 3100, 0.5, 60, 9.5, 13.0)
ANSWER_S = 0.02
needs_sdk = pytest.mark.skipif(importlib.util.find_spec('dynamixel_sdk') is None, reason='dynamixel-sdk is missing')
KINDS = [
    pytest.param((FeetechBus, EmulatedFeetechBus, EmulatedSts), id='feetech'),
    pytest.param((DynamixelBus, EmulatedDynamixelBus, EmulatedX), id='dynamixel', marks=needs_sdk)]


#: Address, size, whether it is saved, and sign bit of every field, restated from the data sheets.
FEETECH = {
    'model': (3, 2, False, None), 'id': (5, 1, True, None), 'baud': (6, 1, True, None), 'answers': (8, 1, True, None),
    'lower': (9, 2, True, None), 'upper': (11, 2, True, None), 'max_temperature': (13, 1, True, None),
    'max_voltage': (14, 1, True, None), 'min_voltage': (15, 1, True, None), 'max_torque': (16, 2, True, None),
    'phase': (18, 1, True, None), 'unload': (19, 1, True, None), 'resolution': (30, 1, True, None),
    'offset': (31, 2, True, 11), 'mode': (33, 1, True, None), 'torque': (40, 1, False, None),
    'acceleration': (41, 1, False, None), 'goal': (42, 2, False, 15), 'goal_time': (44, 2, False, None),
    'goal_speed': (46, 2, False, 15), 'torque_limit': (48, 2, False, None), 'lock': (55, 1, False, None),
    'position': (56, 2, False, 15), 'velocity': (58, 2, False, 15), 'load': (60, 2, False, 10),
    'voltage': (62, 1, False, None), 'temperature': (63, 1, False, None), 'status': (65, 1, False, None),
    'moving': (66, 1, False, None),
}
DYNAMIXEL = {
    'model': (0, 2, False, None), 'id': (7, 1, True, None), 'baud': (8, 1, True, None),
    'answer_delay': (9, 1, True, None), 'drive_mode': (10, 1, True, None), 'mode': (11, 1, True, None),
    'second_id': (12, 1, True, None), 'offset': (20, 4, True, -1), 'max_temperature': (31, 1, True, None),
    'max_voltage': (32, 2, True, None), 'min_voltage': (34, 2, True, None), 'upper': (48, 4, True, None),
    'lower': (52, 4, True, None), 'startup': (60, 1, True, None), 'shutdown': (63, 1, True, None),
    'torque': (64, 1, False, None), 'answers': (68, 1, False, None), 'hardware_error': (70, 1, False, None),
    'bus_watchdog': (98, 1, False, -1), 'goal_pwm': (100, 2, False, -1),
    'profile_acceleration': (108, 4, False, None), 'profile_velocity': (112, 4, False, None),
    'goal': (116, 4, False, -1), 'moving': (122, 1, False, None), 'pwm': (124, 2, False, -1),
    'load': (126, 2, False, -1), 'velocity': (128, 4, False, -1), 'position': (132, 4, False, -1),
    'voltage': (144, 2, False, None), 'temperature': (146, 1, False, None),
}
#: What configure() leaves in a servo with the limits of above: value by address and size.
CONFIGURED = {
    'feetech': {
        (8, 1): 1, (9, 2): 900, (11, 2): 3100, (13, 1): 60, (14, 1): 130, (15, 1): 95, (19, 1): 0b101111, (30, 1): 1,
        (33, 1): 0, (40, 1): 0, (48, 2): 500, (55, 1): 1},
    'dynamixel': {
        (9, 1): 0, (10, 1): 0, (11, 1): 3, (12, 1): 255, (31, 1): 60, (32, 2): 130, (34, 2): 95, (48, 4): 3100,
        (52, 4): 900, (60, 1): 0, (63, 1): 0b110101, (64, 1): 0, (68, 1): 2, (98, 1): 0, (100, 2): 442, (108, 4): 0}}


class Rig:
    """A bus with two emulated servos, IDs 1 and 2."""

    def __init__(self, kind: tuple[Callable[..., ServoBus], Callable[..., EmulatedBus], type]) -> None:
        self.make_bus, make_emulated, self.make_servo = kind
        self.emulated = make_emulated()
        self.wire = EmulatedWire(self.emulated, MonotonicClock())
        self.bus = self.make_bus(self.wire, ANSWER_S)

    def open(self, baud: int) -> ServoBus:
        return self.make_bus(EmulatedWire(self.emulated, MonotonicClock(), baud), ANSWER_S)


@pytest.fixture(params=KINDS)
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(request.param)


def test_a_packet_of_the_manual() -> None:
    """Examples of Feetech's manual: ping and read of ID 1, and the answer with a position of 2048."""
    assert feetech.packet(1, 0x01) == bytes.fromhex('FF FF 01 02 01 FB')
    assert feetech.packet(1, feetech.READ, b'\x38\x02') == bytes.fromhex('FF FF 01 04 02 38 02 BE')
    data = bytearray.fromhex('FF FF 01 04 00 00 08 F2')
    assert feetech.take_packet(data) == (1, 0, b'\x00\x08')
    assert not data


@pytest.mark.parametrize('before', ['', '00', 'FF', 'FF FF', 'FF FF 01', 'FF FF 01 04 00', 'FF FF FF 7E 01'])
def test_a_packet_is_found_behind_anything(before: str) -> None:
    data = bytearray.fromhex(before) + bytearray.fromhex('FF FF 01 04 00 18 05 DD') * 2
    found = list(iter(lambda: feetech.take_packet(data), None))
    assert found
    assert set(found) == {(1, 0, b'\x18\x05')}


def test_negative_numbers_have_a_sign_bit() -> None:
    velocity = FeetechBus.table['velocity']
    for value in (0, 5, -5, 3400, -3400):
        assert velocity.decode(velocity.encode(value)) == value
    assert velocity.encode(-5) == bytes([5, 0x80])
    assert velocity.encode(0) == bytes(2), 'not a negative zero'
    assert DynamixelBus.table['velocity'].encode(-5) == bytes([0xFB, 0xFF, 0xFF, 0xFF])


def test_servos_are_found_with_their_models(rig: Rig) -> None:
    assert rig.bus.ping(3) is None
    reported: list[FoundServo] = []
    found = scan(rig.open, (115_200, 1_000_000), range(5), reported.append)
    assert found == reported
    assert [(one.servo, one.baud) for one in found] == [(1, 1_000_000), (2, 1_000_000)]
    assert found[0].description in ('STS3215', 'XL430-W250')


def test_limits_are_written_to_the_servo_and_only_when_they_change(rig: Rig) -> None:
    servo = rig.emulated.servos[0]
    rig.bus.configure(1, LIMITS)
    table = rig.bus.table
    assert [rig.bus.get(1, name) for name in ('lower', 'upper', 'max_temperature')] == [900, 3100, 60]
    assert [rig.bus.get(1, name) for name in ('min_voltage', 'max_voltage')] == [95, 130]
    before = servo.write
    written: list[int] = []
    servo.write = lambda address, data, now: (written.append(address), before(address, data, now))[1]
    rig.bus.configure(1, LIMITS)
    saved = {field.address for field in table.values() if field.saved}
    assert written
    assert not saved & set(written), 'saved memory wears out'


def test_fields_are_where_the_data_sheets_say() -> None:
    for bus, fields in ((FeetechBus, FEETECH), (DynamixelBus, DYNAMIXEL)):
        assert bus.table == fields


@needs_sdk
def test_models_and_faults_are_those_of_the_data_sheets() -> None:
    assert dynamixel.MODELS == {
        1020: 'XM430-W350', 1030: 'XM430-W210', 1060: 'XL430-W250', 1070: 'XC430-W150', 1080: 'XC430-W240',
        1120: 'XM540-W270', 1130: 'XM540-W150', 1190: 'XL330-M077', 1200: 'XL330-M288'}
    assert dynamixel.FAULTS == {
        0: 'voltage out of range', 2: 'too hot', 3: 'position sensor', 4: 'electrical shock', 5: 'overload'}
    assert feetech.MODELS == {777: 'STS3215', 2825: 'STS3250', 1033: 'STS3020'}
    assert feetech.FAULTS == {
        0: 'voltage out of range', 1: 'position sensor', 2: 'too hot', 3: 'overcurrent', 5: 'overload'}


def test_a_servo_is_configured_as_its_data_sheet_says(rig: Rig) -> None:
    servo = rig.emulated.servos[0]
    rig.bus.configure(1, LIMITS)
    wanted = CONFIGURED[rig.bus.name]
    assert {place: servo.number(*place) for place in wanted} == wanted


def test_saved_settings_outlast_a_reset(rig: Rig) -> None:
    rig.bus.configure(1, LIMITS)
    rig.bus.set_torque([1], True)
    rig.emulated.servos[0].reset()
    assert rig.bus.get(1, 'upper') == 3100
    assert rig.bus.get(1, 'torque') == 0


def test_an_id_can_be_set(rig: Rig) -> None:
    rig.bus.set_id(2, 7)
    assert (rig.bus.ping(2), rig.bus.ping(7) is None) == (None, False)
    rig.emulated.servos[1].reset()
    assert rig.bus.ping(7) is not None, 'it is saved'
    for old, new, code, why in (
            (1, 7, ReasonCode.ALREADY_EXISTS, 'ID 7 is on the bus'), (1, 300, ReasonCode.OUT_OF_RANGE, 'not 300'),
            (1, rig.bus.max_id + 1, ReasonCode.OUT_OF_RANGE, 'an ID is'), (1, -1, ReasonCode.OUT_OF_RANGE, 'an ID is'),
            (5, 6, ReasonCode.DRIVER_FAULT, 'servo 5 does not answer')):
        with pytest.raises(TurretError, match=why) as refusal:
            rig.bus.set_id(old, new)
        assert refusal.value.code is code
    assert rig.bus.ping(1) is not None
    for old, new in ((7, 0), (0, rig.bus.max_id)):
        rig.bus.set_id(old, new)
        assert rig.bus.ping(new) is not None


def test_a_baud_rate_can_be_set(rig: Rig) -> None:
    with pytest.raises(TurretError, match='123 Bd') as refusal:
        rig.bus.set_baud(1, 123)
    assert refusal.value.code is ReasonCode.OUT_OF_RANGE
    rig.bus.set_baud(1, 115_200)
    assert rig.bus.ping(1) is None
    assert rig.open(115_200).ping(1) is not None


def test_every_baud_rate_is_the_one_of_the_servo(rig: Rig) -> None:
    now = 1_000_000
    assert len(rig.bus.bauds) == 8
    for baud in (*rig.bus.bauds.values(), 1_000_000):
        rig.open(now).set_baud(1, baud)
        now = baud
        assert rig.open(now).ping(1) is not None


def test_disturbed_answers_are_asked_for_again(rig: Rig) -> None:
    faults = rig.emulated.faults
    for name in ('corrupt', 'truncate', 'lose', 'noise'):
        setattr(faults, name, 2)
        assert rig.bus.get(1, 'position') == 2048
        setattr(faults, name, 0)


def test_a_servo_that_is_dead_does_not_hide_the_others(rig: Rig) -> None:
    assert set(rig.bus.states([1, 2])) == {1, 2}
    for dead, alive in ((0, 2), (1, 1)):
        rig.emulated.servos[dead].dead = True
        assert set(rig.bus.states([1, 2])) == {alive}
        with pytest.raises(NoAnswerError):
            rig.bus.get(dead + 1, 'position')
        rig.emulated.servos[dead].dead = False


def test_one_disturbed_answer_does_not_hide_the_others(rig: Rig) -> None:
    disturbances = ['corrupt', 'lose']
    if rig.bus.name == 'feetech':  # the SDK takes the missing byte from the next answer
        disturbances.append('truncate')
    for name in disturbances:
        setattr(rig.emulated.faults, name, 1)
        assert 2 in rig.bus.states([1, 2])
        assert set(rig.bus.states([1, 2])) == {1, 2}


def test_the_state_has_units(rig: Rig) -> None:
    rig.emulated.servos[1].shaft.position = 1000.0
    state = rig.bus.states([2])[2]
    assert (state.position, state.velocity, state.torque, state.faults) == (1000, 0.0, False, ())
    assert (state.voltage, state.temperature) == (pytest.approx(12.1), 31)


@pytest.fixture(params=KINDS)
def terminal(request: pytest.FixtureRequest) -> Iterator[tuple[Rig, PtyBus]]:
    rig = Rig(request.param)
    served = PtyBus(rig.emulated)
    yield rig, served
    served.close()


def test_a_pseudo_terminal_is_like_a_serial_port(terminal: tuple[Rig, PtyBus]) -> None:
    rig, served = terminal
    bus = rig.make_bus(SerialWire(served.path, 1_000_000), 0.2)
    assert set(bus.states([1, 2])) == {1, 2}
    with pytest.raises(TurretError, match='cannot open') as refusal:
        SerialWire(served.path, 1_000_000)
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    bus.close()
    other = rig.make_bus(SerialWire(served.path, 115_200), 0.05)
    assert other.ping(1) is None, 'the servos have another baud rate'
    other.close()


def test_a_lost_answer_takes_no_longer_than_the_time_out(terminal: tuple[Rig, PtyBus]) -> None:
    rig, served = terminal
    bus = rig.make_bus(SerialWire(served.path, 1_000_000), 0.03)
    rig.emulated.servos[0].dead = True
    begin = time.monotonic()
    assert bus.ping(1) is None
    assert 0.02 < time.monotonic() - begin < 1.0
    bus.close()


def test_answers_that_come_late_are_not_taken_for_the_next(terminal: tuple[Rig, PtyBus]) -> None:
    rig, served = terminal
    bus = rig.make_bus(SerialWire(served.path, 1_000_000), 0.01)
    rig.emulated.faults.latency_s = 0.03
    with pytest.raises(NoAnswerError):  # noqa: PT012  at some time, also where this process stands still
        for _ in range(50):
            bus.read(1, bus.table['position'].address, 2)
    rig.emulated.faults.latency_s = 0.0
    models: list[int] = []
    while not models:  # on a busy machine an answer within 10 ms may take some attempts
        with contextlib.suppress(NoAnswerError):
            models.append(bus.get(1, 'model'))
    assert models[0] in (777, 1060)
    bus.close()


def test_an_answer_that_comes_behind_the_next_question_is_right_or_lost(rig: Rig) -> None:
    servo = rig.emulated.servos[0]

    class Late(EmulatedWire):
        waiting = b''

        def send(self, data: bytes) -> None:
            late = self.waiting
            super().send(data)
            self._arrived, self.waiting = late, self._arrived
            servo.shaft.position = 3000.0  # since

        def receive(self, count: int, timeout_s: float) -> bytes:
            arrived = super().receive(count, timeout_s)
            if count > 1000:  # until nothing comes any more
                arrived, self.waiting = arrived + self.waiting, b''
            return arrived

    bus = rig.make_bus(Late(rig.emulated, MonotonicClock()), 0.0)
    servo.shaft.position = 1000.0
    with pytest.raises(NoAnswerError):
        bus.get(1, 'position')


def test_an_adapter_that_takes_nothing_for_a_while_is_a_lost_answer(
        terminal: tuple[Rig, PtyBus], monkeypatch: pytest.MonkeyPatch) -> None:
    rig, served = terminal
    wire = SerialWire(served.path, 1_000_000)
    bus = rig.make_bus(wire, 0.03)

    def busy(data: bytes) -> None:
        raise serial.SerialTimeoutException('Write timeout')

    with monkeypatch.context() as patched:
        patched.setattr(wire._port, 'write', busy)  # noqa: SLF001  the library's port
        assert bus.ping(1) is None
        assert bus.states([1, 2]) == {}
    assert bus.get(1, 'model') in (777, 1060)
    bus.close()


class PatientWire(EmulatedWire):
    """A wire that notes how much is waited for, and how long."""

    def __init__(self, emulated: EmulatedBus, lost: int = 0) -> None:
        super().__init__(emulated, MonotonicClock())
        self.lost = lost
        self.waits: list[tuple[int, float]] = []

    def receive(self, count: int, timeout_s: float) -> bytes:
        self.waits.append((count, timeout_s))
        data = super().receive(count, timeout_s)
        if self.lost:
            self.lost -= 1
            return b''
        return data


def test_late_answers_are_waited_for_once_after_one_was_lost(rig: Rig) -> None:
    settling = (1 << 16, 0.05)
    wire = PatientWire(rig.emulated)
    bus = rig.make_bus(wire, ANSWER_S)
    for _ in range(2):
        assert bus.get(1, 'position') == 2048
    assert settling not in wire.waits
    wire.lost = 1
    for _ in range(2):
        assert bus.get(1, 'position') == 2048
    assert wire.waits.count(settling) == 1
    wire.lost = 1000
    with pytest.raises(NoAnswerError):
        bus.get(1, 'position')
    assert wire.waits.count(settling) == 3, 'between three attempts'


def test_an_answer_may_take_as_long_as_it_takes_to_transmit() -> None:
    """10 bits for each byte of the answers that are missing: six, and the data."""
    rig = Rig((FeetechBus, EmulatedFeetechBus, EmulatedSts))
    wire = PatientWire(rig.emulated)
    bus = rig.make_bus(wire, ANSWER_S)
    bus.get(1, 'position')
    assert wire.waits == [(8, pytest.approx(ANSWER_S + 80e-6))]
    wire.waits.clear()
    bus.states([1, 2])
    count, timeout_s = wire.waits[0]
    assert timeout_s == pytest.approx(ANSWER_S + 10e-6 * count)


def test_answers_with_the_state_have_eight_lengths(rig: Rig) -> None:
    asked: list[tuple[int, int]] = []
    read_all = rig.bus.read_all

    def note(servos: list[int], address: int, size: int) -> dict[int, bytes]:
        asked.append((address, size))
        return read_all(servos, address, size)

    rig.bus.read_all = note  # type: ignore[method-assign]
    for _ in range(24):
        assert set(rig.bus.states([1, 2])) == {1, 2}
    assert len(set(asked)) == 8
    assert len({address + size for address, size in asked}) == 1
    assert asked[:8] == asked[8:16] == asked[16:]


def test_a_value_that_a_servo_does_not_take_is_a_driver_fault(rig: Rig) -> None:
    servo = rig.emulated.servos[1]
    servo.write = lambda address, data, now: 0  # type: ignore[method-assign]
    with pytest.raises(TurretError, match='servo 2 does not take torque = 1') as refusal:
        rig.bus.put(2, 'torque', 1)
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


def test_a_servo_with_a_fault_still_takes_what_is_written(rig: Rig) -> None:
    rig.emulated.servos[0].fail(0b100)
    rig.bus.write(1, rig.bus.table['torque'].address, b'\x00')
    rig.bus.put(1, 'torque', 0)
    assert rig.bus.states([1])[1].faults == ('too hot',)


def test_a_motor_is_off_before_its_servo_gets_another_id(rig: Rig) -> None:
    servo = rig.emulated.servos[1]
    written: list[tuple[int, bool]] = []
    write = servo.write

    def note(address: int, data: bytes, now: float) -> int:
        written.append((address, servo.shaft.powered))
        return write(address, data, now)

    rig.bus.set_torque([2], True)
    servo.write = note  # type: ignore[method-assign]
    rig.bus.set_id(2, 7)
    assert (rig.bus.table['id'].address, False) in written
    assert (rig.bus.table['id'].address, True) not in written


@pytest.mark.parametrize('taken', [True, False])
def test_an_id_whose_confirmation_was_lost_is_asked_for(rig: Rig, taken: bool) -> None:
    write_field = rig.bus._write_field  # noqa: SLF001  to lose the answer

    def lose(servo: int, field: Field, value: int) -> None:
        if taken or not field.saved:
            write_field(servo, field, value)
        if field.saved:
            raise NoAnswerError(servo)

    rig.bus._write_field = lose  # type: ignore[method-assign]  # noqa: SLF001  as above
    with contextlib.nullcontext() if taken else pytest.raises(NoAnswerError):
        rig.bus.set_id(2, 7)
    assert rig.bus.ping(7 if taken else 2) is not None
    rig.bus.set_baud(1, 115_200)  # no servo answers at the rate so far


def test_a_baud_rate_that_a_servo_has_already_is_not_written(rig: Rig) -> None:
    servo = rig.emulated.servos[0]
    rig.bus.set_torque([1], True)
    servo.write = lambda address, data, now: pytest.fail('saved memory wears out')  # type: ignore[method-assign]
    rig.bus.set_baud(1, 1_000_000)
    assert servo.shaft.powered


def test_a_scan_releases_the_port_of_each_baud_rate(rig: Rig) -> None:
    buses: list[ServoBus] = []

    def open_bus(baud: int) -> ServoBus:
        buses.append(rig.open(baud))
        return buses[-1]

    scan(open_bus, (115_200, 1_000_000), range(3), lambda found: None)
    assert [bus._wire.closed for bus in buses] == [True, True]  # type: ignore[attr-defined]  # noqa: SLF001  an emulated wire


class Port:
    """Stands in for a port of pyserial."""

    def __init__(self, path: str, baud: int, **how: object) -> None:
        self.opened = (path, baud, how)
        self.input, self.output = bytearray(), bytearray()
        self.timeout: float | None = None
        self.reads: list[tuple[int, float | None]] = []
        self.full = False

    @property
    def in_waiting(self) -> int:
        return len(self.input)

    def read(self, size: int) -> bytes:
        self.reads.append((size, self.timeout))
        data = bytes(self.input[:size])
        del self.input[:size]
        return data

    def write(self, data: bytes) -> None:
        if self.full:
            self.output += data[:1]
            raise serial.SerialTimeoutException('Write timeout')
        self.output += data

    def reset_input_buffer(self) -> None:
        self.input.clear()

    def reset_output_buffer(self) -> None:
        self.output.clear()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> tuple[SerialWire, Port]:
    monkeypatch.setattr(serial, 'Serial', Port)
    wire = SerialWire('/dev/ttyX', 57_600)
    return wire, wire._port  # noqa: SLF001  stood in for


def test_a_port_is_opened_for_this_process_alone_and_takes_what_it_takes_in_a_tenth_of_a_second(
        port: tuple[SerialWire, Port]) -> None:
    assert port[1].opened == ('/dev/ttyX', 57_600, {'write_timeout': 0.1, 'exclusive': True})


def test_what_has_arrived_before_a_question_is_discarded(port: tuple[SerialWire, Port]) -> None:
    wire, stub = port
    stub.input += b'late'
    wire.send(b'question')
    assert (stub.input, stub.output) == (b'', b'question')


def test_what_a_port_does_not_take_is_discarded(port: tuple[SerialWire, Port]) -> None:
    wire, stub = port
    stub.full = True
    wire.send(b'question')
    assert stub.output == b''


def test_all_that_has_arrived_is_read_and_no_more_is_waited_for(port: tuple[SerialWire, Port]) -> None:
    wire, stub = port
    stub.input += b'12345'
    assert wire.receive(5, 10.0) == b'12345'
    assert [size for size, _ in stub.reads] == [5]
    stub.input += b'1234567'
    assert wire.receive(3, 10.0) == b'1234567'
    stub.reads.clear()
    assert wire.receive(3, 10.0) == b''
    (size, timeout_s), = stub.reads
    assert size == 1, 'the first byte ends the wait'
    assert 0.0 < (timeout_s or 0.0) <= 10.0


def test_an_adapter_that_is_unplugged_is_an_error_of_the_system(rig: Rig) -> None:
    rig.wire.broken = True
    with pytest.raises(OSError, match='unplugged'):
        rig.bus.states([1, 2])


def test_a_terminal_that_vanishes_is_an_error_of_the_system(rig: Rig) -> None:
    served = PtyBus(rig.emulated)
    wire = SerialWire(served.path, 1_000_000)
    bus = rig.make_bus(wire, 0.05)
    served.close()
    for use in (
            lambda: wire.send(b'\xff'), lambda: wire.receive(1, 0.01), lambda: bus.ping(1), lambda: bus.states([1])):
        with pytest.raises(OSError, match=r'Input/output error'):
            use()
    bus.close()
    with pytest.raises(TurretError, match='cannot open'):
        SerialWire(served.path, 1_000_000)


class AdverseWire(EmulatedWire):
    """A wire on which more arrives than the answers.

    Attributes:
        change: makes what arrives from what was sent and what was answered.
    """

    def __init__(self, emulated: EmulatedBus, change: Callable[[bytes, bytes], bytes]) -> None:
        super().__init__(emulated, MonotonicClock())
        self.change = change

    def send(self, data: bytes) -> None:
        super().send(data)
        self._arrived = self.change(data, self._arrived)


def adverse(rig: Rig, change: Callable[[bytes, bytes], bytes]) -> ServoBus:
    return rig.make_bus(AdverseWire(rig.emulated, change), ANSWER_S)


@pytest.mark.parametrize('change', [
    pytest.param(lambda sent, answer: sent + answer, id='echo'),
    pytest.param(lambda sent, answer: answer + answer, id='duplicates'),
    pytest.param(lambda sent, answer: sent[:-1] + answer, id='damaged echo')])
def test_what_else_arrives_changes_no_value(rig: Rig, change: Callable[[bytes, bytes], bytes]) -> None:
    bus = adverse(rig, change)
    assert bus.ping(1) in (777, 1060)
    rig.emulated.servos[1].shaft.position = 1234.0
    assert bus.get(2, 'position') == 1234
    bus.put(1, 'torque', 1)
    assert rig.emulated.servos[0].shaft.powered
    states = bus.states([1, 2])
    assert (states[1].torque, states[2].torque) == (True, False)
    assert states[2].position == 1234


@needs_sdk
def test_an_answer_that_came_twice_does_not_answer_the_next_question() -> None:
    rig = Rig((DynamixelBus, EmulatedDynamixelBus, EmulatedX))
    bus = adverse(rig, lambda sent, answer: answer + answer)
    rig.emulated.servos[0].shaft.position = 1234.0
    assert bus.get(1, 'position') == 1234
    assert bus.get(1, 'upper') == 4095


@needs_sdk
def test_a_value_that_a_servo_refuses_is_an_error_and_a_fault_of_its_hardware_is_none() -> None:
    rig = Rig((DynamixelBus, EmulatedDynamixelBus, EmulatedX))
    with pytest.raises(TurretError, match='servo 1 refuses 5000 at address 48: ') as refusal:
        rig.bus.put(1, 'upper', 5000)
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    rig.emulated.servos[0].fault_bits = 1 << 2
    rig.bus.put(1, 'upper', 3000)
    assert rig.bus.get(1, 'upper') == 3000


def test_behind_half_a_packet_an_answer_is_right_or_lost(rig: Rig) -> None:
    halves = iter([True, False] * 50)
    bus = adverse(rig, lambda sent, answer: answer[:len(answer) // 2] + answer if next(halves) else answer)
    rig.emulated.servos[1].shaft.position = 1234.0
    for _ in range(5):
        assert bus.get(2, 'position') == 1234
        assert all(state.position == 1234 for servo, state in bus.states([1, 2]).items() if servo == 2)


def test_valid_packets_that_answer_nothing_change_no_value(rig: Rig) -> None:
    """Answers of servo 1 with every length and with the bytes that are stuffed, in front of and behind the others."""
    random = Random(7)
    rig.emulated.servos[1].shaft.position = 1234.0

    def junk(sent: bytes, answer: bytes) -> bytes:
        body = bytes(random.choice((0x55, 0xFF, 0xFD, random.randrange(256))) for _ in range(random.randrange(14)))
        if rig.bus.name == 'feetech':
            packet = feetech.packet(1, body[0] if body else 0, body[1:])
        else:
            head = bytes([0xFF, 0xFF, 0xFD, 0, 1, len(body) + 2, 0]) + body
            packet = head + crc(head).to_bytes(2, 'little')
        return random.choice((packet, packet + answer, answer + packet, packet + packet))

    def crc(head: bytes) -> int:
        from dynamixel_sdk import Protocol2PacketHandler

        return int(Protocol2PacketHandler().updateCRC(0, list(head), len(head)))

    bus = rig.make_bus(AdverseWire(rig.emulated, junk), 0.0)
    position, found = bus.table['position'], []
    for _ in range(300):
        with contextlib.suppress(NoAnswerError):
            found.append(position.decode(bus.read(2, position.address, position.size)))
        found += [state.position for servo, state in bus.states([1, 2]).items() if servo == 2]
        assert bus.ping(2) in (777, 1060, None)
        with contextlib.suppress(TurretError):
            bus.write(2, bus.table['torque'].address, b'\x00')
    assert len(found) > 50
    assert set(found) == {1234}, 'right or lost'


@needs_sdk
@pytest.mark.parametrize('data', ['fffffd00', '00fffffd', 'fffffdff', 'fdfffffd', 'fffffdfd'])
def test_data_with_the_bytes_of_a_header_is_read_as_it_is(data: str) -> None:
    """A servo inserts a byte there, as into its state while its output is -1 and its load -3."""
    rig = Rig((DynamixelBus, EmulatedDynamixelBus, EmulatedX))
    servo = rig.emulated.servos[0]
    refresh = servo.refresh

    def loaded(now_s: float) -> None:
        refresh(now_s)
        servo.table[116:120] = bytes.fromhex(data)
        servo.store(124, 2, -1)
        servo.store(126, 2, -3)

    servo.refresh = loaded  # type: ignore[method-assign]
    for _ in range(10):
        assert rig.bus.read(1, 116, 4) == bytes.fromhex(data)
        assert rig.bus.read(1, 114, 8)[2:6] == bytes.fromhex(data)
        assert rig.bus.states([1, 2])[1].load == pytest.approx(-1 / 885)


def test_an_adapter_that_only_sends_back_has_no_servos(rig: Rig) -> None:
    bus = adverse(rig, lambda sent, answer: sent)
    assert [bus.ping(servo) for servo in range(4)] == [None] * 4
    assert bus.states([1, 2]) == {}
    with pytest.raises(TurretError):
        bus.put(1, 'torque', 1)


def test_a_servo_that_answers_under_another_id_is_not_heard(rig: Rig) -> None:
    wrong = 3
    answers = rig.open(1_000_000)
    rig.emulated.servos[1].dead = True

    def other(sent: bytes, answer: bytes) -> bytes:
        heard = EmulatedWire(type(rig.emulated)([rig.make_servo(wrong)]), MonotonicClock())
        heard.send(sent.replace(b'\x01', bytes([wrong]), 1) if sent[2:3] == b'\x01' else sent)
        return heard.receive(1, 0.0)

    assert answers.ping(1) is not None
    bus = adverse(rig, other)
    assert bus.ping(1) is None
    assert bus.states([1, 2]) == {}


def test_an_answer_to_another_question_is_not_taken(rig: Rig) -> None:
    """The answer to a read of 4 bytes, where 2 were asked for."""
    rig.wire.send(b'')
    rig.emulated.servos[0].shaft.position = 3000.0
    late: list[bytes] = []

    def stale(sent: bytes, answer: bytes) -> bytes:
        late.append(answer)
        return late[-2] if len(late) > 1 else b''

    bus = adverse(rig, stale)
    with pytest.raises(NoAnswerError):
        bus.read(1, bus.table['goal'].address, 4)
    with pytest.raises(NoAnswerError):
        bus.read(1, bus.table['position'].address, 2)


def test_a_port_that_never_stops_sending_is_no_servo_bus(rig: Rig) -> None:
    class Flood(EmulatedWire):
        def receive(self, count: int, timeout_s: float) -> bytes:
            return b'\xff\xff\x07$GPRMC'

    bus = rig.make_bus(Flood(rig.emulated, MonotonicClock()), ANSWER_S)
    assert bus.ping(1) is None
    assert bus.states([1, 2]) == {}


@pytest.mark.parametrize('late_by', range(1, 8))
def test_states_that_come_late_are_not_taken_for_the_next(rig: Rig, late_by: int) -> None:
    """An adapter behind which every answer arrives some cycles late, without one that is missing."""
    answers: list[bytes] = []

    def delay(sent: bytes, answer: bytes) -> bytes:
        answers.append(answer)
        return answers[-1 - late_by] if len(answers) > late_by else b''

    bus = adverse(rig, delay)
    assert [bus.states([1, 2]) for _ in range(20)] == [{}] * 20


@pytest.mark.parametrize('order', [1, -1])
def test_an_id_that_answers_twice_and_differently_did_not_answer(rig: Rig, order: int) -> None:
    """Two servos have the ID 2 and answer one after the other."""
    twin = type(rig.emulated)([rig.make_servo(2, 1000.0)])

    def both(sent: bytes, answer: bytes) -> bytes:
        other = EmulatedWire(twin, MonotonicClock())
        other.send(sent)
        return b''.join([answer, other.receive(1, 0.0)][::order])

    bus = adverse(rig, both)
    for _ in range(3):
        assert 2 not in bus.states([1, 2])


def test_what_another_program_left_is_cleared(rig: Rig) -> None:
    """What would make a servo listen to another ID, power itself after a restart, or count otherwise."""
    left = {30: 3} if rig.bus.name == 'feetech' else {12: 2, 60: 3}
    cleared = {30: 1} if rig.bus.name == 'feetech' else {12: 255, 60: 0}
    servo = rig.emulated.servos[0]
    for address, value in left.items():
        servo.table[address] = value
    rig.bus.configure(1, LIMITS)
    assert {address: servo.table[address] for address in left} == cleared

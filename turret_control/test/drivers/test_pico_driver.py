# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver of the Pico with its firmware in this process: switches, stops, lost and damaged frames."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pico_firmware import FirmwareWire, firmware
from wired_pins import Lockstep

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.driver import Dialog, Switch
from turret_control.drivers.pico import PicoAxis, PicoDriver, PicoParameters, _steps, show_pico
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.pico import protocol
from turret_control.pico.link import PicoLink, PicoState, require_watchdog

NEVER = 2**62
STILL = stand_still(30.0)


class SteppedPico(Lockstep, PicoDriver):
    """The driver in lockstep."""


class Rig:
    def __init__(self) -> None:
        self.driver = SteppedPico(PicoParameters(), self.open_wire)
        self.wire = FirmwareWire(self.driver.lockstep)

    def open_wire(self, port: str, baud: int) -> FirmwareWire:
        assert (port, baud) == ('/dev/ttyACM0', 115_200)
        return self.wire

    def start(self) -> None:
        self.driver.open()
        self.driver.enable(True)

    def go(self, target: float = 1.0, seconds: float = 0.5) -> None:
        self.driver.command(AxisMotion(target, 0.5, 10.0), STILL, NEVER)
        self.driver.lockstep.go_on(seconds)

    def fault(self) -> str:
        self.driver.lockstep.release()
        deadline = time.monotonic() + 10.0
        while time.monotonic() < deadline:
            with contextlib.suppress(TurretError):
                self.driver.read()
                time.sleep(0.001)
                continue
            with pytest.raises(TurretError) as fault:
                self.driver.read()
            assert fault.value.code is ReasonCode.DRIVER_FAULT
            return fault.value.message
        raise AssertionError('no fault')


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.driver.close()


def test_a_driver_is_made_of_its_group_of_the_parameters() -> None:
    group = PicoParameters(port='/dev/other', pan=PicoAxis(gear_ratio=2.0), tilt=PicoAxis(400, 8, 3.0))
    driver = PicoDriver.make(GimbalParameters(driver='pico', pico=group), 'turret')
    assert isinstance(driver, PicoDriver)
    assert driver.resolution == pytest.approx((math.tau / 6400, math.tau / 9600))
    assert list(PicoDriver.devices(GimbalParameters(driver='pico', pico=group))) == ['/dev/other']


def test_orders_are_sent_every_5_ms(rig: Rig) -> None:
    rig.start()
    sent: list[bytes] = []
    send = rig.wire.send
    rig.wire.send = lambda data: (sent.append(data), send(data))[1]  # type: ignore[method-assign, func-returns-value]
    rig.go(seconds=0.1)
    assert len(sent) in (20, 21)


def test_the_motors_are_not_powered_before_they_are_enabled(rig: Rig) -> None:
    rig.driver.open()
    assert not rig.driver.read().enabled
    rig.driver.enable(True)
    assert rig.driver.read().enabled


@pytest.mark.parametrize(('lost', 'powered'), [(2, True), (3, False)])
def test_power_is_confirmed_in_three_attempts(rig: Rig, lost: int, powered: bool) -> None:
    rig.driver.open()
    drive, left = PicoLink.drive, [lost]

    def lose(link: PicoLink, *order: Any) -> Any:
        left[0] -= 1
        state = drive(link, *order)
        return None if left[0] >= 0 else state

    rig.driver._link.drive = lambda *order: lose(rig.driver._link, *order)  # type: ignore  # noqa: SLF001
    if powered:
        rig.driver.enable(True)
        assert rig.wire.machine.motors
        return
    with pytest.raises(TurretError, match=r'^the Pico does not answer$') as refusal:
        rig.driver.enable(True)
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert not rig.wire.machine.motors


def test_motors_that_stay_on_are_not_confirmed_off(rig: Rig) -> None:
    rig.start()
    rig.driver._ended.set()  # noqa: SLF001  its thread would notice too
    rig.driver.lockstep.go_on(0.0)
    state = rig.wire.machine._state  # noqa: SLF001  the firmware that is broken
    rig.wire.machine._state = lambda now_us: struct.pack('<IB', 0, protocol.MOTORS_ON) + state(now_us)[5:]  # noqa: SLF001
    with pytest.raises(TurretError, match='does not answer'):
        rig.driver.enable(False)


def test_silence_is_a_fault_after_60_ms(rig: Rig) -> None:
    rig.start()
    rig.go(seconds=0.1)
    rig.wire.deaf = True
    began_ns = rig.driver.lockstep.now_ns()
    assert 'does not answer any more' in rig.fault()
    assert rig.driver.lockstep.now_ns() - began_ns == 65_000_000


@pytest.mark.parametrize('way', [1.0, -1.0])
def test_a_target_beyond_all_numbers_of_the_pico_is_the_last_of_them(rig: Rig, way: float) -> None:
    rig.start()
    rig.go(way * 1e9, 0.5)
    assert way * rig.driver.read().pan.position > 0.1


def test_the_lowest_acceleration_is_one_step() -> None:
    assert _steps(AxisMotion(0.0, 0.0, 1e-9), 0.01) == (0, 0, 1)
    assert _steps(AxisMotion(1e9, 1e9, 1e9), 0.01) == (2**31 - 1,) * 3
    assert _steps(AxisMotion(-1e9, 0.0, 1.0), 0.01) == (1 - 2**31, 0, 100)
    assert PicoAxis(400, 8, 3.0).step_angle == pytest.approx(math.tau / 9600)


def test_the_motors_are_off_50_ms_after_the_driver_fell_silent(rig: Rig) -> None:
    rig.start()
    rig.go()
    clock = rig.driver.lockstep
    rig.driver._ended.set()  # noqa: SLF001  the thread ends as if it hung
    clock.go_on(0.0)
    clock.release()
    rig.driver._thread.join(10.0)  # type: ignore[union-attr]  # noqa: SLF001
    assert rig.wire.machine.motors
    late_us = clock.now_ns() // 1000
    for step in range(1, 52):
        rig.wire.machine.step(late_us + 1000 * step, 0, False)
    assert not rig.wire.machine.motors
    assert rig.wire.machine.reason == protocol.FRAMES_STOPPED


def test_lost_and_damaged_answers_delay_nothing(rig: Rig) -> None:
    rig.start()
    for disturbance in ('lose', 'corrupt'):
        for _ in range(20):
            setattr(rig.wire, disturbance, 1)
            rig.go(0.3, 0.05)
    assert rig.driver.read().pan.position == pytest.approx(0.3, abs=4e-3)


def test_the_emergency_stop_at_the_pico_is_a_driver_fault(rig: Rig) -> None:
    rig.start()
    rig.go()
    rig.wire.estop = True
    assert 'the emergency stop is pressed' in rig.fault()
    assert not rig.wire.machine.motors
    rig.driver.close()
    rig.driver.open()
    with pytest.raises(TurretError, match='keeps the motors off'):
        rig.driver.enable(True)
    rig.wire.estop = False
    rig.driver.lockstep.go_on(0.02)
    rig.driver.enable(True)


def test_a_pico_that_does_not_answer_is_a_driver_fault(rig: Rig) -> None:
    rig.wire.deaf = True
    with pytest.raises(TurretError, match='no Pico with the firmware') as refusal:
        rig.driver.open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    rig.wire.deaf = False
    rig.start()
    rig.go()
    rig.wire.deaf = True
    assert 'does not answer any more' in rig.fault()


def test_a_port_that_never_stops_sending_is_no_pico(rig: Rig) -> None:
    rig.wire.receive = lambda count, timeout_s: b'\xa5\x10$GPRMC'  # type: ignore[method-assign]
    with pytest.raises(TurretError, match='no Pico with the firmware'):
        rig.driver.open()
    assert rig.wire.closed


@pytest.mark.parametrize('change', [
    pytest.param(lambda answer: answer + answer, id='duplicates'),
    pytest.param(lambda answer: b'\xa5\x05' + answer, id='half a frame first')])
def test_what_else_arrives_changes_no_value(rig: Rig, change: Callable[[bytes], bytes]) -> None:
    receive = rig.wire.receive
    rig.wire.receive = lambda count, timeout_s: change(receive(count, timeout_s))  # type: ignore[method-assign]
    rig.start()
    rig.go(0.3, 2.0)
    assert rig.driver.read().pan.position == pytest.approx(0.3, abs=4e-3)


def test_stale_answers_are_silence(rig: Rig) -> None:
    rig.start()
    rig.go()
    stale: list[bytes] = []
    receive = rig.wire.receive

    def first(count: int, timeout_s: float) -> bytes:
        stale.append(receive(count, timeout_s))
        return stale.pop() if len(stale) > 1 and not stale[-1] else stale[0]

    rig.wire.receive = first  # type: ignore[method-assign]
    assert 'does not answer any more' in rig.fault()


def test_a_driver_that_is_not_open_switches_nothing(rig: Rig) -> None:
    for before in (lambda: None, rig.start):
        before()
        rig.driver.close()
        rig.driver.enable(True)
        rig.driver.enable(False)
        assert not rig.wire.machine.motors


def test_a_pico_that_is_unplugged_is_a_driver_fault(rig: Rig) -> None:
    rig.start()
    rig.wire.broken = True
    assert 'unplugged' in rig.fault()


def test_a_pico_that_restarted_is_a_driver_fault(rig: Rig) -> None:
    rig.start()
    rig.go()
    rig.wire.machine = firmware('logic').Machine(firmware('config'))
    rig.driver.lockstep.go_on(0.0)
    assert 'it was restarted' in rig.fault()
    assert not rig.wire.machine.motors


def test_switches_of_the_pico_stop_the_axis_and_are_reported(rig: Rig) -> None:
    rig.start()
    assert rig.driver.read().pan.home is Switch.NONE
    assert rig.driver.read().pan.upper is Switch.OPEN
    rig.go()
    rig.wire.switches = protocol.PAN_UPPER
    rig.driver.lockstep.go_on(0.05)
    stopped = rig.driver.read().pan
    assert stopped.upper is Switch.PRESSED
    assert stopped.lower is Switch.OPEN
    rig.go(2.0)
    assert rig.driver.read().pan.position == stopped.position


@pytest.mark.parametrize(('bit', 'axis', 'switch'), [
    (protocol.PAN_LOWER, 'pan', 'lower'), (protocol.PAN_UPPER, 'pan', 'upper'),
    (protocol.TILT_LOWER, 'tilt', 'lower'), (protocol.TILT_UPPER, 'tilt', 'upper')])
def test_every_switch_is_that_of_its_axis(rig: Rig, bit: int, axis: str, switch: str) -> None:
    rig.start()
    rig.wire.switches = bit
    rig.driver.lockstep.go_on(0.05)
    sample = rig.driver.read()
    pressed = {
        (name, end) for name in ('pan', 'tilt') for end in ('lower', 'upper', 'home')
        if getattr(getattr(sample, name), end) is Switch.PRESSED}
    assert pressed == {(axis, switch)}


def test_closing_releases_the_port(rig: Rig) -> None:
    rig.start()
    rig.driver.close()
    assert rig.wire.closed


def test_a_pico_that_is_there_and_takes_no_orders_is_one_sentence(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_control.pico.link.PicoLink.drive', lambda link, *order: None)
    with pytest.raises(TurretError, match=r'^the Pico does not answer$'):
        rig.driver.open()
    assert rig.wire.closed


class Clock:
    now = 0

    def now_ns(self) -> int:
        return self.now


def sleeping(rig: Rig) -> Callable[[float], None]:
    """Give the Pico a clock, and return how time passes on it."""
    clock = Clock()
    rig.wire = FirmwareWire(clock)

    def sleep(seconds: float) -> None:
        clock.now += round(1e9 * seconds)
        rig.wire.run()

    return sleep


def test_the_check_measures_the_watchdog(rig: Rig) -> None:
    lines: list[str] = []
    sleep = sleeping(rig)
    assert show_pico(rig.driver, Dialog(lines.append, lambda question: 'no', sleep))
    assert 'its watchdog acted' in lines[-1]
    assert 'Pulse cap 1100 ms, duty cap 22 %' in lines[0]


def test_the_check_finds_a_watchdog_that_does_not_act(rig: Rig) -> None:
    sleep = sleeping(rig)
    step = rig.wire.machine.step

    def without_deadline(*args: Any) -> Any:
        rig.wire.machine._deadline_us = None  # noqa: SLF001  a firmware that is broken
        return step(*args)

    rig.wire.machine.step = without_deadline
    with pytest.raises(TurretError) as refused:
        show_pico(rig.driver, Dialog(lambda line: None, lambda question: 'no', sleep))
    assert refused.value.code is ReasonCode.NO_WATCHDOG
    assert rig.wire.closed


def test_a_watchdog_is_measured_in_three_attempts_and_without_light(rig: Rig) -> None:
    orders: list[tuple[int, ...]] = []
    slept: list[float] = []

    class Silent:
        def drive(self, *order: int) -> None:
            orders.append(order)

    with pytest.raises(TurretError, match=r'^the Pico does not answer$') as refused:
        require_watchdog(Silent(), slept.append)  # type: ignore[arg-type]
    assert refused.value.code is ReasonCode.DRIVER_FAULT
    assert orders == [(0,), (protocol.LASER,), (protocol.LASER,), (0,)] * 3
    assert slept == [0.06] * 3


@pytest.mark.parametrize('lost', [1, 2, 3])
def test_a_watchdog_is_measured_again_where_an_answer_is_lost(rig: Rig, lost: int) -> None:
    sleep = sleeping(rig)
    link, asked = PicoLink(rig.wire), 0
    link.hello()
    drive = link.drive

    def losing(*order: int) -> Any:
        nonlocal asked
        asked += 1
        state = drive(*order)
        return None if asked == lost else state

    link.drive = losing  # type: ignore[method-assign, assignment]
    require_watchdog(link, sleep)
    assert asked == (4 if lost == 1 else 8)


@pytest.mark.parametrize('pressed', [0, 1])
def test_a_watchdog_is_not_measured_while_the_emergency_stop_is_pressed_at_any_time(pressed: int) -> None:
    class Pressed:
        asked = -1

        def drive(self, *order: int) -> PicoState:
            self.asked += 1
            flags = protocol.ESTOP if self.asked == 1 + pressed else 0
            reason = protocol.FRAMES_STOPPED if self.asked == 2 else protocol.NONE
            return PicoState(0, flags, reason, 0, 0, 0, 0, 0, 0, 0)

    with pytest.raises(TurretError) as refused:
        require_watchdog(Pressed(), lambda seconds: None)  # type: ignore[arg-type]
    assert refused.value.code is ReasonCode.ESTOP_PRESSED


@pytest.mark.parametrize('junk', [4096, 4097])
def test_an_answer_is_looked_for_behind_4096_bytes(rig: Rig, junk: int) -> None:
    arriving: list[bytes] = []

    def answer(data: bytes) -> None:
        arriving[:] = [bytes(junk), protocol.encode(protocol.STATE, 1, protocol.pack_state(*range(10)))]

    rig.wire.send = answer  # type: ignore[method-assign]
    rig.wire.receive = lambda count, timeout_s: arriving.pop(0) if arriving else b''  # type: ignore[method-assign]
    assert PicoLink(rig.wire).drive(0) == (PicoState(*range(10)) if junk == 4096 else None)


def test_a_firmware_of_another_version_is_named(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware('protocol'), 'VERSION', 9)
    with pytest.raises(TurretError, match=r'the Pico has version 9 of the protocol instead of 1: copy') as refused:
        rig.driver.open()
    assert refused.value.code is ReasonCode.DRIVER_FAULT
    assert rig.wire.closed


def test_frames_are_numbered_one_by_one_and_ask_for_no_motion_by_themselves(rig: Rig) -> None:
    frames: list[Any] = []
    rig.wire.send = lambda data: frames.append(protocol.take_frame(bytearray(data)))  # type: ignore[method-assign]
    rig.wire.receive = lambda count, timeout_s: b''  # type: ignore[method-assign]
    link = PicoLink(rig.wire)
    for _ in range(65_537):
        link.drive(0)
    assert [seq for _, seq, _ in frames[:3] + frames[-3:]] == [1, 2, 3, 65535, 0, 1]
    assert protocol.unpack_drive(frames[0][2]) == (50, 0, 0, (0, 0, 1), (0, 0, 1))


def test_each_axis_has_its_own_motion(rig: Rig) -> None:
    rig.start()
    rig.driver.command(AxisMotion(0.2, 0.5, 10.0), AxisMotion(-0.1, 0.5, 10.0), NEVER)
    rig.driver.lockstep.go_on(2.0)
    sample = rig.driver.read()
    assert (sample.pan.position, sample.tilt.position) == (pytest.approx(0.2, abs=4e-3), pytest.approx(-0.1, abs=4e-3))


def test_a_motion_that_takes_too_many_steps_is_refused() -> None:
    with pytest.raises(ValueError, match='more than pico'):
        GimbalParameters(driver='pico', pico=PicoParameters(max_step_rate=100.0))
    good = GimbalParameters(driver='pico', pan=GimbalAxis(limit_switches=True))
    for name in ('pan', 'tilt'):
        with pytest.raises(ValueError, match=rf'{name}\.max_velocity 3\.5 rad/s takes \d+ steps/s'):
            dataclasses.replace(good, pico=PicoParameters(**{name: PicoAxis(microsteps=256)}))
        slow = dataclasses.replace(GimbalAxis(limit_switches=True), max_velocity=0.9)
        dataclasses.replace(good, **{name: slow, 'pico': PicoParameters(**{name: PicoAxis(microsteps=256)})})

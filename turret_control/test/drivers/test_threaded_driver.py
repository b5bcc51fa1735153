# SPDX-License-Identifier: Apache-2.0
"""What every driver with a thread shares: expiry, power that is not confirmed, and failures of the hardware."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterator
from typing import ClassVar

import pytest
from wired_pins import Lockstep

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.driver import AxisSample, GimbalDriver, GimbalSample, PositionSource
from turret_control.drivers.threaded import ThreadedDriver

MS = 1_000_000
GO = AxisMotion(1.0, 0.5, 7.0)


class Recorder(ThreadedDriver):
    """A driver that notes what is asked of it.

    Attributes:
        calls: of the hardware.
        motions: what each period was to make.
        failing: names of the calls that fail, and what they raise.
        slow_ns: how long a period takes.
        inside: a period is being made.
        go_on: it may end.
    """

    name: ClassVar[str] = 'recorder'
    failed: ClassVar[str] = 'the recorder failed'
    hardware: ClassVar[bool] = False
    position_source: ClassVar[PositionSource] = PositionSource.COUNTED

    @classmethod
    def make(cls, parameters: object, namespace: str) -> GimbalDriver:
        raise NotImplementedError

    def __init__(self, clock: object) -> None:
        super().__init__(10 * MS, clock)  # type: ignore[arg-type]
        self.calls: list[str] = []
        self.motions: list[tuple[AxisMotion, AxisMotion]] = []
        self.failing: dict[str, Exception] = {}
        self.thread: threading.Thread | None = None
        self.slow_ns = 0
        self.inside, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def note(self, call: str) -> None:
        self.calls.append(call)
        if call in self.failing:
            raise self.failing[call]

    def _take(self) -> None:
        self.note('take')

    def _release(self) -> None:
        self.note('release')

    def _switch(self, on: bool) -> None:
        self.note('on' if on else 'off')

    def _cycle(self) -> None:
        self.thread = threading.current_thread()
        self.inside.set()
        self.go_on.wait(20.0)
        if 'cycle' in self.failing:
            raise self.failing['cycle']
        if self._enabled:
            self.motions.append(self._motions(self._clock.now_ns()))
        if self.slow_ns:
            self._clock.sleep_until(self._clock.now_ns() + self.slow_ns)

    def _newest(self) -> GimbalSample:
        return GimbalSample(self._clock.now_ns(), AxisSample(0.0, 0.0), AxisSample(0.0, 0.0), self._enabled)


class Stepped(Lockstep, Recorder):
    """In lockstep."""


@pytest.fixture
def driver() -> Iterator[Stepped]:
    driver = Stepped()
    driver.open()
    driver.lockstep.go_on(0.001)
    yield driver
    driver.failing.clear()
    driver.close()


def fails(driver: Recorder) -> str:
    with pytest.raises(TurretError) as fault:
        driver.read()
    assert fault.value.code is ReasonCode.DRIVER_FAULT
    assert len(traceback.extract_tb(fault.value.__traceback__)) == 2  # it keeps nothing of the times before
    return fault.value.message


def test_an_order_holds_until_it_expires_and_then_the_axes_stand_still(driver: Stepped) -> None:
    driver.enable(True)
    driver.command(GO, stand_still(3.0), driver.lockstep.now_ns() + 35 * MS)
    driver.lockstep.go_on(0.06)
    assert driver.motions[:3] == [(GO, stand_still(3.0))] * 3
    assert driver.motions[3:] == [(stand_still(7.0), stand_still(3.0))] * len(driver.motions[3:])
    assert len(driver.motions) == 6
    driver.command(GO, GO, driver.lockstep.now_ns() + 10 * MS)
    driver.motions.clear()
    driver.lockstep.go_on(0.01)
    assert driver.motions == [(stand_still(7.0), stand_still(7.0))], 'at its very end'


def test_orders_before_the_power_are_forgotten(driver: Stepped) -> None:
    driver.command(GO, GO, 2**62)
    driver.enable(True)
    driver.lockstep.go_on(0.01)
    driver.command(GO, GO, 2**62)
    driver.lockstep.go_on(0.01)
    driver.enable(False)
    driver.enable(True)
    driver.lockstep.go_on(0.01)
    assert [pan.speed for pan, _ in driver.motions] == [0.0, 0.5, 0.0]
    driver.command(GO, GO, 2**62)
    driver.enable(True)  # which it is, but the order ends all the same
    driver.lockstep.go_on(0.01)
    assert driver.motions[-1][0].speed == 0.0


def test_power_is_switched_once_and_reported(driver: Stepped) -> None:
    assert driver.calls == ['take']
    driver.enable(False)
    driver.enable(True)
    driver.enable(True)
    assert driver.read().enabled
    driver.enable(False)
    driver.enable(False)
    assert not driver.read().enabled
    driver.close()
    driver.close()
    assert driver.calls == ['take', 'on', 'off', 'release']


def test_motors_that_do_not_confirm_their_power_are_switched_off(driver: Stepped) -> None:
    driver.failing['on'] = OSError('no answer of tilt')
    with pytest.raises(TurretError, match='the recorder failed: no answer of tilt') as refusal:
        driver.enable(True)
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert driver.calls[-2:] == ['on', 'off'], 'pan may have got it'
    assert not driver.read().enabled
    driver.command(GO, GO, 2**62)
    driver.lockstep.go_on(0.02)
    assert driver.motions == []
    driver.enable(False)
    assert driver.calls[-1:] == ['off']
    assert driver.calls.count('off') == 1, 'it was confirmed'


def test_an_off_that_is_not_confirmed_is_tried_again(driver: Stepped) -> None:
    driver.enable(True)
    driver.failing['off'] = TurretError(ReasonCode.DRIVER_FAULT, 'silent')
    for _ in range(2):
        with pytest.raises(TurretError, match='silent'):
            driver.enable(False)
        assert not driver.read().enabled
    driver.command(GO, GO, 2**62)
    driver.lockstep.go_on(0.02)
    assert driver.motions == []
    driver.close()
    assert driver.calls == ['take', 'on', 'off', 'off', 'off', 'release']


def test_on_and_off_that_both_fail_are_tried_again_when_it_closes(driver: Stepped) -> None:
    driver.failing |= {'on': OSError('first'), 'off': OSError('second')}
    with pytest.raises(TurretError, match='first'):
        driver.enable(True)
    driver.failing.clear()
    driver.close()
    assert driver.calls == ['take', 'on', 'off', 'off', 'release']


@pytest.mark.parametrize(('error', 'message'), [
    (OSError('unplugged'), 'the recorder failed: unplugged'), (KeyError('x'), "the recorder failed: 'x'"),
    (TurretError(ReasonCode.DRIVER_FAULT, 'too hot'), 'too hot')])
def test_a_failure_in_the_thread_switches_off_and_is_raised(
        driver: Stepped, error: Exception, message: str) -> None:
    driver.enable(True)
    driver.failing['cycle'] = error
    driver.lockstep.release()
    assert driver.thread is not None
    driver.thread.join(10.0)
    assert driver.calls[-1] == 'off'
    assert fails(driver) == fails(driver) == message
    driver.command(GO, GO, 2**62)
    driver.close()
    assert driver.calls == ['take', 'on', 'off', 'release']
    driver.failing.clear()
    driver.open()
    assert not driver.read().enabled


def test_periods_that_took_too_long_are_not_made_up_for(driver: Stepped) -> None:
    driver.enable(True)
    driver.slow_ns = 45 * MS
    driver.lockstep.go_on(0.046)
    driver.slow_ns = 0
    driver.motions.clear()
    driver.lockstep.go_on(0.034)
    assert len(driver.motions) in (3, 4)


def test_one_that_never_opened_does_nothing() -> None:
    driver = Recorder(None)
    driver.command(GO, GO, 2**62)
    driver.enable(True)
    assert 'not open' in fails(driver)
    driver.close()
    assert driver.calls == []


def test_hardware_that_cannot_be_taken_is_not_released(driver: Stepped) -> None:
    driver.close()
    assert fails(driver) == 'the recorder failed: the driver is not open'
    driver.failing['take'] = OSError('not there')
    with pytest.raises(TurretError, match='the recorder failed: not there'):
        driver.open()
    driver.enable(True)
    driver.close()
    assert driver.calls == ['take', 'release', 'take']
    assert 'not open' in fails(driver)


def test_opening_again_releases_and_takes_again(driver: Stepped) -> None:
    driver.enable(True)
    driver.failing['release'] = OSError('gone already')
    driver.lockstep.release()
    driver.open()
    assert driver.calls == ['take', 'on', 'off', 'release', 'take']
    assert not driver.read().enabled


def test_power_is_not_switched_while_a_period_is_made() -> None:
    driver = Recorder(None)
    driver.go_on.clear()
    driver.open()
    assert driver.inside.wait(20.0)
    switching = threading.Thread(target=driver.enable, args=(True,))
    switching.start()
    switching.join(0.1)
    assert switching.is_alive()
    assert driver.calls == ['take']
    driver.go_on.set()
    switching.join(20.0)
    assert driver.calls == ['take', 'on']
    driver.close()


def test_its_periods_keep_their_time_on_the_clock_of_this_machine() -> None:
    driver = Recorder(None)
    driver.open()
    driver.enable(True)
    begin = time.monotonic()
    while len(driver.motions) < 5 and time.monotonic() < begin + 20.0:
        time.sleep(0.001)
    driver.close()
    assert len(driver.motions) >= 5
    assert driver.thread is not None
    assert (driver.thread.name, driver.thread.daemon, driver.thread.is_alive()) == ('recorder', True, False)

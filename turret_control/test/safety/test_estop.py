# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero import GPIOZeroError
from gpiozero.pins.mock import MockFactory

from turret_common.errors import TurretError
from turret_common.host.minimum_versions import require
from turret_common.plant_client import PlantError
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until
from turret_control.safety.estop import SimEstop, debounced, gpio_estop, no_estop, watched
from turret_control.safety.interlocks import Estop


class FakePlant:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def call(self, op: str) -> dict[str, Any]:
        assert op == 'estop'
        if isinstance(self.answer, Exception):
            raise self.answer
        return dict(self.answer)


class SimBench:
    """A reader of a simulated input, polled by hand."""

    def __init__(self) -> None:
        self.plant = FakePlant(PlantError(ReasonCode.IO_ERROR, 'not there yet'))
        self.now = 100.0
        self.read = SimEstop(self.plant, lambda: self.now)  # type: ignore[arg-type]

    def after(self, seconds: float, answer: Any) -> Estop:
        self.now += seconds
        self.plant.answer = answer
        self.read.poll()
        return self.read()


GONE = PlantError(ReasonCode.IO_ERROR, 'gone')


def test_the_simulated_input_is_unknown_until_it_answers_and_then_as_it_says() -> None:
    bench = SimBench()
    assert bench.read() is Estop.UNKNOWN
    assert bench.after(60.0, GONE) is Estop.UNKNOWN
    assert bench.after(0.02, {'estop': False}) is Estop.RELEASED
    assert bench.after(0.02, {'estop': True}) is Estop.PRESSED
    assert bench.after(0.02, {}) is Estop.UNREADABLE


def test_a_simulated_input_that_answers_late_is_not_unreadable_before_half_a_second() -> None:
    bench = SimBench()
    bench.after(0.0, {'estop': False})
    assert bench.after(0.49, GONE) is Estop.RELEASED
    assert bench.after(0.02, GONE) is Estop.UNREADABLE
    assert bench.after(0.02, {'estop': False}) is Estop.RELEASED


def test_a_process_that_did_not_run_has_not_asked_the_simulated_input() -> None:
    bench = SimBench()
    bench.after(0.0, {'estop': False})
    bench.now += 10.0
    assert bench.read() is Estop.UNKNOWN
    assert bench.after(0.02, {'estop': False}) is Estop.RELEASED
    bench.now += 10.0
    assert bench.read() is Estop.UNKNOWN
    assert bench.after(0.48, GONE) is Estop.UNKNOWN
    assert bench.after(0.04, GONE) is Estop.UNREADABLE


def test_half_a_second_is_too_long_for_an_answer_and_not_a_time_in_which_the_process_did_not_run() -> None:
    bench = SimBench()
    bench.after(0.0, {'estop': False})
    assert bench.after(0.5, GONE) is Estop.UNREADABLE
    bench.after(0.5, {'estop': False})
    bench.now += 1.0
    assert bench.read() is Estop.UNKNOWN
    assert bench.after(0.5, GONE) is Estop.UNREADABLE


def test_the_age_of_an_answer_is_that_of_a_clock_that_is_never_set() -> None:
    assert inspect.signature(SimEstop).parameters['clock_s'].default is time.monotonic


def test_the_simulated_input_is_read_in_a_thread_of_its_own() -> None:
    bench = SimBench()
    bench.plant.answer = {'estop': True}
    bench.read.start()
    assert bench.read._thread.daemon  # noqa: SLF001  it holds no process up
    try:
        wait_until(lambda: bench.read() is Estop.PRESSED)
    finally:
        bench.read.stop()
    assert not bench.read._thread.is_alive()  # noqa: SLF001


def test_a_reader_that_was_never_started_can_be_stopped() -> None:
    SimBench().read.stop()


def test_the_simulated_input_is_read_50_times_a_second() -> None:
    bench = SimBench()
    waited: list[float] = []
    bench.read._ended.wait = lambda timeout: bool(waited.append(timeout)) or len(waited) > 3  # type: ignore  # noqa: SLF001
    bench.read.start()
    bench.read._thread.join(10.0)  # noqa: SLF001  it ends at the fourth time
    assert waited == [0.02] * 4


def test_a_turret_without_one() -> None:
    assert no_estop() is Estop.NONE


def test_a_stop_is_believed_at_once_and_its_end_at_the_third_reading_in_a_row() -> None:
    script = iter([
        Estop.RELEASED, Estop.RELEASED, Estop.RELEASED, Estop.PRESSED, Estop.RELEASED, Estop.RELEASED, Estop.PRESSED,
        Estop.RELEASED, Estop.RELEASED, Estop.RELEASED, Estop.UNREADABLE, Estop.RELEASED])
    read = debounced(lambda: next(script))
    assert [read() for _ in range(12)] == [
        Estop.UNKNOWN, Estop.UNKNOWN, Estop.RELEASED, Estop.PRESSED, Estop.PRESSED, Estop.PRESSED, Estop.PRESSED,
        Estop.PRESSED, Estop.PRESSED, Estop.RELEASED, Estop.UNREADABLE, Estop.UNREADABLE]


@pytest.mark.parametrize('restarted', [False, True])
def test_an_input_that_was_not_read_for_half_a_second_may_have_been_open(restarted: bool) -> None:
    now = [100.0]
    read = watched(lambda: Estop.RELEASED, restarted, lambda: now[0])
    first = Estop.UNREADABLE if restarted else Estop.RELEASED
    assert [read() for _ in range(2)] == [first, Estop.RELEASED]
    now[0] += 0.5
    assert read() is Estop.RELEASED
    now[0] += 0.501
    assert [read() for _ in range(2)] == [Estop.UNREADABLE, Estop.RELEASED]


def test_the_time_without_a_reading_includes_that_in_which_the_computer_was_suspended() -> None:
    clock = inspect.signature(watched).parameters['clock_s'].default
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= clock() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_a_turret_without_one_has_nothing_to_debounce() -> None:
    assert debounced(no_estop)() is Estop.NONE


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    require('GPIO pins')
    factory = MockFactory()
    yield factory
    factory.reset()


def test_a_closed_contact_to_ground_is_released_and_an_open_one_pressed(pins: MockFactory) -> None:
    read = gpio_estop(17, pins)
    assert read() is Estop.PRESSED, 'nothing connected'
    pins.pin(17).drive_low()
    assert read() is Estop.RELEASED
    pins.pin(17).drive_high()
    assert read() is Estop.PRESSED


def test_an_input_that_cannot_be_read_is_unreadable(pins: MockFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    read = gpio_estop(17, pins)
    for error in (OSError, GPIOZeroError):
        def fail(_: Any, error: type[Exception] = error) -> int:
            raise error
        monkeypatch.setattr(type(pins.pin(17)), '_get_state', fail)
        monkeypatch.setattr(type(pins.pin(17)), 'state', property(fail))
        assert read() is Estop.UNREADABLE


def test_a_pin_that_cannot_be_had_refuses_to_start(pins: MockFactory) -> None:
    taken = gpio_estop(17, pins)
    with pytest.raises(TurretError) as refused:
        gpio_estop(17, pins)
    assert refused.value.code is ReasonCode.DRIVER_FAULT
    assert taken() is Estop.PRESSED


def test_a_machine_without_pins_refuses_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise TurretError(ReasonCode.DRIVER_FAULT, 'this machine has no GPIO pins')
    monkeypatch.setattr('turret_control.safety.estop.pin_factory', none)
    with pytest.raises(TurretError, match='no GPIO'):
        gpio_estop(17)

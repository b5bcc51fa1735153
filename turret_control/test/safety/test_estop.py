from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero import GPIOZeroError
from gpiozero.pins.mock import MockFactory

from turret_common.errors import TurretError
from turret_common.plant_client import PlantError
from turret_common.reason_codes import ReasonCode
from turret_control.safety.estop import debounced, gpio_estop, no_estop, sim_estop
from turret_control.safety.interlocks import Estop


class FakePlant:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def call(self, op: str) -> dict[str, Any]:
        assert op == 'estop'
        if isinstance(self.answer, Exception):
            raise self.answer
        return dict(self.answer)


@pytest.mark.parametrize(('answer', 'estop'), [
    ({'estop': True}, Estop.PRESSED), ({'estop': False}, Estop.RELEASED), ({}, Estop.UNREADABLE),
    (PlantError(ReasonCode.IO_ERROR, 'gone'), Estop.UNREADABLE)])
def test_the_simulated_input(answer: Any, estop: Estop) -> None:
    assert sim_estop(FakePlant(answer))() is estop  # type: ignore[arg-type]


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


def test_a_turret_without_one_has_nothing_to_debounce() -> None:
    assert debounced(no_estop)() is Estop.NONE


@pytest.fixture
def pins() -> Iterator[MockFactory]:
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

# SPDX-License-Identifier: Apache-2.0
"""The firmware of the Pico: its own checks under CPython and MicroPython, and times until everything is off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pico_firmware import FOLDER, firmware

from turret_control.pico import protocol

_STILL = (0, 0, 1)


@pytest.mark.parametrize('check', firmware('selftest').TESTS, ids=lambda check: check.__name__)
def test_check_of_the_firmware(check: Callable[[], None]) -> None:
    check()


def test_host_and_firmware_have_the_same_protocol() -> None:
    assert (FOLDER / 'protocol.py').read_text() == _source(protocol.__file__)


def _source(path: str | None) -> str:
    assert path is not None
    with open(path, encoding='utf-8') as file:  # noqa: PTH123  the path may be that of a compiled module
        return file.read()


@pytest.mark.parametrize('what', ['motors', 'laser'])
def test_everything_is_off_at_most_51_ms_after_the_last_frame(what: str) -> None:
    """Whatever the phase between frames and the loop of the Pico, which runs every millisecond."""
    logic, config = firmware('logic'), firmware('config')
    flags = protocol.MOTORS | protocol.LASER
    worst_us = 0
    for phase_us in range(0, 1000, 50):
        machine = logic.Machine(config)
        now_us = 0
        machine.receive(protocol.encode(protocol.DRIVE, 0, protocol.pack_drive(50, 0, 0, _STILL, _STILL)), 0)
        for frame in range(1, 20):
            last_us = 10_000 * frame + phase_us
            while now_us + 1000 <= last_us:
                now_us += 1000
                machine.step(now_us, 0, False)
            drive = protocol.pack_drive(50, flags, 255, _STILL, _STILL)
            machine.receive(protocol.encode(protocol.DRIVE, frame, drive), last_us)

        def on(machine: object = machine) -> bool:
            return bool(machine.motors if what == 'motors' else machine.laser.level)  # type: ignore[attr-defined]

        assert on()
        while on():
            now_us += 1000
            machine.step(now_us, 0, False)
            assert now_us < last_us + 60_000
        worst_us = max(worst_us, now_us - last_us)
    assert 49_000 < worst_us <= 51_000

# SPDX-License-Identifier: Apache-2.0
"""gpiozero's real lgpio pins over an imitated chip: nothing is energized on the way, and pulses are exact."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import lgpio
import pytest
from gpiozero import Device
from gpiozero.pins.lgpio import LGPIOPin
from lgpio_chip import Chip
from wired_pins import WIRING

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until
from turret_common.threads.real_time import in_real_time
from turret_control.devices import gpio_pins
from turret_control.devices.gpio_pins import header_chip, pin_factory
from turret_control.drivers.driver import Switch
from turret_control.drivers.servo import ServoAxis, ServoDriver, ServoParameters
from turret_control.drivers.step_dir import StepDirDriver
from turret_control.laser.lines.gpio_pwm import PwmParameters
from turret_control.laser.lines.registry import LINES
from turret_control.laser_parameters import LaserParameters
from turret_control.safety.estop import gpio_estop
from turret_control.safety.interlocks import Estop

ENABLES = (WIRING.pan.enable_pin, WIRING.tilt.enable_pin)


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chip]:
    chip = Chip(monkeypatch)
    yield chip
    chip.close()


def test_the_imitation_shows_what_gpiozero_alone_would_do(chip: Chip) -> None:
    chip.factory.pin_class = LGPIOPin
    driver = StepDirDriver(WIRING, chip.factory)
    driver.open()
    driver.close()
    assert 0.0 in chip.levels(ENABLES[0]), 'current for a moment'


def test_a_motor_never_has_current_while_its_driver_opens_and_closes(chip: Chip) -> None:
    driver = StepDirDriver(WIRING, chip.factory)
    driver.open()
    assert [chip.level(pin) for pin in ENABLES] == [1.0, 1.0]
    driver.close()
    for pin in ENABLES:
        assert set(chip.levels(pin)) == {None, 1.0}
        assert chip.level(pin) is None
    first_steps = [i for i, entry in enumerate(chip.trace) if entry.line == WIRING.pan.step_pin]
    assert chip.trace.index((ENABLES[0], 1.0)) < first_steps[0]
    assert set(chip.levels(WIRING.pan.step_pin)) == {None, 0.0}


@pytest.mark.parametrize('missing', [WIRING.pan.step_pin, WIRING.tilt.home_pin])
def test_a_pin_that_another_process_has_is_a_driver_fault_and_nothing_stays_taken(chip: Chip, missing: int) -> None:
    chip.busy = {missing}
    driver = StepDirDriver(WIRING, chip.factory)
    with pytest.raises(TurretError, match='GPIO busy') as refusal:
        driver.open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert all(set(chip.levels(pin)) <= {None, 1.0} for pin in ENABLES)
    chip.busy = set()
    driver.open()
    driver.close()


def test_a_switch_that_lgpio_cannot_read_stops_the_axis(chip: Chip) -> None:
    driver = StepDirDriver(WIRING, chip.factory)
    chip.outside = dict.fromkeys((5, 6, 7, 11, 12, 13), False)
    driver.open()
    assert driver.read().pan.upper is Switch.OPEN
    chip.broken = {6}
    pan = driver._axes[0].wires  # noqa: SLF001  the wires that the pulses leave on
    pan.read_switches(1e9)
    assert pan.switches[1] is Switch.UNREADABLE
    chip.broken = set()
    driver.close()


def test_closing_gets_to_its_end_though_a_pin_fails(chip: Chip) -> None:
    driver = StepDirDriver(WIRING, chip.factory)
    driver.open()
    driver.enable(True)
    chip.broken = {ENABLES[0]}
    driver.close()
    assert chip.levels(ENABLES[1])[-2:] == [1.0, None]


def test_an_emergency_stop_that_lgpio_cannot_read_is_unreadable(chip: Chip) -> None:
    read = gpio_estop(17, chip.factory)
    chip.outside[17] = False
    assert read() is Estop.RELEASED
    chip.broken = {17}
    assert read() is Estop.UNREADABLE


def test_a_servo_gets_the_width_that_it_was_given(chip: Chip) -> None:
    driver = ServoDriver(ServoParameters(ServoAxis(pin=12), ServoAxis(pin=13)), chip.factory)
    driver.open()
    assert chip.levels(12)[-1] == 0.0
    driver.enable(True)
    wait_until(lambda: chip.level(12) == pytest.approx(0.075))  # 1.5 ms of 20 ms
    assert chip.frequency[12] == 50.0
    driver.close()
    assert chip.level(12) is None
    assert max(level or 0.0 for level in chip.levels(12)) == pytest.approx(0.075)


@pytest.mark.parametrize('driver', ['gpio_pwm', 'gpio_digital', 'servo_relay'])
def test_a_fire_line_is_off_until_it_is_fired_whatever_pulls_at_it(chip: Chip, driver: str) -> None:
    chip.outside[18] = True
    lines = LINES[driver](LaserParameters(driver=driver, watchdog_fitted=True, watchdog_pin=24), chip.factory)
    lines.set_indicator(True)
    lines.beat()
    assert set(chip.levels(18)) == {None, 0.0}
    assert chip.trace[-2:] == [(23, 1.0), (24, 1.0)]
    lines.set_laser(1.0)
    assert chip.level(18) == (0.1 if driver == 'servo_relay' else 1.0)
    lines.close()
    assert [chip.level(pin) for pin in (18, 23, 24)] == [None, None, None]
    assert [chip.levels(pin)[-2] for pin in (18, 23, 24)] == [0.0, 0.0, 0.0]


def test_off_is_at_once_and_not_only_with_the_next_period(chip: Chip) -> None:
    lines = LINES['gpio_pwm'](
        LaserParameters(driver='gpio_pwm', no_watchdog_accepted=True, gpio_pwm=PwmParameters(100.0)), chip.factory)
    lines.set_laser(0.295)
    assert chip.level(18) == pytest.approx(0.295)
    written = len(chip.trace)
    lines.set_laser(0.0)
    assert chip.trace[written:] == [(18, 0.0), (18, 0.0)], 'no more pulses, and the level of now'


def test_a_line_that_lgpio_cannot_drive_is_an_error_that_the_driver_repeats(chip: Chip) -> None:
    lines = LINES['gpio_digital'](LaserParameters(driver='gpio_digital', no_watchdog_accepted=True), chip.factory)
    chip.broken = {18, 23}
    for use in (lambda: lines.set_laser(1.0), lambda: lines.set_indicator(True)):
        with pytest.raises(OSError, match='cannot be driven'):
            use()


def test_the_pins_of_a_laser_that_cannot_all_be_had_are_given_back(chip: Chip) -> None:
    chip.busy = {23}
    parameters = LaserParameters(driver='gpio_digital', no_watchdog_accepted=True)
    with pytest.raises(TurretError, match='GPIO busy') as refusal:
        LINES[parameters.driver](parameters, chip.factory)
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert chip.level(18) is None
    chip.busy = set()
    assert LINES[parameters.driver](parameters, chip.factory).description()['line'] == 18


def test_lgpio_leaves_no_pipe_in_the_working_directory(tmp_path: Path) -> None:
    code = 'import os; from turret_control.devices.gpio_pins import import_lgpio as i; print(i().__name__, os.getcwd())'
    path = os.pathsep.join(part for part in sys.path if part)
    ended = subprocess.run(
        [sys.executable, '-c', code], cwd=tmp_path, env={**os.environ, 'PYTHONPATH': path}, capture_output=True,
        text=True, check=True)
    assert ended.stdout.split() == [lgpio.__name__, str(tmp_path)]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_as_what_keeps_the_pins_from_being_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: str) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr(Device, 'pin_factory', None)
    monkeypatch.setattr(gpio_pins.tempfile, 'TemporaryDirectory', full)
    monkeypatch.setattr(gpio_pins, 'import_lgpio', gpio_pins.import_lgpio.__wrapped__)
    with pytest.raises(TurretError, match=r'lgpio cannot make its pipe in .*No space left') as refusal:
        pin_factory()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


#: Chips by number: of a Pi 5 with kernels from 6.6.45 on, with earlier ones, and with one in between; of a Pi 4.
NEW_PI_5 = {0: 'pinctrl-rp1', 10: 'gpio-brcmstb@107d508500', 13: 'gpio-brcmstb@107d517c20'}
OLD_PI_5 = {0: 'gpio-brcmstb@107d508500', 1: 'gpio-brcmstb@107d508520', 4: 'pinctrl-rp1'}
MIDDLE_PI_5 = {0: 'pinctrl-rp1', 1: 'gpio-brcmstb@107d508500', 4: 'gpio-brcmstb@107d517c20'}
PI_4 = {0: 'pinctrl-bcm2711', 1: 'raspberrypi-exp-gpio'}


@pytest.mark.parametrize(('chips', 'number'), [(NEW_PI_5, 0), (OLD_PI_5, 4), (MIDDLE_PI_5, 0), (PI_4, 0)])
def test_the_chip_of_the_header_is_found_by_its_label(
        chips: dict[int, str], number: int, chip: Chip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    priorities: list[int] = []
    opened: list[int] = []

    def open_chip(which: int) -> int:
        priorities.append(os.sched_getscheduler(0))
        opened.append(which)
        return which
    monkeypatch.setattr(lgpio, 'gpiochip_open', open_chip)
    monkeypatch.setattr(lgpio, 'gpio_get_chip_info', lambda handle: (0, 54, f'gpiochip{handle}', chips[handle]))
    for which in chips:
        (tmp_path / f'gpiochip{which}').touch()
    if 4 not in chips:
        (tmp_path / 'gpiochip4').symlink_to('gpiochip0')  # as the rules of newer systems make it
    assert header_chip(f'{tmp_path}/gpiochip*') == number
    real_time = os.SCHED_FIFO if may_run_in_real_time() else os.SCHED_OTHER
    assert priorities[0] == real_time, 'the thread that times the pulses inherits it'
    assert os.sched_getscheduler(0) == os.SCHED_OTHER

    monkeypatch.setattr(Device, 'pin_factory', None)
    monkeypatch.setattr(gpio_pins, 'header_chip', lambda: number)
    factory = pin_factory()
    assert factory.chip == opened[-1] == number
    assert factory.pin_class is not LGPIOPin
    monkeypatch.setattr(factory, 'close', lambda: None)


def test_without_a_chip_of_a_raspberry_pi_the_reason_is_named(
        chip: Chip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(which: int) -> int:
        if which:
            raise lgpio.error('can not open gpiochip')
        return which
    monkeypatch.setattr(lgpio, 'gpiochip_open', refuse)
    monkeypatch.setattr(lgpio, 'gpio_get_chip_info', lambda handle: (0, 8, 'gpiochip0', 'INT3450:00'))
    with pytest.raises(TurretError, match='no GPIO pins'):
        header_chip(f'{tmp_path}/gpiochip*')
    for which in (0, 1):
        (tmp_path / f'gpiochip{which}').touch()
    with pytest.raises(TurretError, match=r'gpiochip0: INT3450:00, gpiochip1: .*can not open') as refusal:
        header_chip(f'{tmp_path}/gpiochip*')
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


def test_other_names_beside_the_chips_and_a_chip_that_does_not_answer_hide_no_chip(
        chip: Chip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed: list[int] = []

    def ask(handle: int) -> tuple[int, int, str, str]:
        if handle == 1:
            raise lgpio.error('bad chip')
        return 0, 54, f'gpiochip{handle}', 'pinctrl-rp1'
    monkeypatch.setattr(lgpio, 'gpiochip_close', closed.append)
    monkeypatch.setattr(lgpio, 'gpio_get_chip_info', ask)
    for name in ('gpiochip1', 'gpiochip12', 'gpiochip-leds', 'gpiochip', 'gpiochip0.old'):
        (tmp_path / name).touch()
    (tmp_path / 'gpiochip7').symlink_to('gone')
    assert header_chip(f'{tmp_path}/gpiochip*') == 12
    assert closed == [1, 12]
    (tmp_path / 'gpiochip12').unlink()
    with pytest.raises(TurretError, match=r'gpiochip1: .*bad chip') as refusal:
        header_chip(f'{tmp_path}/gpiochip*')
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


def may_run_in_real_time() -> bool:
    """Return whether this process may raise a thread's priority."""
    def priority() -> int:
        return os.sched_getscheduler(0)
    return in_real_time(priority) == os.SCHED_FIFO


def test_servo_pulses_are_complete_when_the_pins_are_released(chip: Chip) -> None:
    driver = ServoDriver(ServoParameters(ServoAxis(pin=12), ServoAxis(pin=13)), chip.factory)
    driver.open()
    driver.enable(True)
    wait_until(lambda: chip.level(12) == pytest.approx(0.075))
    begun = time.monotonic()
    driver.close()
    assert time.monotonic() - begun >= 0.02, 'the pulse under way takes up to one frame'
    assert chip.levels(12)[-3:] == [0.0, 0.0, None]

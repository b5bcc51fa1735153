"""Guided checks of real hardware, step by step with a person, before it is trusted.

Every check talks through two callables, so that a terminal, a test or anything else can hold the conversation:
``say`` shows a line, ``ask`` shows a question and returns the answer. Each returns whether all was well. The motors are
off, but for the one check that says that it turns them, and no check ever lights the laser. What was taken is given
back at the end, whatever happens.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.devices.gpio_pins import import_lgpio
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.driver import GimbalDriver, PositionSource, Switch
from turret_control.gimbal_parameters import GimbalAxis, GimbalParameters
from turret_control.laser.lines import GpioLines
from turret_control.laser_parameters import LaserParameters
from turret_control.safety.estop import gpio_estop
from turret_control.safety.interlocks import Estop
from turret_control.safety_parameters import SafetyParameters

Say = Callable[[str], None]
Ask = Callable[[str], str]
Sleep = Callable[[float], None]

_POLL_S = 0.02
_TURN = math.radians(5.0)
_SPEED = math.radians(10.0)  # per second, at most
_BEAT_S = 0.005
_GPIO_KERNEL, _GPIO_OUT = 1, 2  # of lgpio's line flags


def check_switches(
        driver: GimbalDriver, safety: SafetyParameters, say: Say, timeout_s: float = 30.0, sleep: Sleep = time.sleep,
        factory: Any = None) -> bool:
    """Have every switch that is fitted, and the emergency stop, pressed and released by hand, with the motors off.

    A switch that is pressed or unreadable before anybody touches it fails: its wire is broken or its kind is the
    other one.

    Args:
        driver: of the gimbal, not opened.
        safety: tells of the emergency stop.
        say: shows a line.
        timeout_s: how long each press is waited for.
        sleep: waits.
        factory: gpiozero's pin factory for the emergency stop; None for this machine's.
    """
    driver.open()
    try:
        contacts: dict[str, Callable[[], bool | None]] = {}
        for name, which in (('pan', 'lower'), ('pan', 'upper'), ('tilt', 'lower'), ('tilt', 'upper')):
            def pressed(name: str = name, which: str = which) -> bool | None:
                state = getattr(getattr(driver.read(), name), which)
                return None if state is Switch.UNREADABLE else state is Switch.PRESSED
            if getattr(getattr(driver.read(), name), which) is not Switch.NONE:
                contacts[f'{name} {which}'] = pressed
        if safety.estop_driver == 'gpio':
            read = gpio_estop(safety.estop_pin, factory)
            contacts['emergency stop'] = lambda: {Estop.PRESSED: True, Estop.RELEASED: False}.get(read())
        if not contacts:
            say('No switches are fitted.')
        passed = [_check_contact(name, pressed, say, timeout_s, sleep) for name, pressed in contacts.items()]
        return all(passed)
    finally:
        driver.close()


def _check_contact(
        name: str, pressed: Callable[[], bool | None], say: Say, timeout_s: float, sleep: Sleep) -> bool:
    if pressed() is not False:
        say(f'{name}: {"unreadable" if pressed() is None else "pressed"} though nobody touches it. '
            'Is the wire broken, or the switch of the other kind (step_dir.switches_normally_closed)?')
        return False
    say(f'{name}: press it by hand.')
    passed = all(
        any(pressed() is wanted for _ in _polls(timeout_s, sleep)) for wanted in (True, False))
    say(f'{name}: {"good" if passed else "nothing was seen"}')
    return passed


def check_axis(
        driver: GimbalDriver, parameters: GimbalParameters, say: Say, ask: Ask,
        sleep: Sleep = time.sleep) -> bool:
    """Turn each axis 5 degrees to and fro, slowly, and ask whether it went the right way."""
    driver.open()
    try:
        jump = 'jump to their middle and ' if driver.position_source is PositionSource.COMMANDED else ''
        if ask(f'The motors get current now and {jump}turn 5 degrees. Is the head free to move? [yes/no] ') != 'yes':
            say('Nothing was moved.')
            return False
        driver.enable(True)
        pan = _check_direction(driver, 'pan', 'left', parameters.pan, say, ask, sleep)
        tilt = _check_direction(driver, 'tilt', 'up', parameters.tilt, say, ask, sleep)
        return pan and tilt
    finally:
        driver.close()


def show_registers(driver: GimbalDriver, say: Say) -> bool:
    """Show the registers of the motor driver chips, after writing and verifying their settings."""
    driver.open()
    try:
        values = driver.registers()
        for register in values:
            text = 'no answer' if register.value is None else f'0x{register.value:08X}'
            say(f'{register.axis:5}{register.name:12}0x{register.address:02X}  {text}')
        return all(register.value is not None for register in values)
    finally:
        driver.close()


def check_laser(
        laser: LaserParameters, say: Say, ask: Ask, sleep: Sleep = time.sleep, factory: Any = None) -> bool:
    """Light the indicator and pulse the watchdog while the fire line stays low, and ask what was seen.

    Raises:
        TurretError: NOT_SUPPORTED, the laser is simulated; as :class:`GpioLines`.
    """
    if not laser.hardware:
        raise TurretError(ReasonCode.NOT_SUPPORTED, 'nothing to check: the laser is simulated')
    lines = GpioLines(laser, factory)
    try:
        lines.set_laser(0.0)
        say(f'The fire line, GPIO {laser.laser_pin}, is low and stays low.')
        dark = ask('Is the laser dark, with its supply on? [yes/no] ') == 'yes'
        lines.set_indicator(True)
        lit = ask(f'The indicator, GPIO {laser.indicator_pin}, is on. Is it lit? [yes/no] ') == 'yes'
        lines.set_indicator(False)
        out = ask('It is off now. Is it dark? [yes/no] ') == 'yes'
        fed = True
        if laser.watchdog_pin >= 0:
            say(f'The watchdog, GPIO {laser.watchdog_pin}, is pulsed for 5 s. Measure what it gives to the fire line.')
            for _ in range(round(5.0 / _BEAT_S)):
                lines.beat()
                sleep(_BEAT_S)
            fed = ask('Did it close while it was pulsed, and open afterwards? [yes/no] ') == 'yes'
        elif laser.watchdog_fitted:
            say('watchdog_fitted is set, but there is no watchdog_pin that could feed it.')
            fed = False
        return dark and lit and out and fed
    finally:
        lines.close()


def show_pins(say: Say, plan: Mapping[int, str] | None = None, chip: int | None = None) -> bool:
    """Show who uses which GPIO line and how, and what the parameters want it for, without taking any.

    Args:
        say: shows a line.
        plan: what lines are for, by number.
        chip: number of the GPIO chip; None for the one with the pins of the header.

    Raises:
        TurretError: DRIVER_FAULT, there is no such chip.
    """
    lgpio = import_lgpio()
    if lgpio is None:
        raise TurretError(ReasonCode.DRIVER_FAULT, 'lgpio is not installed: sudo apt install python3-lgpio')
    chips = (0, 4) if chip is None else (chip,)  # 4 on early systems of the Pi 5
    found = False
    for number in chips:
        try:
            handle = lgpio.gpiochip_open(number)
        except lgpio.error:
            continue
        found = True
        try:
            _, lines, name, label = lgpio.gpio_get_chip_info(handle)
            say(f'{name} ({label}), {lines} lines')
            for line in range(lines):
                _, _, flags, line_name, user = lgpio.gpio_get_line_info(handle, line)
                direction = 'output' if flags & _GPIO_OUT else 'input'
                owner = user or ('kernel' if flags & _GPIO_KERNEL else 'free')
                say(f'{line:4}  {line_name:20} {direction:7} {owner:20} {(plan or {}).get(line, "")}'.rstrip())
        finally:
            lgpio.gpiochip_close(handle)
    if not found:
        raise TurretError(
            ReasonCode.DRIVER_FAULT, f'no GPIO chip {" or ".join(map(str, chips))} on this machine, or none that may '
            'be used')
    return True


def _polls(timeout_s: float, sleep: Sleep) -> Iterable[None]:
    for _ in range(round(timeout_s / _POLL_S)):
        yield
        sleep(_POLL_S)


def _check_direction(
        driver: GimbalDriver, name: str, where: str, axis: GimbalAxis, say: Say, ask: Ask, sleep: Sleep) -> bool:
    still = stand_still(axis.max_acceleration)
    speed = min(_SPEED, axis.homing_velocity, axis.max_velocity)
    begin: float = getattr(driver.read(), name).position

    def go_to(goal: float) -> None:
        motion = AxisMotion(goal, speed, axis.max_acceleration)
        driver.command(*((motion, still) if name == 'pan' else (still, motion)))
        sleep(_TURN / speed + 0.5)

    go_to(begin + _TURN)
    right = ask(f'{name}: did the head turn {where}? [yes/no] ') == 'yes'
    go_to(begin)
    say(f'{name}: {"good" if right else "change the parameter invert of this axis"}')
    return right

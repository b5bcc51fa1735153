"""Guided checks of a real gimbal, step by step with a person, before it is trusted.

Every check talks through two callables, so that a terminal, a test or anything else can hold the conversation:
``say`` shows a line, ``ask`` shows a question and returns the answer. Each returns whether all was well. The driver
is opened with the motors off and closed at the end, whatever happens.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.axis import AxisMotion, stand_still
from turret_control.gimbal_driver import AxisSample, GimbalDriver, GimbalSample, Switch
from turret_control.gimbal_parameters import GimbalAxis, GimbalParameters

Say = Callable[[str], None]
Ask = Callable[[str], str]

_POLL_S = 0.02
_TURN = math.radians(5.0)
_GPIO_OUT, _GPIO_KERNEL = 2, 1  # of lgpio's line flags


def check_switches(
        driver: GimbalDriver, parameters: GimbalParameters, say: Say, timeout_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep) -> bool:
    """Have every switch that is fitted pressed and released by hand, with the motors off.

    A switch that is pressed or unreadable before anybody touches it fails: its wire is broken or its kind is the
    other one.
    """
    driver.open()
    try:
        fitted = [
            (name, which) for name in ('pan', 'tilt') for which in ('lower', 'upper')
            if _switch(driver.read(), name, which) is not Switch.NONE]
        if not fitted:
            say('No limit switches are fitted.')
        good = True
        for name, which in fitted:
            state = _switch(driver.read(), name, which)
            if state is not Switch.OPEN:
                say(f'{name} {which}: {state.name.lower()} though nobody touches it. '
                    'Is the wire broken, or step_dir.switches_normally_closed wrong?')
                good = False
                continue
            say(f'{name} {which}: press it by hand.')
            passed = all(
                _wait_for(driver, name, which, wanted, timeout_s, sleep) for wanted in (Switch.PRESSED, Switch.OPEN))
            say(f'{name} {which}: {"good" if passed else "nothing was seen"}')
            good = good and passed
        return good
    finally:
        driver.close()


def check_axis(
        driver: GimbalDriver, parameters: GimbalParameters, say: Say, ask: Ask,
        sleep: Callable[[float], None] = time.sleep) -> bool:
    """Turn each axis 5 degrees to and fro, slowly, and ask whether it went the right way."""
    driver.open()
    try:
        if ask('The motors get current now and turn 5 degrees. Is the head free to move? [yes/no] ') != 'yes':
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


def show_pins(say: Say, chip: int = 0) -> bool:
    """Show who uses which GPIO line and how, without taking any.

    Raises:
        TurretError: DRIVER_FAULT, there is no such chip.
    """
    import lgpio  # only where there are pins

    try:
        handle = lgpio.gpiochip_open(chip)
    except lgpio.error as error:
        raise TurretError(ReasonCode.DRIVER_FAULT, f'no GPIO chip {chip} on this machine: {error}') from error
    try:
        _, lines, name, label = lgpio.gpio_get_chip_info(handle)
        say(f'{name} ({label}), {lines} lines')
        for line in range(lines):
            _, _, flags, line_name, user = lgpio.gpio_get_line_info(handle, line)
            direction = 'output' if flags & _GPIO_OUT else 'input'
            say(f'{line:4}  {line_name:20}{direction:8}{user if flags & _GPIO_KERNEL else "free"}')
        return True
    finally:
        lgpio.gpiochip_close(handle)


def _switch(sample: GimbalSample, name: str, which: str) -> Switch:
    axis: AxisSample = getattr(sample, name)
    state: Switch = getattr(axis, which)
    return state


def _wait_for(
        driver: GimbalDriver, name: str, which: str, wanted: Switch, timeout_s: float,
        sleep: Callable[[float], None]) -> bool:
    return any(_switch(driver.read(), name, which) is wanted for _ in _polls(timeout_s, sleep))


def _polls(timeout_s: float, sleep: Callable[[float], None]) -> Iterable[None]:
    for _ in range(round(timeout_s / _POLL_S)):
        yield
        sleep(_POLL_S)


def _check_direction(
        driver: GimbalDriver, name: str, where: str, axis: GimbalAxis, say: Say, ask: Ask,
        sleep: Callable[[float], None]) -> bool:
    still = stand_still(axis.max_acceleration)
    speed = min(axis.homing_velocity, axis.max_velocity)
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

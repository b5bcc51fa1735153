# SPDX-License-Identifier: Apache-2.0
"""Guided checks of real hardware, step by step with an operator, before first use.

Every check communicates through a :class:`~turret_control.drivers.driver.Dialog`, which a terminal or a test provides,
and returns whether all is well. The motors are off except in the check that moves them, and no check switches the laser
on. Everything that a check claims is released at its end. Checks that concern one driver are in the file of the driver.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control import wiring
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.gpio_pins import header_chip, import_lgpio
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.driver import Dialog, GimbalDriver, PositionSource, Switch
from turret_control.drivers.registry import DRIVERS
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.laser.lines.line import LaserLines
from turret_control.laser.lines.registry import LINES
from turret_control.laser_parameters import LaserParameters
from turret_control.safety.estop import gpio_estop
from turret_control.safety.interlocks import Estop
from turret_control.safety_parameters import SafetyParameters

_POLL_S = 0.02
_ORDER_NS = 100_000_000
_STROKE = math.radians(5.0)
_SPEED = math.radians(10.0)  # per second, at most
_BEAT_S = 0.005
_GPIO_KERNEL, _GPIO_OUT = 1, 2  # of lgpio's line flags


def check_switches(
        driver: GimbalDriver, safety: SafetyParameters, dialog: Dialog, timeout_s: float = 30.0,
        factory: Any = None) -> bool:
    """Ask for every fitted switch, and the emergency stop, to be pressed and released by hand, with the motors off.

    A switch that reads pressed or cannot be read before it is touched fails: its wire is broken, or it is normally
    open where a normally closed one is configured (or the reverse).

    Args:
        driver: gimbal driver, not opened.
        safety: parameters of the emergency stop.
        dialog: connection to the operator.
        timeout_s: time allowed for each press [s].
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
            dialog.say('No switches are fitted.')
        passed = [_check_contact(name, pressed, dialog, timeout_s) for name, pressed in contacts.items()]
        return all(passed)
    finally:
        driver.close()


def _check_contact(
        name: str, pressed: Callable[[], bool | None], dialog: Dialog, timeout_s: float) -> bool:
    if pressed() is not False:
        dialog.say(
            f'{name}: {"unreadable" if pressed() is None else "pressed"} before it was touched. '
            'Is the wire broken, or the switch of the other kind (normally closed or open)?')
        return False
    dialog.say(f'{name}: press it by hand.')
    passed = all(
        any(pressed() is wanted for _ in _polls(timeout_s, dialog)) for wanted in (True, False))
    dialog.say(f'{name}: {"good" if passed else "no change was read"}')
    return passed


def check_axis(driver: GimbalDriver, parameters: GimbalParameters, dialog: Dialog) -> bool:
    """Rotate each axis 5 degrees forth and back, slowly, and ask whether it moved in the right direction."""
    driver.open()
    try:
        jump = 'jump to their middle and ' if driver.position_source is PositionSource.COMMANDED else ''
        question = f'The motors are energized now and {jump}rotate 5 degrees. Is the head free to move? [yes/no] '
        if dialog.ask(question) != 'yes':
            dialog.say('Nothing was moved.')
            return False
        driver.enable(True)
        while not driver.read().known:  # servos move to their middle first
            dialog.sleep(_POLL_S)
        pan = _check_direction(driver, 'pan', 'left', parameters.pan, dialog)
        tilt = _check_direction(driver, 'tilt', 'up', parameters.tilt, dialog)
        return pan and tilt
    finally:
        driver.close()


def check_laser(laser: LaserParameters, lines: LaserLines, dialog: Dialog) -> bool:
    """Switch the indicator and pulse the watchdog while the fire line stays low, and ask for what is observed.

    Raises:
        TurretError: NOT_SUPPORTED, the laser is simulated.
    """
    if not laser.hardware:
        raise TurretError(ReasonCode.NOT_SUPPORTED, 'nothing to check: the laser is simulated')
    say, ask = dialog.say, dialog.ask
    fed = laser.watchdog_pin >= 0
    try:
        lines.set_laser(0.0)
        say(f'The fire line, {lines.where("laser")}, is low and stays low.')
        if ask('Is there no emission, with the supply of the laser on? [yes/no] ') != 'yes':
            return False
        say(f'The indicator, {lines.where("indicator")}, is on for 5 s.')
        if fed:
            say(f'The watchdog, {lines.where("watchdog")}, is pulsed meanwhile. Measure its output.')
        lines.set_indicator(True)
        for _ in range(round(5.0 / _BEAT_S)):
            lines.beat()
            dialog.sleep(_BEAT_S)
        lines.set_indicator(False)
        good = ask('The indicator is off now. Was it on until now? [yes/no] ') == 'yes'
        if fed:
            good &= ask('Did the watchdog close while it was pulsed, and open afterwards? [yes/no] ') == 'yes'
        elif lines.measured_watchdog:
            say('Its own watchdog acted without frames: that was measured when the check began.')
        elif laser.watchdog_fitted:
            say('watchdog_fitted is set, but there is no watchdog_pin that could feed it.')
            good = False
        return good
    finally:
        lines.close()


def show_plan(
        say: Callable[[str], None], gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> None:
    """Show what the parameters use each GPIO line and device for, without any hardware.

    Args:
        say: shows a line.
        gimbal: parameters of the gimbal.
        laser: parameters of the laser.
        safety: parameters of the emergency stop.

    Raises:
        TurretError: as :func:`turret_control.wiring.pins`.
    """
    plan = wiring.pins(gimbal, laser, safety)
    for line, name in sorted(plan.items()):
        pull = 'up' if line in wiring.PULLED_UP else 'down'
        say(f'GPIO {line:2}  header pin {wiring.HEADER_PINS[line]:2}  pulled {pull:4} at power-on  {name}')
    for name, device in wiring.devices(gimbal, laser, safety):
        say(f'{device}  {name}')
    driver = DRIVERS[gimbal.driver].make(gimbal, '')
    form = ('positions to {:.2f} degrees' if driver.position_source is PositionSource.MEASURED else
            '{:.4f} degrees per step')
    pan, tilt = driver.resolution
    for axis_name, axis, step in (('pan', gimbal.pan, pan), ('tilt', gimbal.tilt, tilt)):
        say(f'{axis_name}: {math.degrees(axis.lower):.1f} to {math.degrees(axis.upper):.1f} degrees, at most '
            f'{math.degrees(axis.max_velocity):.0f} degrees/s, home by {axis.reference}'
            + (f', {form.format(math.degrees(step))}' if step else ''))
    emission = 'dry run, no emission' if laser.dry_run else f'power at most {laser.power_cap:g}'
    say(f'laser: {laser.driver}, {emission}, watchdog {_watchdog(laser)}')
    say(f'emergency stop: {safety.estop_driver}')


def _watchdog(laser: LaserParameters) -> str:
    if LINES[laser.driver].measured_watchdog:
        return 'measured at each start'
    return 'declared' if laser.watchdog_fitted else 'not declared'


def show_pins(say: Callable[[str], None], plan: Mapping[int, str] | None = None) -> None:
    """Show direction and user of each GPIO line of the header, and the parameter that names it, without claiming any.

    Args:
        say: shows a line.
        plan: parameter that names each line, by number.

    Raises:
        TurretError: DRIVER_FAULT, there is no such chip.
    """
    chip = header_chip()
    lgpio = import_lgpio()
    handle = lgpio.gpiochip_open(chip)
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


def _polls(timeout_s: float, dialog: Dialog) -> Iterable[None]:
    for _ in range(round(timeout_s / _POLL_S)):
        yield
        dialog.sleep(_POLL_S)


def _check_direction(
        driver: GimbalDriver, name: str, where: str, axis: GimbalAxis, dialog: Dialog) -> bool:
    still = stand_still(axis.max_acceleration)
    speed = min(_SPEED, axis.homing_velocity, axis.max_velocity)
    begin: float = getattr(driver.read(), name).position

    def go_to(goal: float) -> None:
        motion = AxisMotion(goal, speed, axis.max_acceleration)
        for _ in _polls(_STROKE / speed + 0.5, dialog):
            until_ns = driver.read().t_ns + _ORDER_NS
            driver.command(*((motion, still) if name == 'pan' else (still, motion)), until_ns)

    go_to(begin + _STROKE)
    right = dialog.ask(f'{name}: did the head rotate {where}? [yes/no] ') == 'yes'
    go_to(begin)
    dialog.say(f'{name}: {"good" if right else "change the parameter invert of this axis"}')
    return right

# SPDX-License-Identifier: Apache-2.0
"""Check real hardware step by step, before its first use.

Only the plan can be checked without the hardware; for the other checks the turret must not be running:

  ./turret hw plan --params my.yaml             check the file and list what it uses each pin and device for
  ./turret hw pins                              list the GPIO lines and their users, without claiming any
  ./turret hw switches --params my.yaml         press each limit switch and the emergency stop by hand; motors off
  ./turret hw uart --params my.yaml             configure the TMC2209 and show their registers; motors off
  ./turret hw axis --params my.yaml             move each axis by 5 degrees, slowly, after a "yes"
  ./turret hw laser --params my.yaml            test indicator, watchdog and fire line; emission stays off
  ./turret hw servos --params my.yaml           show position, supply and temperature of bus servos; motors off
  ./turret hw pico --params my.yaml             show the caps of a Pico and measure its watchdog; motors off
  ./turret hw wizard                            from parts to a checked parameter file, step by step
  ./turret hw bus --help                        find bus servos, set their IDs and baud rates, or emulate a bus
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from turret_bringup.commands.options import add_namespace
from turret_bringup.run import instance
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Checks of every build; drivers have further ones.
CHECKS = ('plan', 'pins', 'switches', 'axis', 'laser')
#: Commands with arguments of their own.
TOOLS = ('wizard', 'bus')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        'check', metavar='CHECK',
        help=f'{", ".join(CHECKS)}, a check of the gimbal driver such as uart, or a tool: {", ".join(TOOLS)}')
    parser.add_argument(
        '--params', type=Path, action='append', default=[], metavar='FILE',
        help='parameter file of the build, or name of an example (repeatable)')
    parser.add_argument(
        '--set', action='append', default=[], metavar='NODE.NAME=VALUE', dest='assignments', help='single parameter')
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Run one check or tool; return 1 when it has found a problem."""
    try:
        if args.check == 'bus':
            from turret_bringup.hardware import bus

            return bus.run(args.rest, _say)
        if args.check == 'wizard':
            return _run_wizard(args.rest)
        return int(not _announced(args))
    except OSError as error:
        if error.filename is not None:
            raise
        raise TurretError(ReasonCode.DRIVER_FAULT, f'a device was unplugged, or failed: {error}') from error


def _announced(args: argparse.Namespace) -> bool:
    """Run a check; say before what to expect, and what to do when it fails."""
    from turret_bringup.hardware.wizard import CHECKS as STEPS

    step = STEPS.get(args.check)
    good = False
    try:
        if step is not None:
            _say(f'Expect: {step.expect}')
        good = _run_check(args.check, args.namespace, args.params, args.assignments)
        return good
    finally:
        if step is not None and not good:
            _say(f'What to do: {step.remedy}')


def wizard_parser() -> argparse.ArgumentParser:
    """Return the parser of ``./turret hw wizard``."""
    from turret_bringup.hardware import wizard

    parser = argparse.ArgumentParser(
        prog='./turret hw wizard', description=wizard.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wizard.add_arguments(parser)
    add_namespace(parser)
    return parser


def _run_wizard(words: Sequence[str]) -> int:
    from turret_bringup.hardware import wizard
    from turret_control.drivers.driver import Dialog

    args = wizard_parser().parse_args(words)

    def check(name: str, path: Path) -> bool:
        return _run_check(name, args.namespace, [path], [])

    tool = wizard.Wizard(Dialog(_say, _ask_exactly, time.sleep), check, args.port or '')
    return int(not tool.run(args.output))


def _run_check(check: str, namespace: str, files: Sequence[Path], assignments: Sequence[str]) -> bool:
    """Run one check of the build that parameter files describe; return whether it has found no problem.

    Raises:
        TurretError: the files cannot be used, the hardware is missing, or a turret runs in the namespace.
    """
    from turret_bringup.settings import configuration
    from turret_control import hardware_checks, wiring
    from turret_control.drivers.driver import Dialog
    from turret_control.drivers.registry import DRIVERS
    from turret_control.laser.lines.registry import LINES

    checks = [*CHECKS, *dict.fromkeys(name for driver in DRIVERS.parts.values() for name in driver.hardware_checks)]
    if check not in checks:
        raise TurretError(
            ReasonCode.UNKNOWN_NAME, f'there is no check or tool "{check}"; there are {", ".join([*checks, *TOOLS])}')
    dialog = Dialog(_say, _ask, time.sleep)
    config = configuration.compose(namespace, files, assignments)
    gimbal, laser, safety = config.hardware()
    if check == 'plan':
        hardware_checks.show_plan(dialog.say, gimbal, laser, safety)
        return True
    if check == 'pins':
        hardware_checks.show_pins(dialog.say, wiring.pins(gimbal, laser, safety))
        return True
    with instance.held(namespace):
        if check == 'laser':
            good = hardware_checks.check_laser(laser, LINES[laser.driver].make(laser, namespace), dialog)
        else:
            cls = DRIVERS[gimbal.driver]
            if not cls.hardware:
                raise TurretError(
                    ReasonCode.NOT_SUPPORTED, 'nothing to check: the gimbal is simulated. Name the parameter file of '
                    'your build with --params')
            wiring.require_devices(gimbal, laser, safety)
            driver = cls.make(gimbal, namespace)
            if check == 'switches':
                good = hardware_checks.check_switches(driver, safety, dialog)
            elif check == 'axis':
                good = hardware_checks.check_axis(driver, gimbal, dialog)
            elif check in cls.hardware_checks:
                good = cls.hardware_checks[check](driver, dialog)
            else:
                raise TurretError(
                    ReasonCode.NOT_SUPPORTED, f'gimbal.driver "{gimbal.driver}" has no check "{check}"; there are '
                    + ', '.join([*CHECKS, *cls.hardware_checks]))
    dialog.say('check passed' if good else 'check FAILED')
    return bool(good)


def _say(line: str) -> None:
    sys.stdout.write(f'{line}\n')
    sys.stdout.flush()


def _ask(question: str) -> str:
    return _ask_exactly(question).lower()


def _ask_exactly(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:  # no terminal
        _say('')
        return ''

# SPDX-License-Identifier: Apache-2.0
"""Set up the servos of a serial bus, or emulate a bus where there is none.

  ./turret hw bus scan                          find the servos of every ID and baud rate; writes nothing
  ./turret hw bus set-id 1 2                    give servo 1 the ID 2 (connect one new servo at a time)
  ./turret hw bus set-baud 1 1000000            give servo 1 another baud rate
  ./turret hw bus emulate                       serve two emulated servos on a pseudo-terminal until Ctrl-C

The motors are off while an ID or a baud rate is written, and nothing moves. --port names the adapter where there are
several, --protocol the kind of servos.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from turret_bringup.hardware.found import serial_ports
from turret_common.errors import TurretError
from turret_common.plant_client import PlantError, PlantLink, plant_socket
from turret_common.reason_codes import ReasonCode
from turret_common.threads.real_time import wake_on_time
from turret_control.servo_bus.bus import COUNTS_PER_REVOLUTION, FoundServo, ServoBus, scan
from turret_control.servo_bus.emulator import EmulatedBus
from turret_control.servo_bus.protocols import PROTOCOLS
from turret_control.servo_bus.pty_bus import PtyBus
from turret_control.servo_bus.wire import SerialWire

_FEW_IDS = 21
_MAX_TIMEOUT_S = 1.0
_HEAD_PERIOD_S = 0.01
#: Pose of the simulated head at power-up [rad], at which the emulated servos start.
_HEAD_START = (0.07, -0.05)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    top = argparse.ArgumentParser(
        prog='./turret hw bus', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = top.add_subparsers(dest='action', metavar='ACTION', required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument('--protocol', choices=PROTOCOLS, default='feetech', help='kind of servos (default feetech)')
    port = argparse.ArgumentParser(add_help=False)
    port.add_argument('--port', help='serial port of the adapter; default: the only one')
    port.add_argument(
        '--timeout', type=float, default=0.02, metavar='S', help='time until a servo answers (default 0.02 s)')
    action = actions.add_parser('scan', parents=[common, port], help='find the servos')
    action.add_argument('--baud', type=int, action='append', metavar='BD', help='baud rate to try (repeatable)')
    action.add_argument('--all', action='store_true', help=f'try all IDs, not only 0 to {_FEW_IDS - 1}')
    for name, what, words in (('set-id', 'ID', 'ID'), ('set-baud', 'BD', 'baud rate')):
        action = actions.add_parser(name, parents=[common, port], help=f'change the {words} of a servo')
        action.add_argument('servo', type=int, metavar='ID', help='ID of the servo so far')
        action.add_argument('value', type=int, metavar=f'NEW_{what}', help='new value')
        action.add_argument(
            '--baud', type=int, default=1_000_000, metavar='BD', help='baud rate so far (default 1000000)')
    action = actions.add_parser('emulate', parents=[common], help='emulate a bus with two servos')
    action.add_argument('--link', type=Path, metavar='PATH', help='symbolic link to make to the pseudo-terminal')
    action.add_argument(
        '--head', metavar='NAMESPACE', help='move the simulated head of this turret with the emulated servos')
    action.add_argument(
        '--latency', type=float, default=0.001, metavar='S', help='time until a servo answers (default 0.001 s)')
    return top


def run(words: Sequence[str], say: Callable[[str], None]) -> int:
    """Run the command; return 1 when no servo was found.

    Raises:
        TurretError: there is no port, the servo does not answer, or a value is not allowed.
    """
    args = parser().parse_args(words)
    if args.action == 'emulate':
        _emulate(args, say)
    protocol = PROTOCOLS[args.protocol]
    _check(args, protocol.bus)
    port = args.port or only_port()

    def open_bus(baud: int) -> ServoBus:
        return protocol.bus(SerialWire(port, baud), args.timeout)

    if args.action == 'scan':
        bauds = args.baud or list(protocol.bus.bauds.values())
        ids = range(protocol.bus.max_id + 1 if args.all else _FEW_IDS)
        found = scan(open_bus, bauds, ids, lambda servo: say(describe(servo)))
        if not found:
            say(f'No servo answers on {port}. Is the supply of the servos on, and is the adapter set to USB?')
        return int(not found)
    bus = open_bus(args.baud)
    try:
        if args.action == 'set-id':
            bus.set_id(args.servo, args.value)
            say(f'servo {args.servo} has the ID {args.value} now')
        else:
            bus.set_baud(args.servo, args.value)
    finally:
        bus.close()
    if args.action == 'set-baud':
        bus = open_bus(args.value)
        try:
            if bus.ping(args.servo) is None:
                raise TurretError(ReasonCode.DRIVER_FAULT, f'servo {args.servo} does not answer at {args.value} Bd')
            say(f'servo {args.servo} answers at {args.value} Bd now')
        finally:
            bus.close()
    return 0


def _check(args: argparse.Namespace, bus: type[ServoBus]) -> None:
    """Refuse what no servo can have. Raises TurretError: OUT_OF_RANGE."""
    if not 0.0 < args.timeout <= _MAX_TIMEOUT_S:
        raise TurretError(ReasonCode.OUT_OF_RANGE, f'--timeout is above 0 and at most {_MAX_TIMEOUT_S:g} s')
    for baud in (args.baud or []) if args.action == 'scan' else [args.baud]:
        if baud not in bus.bauds.values():
            raise TurretError(
                ReasonCode.OUT_OF_RANGE, f'{baud} Bd is not one of {", ".join(map(str, bus.bauds.values()))}')
    if args.action != 'scan' and not 0 <= args.servo <= bus.max_id:
        raise TurretError(ReasonCode.OUT_OF_RANGE, f'an ID is 0 to {bus.max_id}, not {args.servo}')


def describe(found: FoundServo) -> str:
    """Return a found servo as a line."""
    return f'ID {found.servo:3}  {found.baud:7} Bd  {found.description}'


def only_port() -> str:
    """Return the path of the only serial port.

    Raises:
        TurretError: NOT_FOUND, there is none; INVALID_ARGUMENT, there are several.
    """
    ports = serial_ports()
    if not ports:
        raise TurretError(
            ReasonCode.NOT_FOUND, 'no USB serial adapter is plugged in; to try without one: ./turret hw bus emulate')
    if len(ports) > 1:
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, 'name one of the serial ports with --port: '
            + ', '.join(port.path for port in ports))
    return ports[0].path


def _emulate(args: argparse.Namespace, say: Callable[[str], None]) -> NoReturn:
    if not 0.0 <= args.latency <= _MAX_TIMEOUT_S:
        raise TurretError(ReasonCode.OUT_OF_RANGE, f'--latency is 0 to {_MAX_TIMEOUT_S:g} s')
    wake_on_time()  # servos answer in time, however busy this machine is
    emulated = PROTOCOLS[args.protocol].emulated()
    emulated.faults.latency_s = args.latency
    for servo, angle in zip(emulated.servos, _HEAD_START, strict=True):
        servo.shaft.position = servo.shaft.goal = float(round(2048 + angle * COUNTS_PER_REVOLUTION / (2.0 * math.pi)))
    served = PtyBus(emulated)
    path = served.path
    try:
        if args.link is not None:
            if args.link.is_symlink():
                args.link.unlink()
            args.link.symlink_to(served.path)
            path = str(args.link)
        say(f'Two emulated {args.protocol} servos, IDs 1 and 2, are on {path} until Ctrl-C.')
        if args.head is None:
            while True:
                time.sleep(3600.0)
        _move_head(emulated, PlantLink(plant_socket(args.head)))
    except OSError as error:
        raise TurretError(ReasonCode.IO_ERROR, f'cannot make the link {args.link}: {error.strerror}') from error
    finally:
        served.close()
        if args.link is not None and args.link.is_symlink():
            args.link.unlink()


def _move_head(emulated: EmulatedBus, head: PlantLink) -> NoReturn:
    """Rotate the simulated head as the emulated servos rotate, until interrupted."""
    passed = list(_HEAD_START)
    while True:
        time.sleep(_HEAD_PERIOD_S)
        angles = [
            (servo.shaft.at(time.monotonic()) - 2048.0) * 2.0 * math.pi / COUNTS_PER_REVOLUTION
            for servo in emulated.servos]
        try:
            head.call('set', name='push', value=[now - before for now, before in zip(angles, passed, strict=True)])
            passed = angles
        except PlantError:  # the turret is not running yet, or any more
            passed = list(_HEAD_START)


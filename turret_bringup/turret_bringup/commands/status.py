"""Show the newest status of a running turret."""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import Any

from turret_bringup.commands.options import add_namespace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_namespace(parser)
    parser.add_argument('--json', action='store_true', help='the whole message as JSON')
    parser.add_argument('--watch', action='store_true', help='go on with each status until Ctrl-C')


def run(args: argparse.Namespace) -> int:
    """Print one status, or each one."""
    from turret_bringup.ros_client import TurretClient, as_values

    with TurretClient(args.namespace) as client:
        for message in client.messages('status'):
            values = as_values(message)
            if args.watch and sys.stdout.isatty():
                sys.stdout.write('\x1b[2J\x1b[H')
            sys.stdout.write((json.dumps(values) if args.json else '\n'.join(lines(values))) + '\n')
            sys.stdout.flush()
            if not args.watch:
                break
    return 0


def lines(status: dict[str, Any]) -> list[str]:
    """Return a ``TurretStatus``, as plain values, in words."""
    from turret_msgs.msg import AxisState, ControllerState, LaserState, TurretStatus

    camera, vision, controller = status['camera'], status['vision'], status['controller']
    gimbal, laser, safety = status['gimbal'], status['laser'], status['safety']
    rows = {
        'camera': f'{camera["source"]}, {camera["width"]}x{camera["height"]} px, '
                  f'{_text(camera["rate_hz"], "{:.1f}")} frames per second',
        'vision': f'{vision["detection"]["method"]}, {vision["track_count"]} tracks',
        'controller': f'{_name(ControllerState, "MODE", controller["mode"])}, '
                      f'{_name(ControllerState, "TRACKING", controller["tracking"])}, '
                      f'target {controller["target_id"] or "none"}, off by {_degrees(controller["aim_error"])}',
        'gimbal': '; '.join(
            f'{axis["name"]} {_degrees(axis["position"])} {_name(AxisState, "STATE", axis["state"])}'
            for axis in (gimbal['pan'], gimbal['tilt'])),
        'laser': f'{_name(LaserState, "STATE", laser["state"])}, {laser["fire_count"]} pulses',
        'safety': f'motion {_permitted(safety["motion_ok"])}, laser {_permitted(safety["laser_ok"])}, '
                  f'operator {safety["operator_name"] or "nobody"}',
    }
    head = f'{_name(TurretStatus, "BACKEND", status["backend"]).upper()}, status {status["seq"]}'
    body = [
        f'{name:10} {"never seen" if age is None else f"{age:5.2f} s ago  {text}"}'
        for name, text in rows.items() for age in [status[f'{name}_age_s']]]
    faults = [f'fault: {fault["node"]}: {fault["message"]}' for fault in status['faults']]
    return [head, *body, *(faults or ['no faults'])]


def _name(message_type: Any, prefix: str, value: int) -> str:
    """Return the constant of a message type that has the value, in small letters."""
    constants = getattr(type(message_type), f'_{type(message_type).__name__}__constants')
    names = [name for name, number in constants.items() if name.startswith(f'{prefix}_') and number == value]
    return names[0].removeprefix(f'{prefix}_').replace('_', ' ').lower() if names else str(value)


def _text(value: float | None, form: str, unknown: str = '?') -> str:
    """Return a number as text; NaN comes as None."""
    return unknown if value is None else form.format(value)


def _degrees(value: float | None) -> str:
    return _text(None if value is None else math.degrees(value), '{:.1f}°')


def _permitted(value: bool) -> str:
    return 'permitted' if value else 'withheld'

# SPDX-License-Identifier: Apache-2.0
"""Status of a turret as text, for the command line."""

from __future__ import annotations

import math
from typing import Any

from turret_common.ros.internals import constants
from turret_msgs.msg import AxisState, ControllerState, LaserState, TurretStatus


def lines(status: dict[str, Any]) -> list[str]:
    """Return a ``TurretStatus``, as plain values, in words."""
    camera, vision, controller = status['camera'], status['vision'], status['controller']
    gimbal, laser, safety, bag = status['gimbal'], status['laser'], status['safety'], status['bag']
    rows = {
        'camera': f'{camera["source"]}, {camera["width"]}x{camera["height"]} px, '
                  f'{_text(camera["rate_hz"], "{:.1f}")} frames per second',
        'vision': f'{vision["detection"]["method"]}, {_count(vision["track_count"], "track")}{_clocks(vision)}',
        'controller': f'{_name(ControllerState, "MODE", controller["mode"])}, '
                      f'{_name(ControllerState, "TRACKING", controller["tracking"])}, '
                      f'target {controller["target_id"] or "none"}, off by {_degrees(controller["aim_error"])}',
        'gimbal': '; '.join(
            f'{axis["name"]} {_degrees(axis["position"])} {_name(AxisState, "STATE", axis["state"])}'
            for axis in (gimbal['pan'], gimbal['tilt'])),
        'laser': f'{_name(LaserState, "STATE", laser["state"])}, {_count(laser["fire_count"], "pulse")}',
        'safety': f'motion {_permitted(safety["motion_ok"])}, laser {_permitted(safety["laser_ok"])}, '
                  f'operator {safety["operator_name"] or "none"}',
        'bag': f'{_recording(bag)}, {_text(bag["held_s"], "{:.0f} s")} in the ring buffer',
    }
    head = f'{_name(TurretStatus, "BACKEND", status["backend"]).upper()}, status message {status["seq"]}'
    body = [
        f'{name:10} {"no message" if age is None else f"{age:5.2f} s ago  {text}"}'
        for name, text in rows.items() for age in [status[f'{name}_age_s']]]
    faults = [f'fault: {fault["node"]}: {fault["message"]}' for fault in status['faults']]
    return [head, *body, *(faults or ['no faults'])]


def summary(status: dict[str, Any]) -> str:
    """Return a ``TurretStatus``, as plain values, in a few words."""
    faults = status['faults']
    words = [_name(TurretStatus, 'BACKEND', status['backend']).upper(),
             _name(ControllerState, 'MODE', status['controller']['mode'])]
    if status['safety']['software_stop']:
        words.append('stopped')
    words.append(
        f'{_count(len(faults), "fault")}: {faults[0]["node"]}: {faults[0]["message"]}' if faults else 'no faults')
    return ', '.join(words)


def _name(message_type: Any, prefix: str, value: int) -> str:
    """Return the constant of a message type that has the value, in small letters."""
    for name, number in constants(message_type).items():
        if name.startswith(f'{prefix}_') and number == value:
            return name.removeprefix(f'{prefix}_').replace('_', ' ').lower()
    return str(value)


def _count(number: int, name: str) -> str:
    return f'{number} {name}' if number == 1 else f'{number} {name}s'


def _text(value: float | None, form: str, unknown: str = '?') -> str:
    """Return a number as text; NaN comes as None."""
    return unknown if value is None else form.format(value)


def _degrees(value: float | None) -> str:
    return _text(None if value is None else math.degrees(value), '{:.1f}°')


def _clocks(vision: dict[str, Any]) -> str:
    """Return the clock offset of the host of vision; empty where it is that of the camera."""
    if vision['clock_offset_s'] is None:
        return ''
    return f', clock offset {1e3 * vision["clock_offset_s"]:.1f} ms +-{500.0 * vision["round_trip_s"]:.1f} ms'


def _recording(bag: dict[str, Any]) -> str:
    return f'recording {bag["name"]}, {bag["duration_s"]:.0f} s' if bag['recording'] else 'not recording'


def _permitted(value: bool) -> str:
    return 'permitted' if value else 'inhibited'

# SPDX-License-Identifier: Apache-2.0
"""What there is to plot in a bag: aim error, angles, latencies and states over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from turret_common.geometry import Bearing, angle_between

#: Points of a line: seconds since the beginning of the bag, and values.
Line = tuple[list[float], list[float]]

#: Topics that are looked at, relative to the namespace.
TOPICS = (
    'camera/camera_info', 'vision/detections', 'vision/tracks', 'joint_states', 'controller/target',
    'controller/state', 'laser/state', 'safety/state', 'sim/ground_truth')
#: Topics whose stamp is the time of the exposure or of the measured pose.
_MEASURED = ('camera/camera_info', 'vision/detections', 'vision/tracks', 'joint_states')


class Series:
    """Lines by name, in four groups.

    Attributes:
        errors: aim error [deg].
        angles: pan and tilt of the head and of the aim point [deg].
        latencies: from a message's stamp to its recording [ms].
        states: numbers of states, booleans as 0 and 1.
    """

    def __init__(self) -> None:
        self.errors: dict[str, Line] = {}
        self.angles: dict[str, Line] = {}
        self.latencies: dict[str, Line] = {}
        self.states: dict[str, Line] = {}
        self._adders: dict[str, Callable[[float, Mapping[str, Any]], None]] = {
            'joint_states': self._add_joint_states, 'controller/target': self._add_target,
            'controller/state': self._add_controller_state, 'laser/state': self._add_laser_state,
            'safety/state': self._add_safety_state, 'sim/ground_truth': self._add_ground_truth}

    def add(self, topic: str, time_s: float, stamp_s: float, values: Mapping[str, Any]) -> None:
        """Take one message.

        Args:
            topic: relative to the namespace.
            time_s: since the beginning of the bag.
            stamp_s: when it was recorded, since 1970.
            values: its fields.
        """
        if topic in _MEASURED:
            header = values['header']['stamp']
            age_s = stamp_s - header['sec'] - 1e-9 * header['nanosec']
            _append(self.latencies, topic, time_s, 1e3 * age_s)
        if topic in self._adders:
            self._adders[topic](time_s, values)

    def _add_joint_states(self, time_s: float, values: Mapping[str, Any]) -> None:
        for name, position in zip(values['name'], values['position'], strict=False):
            _append(self.angles, name.removesuffix('_joint'), time_s, math.degrees(position))

    def _add_target(self, time_s: float, values: Mapping[str, Any]) -> None:
        _append(self.errors, 'controller', time_s, math.degrees(values['aim_error']))
        _append(self.angles, 'aim point, azimuth', time_s, math.degrees(values['azimuth']))
        _append(self.angles, 'aim point, elevation', time_s, math.degrees(values['elevation']))

    def _add_controller_state(self, time_s: float, values: Mapping[str, Any]) -> None:
        for name in ('mode', 'tracking', 'on_target'):
            _append(self.states, f'controller {name}', time_s, float(values[name]))

    def _add_laser_state(self, time_s: float, values: Mapping[str, Any]) -> None:
        _append(self.states, 'laser state', time_s, float(values['state']))
        _append(self.states, 'laser emitting', time_s, float(values['emitting']))

    def _add_safety_state(self, time_s: float, values: Mapping[str, Any]) -> None:
        _append(self.states, 'motion permitted', time_s, float(values['motion_ok']))
        _append(self.states, 'laser permitted', time_s, float(values['laser_ok']))

    def _add_ground_truth(self, time_s: float, values: Mapping[str, Any]) -> None:
        beam = Bearing(values['beam_azimuth'], values['beam_elevation'])
        errors = [
            angle_between(beam, Bearing(target['azimuth'], target['elevation'])) for target in values['targets']]
        if errors:
            _append(self.errors, 'ground truth, nearest target', time_s, math.degrees(min(errors)))


def _append(lines: dict[str, Line], name: str, time_s: float, value: float) -> None:
    times, values = lines.setdefault(name, ([], []))
    times.append(time_s)
    values.append(value)

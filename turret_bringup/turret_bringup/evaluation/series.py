"""What there is to plot in a bag: aim error, angles, latencies and states over time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from turret_common.geometry import Bearing, angle_between

#: Points of a line: seconds since the beginning of the bag, and values.
Line = tuple[list[float], list[float]]

#: Topics that are looked at, relative to the namespace.
TOPICS = (
    'camera/camera_info', 'vision/detections', 'vision/tracks', 'joint_states', 'controller/target',
    'controller/state', 'laser/state', 'safety/state', 'sim/ground_truth')
#: Those whose stamp says when the light was collected, or the pose measured.
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
        taker = getattr(self, '_take_' + topic.replace('/', '_'), None)
        if taker is not None:
            taker(time_s, values)

    def _take_joint_states(self, time_s: float, values: Mapping[str, Any]) -> None:
        for name, position in zip(values['name'], values['position'], strict=False):
            _append(self.angles, name.removesuffix('_joint'), time_s, math.degrees(position))

    def _take_controller_target(self, time_s: float, values: Mapping[str, Any]) -> None:
        _append(self.errors, 'as the controller sees it', time_s, math.degrees(values['aim_error']))
        _append(self.angles, 'aim point, azimuth', time_s, math.degrees(values['azimuth']))
        _append(self.angles, 'aim point, elevation', time_s, math.degrees(values['elevation']))

    def _take_controller_state(self, time_s: float, values: Mapping[str, Any]) -> None:
        for name in ('mode', 'tracking', 'on_target'):
            _append(self.states, f'controller {name}', time_s, float(values[name]))

    def _take_laser_state(self, time_s: float, values: Mapping[str, Any]) -> None:
        _append(self.states, 'laser state', time_s, float(values['state']))
        _append(self.states, 'laser emitting', time_s, float(values['emitting']))

    def _take_safety_state(self, time_s: float, values: Mapping[str, Any]) -> None:
        _append(self.states, 'motion permitted', time_s, float(values['motion_ok']))
        _append(self.states, 'laser permitted', time_s, float(values['laser_ok']))

    def _take_sim_ground_truth(self, time_s: float, values: Mapping[str, Any]) -> None:
        beam = Bearing(values['beam_azimuth'], values['beam_elevation'])
        errors = [
            angle_between(beam, Bearing(target['azimuth'], target['elevation'])) for target in values['targets']]
        if errors:
            _append(self.errors, 'in truth, to the nearest target', time_s, math.degrees(min(errors)))


def _append(lines: dict[str, Line], name: str, time_s: float, value: float) -> None:
    times, values = lines.setdefault(name, ([], []))
    times.append(time_s)
    values.append(value)


def namespace_of(topics: Iterable[str], custom: Mapping[str, str]) -> str:
    """Return the namespace that the turret of a bag had, with a slash at its end: as was noted, or by its topics."""
    noted = custom.get('turret.namespace')
    if noted:
        return f'/{noted.strip("/")}/'
    return next(
        (topic.removesuffix(end) for topic in topics for end in ('joint_states', 'controller/state', 'status')
         if topic.endswith(f'/{end}')), '/')

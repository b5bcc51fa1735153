# SPDX-License-Identifier: Apache-2.0
"""How an axis finds its reference and its ends.

Each procedure is a generator: it yields the commanded motion of the axis and gets back what the driver saw next, so
that it needs no clock, no thread and no driver. It starts anywhere, also on a switch, and always takes a switch at
its edge, slowly and from the same side, because switches and backlash repeat only then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.driver import AxisSample, Switch

_STANDING = 1e-3  # rad/s

# Reference: the field of a sample that shows it, and the direction in which it closes.
_REFERENCES = {'flag': ('home', 1), 'lower_switch': ('lower', -1), 'upper_switch': ('upper', 1)}


class Step(NamedTuple):
    """What an axis does next in a procedure: its motion, the phase's name and how far the whole is, 0 to 1."""

    motion: AxisMotion
    phase: str
    progress: float


class Range(NamedTuple):
    """What calibration finds, as driver positions in rad: home, and where the limit switches close."""

    home: float
    lower_switch: float
    upper_switch: float


#: Yields steps, is sent samples, returns positions.
Procedure = Generator[Step, AxisSample, float]


def home_axis(axis: GimbalAxis, sample: AxisSample) -> Procedure:
    """Find the reference of an axis; return the driver position of home.

    Raises:
        TurretError: HOMING_FAILED or SWITCH_UNREADABLE.
    """
    if axis.reference == 'absolute':
        return -axis.reference_angle
    if axis.reference == 'declared':
        return sample.position - axis.reference_angle
    edge = yield from _find_edge(axis, sample, *_REFERENCES[axis.reference], 'seek', 0.0, 1.0)
    return edge - axis.reference_angle


def calibrate_axis(axis: GimbalAxis, sample: AxisSample) -> Generator[Step, AxisSample, Range]:
    """Find both ends of an axis, then its reference. A declared home becomes the middle.

    Raises:
        TurretError: CALIBRATION_FAILED, SWITCH_UNREADABLE, or NOT_SUPPORTED without limit switches.
    """
    if not axis.limit_switches:
        raise TurretError(ReasonCode.NOT_SUPPORTED, 'calibration needs limit switches at both ends')
    try:
        lower = yield from _find_edge(axis, sample, *_REFERENCES['lower_switch'], 'seek_lower', 0.0, 0.4)
        sample = yield from _halt(axis, 'seek_upper', 0.4)
        upper = yield from _find_edge(axis, sample, *_REFERENCES['upper_switch'], 'seek_upper', 0.4, 0.8)
        marks = {
            'lower_switch': lower, 'upper_switch': upper, 'absolute': 0.0, 'declared': 0.5 * (lower + upper)}
        if axis.reference not in marks:
            sample = yield from _halt(axis, 'center', 0.8)
            marks['flag'] = yield from _find_edge(axis, sample, *_REFERENCES['flag'], 'center', 0.8, 1.0)
    except TurretError as error:
        if error.code is ReasonCode.HOMING_FAILED:
            raise TurretError(ReasonCode.CALIBRATION_FAILED, error.message) from error
        raise
    home = marks[axis.reference] - axis.reference_angle
    if not lower + axis.margin < home < upper - axis.margin:
        raise TurretError(
            ReasonCode.CALIBRATION_FAILED,
            f'home is not between the switches: {home - lower:.3f} rad above the lower one, '
            f'{upper - home:.3f} rad below the upper one')
    return Range(home, lower, upper)


def _find_edge(
        axis: GimbalAxis, sample: AxisSample, switch: str, direction: int, phase: str,
        begin: float, end: float) -> Procedure:
    """Find where a switch closes for a slow motion in ``direction``; progress goes from ``begin`` to ``end``."""
    def at(share: float) -> float:
        return begin + share * (end - begin)

    def closed(sample: AxisSample) -> bool:
        return getattr(sample, switch) is Switch.PRESSED

    def opened(sample: AxisSample) -> bool:
        return getattr(sample, switch) is Switch.OPEN

    if getattr(sample, switch) is Switch.NONE:
        raise TurretError(ReasonCode.HOMING_FAILED, 'the switch that marks the reference is not fitted')
    fast, slow = axis.homing_velocity, axis.approach_velocity
    if not closed(sample):
        _, sample = yield from _move_until(axis, sample, direction * fast, closed, phase, at(0.0))
        sample = yield from _halt(axis, phase, at(0.4))
    _, sample = yield from _move_until(axis, sample, -direction * fast, opened, 'back_off', at(0.5))
    clear = sample.position - direction * axis.back_off
    sample = yield from _halt(axis, 'back_off', at(0.6))

    def cleared(sample: AxisSample) -> bool:
        return direction * (clear - sample.position) >= 0.0

    _, sample = yield from _move_until(axis, sample, -direction * slow, cleared, 'back_off', at(0.7))
    before, sample = yield from _move_until(axis, sample, direction * slow, closed, 'approach', at(0.8))
    return 0.5 * (before.position + sample.position)


def _move_until(
        axis: GimbalAxis, sample: AxisSample, velocity: float, done: Callable[[AxisSample], bool], phase: str,
        progress: float) -> Generator[Step, AxisSample, tuple[AxisSample, AxisSample]]:
    """Turn until ``done``; return the last sample before and the first one after."""
    start = before = sample
    goal = start.position + math.copysign(axis.search_range + 1.0, velocity)
    while not done(sample):
        if Switch.UNREADABLE in (sample.lower, sample.upper, sample.home):
            raise TurretError(ReasonCode.SWITCH_UNREADABLE, 'a switch cannot be read')
        if (sample.upper if velocity > 0.0 else sample.lower) is Switch.PRESSED:
            raise TurretError(
                ReasonCode.HOMING_FAILED, f'a limit switch ended phase "{phase}" before it found what it looked for')
        if abs(sample.position - start.position) > axis.search_range:
            raise TurretError(
                ReasonCode.HOMING_FAILED, f'phase "{phase}" found nothing within {axis.search_range:g} rad')
        before = sample
        sample = yield Step(AxisMotion(goal, abs(velocity), axis.max_acceleration), phase, progress)
    return before, sample


def _halt(axis: GimbalAxis, phase: str, progress: float) -> Generator[Step, AxisSample, AxisSample]:
    """Brake and wait for the standstill."""
    while True:
        sample = yield Step(stand_still(axis.max_acceleration), phase, progress)
        if abs(sample.velocity) < _STANDING:
            return sample

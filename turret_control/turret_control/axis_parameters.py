# SPDX-License-Identifier: Apache-2.0
"""Parameters of one axis of the head, the same for every gimbal driver."""

from __future__ import annotations

import dataclasses

from turret_common.params import param

REFERENCES = ('flag', 'lower_switch', 'upper_switch', 'absolute', 'declared')


@dataclasses.dataclass(frozen=True)
class GimbalAxis:
    """One axis. Angles are relative to home unless noted otherwise."""

    lower: float = param(-1.65, 'Lower soft limit', unit='rad', minimum=-6.3, maximum=0.0, live=True)
    upper: float = param(1.65, 'Upper soft limit', unit='rad', minimum=0.0, maximum=6.3, live=True)
    max_velocity: float = param(3.5, 'Maximum velocity', unit='rad/s', minimum=0.01, maximum=20.0)
    max_acceleration: float = param(30.0, 'Maximum acceleration', unit='rad/s^2', minimum=0.1, maximum=500.0)
    limit_switches: bool = param(True, 'Limit switches fitted at both ends')
    reference: str = param(
        'flag', 'Home reference: edge of a flag over the positive half of the axis, a limit switch, absolute positions '
        'of the driver, or the orientation in which the head is placed by hand', choices=REFERENCES)
    reference_angle: float = param(0.0, 'Angle of the reference', unit='rad', minimum=-6.3, maximum=6.3, live=True)
    homing_velocity: float = param(0.8, 'Velocity of the search for a switch', unit='rad/s', minimum=0.01, maximum=3.0)
    approach_velocity: float = param(
        0.1, 'Velocity of the final approach, which determines the repeatability of home', unit='rad/s', minimum=0.001,
        maximum=0.5)
    back_off: float = param(0.02, 'Travel before the final approach', unit='rad', minimum=0.001, maximum=0.5)
    search_range: float = param(
        4.0, 'Travel after which the search for a switch fails', unit='rad', minimum=0.1, maximum=15.0)
    margin: float = param(
        0.05, 'Travel from a limit switch to the soft limit after calibration', unit='rad', minimum=0.0, maximum=0.5)

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise ValueError('lower must be below upper')
        if max(self.homing_velocity, self.approach_velocity) > self.max_velocity:
            raise ValueError('homing_velocity and approach_velocity must not be above max_velocity')
        if self.reference.endswith('switch') and not self.limit_switches:
            raise ValueError(f'reference "{self.reference}" needs limit_switches')

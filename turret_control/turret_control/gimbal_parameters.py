"""The parameters of the gimbal node."""

from __future__ import annotations

import dataclasses

from turret_common.params import group, param

DRIVERS = ('sim',)
REFERENCES = ('flag', 'lower_switch', 'upper_switch', 'absolute', 'declared')


@dataclasses.dataclass(frozen=True)
class GimbalAxis:
    """One axis. Angles are relative to home unless said otherwise."""

    lower: float = param(-1.65, 'Lower soft limit', unit='rad', minimum=-6.3, maximum=0.0, live=True)
    upper: float = param(1.65, 'Upper soft limit', unit='rad', minimum=0.0, maximum=6.3, live=True)
    max_velocity: float = param(3.5, 'Largest velocity', unit='rad/s', minimum=0.01, maximum=20.0)
    max_acceleration: float = param(30.0, 'Largest acceleration', unit='rad/s^2', minimum=0.1, maximum=500.0)
    limit_switches: bool = param(True, 'Limit switches are fitted at both ends')
    reference: str = param(
        'flag', 'How home is found: the edge of a flag over the positive half of the axis, one of the limit switches, '
        'a driver whose positions are absolute, or the direction in which the head is set up by hand',
        choices=REFERENCES)
    reference_angle: float = param(
        0.0, 'Where the reference is', unit='rad', minimum=-6.3, maximum=6.3, live=True)
    homing_velocity: float = param(0.8, 'Velocity of the search for a switch', unit='rad/s', minimum=0.01, maximum=3.0)
    approach_velocity: float = param(
        0.1, 'Velocity of the last approach, which decides how well home repeats', unit='rad/s', minimum=0.001,
        maximum=0.5)
    back_off: float = param(0.02, 'Way from which the last approach starts', unit='rad', minimum=0.001, maximum=0.5)
    search_range: float = param(
        4.0, 'Way after which a search for a switch has failed', unit='rad', minimum=0.1, maximum=15.0)
    margin: float = param(
        0.05, 'Way from a limit switch to the soft limit after calibration', unit='rad', minimum=0.0, maximum=0.5)

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise ValueError('lower must be below upper')
        if self.reference.endswith('switch') and not self.limit_switches:
            raise ValueError(f'reference "{self.reference}" needs limit_switches')


@dataclasses.dataclass(frozen=True)
class GimbalParameters:
    """What the gimbal node can be told."""

    driver: str = param('sim', 'Kind of motor driver', choices=DRIVERS)
    pan: GimbalAxis = group(GimbalAxis)
    tilt: GimbalAxis = group(GimbalAxis, lower=-0.7, upper=0.95)
    home_on_start: bool = param(
        False, 'Home as soon as motion is permitted, without an operator; this energises the motors')
    idle_release_s: float = param(
        600.0, 'Switch the motors off after this time without motion; home is lost with it; 0 = never', unit='s',
        minimum=0.0, maximum=86400.0, live=True)
    search_timeout_s: float = param(
        60.0, 'Time after which homing or calibration has failed', unit='s', minimum=1.0, maximum=600.0)

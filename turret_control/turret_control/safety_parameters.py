# SPDX-License-Identifier: Apache-2.0
"""Parameters of the safety node. All read-only: nothing that could defeat a guard changes while it guards."""

from __future__ import annotations

import dataclasses
import math

from turret_common.params import param


@dataclasses.dataclass(frozen=True)
class SafetyParameters:
    """What the safety node watches and how closely."""

    estop_driver: str = param('sim', 'Driver of the emergency-stop input', choices=('none', 'sim', 'gpio'))
    estop_pin: int = param(
        17, 'GPIO (BCM number) of the normally closed emergency-stop contact to ground', minimum=0, maximum=27)
    driver_timeout_s: float = param(
        0.5, 'Maximum silence of gimbal or laser before every permit is withdrawn', unit='s', minimum=0.2, maximum=1.0)
    pose_timeout_s: float = param(0.15, 'Maximum age of a measured pose', unit='s', minimum=0.02, maximum=0.5)
    vision_timeout_s: float = param(
        0.25, 'Maximum age of the image from which automatic fire takes its tracks', unit='s', minimum=0.05,
        maximum=0.5)
    zone_margin: float = param(
        math.radians(2.0), 'Margin around zones; doubled where the position is not measured', unit='rad',
        minimum=math.radians(0.5), maximum=math.radians(30.0))
    reaction_s: float = param(
        0.15, 'Assumed time from withdrawing the permit until emission is off or the axes brake', unit='s', minimum=0.1,
        maximum=1.0)
    aim_error_max: float = param(
        math.radians(0.5), 'Maximum aiming error for automatic fire', unit='rad', minimum=math.radians(0.01),
        maximum=math.radians(2.0))
    auto_fire_timeout_s: float = param(
        60.0, 'Time without an act of the operator after which automatic fire ends', unit='s', minimum=5.0,
        maximum=600.0)
    exclusion: str = param(
        'hardware', 'Use of the independent person detector that inhibits the beam: with a real laser, always or never',
        choices=('hardware', 'always', 'never'))
    exclusion_margin: float = param(
        math.radians(10.0), 'Margin between the beam and the outline of a person', unit='rad',
        minimum=math.radians(3.0), maximum=math.radians(90.0))
    floor_tilt_max: float = param(
        math.radians(-10.0), 'Maximum upper tilt of every allowed zone in the class 2 profile', unit='rad',
        minimum=math.radians(-90.0), maximum=math.radians(-5.0))
    confirm_region_in_simulation: bool = param(
        False, 'Confirmed region also required for the simulated laser; always required for a real laser')

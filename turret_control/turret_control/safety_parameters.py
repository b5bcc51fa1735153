"""Parameters of the safety node. All read-only: nothing that could defeat a guard changes while it guards."""

from __future__ import annotations

import dataclasses
import math

from turret_common.params import param


@dataclasses.dataclass(frozen=True)
class SafetyParameters:
    """What the safety node watches and how closely."""

    estop_driver: str = param(
        'sim', 'where the emergency-stop input is read', choices=('none', 'sim', 'gpio'))
    estop_pin: int = param(
        17, 'GPIO (BCM number) of the normally closed emergency-stop contact to ground', minimum=0, maximum=27)
    driver_timeout_s: float = param(
        0.5, 'a gimbal or laser that is silent for longer withholds everything', unit='s', minimum=0.2, maximum=1.0)
    pose_timeout_s: float = param(
        0.15, 'a measured pose older than this is unknown', unit='s', minimum=0.02, maximum=0.5)
    vision_timeout_s: float = param(
        0.25, 'automatic fire needs tracks from an image younger than this', unit='s', minimum=0.05, maximum=0.5)
    zone_margin: float = param(
        math.radians(2.0), 'kept clear around zones; doubled where the position is not measured', unit='rad',
        minimum=math.radians(0.5), maximum=math.radians(30.0))
    reaction_s: float = param(
        0.15, 'from withdrawing the permit until the beam is off or the axes brake', unit='s', minimum=0.1, maximum=1.0)
    aim_error_max: float = param(
        math.radians(0.5), 'automatic fire needs a smaller aiming error', unit='rad',
        minimum=math.radians(0.01), maximum=math.radians(2.0))
    exclusion: str = param(
        'hardware', 'when a detector of its own keeps the beam away from people: with a real laser, always or never',
        choices=('hardware', 'always', 'never'))
    exclusion_margin: float = param(
        math.radians(10.0), 'angle kept between the beam and the outline of a person', unit='rad',
        minimum=math.radians(3.0), maximum=math.radians(90.0))
    floor_tilt_max: float = param(
        math.radians(-10.0), 'the class 2 profile: every allowed zone ends below this tilt', unit='rad',
        minimum=math.radians(-90.0), maximum=math.radians(-5.0))
    confirm_region_in_simulation: bool = param(
        False, 'ask for a confirmed region also while the laser is simulated; a real laser always needs it')

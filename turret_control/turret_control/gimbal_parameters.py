# SPDX-License-Identifier: Apache-2.0
"""The parameters of the gimbal node."""

from __future__ import annotations

import dataclasses

from turret_common.params import frame_prefix_param, group, param
from turret_common.registry import with_groups
from turret_control.axis_parameters import GimbalAxis
from turret_control.drivers.registry import DRIVERS


@with_groups(DRIVERS)
@dataclasses.dataclass(frozen=True)
class GimbalParameters:
    """Parameters of the gimbal node, followed by the groups of all drivers."""

    driver: str = param('sim', 'Gimbal driver', choices=DRIVERS.names, unavailable=DRIVERS.failed)
    pan: GimbalAxis = group(GimbalAxis)
    tilt: GimbalAxis = group(GimbalAxis, lower=-0.7, upper=0.95)
    home_on_start: bool = param(
        False, 'Homing at start as soon as motion is permitted, without an operator, unless a stop comes first; this '
        'powers the motors')
    idle_release_s: float = param(
        600.0, 'Time without motion after which the motors are switched off, which loses home; 0 = never', unit='s',
        minimum=0.0, maximum=86400.0, live=True)
    search_timeout_s: float = param(
        60.0, 'Maximum duration of homing or calibration', unit='s', minimum=1.0, maximum=600.0)
    frame_prefix: str = frame_prefix_param()

    def __post_init__(self) -> None:
        DRIVERS[self.driver].check_parameters(self)

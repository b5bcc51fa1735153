# SPDX-License-Identifier: Apache-2.0
"""Parameters of the simulated hardware."""

from __future__ import annotations

import dataclasses

from turret_common.params import frame_prefix_param, group, param
from turret_control.scenario import make_scenario


@dataclasses.dataclass(frozen=True)
class PlantAxis:
    """One simulated axis. Angles are true ones: 0 is where the home flag begins."""

    lower_switch: float = param(-1.75, 'True angle at which the lower limit switch closes', unit='rad')
    upper_switch: float = param(1.75, 'True angle at which the upper limit switch closes', unit='rad')
    overtravel: float = param(0.09, 'Travel from a limit switch to the hard stop', unit='rad', minimum=0.0)
    start: float = param(0.1, 'True angle at power-up', unit='rad')
    max_velocity: float = param(4.0, 'Maximum velocity of the motor', unit='rad/s', minimum=0.01)
    acceleration: float = param(40.0, 'Acceleration of the motor driver', unit='rad/s^2', minimum=0.01)
    lag_s: float = param(0.004, 'Time constant with which the head follows its motor', unit='s', minimum=0.0)


@dataclasses.dataclass(frozen=True)
class PlantParameters:
    """The simulated head, camera and world, and how far they hide a difference from the turret's configuration."""

    pan: PlantAxis = group(PlantAxis, start=0.07)
    tilt: PlantAxis = group(PlantAxis, lower_switch=-0.8, upper_switch=1.05, start=-0.05)
    actuation_delay_s: float = param(
        0.03, 'Configured delay from a command to the motion of the motor', unit='s', minimum=0.0, maximum=0.5)
    camera_horizontal_fov: float = param(
        1.047, 'Horizontal field of view of the simulated camera', unit='rad', minimum=0.2, maximum=2.6)
    base_camera: tuple[float, ...] = param(
        (0.0, 0.0, -0.1), 'Position of a camera on the base relative to the center of the head: forward, left, up',
        unit='m', minimum=-2.0, maximum=2.0, elements=('forward', 'left', 'up'))
    wall_range: float = param(
        4.0, 'Distance of the wall behind the targets', unit='m', minimum=0.2, maximum=100.0, live=True)
    hidden_seed: int = param(
        1, 'Random seed of the hidden differences from the configuration: delay, lens, backlash, axes, camera roll, '
        'beam', minimum=0)
    hidden_scale: float = param(
        0.25, 'Scale of the hidden differences; 0 = none, 1 = those of a carelessly built turret', minimum=0.0,
        maximum=1.0)
    scenario: str = param(
        'tour', 'Simulated scenario; a number may follow the name, as in ramp_60 or sine_0.5', live=True)
    scenario_seed: int = param(1, 'Random seed of the scenario', minimum=0, live=True)
    scenario_amplitude: float = param(
        0.0, 'Maximum azimuth of the targets; 0 = default of the scenario', unit='rad', minimum=0.0, maximum=1.6,
        live=True)
    scenario_rate: float = param(
        0.0, 'Maximum angular rate of the targets; 0 = default of the scenario', unit='rad/s', minimum=0.0, maximum=4.0,
        live=True)
    frame_prefix: str = frame_prefix_param()

    def __post_init__(self) -> None:
        make_scenario(self.scenario)
        for name, axis in (('pan', self.pan), ('tilt', self.tilt)):
            if not axis.lower_switch < axis.start < axis.upper_switch:
                raise ValueError(f'{name}: lower_switch < start < upper_switch is needed')

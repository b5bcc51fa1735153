"""Parameters of the simulated hardware."""

from __future__ import annotations

import dataclasses

from turret_common.params import frame_prefix_param, group, param
from turret_control.scenario import make_scenario


@dataclasses.dataclass(frozen=True)
class PlantAxis:
    """One simulated axis. Angles are true ones: 0 is where the home flag begins."""

    lower_switch: float = param(-1.75, 'where the lower limit switch closes', unit='rad')
    upper_switch: float = param(1.75, 'where the upper limit switch closes', unit='rad')
    overtravel: float = param(0.09, 'way from a limit switch to the hard stop', unit='rad', minimum=0.0)
    start: float = param(0.1, 'true angle at power-up', unit='rad')
    max_velocity: float = param(4.0, 'the motor cannot turn faster', unit='rad/s', minimum=0.01)
    acceleration: float = param(40.0, 'of the motor driver', unit='rad/s^2', minimum=0.01)
    lag_s: float = param(0.004, 'time constant of the head following its motor', unit='s', minimum=0.0)


@dataclasses.dataclass(frozen=True)
class PlantParameters:
    """The simulated head, camera and world, and how far they hide a difference from the turret's configuration."""

    pan: PlantAxis = group(PlantAxis, start=0.07)
    tilt: PlantAxis = group(PlantAxis, lower_switch=-0.8, upper_switch=1.05, start=-0.05)
    actuation_delay_s: float = param(
        0.03, 'from a command to the motor acting on it, as configured', unit='s', minimum=0.0, maximum=0.5)
    camera_horizontal_fov: float = param(
        1.047, 'horizontal field of view of the camera', unit='rad', minimum=0.2, maximum=2.6)
    base_camera: tuple[float, ...] = param(
        (0.0, 0.0, -0.1), 'place of a camera that is fixed to the base: forward, left and up of the middle of the head',
        unit='m', minimum=-2.0, maximum=2.0, elements=('forward', 'left', 'up'))
    wall_range: float = param(
        4.0, 'distance of what the beam lands on where it meets no target', unit='m', minimum=0.2, maximum=100.0,
        live=True)
    hidden_seed: int = param(
        1, 'seed of what differs from the configuration: delay, lens, backlash, axes, camera roll, beam', minimum=0)
    hidden_scale: float = param(
        0.25, 'size of the hidden differences; 0 = none, 1 = those of a carelessly built turret',
        minimum=0.0, maximum=1.0)
    scenario: str = param('tour', 'what there is to see; a number may follow, as in ramp_60 or sine_0.5', live=True)
    scenario_seed: int = param(1, 'seed of the random parts of the scenario', minimum=0, live=True)
    scenario_amplitude: float = param(
        0.0, 'farthest azimuth of the targets; 0 = the scenario\'s own', unit='rad',
        minimum=0.0, maximum=1.6, live=True)
    scenario_rate: float = param(
        0.0, 'greatest rate of the targets; 0 = the scenario\'s own', unit='rad/s',
        minimum=0.0, maximum=4.0, live=True)
    frame_prefix: str = frame_prefix_param()

    def __post_init__(self) -> None:
        make_scenario(self.scenario)
        for name, axis in (('pan', self.pan), ('tilt', self.tilt)):
            if not axis.lower_switch < axis.start < axis.upper_switch:
                raise ValueError(f'{name}: lower_switch < start < upper_switch is needed')

# SPDX-License-Identifier: Apache-2.0
"""Parameters of the controller node."""

from __future__ import annotations

import dataclasses
import functools
import math

from turret_common.params import frame_prefix_param, group, param
from turret_control.aiming.aiming import AimingParameters
from turret_control.aiming.selection import SelectionParameters
from turret_control.handset.handset import HandsetParameters


@dataclasses.dataclass(frozen=True)
class JoyParameters:
    """Parameters of a joystick at the turret, on the topic ``joy``."""

    enabled: bool = param(False, 'Joystick control of the head while there is no operator')
    pan_axis: int = param(0, 'Index of the joystick axis for pan, positive left', minimum=0, maximum=31)
    tilt_axis: int = param(1, 'Index of the joystick axis for tilt, positive up', minimum=0, maximum=31)
    deadman: int = param(4, 'Index of the dead-man button', minimum=0, maximum=31)
    rate: float = param(0.8, 'Angular rate at full deflection', unit='rad/s', minimum=0.01, maximum=3.0, live=True)


@dataclasses.dataclass(frozen=True)
class ControllerParameters:
    """Parameters of the controller node."""

    start_mode: str = param('idle', 'Mode after start', choices=('idle', 'manual', 'track'))
    rate_hz: float = param(
        50.0, 'Minimum rate of the control cycle, which also runs at each image; while the commands of tracking hardly '
        'change, only images trigger it', unit='Hz', minimum=20.0, maximum=500.0)
    selection: SelectionParameters = group(SelectionParameters)
    aim: AimingParameters = group(AimingParameters)
    joy: JoyParameters = group(JoyParameters)
    mqtt_joy: HandsetParameters = group(HandsetParameters)
    max_rate: float = param(
        math.pi, 'Maximum angular rate of either axis; the limits of the gimbal also apply', unit='rad/s', minimum=0.01,
        maximum=20.0, live=True)
    max_acceleration: float = param(
        30.0, 'Maximum angular acceleration of either axis; the limits of the gimbal also apply', unit='rad/s^2',
        minimum=0.1, maximum=500.0, live=True)
    coast_s: float = param(
        1.0, 'Time for which the prediction of an undetected target is followed', unit='s', minimum=0.0, maximum=5.0,
        live=True)
    recenter_on_loss: bool = param(False, 'Return to home when the target is lost', live=True)
    recenter_delay_s: float = param(
        2.0, 'Delay between losing the target and returning to home', unit='s', minimum=0.0, maximum=60.0, live=True)
    recenter_rate: float = param(
        0.5, 'Maximum angular rate of the return to home', unit='rad/s', minimum=0.01, maximum=3.0, live=True)
    on_target_angle: float = param(
        math.radians(0.5), 'Maximum aim error that counts as on target', unit='rad', minimum=0.0005, maximum=0.2,
        live=True)
    on_target_frames: int = param(
        3, 'Number of consecutive frames within on_target_angle until the head is on target', minimum=1, maximum=100,
        live=True)
    range_m: float = param(
        3.0, 'Distance of the target, for the parallax of the laser', unit='m', minimum=0.1, maximum=100.0, live=True)
    estimate_range: bool = param(
        False, "Estimation of the target's distance from its apparent height, for classes in class_heights", live=True)
    class_heights: tuple[str, ...] = param(
        ('balloon=0.36', 'person=1.7', 'face=0.24', 'cat=0.3'), 'True height of each class in meters, as class=height',
        live=True)
    base_camera: tuple[float, ...] = param(
        (0.0, 0.0, -0.1), 'Position of a camera on the base relative to the center of the head: forward, left, up',
        unit='m', minimum=-2.0, maximum=2.0, elements=('forward', 'left', 'up'))
    pattern_rate: float = param(
        0.5, 'Default angular rate along a pattern', unit='rad/s', minimum=0.01, maximum=3.0, live=True)
    tracks_timeout_s: float = param(
        0.25, 'Maximum age of tracks; older ones stop the head', unit='s', minimum=0.05, maximum=2.0)
    joints_timeout_s: float = param(
        0.1, 'Maximum age of the pose; an older one stops the head', unit='s', minimum=0.02, maximum=1.0)
    jog_timeout_s: float = param(0.2, 'Maximum age of a jog command', unit='s', minimum=0.05, maximum=0.2)
    frame_prefix: str = frame_prefix_param()

    def __post_init__(self) -> None:
        if not all(0.01 <= height <= 10.0 for height in self.heights_m.values()):
            raise ValueError('class_heights: a height is not within 0.01 to 10 m')

    @functools.cached_property
    def heights_m(self) -> dict[str, float]:
        """``class_heights`` by class."""
        parts = (text.partition('=') for text in self.class_heights)
        return {name: float(height) for name, _, height in parts}

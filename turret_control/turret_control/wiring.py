"""What the parameters of gimbal, laser and safety are wired to: every pin and device, before any is opened."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.laser_parameters import LaserParameters
from turret_control.safety_parameters import SafetyParameters

_GPIO = '/dev/gpiochip*'


def pins(gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> dict[int, str]:
    """Return what each GPIO line (BCM number) that is used is for, as the name of the parameter.

    Raises:
        TurretError: INVALID_ARGUMENT, one line is given to two purposes.
    """
    plan: dict[int, str] = {}
    for name, pin in _pins(gimbal, laser, safety):
        if pin in plan:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'GPIO {pin} is given to both {plan[pin]} and {name}')
        if pin >= 0:
            plan[pin] = name
    return plan


def require_devices(gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> None:
    """Refuse hardware that this machine does not have, without touching any.

    Raises:
        TurretError: DRIVER_FAULT, naming the parameter and the device.
    """
    for name, device in _devices(gimbal, laser, safety):
        found = sorted(Path(device).parent.glob(Path(device).name))
        if not found:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'{name} needs {device}, which this machine does not have; '
                'without hardware leave the parameter file out: ./turret up')
        if not any(os.access(path, os.R_OK | os.W_OK) for path in found):
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'{name} needs {found[0]}, which you may not use: '
                f'sudo usermod -aG {found[0].group()} $USER, and sign in again')


def _devices(
        gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> Iterator[tuple[str, str]]:
    driver = f'gimbal.driver "{gimbal.driver}"'
    if gimbal.driver in ('step_dir', 'tmc2209', 'servo'):
        yield driver, _GPIO
    if gimbal.driver == 'tmc2209':
        yield driver, gimbal.tmc2209.port
    if gimbal.driver == 'pca9685':
        yield driver, f'/dev/i2c-{gimbal.pca9685.bus}'
    if laser.hardware:
        yield f'laser.driver "{laser.driver}"', _GPIO
    if safety.estop_driver == 'gpio':
        yield 'safety.estop_driver "gpio"', _GPIO


def _pins(
        gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> Iterator[tuple[str, int]]:
    axes: dict[str, Any] = {}
    if gimbal.driver in ('step_dir', 'tmc2209'):
        axes = {'step_dir.pan': gimbal.step_dir.pan, 'step_dir.tilt': gimbal.step_dir.tilt}
        for pin in gimbal.step_dir.microstep_pins:
            yield 'gimbal.step_dir.microstep_pins', pin
    elif gimbal.driver == 'servo':
        axes = {'servo.pan': gimbal.servo.pan, 'servo.tilt': gimbal.servo.tilt}
    for group, axis in axes.items():
        for field in dataclasses.fields(axis):
            if field.name.endswith('pin'):
                yield f'gimbal.{group}.{field.name}', getattr(axis, field.name)
    if laser.hardware:
        for name in ('laser_pin', 'indicator_pin', 'watchdog_pin'):
            yield f'laser.{name}', getattr(laser, name)
    if safety.estop_driver == 'gpio':
        yield 'safety.estop_pin', safety.estop_pin

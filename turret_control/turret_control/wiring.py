"""Pins and devices that the parameters of gimbal, laser and safety use, checked before any is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.devices.gpio_pins import GPIO_DEVICES
from turret_control.drivers.registry import DRIVERS
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.laser_parameters import LaserParameters
from turret_control.safety_parameters import SafetyParameters


def pins(gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> dict[int, str]:
    """Return the name of the parameter that uses each GPIO line, by BCM number.

    Raises:
        TurretError: INVALID_ARGUMENT, two parameters name the same line.
    """
    plan: dict[int, str] = {}
    for name, pin in _pins(gimbal, laser, safety):
        if pin in plan:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'GPIO {pin} is used by both {plan[pin]} and {name}')
        if pin >= 0:
            plan[pin] = name
    return plan


def require_devices(gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> None:
    """Refuse parameters that name hardware which this machine does not have, without touching any.

    Raises:
        TurretError: DRIVER_FAULT, naming the parameter and the device.
    """
    for name, device in _devices(gimbal, laser, safety):
        found = sorted(Path(device).parent.glob(Path(device).name))
        if not found:
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'{name} needs {device}, which this machine does not have; '
                'to run in simulation leave the parameter file out: ./turret up')
        if not any(os.access(path, os.R_OK | os.W_OK) for path in found):
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'{name} needs {found[0]}, which you have no permission for: '
                f'sudo usermod -aG {found[0].group()} $USER, and sign in again')


def _devices(
        gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> Iterator[tuple[str, str]]:
    for device in DRIVERS[gimbal.driver].devices(gimbal):
        yield f'gimbal.driver "{gimbal.driver}"', device
    if laser.hardware:
        yield f'laser.driver "{laser.driver}"', GPIO_DEVICES
    if safety.estop_driver == 'gpio':
        yield 'safety.estop_driver "gpio"', GPIO_DEVICES


def _pins(
        gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> Iterator[tuple[str, int]]:
    for name, pin in DRIVERS[gimbal.driver].pins(gimbal):
        yield f'gimbal.{name}', pin
    if laser.hardware:
        for name in ('laser_pin', 'indicator_pin', 'watchdog_pin'):
            yield f'laser.{name}', getattr(laser, name)
    if safety.estop_driver == 'gpio':
        yield 'safety.estop_pin', safety.estop_pin

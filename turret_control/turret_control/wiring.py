# SPDX-License-Identifier: Apache-2.0
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
from turret_control.laser.lines.registry import LINES
from turret_control.laser_parameters import LaserParameters
from turret_control.safety_parameters import SafetyParameters

#: Pin of the 40-pin header for each GPIO line.
HEADER_PINS = {
    2: 3, 3: 5, 4: 7, 14: 8, 15: 10, 17: 11, 18: 12, 27: 13, 22: 15, 23: 16, 24: 18, 10: 19, 9: 21, 25: 22, 11: 23,
    8: 24, 7: 26, 0: 27, 1: 28, 5: 29, 6: 31, 12: 32, 13: 33, 19: 35, 16: 36, 26: 37, 20: 38, 21: 40}
#: Lines that are pulled up from power-on until they are taken; the others are pulled down.
PULLED_UP = range(9)
#: Lines behind the devices of the header.
_DEVICE_LINES = {
    '/dev/serial0': (14, 15), '/dev/ttyAMA0': (14, 15), '/dev/ttyS0': (14, 15), '/dev/i2c-1': (2, 3),
    '/dev/i2c-0': (0, 1)}


def pins(gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> dict[int, str]:
    """Return the name of the parameter that uses each GPIO line, by BCM number.

    Raises:
        TurretError: INVALID_ARGUMENT, two parameters name the same line or serial port, or a real laser is on a head
            that may not carry one.
    """
    if laser.hardware and not DRIVERS[gimbal.driver].carries_laser:
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'gimbal.driver "{gimbal.driver}" carries no laser: set laser.driver to sim')
    ports = {os.path.realpath(device) for device in DRIVERS[gimbal.driver].devices(gimbal)} - {GPIO_DEVICES}
    for device in LINES[laser.driver].devices(laser):
        if os.path.realpath(device) in ports:
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'{device} is used by both gimbal and laser, which need a device each')
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
    for name, device in devices(gimbal, laser, safety):
        require_device(name, device)


def require_device(name: str, device: str) -> None:
    """Refuse a device that this machine does not have, or that this user may not use.

    Args:
        name: what needs it, for the message.
        device: its path, or a pattern of paths of which one is enough.

    Raises:
        TurretError: DRIVER_FAULT, naming both.
    """
    found = sorted(Path(device).parent.glob(Path(device).name))
    if not found:
        raise TurretError(
            ReasonCode.DRIVER_FAULT, f'{name} needs {device}, which this machine does not have; '
            'to run in simulation leave the parameter file out: ./turret up')
    if not any(os.access(path, os.R_OK | os.W_OK) for path in found):
        raise TurretError(
            ReasonCode.DRIVER_FAULT, f'{name} needs {found[0]}, which you have no permission for: '
            f'sudo usermod -aG {found[0].group()} $USER, and sign in again')


def devices(
        gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> Iterator[tuple[str, str]]:
    """Yield the parameter that needs a device, and the device's path or a pattern of paths."""
    for device in DRIVERS[gimbal.driver].devices(gimbal):
        yield f'gimbal.driver "{gimbal.driver}"', device
    for device in LINES[laser.driver].devices(laser):
        yield f'laser.driver "{laser.driver}"', device
    if safety.estop_driver == 'gpio':
        yield 'safety.estop_driver "gpio"', GPIO_DEVICES


def _pins(
        gimbal: GimbalParameters, laser: LaserParameters, safety: SafetyParameters) -> Iterator[tuple[str, int]]:
    for name, pin in DRIVERS[gimbal.driver].pins(gimbal):
        yield f'gimbal.{name}', pin
    for name, pin in LINES[laser.driver].pins(laser):
        yield f'laser.{name}', pin
    if safety.estop_driver == 'gpio':
        yield 'safety.estop_pin', safety.estop_pin
    for user, device in devices(gimbal, laser, safety):
        for line in _DEVICE_LINES.get(os.path.normpath(device), ()):
            yield f'{user} ({device})', line

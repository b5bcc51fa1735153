# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver for Dynamixel X servos on a serial bus; needs the Python package ``dynamixel-sdk``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from turret_common.params import param
from turret_control.drivers.bus_servo import BusServoDriver, BusServoParameters
from turret_control.servo_bus.bus import ServoBus
from turret_control.servo_bus.dynamixel import DynamixelBus


@dataclasses.dataclass(frozen=True)
class DynamixelParameters(BusServoParameters):
    """Two Dynamixel X servos on a serial bus; new ones have 57600 Bd, see "./turret hw bus"."""

    port: str = param('/dev/ttyUSB0', 'Serial port of the bus adapter; one under /dev/serial/by-id keeps its name')
    min_voltage: float = param(
        9.5, 'Supply voltage below which a servo reports a fault', unit='V', minimum=3.5, maximum=30.0)
    max_voltage: float = param(
        14.0, 'Supply voltage above which a servo reports a fault', unit='V', minimum=4.0, maximum=32.0)


class DynamixelDriver(BusServoDriver):
    """Drives two X servos as :class:`BusServoDriver` does, with their bus watchdog on."""

    name: ClassVar[str] = 'dynamixel'
    bus: ClassVar[type[ServoBus]] = DynamixelBus
    parameter_class: ClassVar[type[BusServoParameters]] = DynamixelParameters
    groups: ClassVar[Mapping[str, type]] = {'dynamixel': DynamixelParameters}

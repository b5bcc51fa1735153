# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver for Feetech STS servos on a serial bus (STS3215; Waveshare sells it as ST3215)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from turret_control.drivers.bus_servo import BusServoDriver, BusServoParameters
from turret_control.servo_bus.bus import ServoBus
from turret_control.servo_bus.feetech import FeetechBus


@dataclasses.dataclass(frozen=True)
class FeetechParameters(BusServoParameters):
    """Two Feetech STS servos on a serial bus."""


class FeetechDriver(BusServoDriver):
    """Drives two STS servos as :class:`BusServoDriver` does."""

    name: ClassVar[str] = 'feetech'
    bus: ClassVar[type[ServoBus]] = FeetechBus
    parameter_class: ClassVar[type[BusServoParameters]] = FeetechParameters
    groups: ClassVar[Mapping[str, type]] = {'feetech': FeetechParameters}

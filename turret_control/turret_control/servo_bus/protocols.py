# SPDX-License-Identifier: Apache-2.0
"""The protocols of servo buses by name, each with its emulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from turret_control.servo_bus.bus import ServoBus
from turret_control.servo_bus.dynamixel import DynamixelBus
from turret_control.servo_bus.emulated_dynamixel import EmulatedDynamixelBus
from turret_control.servo_bus.emulated_feetech import EmulatedFeetechBus
from turret_control.servo_bus.emulator import EmulatedBus
from turret_control.servo_bus.feetech import FeetechBus


class Protocol(NamedTuple):
    """A protocol and the emulated bus with two servos that speaks it."""

    bus: type[ServoBus]
    emulated: Callable[[], EmulatedBus]


PROTOCOLS = {
    'feetech': Protocol(FeetechBus, EmulatedFeetechBus), 'dynamixel': Protocol(DynamixelBus, EmulatedDynamixelBus)}

# SPDX-License-Identifier: Apache-2.0
"""Laser lines on GPIO with a fire line that carries servo pulses for a relay."""

from __future__ import annotations

from typing import Any, ClassVar

from turret_control.laser.lines.gpio import GpioLines
from turret_control.laser.lines.line import LineParameters

_ON_S, _FREQUENCY = 0.002, 50.0


class ServoRelayLines(GpioLines):
    """Closes a relay with servo pulses of 2 ms; without pulses, which depend on no timing, it must be open."""

    name: ClassVar[str] = 'servo_relay'

    def __init__(self, parameters: LineParameters, factory: Any = None) -> None:
        super().__init__(parameters, factory, _FREQUENCY)

    def set_laser(self, level: float) -> None:
        super().set_laser(_ON_S * _FREQUENCY if level > 0.0 else 0.0)

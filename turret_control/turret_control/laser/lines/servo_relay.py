"""Laser lines on GPIO with a fire line that carries servo pulses for a relay."""

from __future__ import annotations

from typing import Any, ClassVar

from turret_control.laser.lines.gpio import GpioLines
from turret_control.laser.lines.line import LinePins

_OFF_S, _ON_S, _FREQUENCY = 0.001, 0.002, 50.0


class ServoRelayLines(GpioLines):
    """Switches a relay with servo pulses of 1 ms (off) and 2 ms (on)."""

    name: ClassVar[str] = 'servo_relay'

    def __init__(self, parameters: LinePins, factory: Any = None) -> None:
        super().__init__(parameters, factory, _FREQUENCY)

    def set_laser(self, level: float) -> None:
        super().set_laser((_ON_S if level > 0.0 else _OFF_S) * _FREQUENCY)

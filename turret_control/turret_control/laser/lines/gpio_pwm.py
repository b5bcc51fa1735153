# SPDX-License-Identifier: Apache-2.0
"""Laser lines on GPIO with a fire line that is dimmed by pulse width."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from turret_common.params import param
from turret_common.registry import group_of
from turret_control.laser.lines.gpio import GpioLines
from turret_control.laser.lines.line import LineParameters


@dataclasses.dataclass(frozen=True)
class PwmParameters:
    """Pulse width modulation of the fire line."""

    frequency: float = param(1000.0, 'PWM frequency of the fire line', unit='Hz', minimum=100.0, maximum=10000.0)


class PwmLines(GpioLines):
    """Dims the laser with pulses that lgpio times in a thread of this process."""

    name: ClassVar[str] = 'gpio_pwm'
    groups: ClassVar[Mapping[str, type]] = {'gpio_pwm': PwmParameters}
    dimmable: ClassVar[bool] = True

    def __init__(self, parameters: LineParameters, factory: Any = None) -> None:
        super().__init__(parameters, factory, group_of(parameters, PwmParameters).frequency)

# SPDX-License-Identifier: Apache-2.0
"""Laser lines on GPIO with a fire line that is only switched."""

from __future__ import annotations

from typing import ClassVar

from turret_control.laser.lines.gpio import GpioLines


class DigitalLines(GpioLines):
    """Drives the fire line high for emission and low for none."""

    name: ClassVar[str] = 'gpio_digital'

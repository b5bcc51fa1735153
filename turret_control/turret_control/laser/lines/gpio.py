# SPDX-License-Identifier: Apache-2.0
"""Laser lines on GPIO, high when active, so that a pull-down and a reset mean emission off."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.devices.gpio_pins import GPIO_DEVICES, pin_errors, pin_factory, taking
from turret_control.laser.lines.line import LaserLines, LineParameters


class GpioLines(LaserLines):
    """Base of all laser lines on GPIO; a subclass with a name says how the fire line is driven."""

    @classmethod
    def make(cls, parameters: LineParameters, namespace: str) -> LaserLines:
        return cls(parameters)

    @classmethod
    def pins(cls, parameters: LineParameters) -> Iterator[tuple[str, int]]:
        for name in ('laser_pin', 'indicator_pin', 'watchdog_pin'):
            yield name, getattr(parameters, name)

    @classmethod
    def devices(cls, parameters: LineParameters) -> Iterator[str]:
        yield GPIO_DEVICES

    def __init__(self, parameters: LineParameters, factory: Any = None, frequency: float | None = None) -> None:
        """Take the pins; each is low from the moment in which it becomes an output, the fire line first.

        Args:
            parameters: the pins.
            factory: gpiozero's pin factory; None for this machine's.
            frequency: of the pulses on the fire line [Hz]; None for a line that is only switched.

        Raises:
            TurretError: as :meth:`make`.
        """
        from gpiozero import OutputDevice  # only where there are pins

        self._parameters = parameters
        factory = factory or pin_factory()
        self._chip = _chip(factory)
        with contextlib.ExitStack() as taken, taking('the laser\'s pins'):
            def take(pin: int) -> Any:
                return taken.enter_context(OutputDevice(pin, initial_value=False, pin_factory=factory))

            self._laser = take(parameters.laser_pin).pin
            if frequency is not None:  # PWMOutputDevice would keep the level that the pin had until then
                self._laser.frequency = frequency
            self._indicator = take(parameters.indicator_pin).pin
            self._watchdog = take(parameters.watchdog_pin).pin if parameters.watchdog_pin >= 0 else None
            self._taken = taken.pop_all()

    def set_laser(self, level: float) -> None:
        with writing():
            self._laser.state = level

    def set_indicator(self, on: bool) -> None:
        with writing():
            self._indicator.state = on

    def beat(self) -> None:
        if self._watchdog is not None:
            with writing():
                self._watchdog.state = not self._watchdog.state

    def description(self) -> dict[str, Any]:
        return {'driver': 'gpio', 'chip': self._chip, 'line': self._parameters.laser_pin}

    def where(self, name: str) -> str:
        return f'GPIO {getattr(self._parameters, f"{name}_pin")}'

    def close(self) -> None:
        with writing():
            self._laser.frequency = None
            for pin in (self._laser, self._indicator, self._watchdog):
                if pin is not None:
                    pin.state = False
        self._taken.close()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Convert what gpiozero and lgpio raise into OSError."""
    try:
        yield
    except pin_errors() as error:
        raise OSError(f'the laser\'s pins cannot be driven: {error}') from error


def _chip(factory: Any) -> str:
    """Return the device through which the kernel gives out the pins of a factory."""
    chip = getattr(factory, 'chip', None)
    if chip is None:
        raise TurretError(
            ReasonCode.NOT_SUPPORTED,
            'a real laser needs gpiozero\'s lgpio pins, through which the guardian can take the line')
    return f'/dev/gpiochip{chip}'

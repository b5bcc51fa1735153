"""The laser's pins: what a driver must be able to do, on simulated hardware and on GPIO pins."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from turret_common.errors import TurretError
from turret_common.plant_client import PlantLink, plant_socket
from turret_common.reason_codes import ReasonCode
from turret_control.devices.gpio_pins import pin_errors, pin_factory, taking
from turret_control.laser_parameters import LaserParameters

#: The simulated hardware must answer within the time that the guardian grants.
_TIMEOUT_S = 0.04
#: A relay that is switched by servo pulses: pulses of so many seconds, so often.
_SERVO_OFF_S, _SERVO_ON_S, _SERVO_HZ = 0.001, 0.002, 50.0


class LaserLines(Protocol):
    """The fire line and the indicator of one laser. Every call may raise an OSError, and is then repeated."""

    def set_laser(self, level: float) -> None:
        """Drive the fire line: 0 dark, 1 full power."""

    def set_indicator(self, lit: bool) -> None:
        """Switch the emission indicator."""

    def beat(self) -> None:
        """Pulse the hardware watchdog, where there is one."""

    def description(self) -> dict[str, Any]:
        """Return what the guardian needs to drive the same line low."""


class SimLines:
    """The pins ``laser`` and ``indicator`` of the simulated hardware, which has no watchdog."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._link = PlantLink(socket_path, _TIMEOUT_S)

    def set_laser(self, level: float) -> None:
        self._link.call('pin', name='laser', level=level)

    def set_indicator(self, lit: bool) -> None:
        self._link.call('pin', name='indicator', level=float(lit))

    def beat(self) -> None:
        pass

    def description(self) -> dict[str, Any]:
        return {'driver': 'sim', 'socket': str(self._path)}


class GpioLines:
    """Pins that are high when active, so that a pull-down and a reset mean dark.

    ``gpio_pwm`` dims by pulse width, ``gpio_digital`` switches, ``servo_relay`` sends the servo pulses that switch a
    relay.
    """

    def __init__(self, parameters: LaserParameters, factory: Any = None) -> None:
        """Take the pins; each is low from the moment in which it becomes an output, the fire line first.

        Args:
            parameters: driver and pins.
            factory: gpiozero's pin factory; None for this machine's.

        Raises:
            TurretError: DRIVER_FAULT when a pin cannot be had; NOT_SUPPORTED when the guardian could not take the line.
        """
        from gpiozero import OutputDevice  # only where there are pins

        self._driver = parameters.driver
        self._line = parameters.laser_pin
        factory = factory or pin_factory()
        self._chip = _chip(factory)
        with contextlib.ExitStack() as taken, taking('the laser\'s pins'):
            def take(pin: int) -> Any:
                return taken.enter_context(OutputDevice(pin, initial_value=False, pin_factory=factory))

            self._laser = take(parameters.laser_pin).pin
            if self._driver != 'gpio_digital':  # PWMOutputDevice would keep the level that the pin had until then
                self._laser.frequency = _SERVO_HZ if self._driver == 'servo_relay' else parameters.pwm_hz
            self._indicator = take(parameters.indicator_pin).pin
            self._watchdog = take(parameters.watchdog_pin).pin if parameters.watchdog_pin >= 0 else None
            self._taken = taken.pop_all()

    def set_laser(self, level: float) -> None:
        if self._driver == 'servo_relay':
            level = (_SERVO_ON_S if level > 0.0 else _SERVO_OFF_S) * _SERVO_HZ
        with _writing():
            self._laser.state = level

    def set_indicator(self, lit: bool) -> None:
        with _writing():
            self._indicator.state = lit

    def beat(self) -> None:
        if self._watchdog is not None:
            with _writing():
                self._watchdog.state = not self._watchdog.state

    def description(self) -> dict[str, Any]:
        return {'driver': 'gpio', 'chip': self._chip, 'line': self._line}

    def close(self) -> None:
        """Make every line low and release it."""
        with _writing():
            self._laser.frequency = None
            for pin in (self._laser, self._indicator, self._watchdog):
                if pin is not None:
                    pin.state = False
        self._taken.close()


def make_lines(parameters: LaserParameters, namespace: str) -> LaserLines:
    """Return the driver that the parameters name. Raises as :class:`GpioLines`."""
    if parameters.hardware:
        return GpioLines(parameters)
    return SimLines(plant_socket(namespace))


@contextlib.contextmanager
def _writing() -> Iterator[None]:
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

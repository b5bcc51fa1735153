"""Where the emergency-stop input is read. Normally closed: an open contact, a broken wire, an unread pin all stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from turret_common.plant_client import PlantError, PlantLink
from turret_control.devices.gpio_pins import pin_errors, pin_factory, taking
from turret_control.safety.interlocks import Estop

EstopReader = Callable[[], Estop]

#: A contact that closes bounces: it must be read closed so often in a row, every 20 ms.
_RELEASES = 3


def no_estop() -> Estop:
    """Read the input of a turret that has none."""
    return Estop.NONE


def debounced(read: EstopReader) -> EstopReader:
    """Return a reader that believes a stop at once, and its end only when it is read several times in a row."""
    released, believed = 0, Estop.UNKNOWN

    def read_debounced() -> Estop:
        nonlocal released, believed
        estop = read()
        released = released + 1 if estop is Estop.RELEASED else 0
        if not 0 < released < _RELEASES:
            believed = estop
        return believed
    return read_debounced


def sim_estop(link: PlantLink) -> EstopReader:
    """Return a reader of the simulated hardware's emergency stop."""
    def read() -> Estop:
        try:
            return Estop.PRESSED if link.call('estop')['estop'] else Estop.RELEASED
        except (PlantError, KeyError):
            return Estop.UNREADABLE
    return read


def gpio_estop(pin: int, factory: Any = None) -> EstopReader:
    """Return a reader of a normally closed contact between a pin (BCM number) and ground, with the pull-up on.

    Args:
        pin: BCM number.
        factory: gpiozero's pin factory; None for this machine's.

    Raises:
        TurretError: DRIVER_FAULT when the pin cannot be had, NOT_SUPPORTED when pins would only be imitated.
    """
    from gpiozero import InputDevice  # only where there are pins

    with taking(f'the emergency-stop input on GPIO {pin}'):
        contact = InputDevice(pin, pull_up=True, pin_factory=factory or pin_factory())

    def read() -> Estop:
        try:
            return Estop.RELEASED if contact.is_active else Estop.PRESSED
        except pin_errors():
            return Estop.UNREADABLE
    return read

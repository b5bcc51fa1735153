"""The pins of a Raspberry Pi, through gpiozero."""

from __future__ import annotations

import warnings
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode


def pin_factory() -> Any:
    """Return gpiozero's way to this machine's pins (on a Raspberry Pi: lgpio).

    Raises:
        TurretError: DRIVER_FAULT, this machine has no pins that can be used; NOT_SUPPORTED, gpiozero was told to
        imitate them.
    """
    from gpiozero import BadPinFactory, Device  # only where there are pins
    from gpiozero.pins.mock import MockFactory

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # it warns of each library that it looks for in vain
            Device.ensure_pin_factory()
    except (BadPinFactory, OSError) as error:
        raise TurretError(ReasonCode.DRIVER_FAULT, 'this machine has no GPIO pins, or none that may be used') from error
    if isinstance(Device.pin_factory, MockFactory):
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, 'GPIOZERO_PIN_FACTORY=mock would be hidden simulation; use the driver "sim"')
    return Device.pin_factory

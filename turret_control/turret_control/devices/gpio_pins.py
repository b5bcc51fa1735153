# SPDX-License-Identifier: Apache-2.0
"""The pins of a Raspberry Pi, through gpiozero."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from turret_common.errors import TurretError
from turret_common.host.minimum_versions import require
from turret_common.reason_codes import ReasonCode
from turret_common.threads.real_time import in_real_time

#: Pattern of the devices through which the kernel gives out GPIO lines.
GPIO_DEVICES = '/dev/gpiochip*'
#: Labels of the chip behind the header: Pi 5, and Pi 4 and earlier.
_HEADER_LABELS = ('pinctrl-rp1', 'pinctrl-bcm')
_CHIP_NAME = re.compile(r'gpiochip([0-9]+)', re.ASCII)


def pin_factory() -> Any:
    """Return gpiozero's way to this machine's pins: lgpio, unless ``GPIOZERO_PIN_FACTORY`` names another library.

    Raises:
        TurretError: DRIVER_FAULT, this machine has no pins that can be used; NOT_SUPPORTED, gpiozero is too old or
        configured to imitate them.
    """
    require('GPIO pins')
    from gpiozero import BadPinFactory, Device  # only where there are pins
    from gpiozero.pins.mock import MockFactory

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # it warns of each library that is not installed
            if Device.pin_factory is None and os.environ.get('GPIOZERO_PIN_FACTORY', 'lgpio') == 'lgpio':
                Device.pin_factory = _lgpio_factory(header_chip())
            Device.ensure_pin_factory()
    except (BadPinFactory, *pin_errors()) as error:
        raise TurretError(
            ReasonCode.DRIVER_FAULT, f'this machine has no GPIO pins, or none that may be used: {error}') from error
    if isinstance(Device.pin_factory, MockFactory):
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, 'GPIOZERO_PIN_FACTORY=mock would be hidden simulation; use the driver "sim"')
    return with_exact_pins(Device.pin_factory)


def header_chip(devices: str = GPIO_DEVICES) -> int:
    """Return the number of the GPIO chip whose lines are on the 40-pin header of a Raspberry Pi.

    Its number cannot be assumed: on a Pi 5 it is 4 or 0, depending on the kernel (raspberrypi/linux#6144), and the
    other one is then a chip whose lines are used inside the computer, or a symbolic link. gpiozero 2.0.1, which
    distributions ship, always opens 4 (gpiozero#1166). The label is the same with every kernel.

    lgpio makes the thread that times its pulses when it first opens a chip, and that thread inherits the priority of
    the one that opens it.

    Args:
        devices: pattern of the devices, in ``/dev`` except in tests.

    Raises:
        TurretError: DRIVER_FAULT, there is none, lgpio is not installed, or no permission.
    """
    lgpio = import_lgpio()
    if lgpio is None:
        raise TurretError(
            ReasonCode.DRIVER_FAULT,
            'this machine has no GPIO pins that may be used: lgpio is not installed: sudo apt install python3-lgpio')
    found = []
    names = {path.resolve().name for path in Path(devices).parent.glob(Path(devices).name)}
    for number in sorted(int(match[1]) for match in map(_CHIP_NAME.fullmatch, names) if match):
        try:
            handle = in_real_time(functools.partial(lgpio.gpiochip_open, number))
            try:
                _, _, _, label = lgpio.gpio_get_chip_info(handle)
            finally:
                lgpio.gpiochip_close(handle)
        except lgpio.error as error:
            found.append(f'gpiochip{number}: {error}')
            continue
        if label.startswith(_HEADER_LABELS):
            return number
        found.append(f'gpiochip{number}: {label}')
    raise TurretError(
        ReasonCode.DRIVER_FAULT, 'this machine has no GPIO pins of a Raspberry Pi, or none that may be used: '
        + (', '.join(found) or f'no {devices}'))


def _lgpio_factory(chip: int) -> Any:
    """Return gpiozero's factory of lgpio pins on a chip, whatever chip its own version would open."""
    from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin
    from gpiozero.pins.local import LocalPiFactory

    class HeaderFactory(LGPIOFactory):
        """Pins of the header; the attributes are those that :class:`LGPIOFactory` sets."""

        def __init__(self) -> None:
            LocalPiFactory.__init__(self)
            self._handle = lgpio.gpiochip_open(chip)
            self._chip = chip
            self.pin_class = LGPIOPin

    lgpio = import_lgpio()
    return HeaderFactory()


@functools.cache
def import_lgpio() -> Any:
    """Return the module lgpio, None where it is not installed.

    As it is imported it makes a named pipe in the working directory, with the same name in every process: it would fail
    where that cannot be written, and two processes could take each other's. It gets a folder of its own.

    Raises:
        TurretError: DRIVER_FAULT, that pipe cannot be made.
    """
    here = Path.cwd()
    try:
        with tempfile.TemporaryDirectory(prefix='lgpio') as folder:
            os.environ.setdefault('LG_WD', folder)
            try:
                import lgpio
            except ImportError:
                return None
            finally:
                if os.environ['LG_WD'] == folder:
                    del os.environ['LG_WD']
                os.chdir(here)
    except OSError as error:
        raise TurretError(
            ReasonCode.DRIVER_FAULT, f'lgpio cannot make its pipe in a folder for temporary files: {error}') from error
    return lgpio


def pin_errors() -> tuple[type[Exception], ...]:
    """Return what the use of a pin may raise; for an ``except``, which evaluates it only when something was raised."""
    from gpiozero import GPIOZeroError

    lgpio = import_lgpio()
    return (GPIOZeroError, OSError, *([] if lgpio is None else [lgpio.error]))


@contextlib.contextmanager
def taking(what: str) -> Iterator[None]:
    """Turn what pins raise while they are taken into a TurretError with DRIVER_FAULT that names ``what``."""
    try:
        yield
    except pin_errors() as error:
        traceback.clear_frames(error.__traceback__)  # gpiozero's half-made device in them would keep the pin
        raise TurretError(ReasonCode.DRIVER_FAULT, f'{what} cannot be had: {error}') from error


def with_exact_pins(factory: Any) -> Any:
    """Return the factory; lgpio's pins are patched to set exact levels.

    gpiozero (2.0.1) makes an lgpio pin an output that is low before it gets its first level, which gives the motors
    behind an active-low ENABLE current for a moment, and rounds a pulse width down to whole percents, which is 18
    degrees of a servo.
    """
    if factory.pin_class.__name__ == 'LGPIOPin':
        factory.pin_class = _exact_pin_class()
    return factory


def finish_pulses(pin: Any) -> None:
    """Let a pin that makes pulses complete the one under way and then stay low, where its library can do that."""
    finish = getattr(pin, 'finish_pulses', None)
    if finish is None:
        pin.state = 0.0
    else:
        finish()


@functools.cache
def _exact_pin_class() -> Any:
    import lgpio
    from gpiozero.pins.lgpio import LGPIOPin

    class ExactPin(LGPIOPin):
        """A pin of lgpio that has its first level from the first moment on, and pulses of any width."""

        _pwm: Any  # (frequency in Hz, duty in %), None while it does not pulse

        def output_with_state(self, state: float) -> None:
            """Become an output with this level at once."""
            chip = self.factory._handle  # noqa: SLF001  gpiozero does not publish it
            lgpio.gpio_claim_output(chip, self._number, int(bool(state)))

        def _set_state(self, value: float) -> None:
            chip, line = self.factory._handle, self._number  # noqa: SLF001  as above
            if self._pwm is not None:
                self._pwm = (self._pwm[0], 100.0 * value)
                lgpio.tx_pwm(chip, line, *self._pwm)  # from the next period on
            if self._pwm is None or not value:
                lgpio.gpio_write(chip, line, int(bool(value)))

        def finish_pulses(self) -> None:
            """Make no more pulses once the one under way is complete."""
            if self._pwm is not None:
                self._pwm = (self._pwm[0], 0.0)
                chip = self.factory._handle  # noqa: SLF001  as above
                lgpio.tx_pwm(chip, self._number, *self._pwm)  # from the next period on

    return ExactPin

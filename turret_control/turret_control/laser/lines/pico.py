# SPDX-License-Identifier: Apache-2.0
"""Laser lines on a Raspberry Pi Pico with the firmware of ``firmware/pico``, which is their hardware watchdog.

The Pico switches laser and indicator off when no frame arrives for 50 ms, at its emergency stop, and at caps of its
own, whatever this computer does. That it does so without frames is measured at each connection, not declared.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_common.registry import group_of
from turret_control.laser.lines.line import LaserLines, LineParameters
from turret_control.pico import protocol
from turret_control.pico.link import BAUD, WHY_OFF, Identity, PicoLink, require_watchdog
from turret_control.servo_bus.wire import SerialWire, Wire

#: Twice this long is less than the guardian gives to an armed driver, and than the Pico waits for a frame.
_ANSWER_S = 0.015
_CAPS = {protocol.PULSE_CAP: 'pulse cap', protocol.DUTY_CAP: 'duty cap'}


@dataclasses.dataclass(frozen=True)
class PicoLaserParameters:
    """The Pico of the laser; its pins and caps are in its ``config.py``."""

    port: str = param('/dev/ttyACM1', 'Serial port of the Pico; one under /dev/serial/by-id keeps its name')


class PicoLines(LaserLines):
    """Sends the levels to a Pico, at each beat again."""

    name: ClassVar[str] = 'pico'
    groups: ClassVar[Mapping[str, type]] = {'pico': PicoLaserParameters}
    dimmable: ClassVar[bool] = True
    measured_watchdog: ClassVar[bool] = True

    @classmethod
    def make(cls, parameters: LineParameters, namespace: str) -> LaserLines:
        return cls(parameters)

    @classmethod
    def devices(cls, parameters: LineParameters) -> Iterator[str]:
        yield group_of(parameters, PicoLaserParameters).port

    def __init__(
            self, parameters: LineParameters, open_wire: Callable[[str, int], Wire] = SerialWire,
            sleep: Callable[[float], None] = time.sleep) -> None:
        """Connect to the Pico and measure its watchdog, with everything off.

        An emergency stop that is pressed at the Pico delays the measurement, and with it the first levels.

        Args:
            parameters: of the laser.
            open_wire: opens the serial port.
            sleep: waits [s].

        Raises:
            TurretError: DRIVER_FAULT, no such Pico answers; NO_WATCHDOG, its watchdog does not act; OUT_OF_RANGE, the
                laser may emit for longer than the Pico lets it.
        """
        self._parameters = parameters
        self._port = group_of(parameters, PicoLaserParameters).port
        self._open_wire = open_wire
        self._sleep = sleep
        self._link: PicoLink | None = None
        self._level = 0
        self._indicator = False
        self._sent = False  # since the last beat
        try:
            self._connect()
        except TurretError as error:
            if error.code is not ReasonCode.ESTOP_PRESSED:
                raise

    def set_laser(self, level: float) -> None:
        self._level = max(1, round(255 * level)) if level > 0.0 else 0
        self._send(level > 0.0)

    def set_indicator(self, on: bool) -> None:
        self._indicator = on
        self._send(on)

    def beat(self) -> None:
        if not self._sent:
            self._send(True)
        self._sent = False

    def description(self) -> dict[str, Any]:
        return {'driver': 'pico', 'port': self._port}

    def where(self, name: str) -> str:
        return f'of the Pico on {self._port}'

    def close(self) -> None:
        """Switch off and release the port; without it the Pico switches off by itself."""
        self._level, self._indicator = 0, False
        try:
            if self._link is not None:
                self._send(False)
        finally:
            self._drop()

    def _connect(self) -> PicoLink:
        """Begin a conversation. Raises TurretError as :meth:`__init__`, or ESTOP_PRESSED."""
        link = PicoLink(self._open_wire(self._port, BAUD), _ANSWER_S)
        try:
            self._refuse_caps(link.hello())
            require_watchdog(link, self._sleep)
        except OSError as error:
            link.close()
            raise TurretError(ReasonCode.DRIVER_FAULT, f'the Pico on {self._port} is lost: {error}') from error
        except BaseException:
            link.close()
            raise
        self._link = link
        return link

    def _refuse_caps(self, pico: Identity) -> None:
        pulse_s, duty = 1e-3 * pico.pulse_cap_ms, 1e-3 * pico.duty_per_mille
        if pulse_s < self._parameters.max_pulse_s or duty < self._parameters.max_duty:
            raise TurretError(
                ReasonCode.OUT_OF_RANGE, f'the laser may emit for {self._parameters.max_pulse_s:g} s and '
                f'{100 * self._parameters.max_duty:g} % of the time, but its Pico permits {pulse_s:g} s and '
                f'{100 * duty:g} %: change pulse_cap_s and duty_cap, or config.py of the Pico')

    def _send(self, asking: bool) -> None:
        """Send the levels.

        Args:
            asking: it matters that what is asked for is on.

        Raises:
            OSError: the Pico is lost, or keeps off what it is asked for.
        """
        flags = (protocol.LASER if self._level else 0) | (protocol.INDICATOR if self._indicator else 0)
        try:
            link = self._link or self._connect()
            state = link.drive(flags, self._level) or link.drive(flags, self._level)
        except (OSError, TurretError) as error:
            self._drop()
            raise OSError(f'the Pico of the laser cannot be driven: {error}') from error
        if state is None:
            self._drop()
            raise OSError('the Pico of the laser does not answer')
        self._sent = True
        if not asking:
            return
        if state.flags & (protocol.TRIPPED | protocol.ESTOP):
            why = protocol.ESTOP_PRESSED if state.flags & protocol.ESTOP else state.reason
            raise OSError(f'the Pico keeps the laser off: {WHY_OFF.get(why, "for an unknown reason")}')
        if self._level and state.laser_reason:
            raise OSError(f'the Pico ended the emission: its {_CAPS.get(state.laser_reason, "own cap")}')

    def _drop(self) -> None:
        """Close the port, so that the next levels begin with a new conversation."""
        if self._link is not None:
            self._link.close()
            self._link = None

# SPDX-License-Identifier: Apache-2.0
"""The emergency-stop input. Normally closed: an open contact, a broken wire and an unreadable pin all stop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from turret_common.plant_client import PlantError, PlantLink
from turret_control.devices.gpio_pins import pin_errors, pin_factory, taking
from turret_control.safety.interlocks import Estop

EstopReader = Callable[[], Estop]

#: A contact bounces when it closes: number of readings in a row, every 20 ms, that must find it closed.
_RELEASES = 3
#: Period of reading the simulated input, and time for which its last answer counts [s].
_SIM_PERIOD_S, _SIM_TIMEOUT_S = 0.02, 0.5
#: Maximum time between two readings of a real input: longer ones could hide that it was open [s].
_UNREAD_S = 0.5


def no_estop() -> Estop:
    """Read the input of a turret without one."""
    return Estop.NONE


def debounced(read: EstopReader) -> EstopReader:
    """Return a reader that reports a stop at once, and its end only after several readings in a row."""
    released, reported = 0, Estop.UNKNOWN

    def read_debounced() -> Estop:
        nonlocal released, reported
        estop = read()
        released = released + 1 if estop is Estop.RELEASED else 0
        if not 0 < released < _RELEASES:
            reported = estop
        return reported
    return read_debounced


def watched(
        read: EstopReader, restarted: bool,
        clock_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)) -> EstopReader:
    """Return a reader that reports UNREADABLE after a time in which nothing read the input: it may have been open.

    Args:
        read: reads the input.
        restarted: there was such a time before the first reading, because an earlier process of the run has ended.
        clock_s: a clock that also advances while the computer is suspended.
    """
    last_s = -math.inf if restarted else math.inf

    def read_watched() -> Estop:
        nonlocal last_s
        now_s = clock_s()
        unread_s, last_s = now_s - last_s, now_s
        return Estop.UNREADABLE if unread_s > _UNREAD_S else read()
    return read_watched


class SimEstop:
    """Reads the emergency stop of the simulated hardware in a thread of its own, so that the caller never waits.

    A busy machine answers late, which is not an input that cannot be read: the last answer counts for
    :data:`_SIM_TIMEOUT_S`. Before the first answer the input is unknown, as after a time in which this process did not
    run: the simulated hardware was not asked then.
    """

    def __init__(self, link: PlantLink, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Prepare the reader; :meth:`start` begins to read.

        Args:
            link: connection to the simulated hardware, for this reader only.
            clock_s: present time [s].
        """
        self._link = link
        self._clock_s = clock_s
        self._answer: tuple[Estop, float] | None = None
        self._read_s = self._resumed_s = clock_s()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name='estop', daemon=True)

    def start(self) -> None:
        """Begin to read, 50 times a second."""
        self._thread.start()

    def stop(self) -> None:
        """End the reading."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def poll(self) -> None:
        """Ask the simulated hardware once."""
        try:
            answer = self._link.call('estop')
        except PlantError:
            return
        state = {True: Estop.PRESSED, False: Estop.RELEASED}.get(answer.get('estop', ''), Estop.UNREADABLE)
        self._answer = (state, self._clock_s())

    def __call__(self) -> Estop:
        """Return the state at once; to be called often."""
        answer, now_s = self._answer, self._clock_s()
        if now_s - self._read_s > _SIM_TIMEOUT_S:
            self._resumed_s = now_s
        self._read_s = now_s
        if answer is None:
            return Estop.UNKNOWN
        if now_s - answer[1] < _SIM_TIMEOUT_S:
            return answer[0]
        return Estop.UNKNOWN if now_s - self._resumed_s < _SIM_TIMEOUT_S else Estop.UNREADABLE

    def _run(self) -> None:
        while not self._ended.wait(_SIM_PERIOD_S):
            self.poll()


def gpio_estop(pin: int, factory: Any = None) -> EstopReader:
    """Return a reader of a normally closed contact between a pin (BCM number) and ground, with the pull-up on.

    Args:
        pin: BCM number.
        factory: gpiozero's pin factory; None for this machine's.

    Raises:
        TurretError: DRIVER_FAULT, the pin cannot be claimed; NOT_SUPPORTED, gpiozero is configured to imitate pins.
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

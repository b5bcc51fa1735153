# SPDX-License-Identifier: Apache-2.0
"""What the gimbal drivers whose motion is made by a thread of their own have in common.

The thread makes the motion of one period after the other and enforces the expiry of the order. When anything fails in
it, the motors are switched off and the failure is raised by the next :meth:`ThreadedDriver.read`.
"""

from __future__ import annotations

import abc
import contextlib
import threading
from collections.abc import Iterator
from typing import ClassVar

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.threads.clock import Clock, MonotonicClock
from turret_common.threads.real_time import wake_on_time
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.driver import GimbalDriver, GimbalSample

_NO_ORDER = (stand_still(1.0), stand_still(1.0), 0)


class ThreadedDriver(GimbalDriver):
    """A driver with a thread; a subclass takes, switches and releases the hardware and makes the motion of a period.

    Whatever its methods raise that is not a TurretError becomes a DRIVER_FAULT. They are called one at a time.

    Attributes:
        failed: what a failure means, as the begin of its message.
    """

    failed: ClassVar[str]

    def __init__(self, period_ns: int, clock: Clock | None) -> None:
        """Prepare it.

        Args:
            period_ns: time between two calls of :meth:`_cycle`.
            clock: None for this machine's.
        """
        self._clock = clock or MonotonicClock()
        self._period_ns = period_ns
        self._enabled = False
        self._order = _NO_ORDER
        self._taken = False
        self._powered = False  # perhaps: a motor that did not confirm that it is off counts as powered
        self._lock = threading.RLock()  # held while the hardware is used
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: TurretError | None = None

    # What a subclass does

    @abc.abstractmethod
    def _take(self) -> None:
        """Take the hardware, with the motors off; release it where that fails."""

    @abc.abstractmethod
    def _release(self) -> None:
        """Release the hardware, whose motors are off unless switching them off failed."""

    @abc.abstractmethod
    def _switch(self, on: bool) -> None:
        """Switch the motors, and confirm it where that is possible. Off is also called after on has failed."""

    @abc.abstractmethod
    def _cycle(self) -> None:
        """Make the motion of one period, by :meth:`_motions`."""

    @abc.abstractmethod
    def _newest(self) -> GimbalSample:
        """Return the present state. Raises TurretError."""

    # The driver

    def open(self) -> None:
        self.close()
        with self._faults():
            self._take()
        self._taken, self._error = True, None
        self._ended.clear()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with contextlib.suppress(TurretError):
            self.enable(False)
        with contextlib.suppress(TurretError), self._faults():
            if self._taken:
                self._release()
        self._taken = self._enabled = self._powered = False

    def enable(self, on: bool) -> None:
        """Switch the motors; when on is not confirmed they are switched off. Raises TurretError: DRIVER_FAULT."""
        with self._lock, self._faults():
            self._order = _NO_ORDER
            if not self._taken or on is self._enabled is self._powered:
                return
            self._enabled, self._powered = False, True
            try:
                self._switch(on)
            except BaseException:
                if on:
                    with contextlib.suppress(Exception):
                        self._switch(False)
                        self._powered = False
                raise
            self._enabled = self._powered = on

    def command(self, pan: AxisMotion, tilt: AxisMotion, until_ns: int) -> None:
        if self._enabled:
            self._order = (pan, tilt, until_ns)

    def read(self) -> GimbalSample:
        if self._error is not None:
            raise self._error.again()
        if not self._taken:
            raise TurretError(ReasonCode.DRIVER_FAULT, f'{self.failed}: the driver is not open')
        return self._newest()

    # The thread

    def _motions(self, now_ns: int) -> tuple[AxisMotion, AxisMotion]:
        """Return the ordered motion of pan and tilt, or of standing still once the order has expired."""
        pan, tilt, until_ns = self._order
        if now_ns < until_ns:
            return pan, tilt
        return stand_still(pan.acceleration), stand_still(tilt.acceleration)

    def _period(self, due_ns: int) -> int:
        """Make the motion of the period that was due at ``due_ns``; return when the next one is due."""
        with self._lock:
            self._cycle()
        return max(due_ns + self._period_ns, self._clock.now_ns())

    def _run(self) -> None:
        if isinstance(self._clock, MonotonicClock):
            wake_on_time()
        try:
            with self._faults():
                due_ns = self._clock.now_ns()
                while not self._ended.is_set():
                    due_ns = self._period(due_ns)
                    self._clock.sleep_until(due_ns)
        except TurretError as error:
            self._error = error
            with contextlib.suppress(TurretError):
                self.enable(False)

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn what the hardware raises into a driver fault."""
        try:
            yield
        except TurretError:
            raise
        except Exception as error:  # libraries of pins and ports raise many kinds
            raise TurretError(ReasonCode.DRIVER_FAULT, f'{self.failed}: {error}') from error

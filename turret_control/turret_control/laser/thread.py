# SPDX-License-Identifier: Apache-2.0
"""The thread that owns the laser: it asks the state machine for the levels, every 5 ms while armed, and drives them."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from turret_common.reason_codes import ReasonCode
from turret_common.threads.mailbox import Mailbox
from turret_common.threads.real_time import wake_on_time
from turret_control.laser.guardian import GuardianLink
from turret_control.laser.lines.line import LaserLines
from turret_control.laser.state_machine import LaserCore, LaserState, Lines

_ARMED_TICK_NS, _OFF_TICK_NS = 5_000_000, 20_000_000
#: Time between attempts to drive lines that could not be driven [ns].
_RETRY_NS = 100_000_000
#: Attempts to drive a line off before the process ends, which hands the line to the guardian.
_ATTEMPTS = 2
#: Maximum time that a request waits for the thread [s].
_CALL_TIMEOUT_S = 0.5
_OFF = Lines(0.0, False)

ResultT = TypeVar('ResultT')


class LaserThread(threading.Thread):
    """Owns the state machine and the lines. Other threads use :meth:`call` and :meth:`post`."""

    def __init__(
            self, core: LaserCore, lines: LaserLines, guardian: GuardianLink | None,
            on_change: Callable[[], None], on_end: Callable[[str], None]) -> None:
        """Prepare it; nothing is driven before :meth:`start`.

        Args:
            core: the state machine.
            lines: the lines.
            guardian: connection to the guardian; None where there is none, which only a simulated laser may.
            on_change: called in this thread after the state or a line changed.
            on_end: called with the reason when the thread ends by itself. The fire line is off then, unless it cannot
                be driven: the process must end at once so that the guardian takes the line.
        """
        super().__init__(name='laser', daemon=True)
        self._core = core
        self._lines = lines
        self._guardian = guardian
        self._on_change = on_change
        self._on_end = on_end
        self._mailbox = Mailbox('laser')
        self._driven: Lines | None = None
        self._may_emit = False  # a level was written to the fire line, and no write of 0 has succeeded since
        self._failures = 0
        self._retry_ns = 0
        self._shown: Any = None
        self._stopped = False

    def call(self, request: Callable[[int], ResultT]) -> ResultT:
        """Run ``request(now_ns)`` in the laser's thread and return what it returns, or raise what it raises.

        Raises:
            TurretError: TIMED_OUT when the thread does not respond.
        """
        return self._mailbox.call(lambda: request(time.monotonic_ns()), _CALL_TIMEOUT_S)

    def post(self, request: Callable[[int], Any]) -> None:
        """Run ``request(now_ns)`` in the laser's thread soon."""
        self._mailbox.post(lambda: request(time.monotonic_ns()))

    def stop(self) -> None:
        """Switch emission off and end."""
        self._stopped = True
        if self.is_alive():
            self.join(_CALL_TIMEOUT_S)
        self._emission_off()

    def run(self) -> None:
        wake_on_time()
        why = ''
        try:
            self._core.fault(ReasonCode.NOT_READY, 'the lines have not been driven off yet', time.monotonic_ns())
            if self._guardian is not None:
                self._guardian.announce(self._lines.description())
            while not self._stopped:
                self._step(time.monotonic_ns())
                if self._guardian is not None and self._guardian.closed:
                    why = 'the guardian has ended'
                    break
                self._serve_one(time.monotonic_ns())
        except BaseException as error:  # noqa: BLE001  emission off after any error
            why = f'{type(error).__name__}: {error}'
        self._emission_off()
        if why:
            self._on_end(why)

    def _step(self, now_ns: int) -> None:
        wanted = self._core.tick(now_ns)
        # The guardian learns that the laser is armed before the fire line can go high, and that it is disarmed only
        # once the line has been driven low.
        guarded = self._guardian is None or self._guardian.pulse(wanted.indicator or self._may_emit, now_ns)
        faulty = self._core.state is LaserState.FAULT
        if not guarded and not faulty:
            self._core.fault(ReasonCode.GUARDIAN_LOST, 'the guardian does not respond', now_ns)
            wanted = _OFF
        elif guarded and faulty and self._driven is not None:
            self._core.clear_fault()
        due = wanted != self._driven or wanted.indicator  # the watchdog of an armed laser needs its beat
        if due and (self._driven is not None or now_ns >= self._retry_ns):
            self._drive(wanted, now_ns)
        shown = (self._core.state, self._driven)
        if shown != self._shown:
            self._shown = shown
            self._on_change()

    def _drive(self, wanted: Lines, now_ns: int) -> None:
        """Drive the lines that differ, and pulse the watchdog while armed.

        The fire line comes first when its level falls, the indicator when it rises.

        Raises:
            OSError: the fire line cannot be driven off.
        """
        driven = self._driven
        falls = driven is None or wanted.laser <= driven.laser
        try:
            if falls and (driven is None or wanted.laser != driven.laser):
                self._set_laser(wanted.laser)
            if driven is None or wanted.indicator != driven.indicator:
                self._lines.set_indicator(wanted.indicator)
            if not falls:
                self._set_laser(wanted.laser)
            if wanted.indicator:
                self._lines.beat()
            self._driven, self._failures = wanted, 0
        except OSError as error:
            self._failures += 1
            if self._may_emit and self._failures >= _ATTEMPTS:
                raise
            self._driven = None
            self._retry_ns = now_ns + (_RETRY_NS if driven is None else 0)  # the first time at the next tick
            self._core.fault(ReasonCode.IO_ERROR, str(error), now_ns)

    def _set_laser(self, level: float) -> None:
        self._may_emit = self._may_emit or level > 0.0
        self._lines.set_laser(level)
        self._may_emit = level > 0.0

    def _serve_one(self, now_ns: int) -> None:
        """Serve a request, or wait for one until the next tick."""
        tick_ns = _OFF_TICK_NS if self._driven == _OFF else _ARMED_TICK_NS
        due_ns = min(now_ns + tick_ns, self._core.next_ns(now_ns) or math.inf)
        self._mailbox.run_next(max(0.0, 1e-9 * (due_ns - now_ns)))

    def _emission_off(self) -> None:
        for _ in range(2):  # the second attempt for a connection that had failed
            with contextlib.suppress(Exception):  # whatever it is, the guardian comes next
                self._set_laser(0.0)
                self._lines.set_indicator(False)
                return

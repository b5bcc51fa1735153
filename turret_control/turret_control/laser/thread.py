"""The thread that owns the laser: every 5 ms while armed it asks the rules what the pins shall be, and drives them."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.threads.clock import wake_on_time
from turret_control.laser.guardian import GuardianLink
from turret_control.laser.lines.line import LaserLines
from turret_control.laser.state_machine import LaserCore, LaserState, Lines

_ARMED_TICK_NS, _OFF_TICK_NS = 5_000_000, 20_000_000
#: Pins that again could not be driven are tried again after this time, in ns.
_RETRY_NS = 100_000_000
#: A request waits so long, in s, for the thread to take it.
_PATIENCE_S = 0.5
_DARK = Lines(0.0, False)

ResultT = TypeVar('ResultT')


class LaserThread(threading.Thread):
    """Owns core and pins. It needs nobody else's thread; everybody else asks through :meth:`call`."""

    def __init__(
            self, core: LaserCore, lines: LaserLines, guardian: GuardianLink | None,
            on_change: Callable[[], None], on_end: Callable[[str], None]) -> None:
        """Prepare it; nothing is driven before :meth:`start`.

        Args:
            core: the rules.
            lines: the pins.
            guardian: the connection to the guardian; None where there is none, which only a simulated laser may.
            on_change: called in this thread after the state or a pin changed.
            on_end: called with the reason when the thread ends, dark, though nobody stopped it.
        """
        super().__init__(name='laser', daemon=True)
        self._core = core
        self._lines = lines
        self._guardian = guardian
        self._on_change = on_change
        self._on_end = on_end
        self._requests: queue.SimpleQueue[tuple[Callable[[int], Any], Future[Any]]] = queue.SimpleQueue()
        self._driven: Lines | None = None
        self._retry_ns = 0
        self._shown: Any = None
        self._stopped = False

    def call(self, request: Callable[[int], ResultT]) -> ResultT:
        """Run ``request(now_ns)`` in the laser's thread and return what it returns, or raise what it raises.

        Raises:
            TurretError: NOT_READY when the thread does not take it.
        """
        result: Future[ResultT] = Future()
        self._requests.put((request, result))
        try:
            return result.result(_PATIENCE_S)
        except FutureTimeoutError:
            result.cancel()
            raise TurretError(ReasonCode.NOT_READY, 'the laser\'s own thread does not answer') from None

    def post(self, request: Callable[[int], Any]) -> None:
        """Run ``request(now_ns)`` in the laser's thread soon."""
        self._requests.put((request, Future()))

    def stop(self) -> None:
        """Go dark and end."""
        self._stopped = True
        if self.is_alive():
            self.join(_PATIENCE_S)
        self._emission_off()

    def run(self) -> None:
        wake_on_time()
        why = ''
        try:
            self._core.fault(ReasonCode.NOT_READY, 'the pins have not been driven dark yet', time.monotonic_ns())
            if self._guardian is not None:
                self._guardian.announce(self._lines.description())
            while not self._stopped:
                self._step(time.monotonic_ns())
                if self._guardian is not None and self._guardian.closed:
                    why = 'the guardian is gone'
                    break
                self._serve_one(time.monotonic_ns())
        except BaseException as error:  # noqa: BLE001  emission off after any error
            why = f'{type(error).__name__}: {error}'
        self._emission_off()
        if why:
            self._on_end(why)

    def _step(self, now_ns: int) -> None:
        wanted = self._core.tick(now_ns)
        # The guardian is told that the laser is armed before its line can go high.
        guarded = self._guardian is None or self._guardian.pulse(wanted.indicator, now_ns)
        faulty = self._core.state is LaserState.FAULT
        if not guarded and not faulty:
            self._core.fault(ReasonCode.GUARDIAN_LOST, 'the guardian does not answer', now_ns)
            wanted = _DARK
        elif guarded and faulty and self._driven is not None:
            self._core.clear_fault()
        due = wanted != self._driven or wanted.indicator  # an armed laser's watchdog wants its beat
        if due and (self._driven is not None or now_ns >= self._retry_ns):
            self._drive(wanted, now_ns)
        shown = (self._core.state, self._driven)
        if shown != self._shown:
            self._shown = shown
            self._on_change()

    def _drive(self, wanted: Lines, now_ns: int) -> None:
        """Drive the pins that differ, and pulse the watchdog while armed.

        The beam comes first when it gets weaker, the indicator when it gets stronger.
        """
        driven = self._driven
        weaker = driven is None or wanted.laser <= driven.laser
        try:
            if weaker and (driven is None or wanted.laser != driven.laser):
                self._lines.set_laser(wanted.laser)
            if driven is None or wanted.indicator != driven.indicator:
                self._lines.set_indicator(wanted.indicator)
            if not weaker:
                self._lines.set_laser(wanted.laser)
            if wanted.indicator:
                self._lines.beat()
            self._driven = wanted
        except OSError as error:
            self._driven = None
            self._retry_ns = now_ns + (_RETRY_NS if driven is None else 0)  # the first time at the next tick
            self._core.fault(ReasonCode.IO_ERROR, str(error), now_ns)

    def _serve_one(self, now_ns: int) -> None:
        """Serve a request, or wait for one until the next tick."""
        tick_ns = _OFF_TICK_NS if self._driven == _DARK else _ARMED_TICK_NS
        due_ns = min(now_ns + tick_ns, self._core.next_ns(now_ns) or math.inf)
        try:
            request, result = self._requests.get(timeout=max(0.0, 1e-9 * (due_ns - now_ns)))
        except queue.Empty:
            return
        if result.set_running_or_notify_cancel():
            try:
                result.set_result(request(time.monotonic_ns()))
            except Exception as error:  # noqa: BLE001  raised again in the calling thread
                result.set_exception(error)

    def _emission_off(self) -> None:
        for _ in range(2):  # the second try for a connection that had failed
            with contextlib.suppress(Exception):  # whatever it is, the guardian comes next
                self._lines.set_laser(0.0)
                self._lines.set_indicator(False)
                return

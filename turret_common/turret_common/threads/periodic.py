"""Work at a fixed rate in a thread of its own, on time whatever the rest of the process does."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable


class Periodic(threading.Thread):
    """Calls ``tick`` at absolute deadlines of the monotonic clock.

    A tick that comes late does not shift the next ones; deadlines that have passed are skipped, not made up for. An
    error in a tick ends the thread and is handed to ``on_error``.
    """

    def __init__(
            self, name: str, period_s: float, tick: Callable[[], None],
            on_error: Callable[[BaseException], None], wait: Callable[[float], bool] | None = None) -> None:
        """Prepare it.

        Args:
            name: of the thread.
            period_s: in s.
            tick: the work.
            on_error: told of an error in the work, after which there is no more.
            wait: waits for so many s in place of the clock, and returns True earlier when something has come that the
                work shall be done for at once; the deadlines then count from there. None = nothing does.
        """
        super().__init__(name=name, daemon=True)
        self._period_s = period_s
        self._tick = tick
        self._on_error = on_error
        self._wait = wait or self._sleep
        self._asleep = threading.Lock()  # waiting for a lock takes a third of waiting for an event
        self._asleep.acquire()
        self._ended = False

    def run(self) -> None:
        deadline = time.monotonic()
        try:
            while not self._ended:
                self._tick()
                now = time.monotonic()
                while deadline <= now:
                    deadline += self._period_s
                if self._wait(deadline - now):
                    deadline = time.monotonic()
        except BaseException as error:  # noqa: BLE001  it would be lost with the thread
            self._on_error(error)

    def _sleep(self, duration_s: float) -> bool:
        self._asleep.acquire(timeout=duration_s)
        return False

    def wake(self) -> None:
        """Tick at once, beside the deadlines."""
        with contextlib.suppress(RuntimeError):  # it has been woken already
            self._asleep.release()

    def stop(self) -> None:
        """End the thread and wait until it has ended, except from within itself."""
        self._ended = True
        self.wake()
        if threading.current_thread() is not self and self.is_alive():
            self.join()

# SPDX-License-Identifier: Apache-2.0
"""Work at a fixed rate in its own thread, independent of the executor."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from turret_common.threads.real_time import wake_on_time


class Periodic(threading.Thread):
    """Calls ``step`` at absolute deadlines of the monotonic clock.

    A late step does not shift the next deadlines; deadlines that have passed are skipped. An exception in a step ends
    the thread and is passed to ``on_error``.
    """

    def __init__(
            self, name: str, period_s: float, step: Callable[[], None],
            on_error: Callable[[BaseException], None], wait: Callable[[float], bool] | None = None, *,
            real_time: bool = False) -> None:
        """Prepare the thread; it starts with :meth:`start`.

        Args:
            name: name of the thread.
            period_s: time between deadlines.
            step: the work of one cycle.
            on_error: called with the exception that ended the thread.
            wait: replaces the sleep until the next deadline; it takes the time in s and returns True to start a cycle
                early, from which the deadlines then count. None = sleep.
            real_time: wake on time and before ordinary threads, where the system permits that.
        """
        super().__init__(name=name, daemon=True)
        self._period_s = period_s
        self._step = step
        self._on_error = on_error
        self._wait = wait or self._sleep
        self._real_time = real_time
        self._asleep = threading.Lock()  # waiting for a lock takes a third of the time of an event
        self._asleep.acquire()
        self._ended = False

    def run(self) -> None:
        if self._real_time:
            wake_on_time()
        deadline = time.monotonic()
        try:
            while not self._ended:
                self._step()
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
        """Start a cycle at once, in addition to the deadlines."""
        with contextlib.suppress(RuntimeError):  # it has been woken already
            self._asleep.release()

    def stop(self) -> None:
        """Stop the thread and wait until it has stopped, except from within itself."""
        self._ended = True
        self.wake()
        if threading.current_thread() is not self and self.is_alive():
            self.join()

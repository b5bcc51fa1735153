# SPDX-License-Identifier: Apache-2.0
"""Work that other threads hand to the thread that owns something."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

ResultT = TypeVar('ResultT')


class Mailbox:
    """Runs functions of other threads in the thread that calls :meth:`run_pending`.

    Args:
        owner: name of the owning thread, for errors.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()

    def post(self, function: Callable[[], ResultT]) -> Future[ResultT]:
        """Run a function in the owning thread soon; return a future of its result."""
        result: Future[ResultT] = Future()
        self._jobs.put((function, result))
        return result

    def call(self, function: Callable[[], ResultT], timeout_s: float) -> ResultT:
        """Run a function in the owning thread; return what it returns, or raise what it raises.

        Raises:
            TurretError: TIMED_OUT when it has not finished in time. One that has not begun by then never runs.
        """
        result = self.post(function)
        try:
            return result.result(timeout_s)
        except FutureTimeoutError:
            result.cancel()
            raise TurretError(ReasonCode.TIMED_OUT, f'the thread "{self._owner}" does not respond') from None

    def run_next(self, wait_s: float = 0.0) -> bool:
        """Wait up to ``wait_s`` for one function and run it; return whether there was one."""
        try:
            function, result = self._jobs.get(timeout=wait_s) if wait_s > 0.0 else self._jobs.get_nowait()
        except queue.Empty:
            return False
        if result.set_running_or_notify_cancel():
            try:
                result.set_result(function())
            except Exception as error:  # noqa: BLE001  raised again in the calling thread
                result.set_exception(error)
        return True

    def run_pending(self) -> None:
        """Run the functions that are waiting now, not those that are added meanwhile."""
        for _ in range(self._jobs.qsize()):
            self.run_next()

# SPDX-License-Identifier: Apache-2.0
"""An executor in a thread of its own, which can be closed at any moment."""

from __future__ import annotations

import contextlib
import threading

from rclpy.executors import Executor, ExternalShutdownException


class SpinningThread:
    """Runs an executor until it is closed or its context is shut down.

    ``Executor.shutdown`` destroys the guard conditions that a thread still waits for, which then raises InvalidHandle
    or AttributeError. Here the thread ends first; a task wakes it.
    """

    def __init__(self, executor: Executor) -> None:
        """Start the thread."""
        self._executor = executor
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, then shut the executor down."""
        self._ends.set()
        self._executor.create_task(_nothing)
        self._thread.join()
        self._executor.shutdown()

    def _run(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            while self._executor.context.ok() and not self._ends.is_set():
                self._executor.spin_once()


def _nothing() -> None:
    pass

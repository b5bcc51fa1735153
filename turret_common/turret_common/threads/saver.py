# SPDX-License-Identifier: Apache-2.0
"""Saving a value in the background: threads with deadlines must not wait for a disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

ValueT = TypeVar('ValueT')


class Saver(Generic[ValueT]):
    """Saves the newest value in a thread of its own, and again until that succeeds.

    Attributes:
        problem: why the newest value could not be saved yet; empty when it is saved or being saved.
    """

    def __init__(
            self, name: str, save: Callable[[ValueT], None], report: Callable[[str], None],
            retry_s: float = 1.0) -> None:
        """Start the thread.

        Args:
            name: of the thread.
            save: writes a value; an exception means that it was not saved.
            report: called with each new problem, in the thread.
            retry_s: time between attempts [s].
        """
        self.problem = ''
        self._save, self._report, self._retry_s = save, report, retry_s
        self._waiting: list[ValueT] = []
        self._put_s: float = 0.0  # time of the newest value
        self._since_s: float | None = None  # since then there is a value that is not saved
        self._wake = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, value: ValueT) -> None:
        """Save a value soon, in place of one that is still waiting. Never waits."""
        with self._wake:
            self._waiting = [value]
            self._put_s = time.monotonic()
            if self._since_s is None:
                self._since_s = self._put_s
            self._wake.notify()

    @property
    def unsaved_s(self) -> float:
        """For how long there has been a value that is not saved, also while a disk holds the attempt up [s]."""
        since_s = self._since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def close(self, timeout_s: float = 1.0) -> None:
        """Save what is waiting, then end; give up after ``timeout_s``."""
        with self._wake:
            self._ended = True
            self._wake.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not (self._waiting or self._ended):
                    self._wake.wait()
                if not self._waiting:
                    return
                value = self._waiting[0]
            try:
                self._save(value)
                problem = ''
            except Exception as error:  # noqa: BLE001 - a failing disk must not end the thread
                problem = f'{type(error).__name__}: {error}'
            if problem and problem != self.problem:
                self._report(problem)
            self.problem = problem
            with self._wake:
                if not problem and self._waiting[0] is value:
                    self._waiting, self._since_s = [], None
                elif not problem:
                    self._since_s = self._put_s
                elif problem and self._ended:
                    return
                elif problem:
                    self._wake.wait(self._retry_s)

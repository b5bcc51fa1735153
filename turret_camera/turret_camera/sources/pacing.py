# SPDX-License-Identifier: Apache-2.0
"""When the frames of a source without a clock of its own are due."""

from __future__ import annotations


class Pacer:
    """A schedule of instants without drift; instants that were missed are counted and left out."""

    def __init__(self) -> None:
        self._due_ns: int | None = None

    def restart(self) -> None:
        """Begin a new schedule with the next call of :meth:`next`."""
        self._due_ns = None

    def next(self, now_ns: int, period_ns: int, lag_ns: int = 0) -> tuple[int, int]:
        """Return the next instant in ns and how many were missed.

        The first instant is now; the following ones are whole periods later, the newest that is at most one period
        further back than ``lag_ns``, by which frames are handed over after their instant.
        """
        if self._due_ns is None:
            self._due_ns = now_ns
            return now_ns, 0
        self._due_ns += period_ns
        missed = max((now_ns - lag_ns - self._due_ns) // period_ns, 0)
        self._due_ns += missed * period_ns
        return self._due_ns, missed

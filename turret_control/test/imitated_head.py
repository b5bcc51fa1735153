# SPDX-License-Identifier: Apache-2.0
"""A head that another node drives, imitated: it passes each commanded position one period after it was commanded."""

from __future__ import annotations

from typing import Any

from turret_control.drivers.ros.head import HeadReading


class ImitatedHead:
    """A link whose time is that of a clock.

    Attributes:
        commanded: whether the newest command was one of motion.
        silent: it measures nothing any more.
    """

    def __init__(self, clock: Any, period_s: float, output: str = 'trajectory') -> None:
        self.commanded = self.silent = self.closed = False
        self._clock, self._period_s, self._output = clock, period_s, output
        self._begin_ns = 0
        self._from, self._rates, self._length_s = [0.0, 0.0], [0.0, 0.0], 0.0
        self._last: HeadReading | None = None

    def reading(self) -> HeadReading:
        if not self.silent or self._last is None:
            self._last = self._measure()
        return self._last

    def _measure(self) -> HeadReading:
        now_ns = self._clock.now_ns()
        elapsed_s = 1e-9 * (now_ns - self._begin_ns)
        moving = elapsed_s <= self._length_s
        pan, tilt = (
            begin + rate * min(elapsed_s, self._length_s)
            for begin, rate in zip(self._from, self._rates, strict=True))
        rates = self._rates if moving else [0.0, 0.0]
        return HeadReading(now_ns, (pan, tilt), (rates[0], rates[1]))

    def wait(self, timeout_s: float) -> bool:
        return not self.silent

    def send(self, positions: tuple[float, float], velocities: tuple[float, float]) -> None:
        self._from = list(self._measure().positions)
        self._begin_ns = self._clock.now_ns()
        self.commanded = True
        if self._output == 'velocity':  # it keeps moving until it is commanded otherwise
            self._rates, self._length_s = list(velocities), 1e9
        else:
            self._length_s = self._period_s
            self._rates = [
                (goal - begin) / self._period_s for goal, begin in zip(positions, self._from, strict=True)]

    def halt(self, positions: tuple[float, float]) -> None:
        self.send(positions, (0.0, 0.0))
        self.commanded = False

    def close(self) -> None:
        self.closed = True

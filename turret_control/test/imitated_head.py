# SPDX-License-Identifier: Apache-2.0
"""A head that another node drives, imitated: it passes each commanded position one period after it was commanded."""

from __future__ import annotations

import math
from typing import Any

from turret_control.drivers.ros.head import HeadReading


class ImitatedHead:
    """A link whose time is that of a clock.

    Attributes:
        commanded: whether the newest command was one of motion.
        can_go: it goes to positions by itself, as a camera.
        went: positions that it was sent to.
        silent: it measures nothing any more.
    """

    def __init__(self, clock: Any, period_s: float, output: str = 'trajectory') -> None:
        self.commanded = self.silent = self.closed = self.can_go = False
        self.went: list[tuple[float, float]] = []
        self.reach = ((-9.0, 9.0), (-9.0, 9.0))
        self._clock, self._period_s, self._output = clock, period_s, output
        self._begin_ns = 0
        self._from, self._rates, self._lengths_s = [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]
        self._last: HeadReading | None = None

    def reading(self) -> HeadReading:
        if not self.silent or self._last is None:
            self._last = self._measure()
        return self._last

    def _measure(self) -> HeadReading:
        now_ns = self._clock.now_ns()
        elapsed_s = 1e-9 * (now_ns - self._begin_ns)
        pan, tilt = (
            begin + rate * min(elapsed_s, length_s)
            for begin, rate, length_s in zip(self._from, self._rates, self._lengths_s, strict=True))
        rates = [
            rate if elapsed_s <= length_s else 0.0
            for rate, length_s in zip(self._rates, self._lengths_s, strict=True)]
        return HeadReading(now_ns, (pan, tilt), (rates[0], rates[1]))

    def wait(self, timeout_s: float) -> bool:
        return not self.silent

    def send(self, positions: tuple[float, float], velocities: tuple[float, float]) -> None:
        self._from = list(self._measure().positions)
        self._begin_ns = self._clock.now_ns()
        self.commanded = True
        if self._output == 'velocity':  # it keeps moving until it is commanded otherwise
            self._rates, self._lengths_s = list(velocities), [1e9, 1e9]
        else:
            self._lengths_s = [self._period_s, self._period_s]
            self._rates = [
                (goal - begin) / self._period_s for goal, begin in zip(positions, self._from, strict=True)]

    def go(self, positions: tuple[float, float], speeds: tuple[float, float]) -> None:
        self._from = list(self._measure().positions)
        self._begin_ns = self._clock.now_ns()
        self.commanded = True
        self.went.append(positions)
        ways = [goal - begin for goal, begin in zip(positions, self._from, strict=True)]
        self._rates = [math.copysign(speed, way) for speed, way in zip(speeds, ways, strict=True)]
        self._lengths_s = [abs(way) / speed if speed else 0.0 for speed, way in zip(speeds, ways, strict=True)]

    def halt(self, positions: tuple[float, float]) -> None:
        self.send(positions, (0.0, 0.0))
        self.commanded = False

    def close(self) -> None:
        self.closed = True

# SPDX-License-Identifier: Apache-2.0
"""Auto-tuning of the proportional gain by a relay experiment (Astrom and Hagglund, Automatica 20, 1984)."""

from __future__ import annotations

import math
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.controller.head_command import HeadCommander
from turret_control.controller.target_follower import TargetFollower
from turret_control.controller.task import Task
from turret_control.motion import Command

_CYCLES = 6
_SKIPPED = 2          # first cycles, until the oscillation is periodic
_TIME_LIMIT_S = 20.0
_RATE_SHARE = 3.0     # relay rate in rad/s per rad of travel: a delay of 0.1 s then uses a third of the travel
# Share of the ultimate gain (Tyreus and Luyben, for an integrating plant).
_GAIN_SHARE = 1.0 / 3.2


class Tuned(NamedTuple):
    """Result of the experiment: gains as in ``PidGains``, ultimate gain in 1/s and ultimate period in s."""

    kp: float
    ki: float
    kd: float
    ultimate_gain: float
    ultimate_period_s: float


class AutoTune(Task):
    """Task that oscillates one axis around its position by a relay and measures gain and period.

    The motors integrate and the rate of the target is fed forward, so no integral or derivative gain is needed.
    """

    name = 'tuning'

    def __init__(self, axis: str, travel: float) -> None:
        """``axis`` is "pan" or "tilt", ``travel`` the maximum excursion in rad.

        Raises:
            TurretError: UNKNOWN_NAME for any other axis.
        """
        if axis not in ('pan', 'tilt'):
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'axis "{axis}" does not exist')
        super().__init__()
        self._axis = axis
        self._travel = travel
        self._rate = _RATE_SHARE * travel
        self._start: float | None = None
        self._began = 0.0
        self._direction = 1.0
        self._crossings: list[float] = []
        self._peaks: list[float] = []
        self._peak = 0.0

    def step(self, head: HeadCommander, target: TargetFollower, now: float, dt: float) -> Command | None:
        """Return the next command; None when complete."""
        position = float(getattr(head.motor_pose, self._axis))
        if self._start is None:
            self._start, self._began = position, now
        away = position - self._start
        if abs(away) > self._travel:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'{self._axis} exceeded {self._travel:g} rad of travel')
        if now - self._began > _TIME_LIMIT_S:
            raise TurretError(ReasonCode.TIMED_OUT, f'{self._axis} does not oscillate')
        self._peak = max(self._peak, abs(away))
        if away * self._direction > 0.0:
            self._direction = -self._direction
            self._crossings.append(now)
            self._peaks.append(self._peak)
            self._peak = 0.0
        self.progress = min(1.0, len(self._crossings) / (2.0 * _CYCLES))
        if len(self._crossings) > 2 * _CYCLES:
            return None
        rate = self._direction * self._rate
        return head.rotate(*((rate, 0.0) if self._axis == 'pan' else (0.0, rate)), now, dt)

    def result(self) -> Tuned:
        """Return the gains.

        Raises:
            TurretError: the reason for an early end.
        """
        self.check()
        crossings, peaks = self._crossings[2 * _SKIPPED:], self._peaks[2 * _SKIPPED:]
        period = 2.0 * (crossings[-1] - crossings[0]) / (len(crossings) - 1)
        amplitude = sum(peaks[1:]) / (len(peaks) - 1)
        gain = 4.0 * self._rate / (math.pi * amplitude)
        return Tuned(_GAIN_SHARE * gain, 0.0, 0.0, gain, period)

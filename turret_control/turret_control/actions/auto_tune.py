"""Finding a proportional gain by a relay experiment (Astrom and Hagglund, Automatica 20, 1984)."""

from __future__ import annotations

import math
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.controller.controller import Mode
from turret_control.controller.head_command import Drive
from turret_control.controller.target_follower import TargetFollower
from turret_control.motion import Command

_CYCLES = 6
_SKIPPED = 2          # first cycles, until they repeat
_TIME_LIMIT_S = 20.0
_RATE_SHARE = 3.0     # relay rate in rad/s per rad of travel: a delay of 0.1 s then uses a third of the travel
# Of the ultimate gain (Tyreus and Luyben, for a plant that integrates).
_GAIN_SHARE = 1.0 / 3.2


class Tuned(NamedTuple):
    """What the experiment gives: gains as in ``PidGains``, the ultimate gain in 1/s and its period in s."""

    kp: float
    ki: float
    kd: float
    ultimate_gain: float
    ultimate_period_s: float


class AutoTune:
    """The task: swing one axis about where it stands by a relay, and read gain and period off the swing.

    The motors integrate and the rate of the target is fed forward, so neither an integral nor a derivative part is
    needed: the result is a proportional gain.

    Attributes:
        progress: 0 to 1.
        done: whether it has ended.
    """

    mode = Mode.MANUAL
    name = 'tuning'

    def __init__(self, axis: str, travel: float) -> None:
        """``axis`` is "pan" or "tilt", ``travel`` the largest excursion in rad.

        Raises:
            TurretError: UNKNOWN_NAME for any other axis.
        """
        if axis not in ('pan', 'tilt'):
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'there is no axis "{axis}"')
        self.progress = 0.0
        self.done = False
        self._axis = axis
        self._travel = travel
        self._rate = _RATE_SHARE * travel
        self._start: float | None = None
        self._began = 0.0
        self._direction = 1.0
        self._crossings: list[float] = []
        self._peaks: list[float] = []
        self._peak = 0.0
        self._error: TurretError | None = None

    def step(self, drive: Drive, target: TargetFollower, now: float, dt: float) -> Command | None:
        """Return the next command; None at the end."""
        assert drive.head.motors is not None
        position = float(getattr(drive.head.motors, self._axis))
        if self._start is None:
            self._start, self._began = position, now
        away = position - self._start
        if abs(away) > self._travel:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'{self._axis} went further than {self._travel:g} rad')
        if now - self._began > _TIME_LIMIT_S:
            raise TurretError(ReasonCode.TIMED_OUT, f'{self._axis} does not swing')
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
        return drive.turn(*((rate, 0.0) if self._axis == 'pan' else (0.0, rate)), now, dt)

    def ended(self, error: TurretError | None) -> None:
        """Learn how it ended."""
        self._error, self.done = error, True

    def result(self) -> Tuned:
        """Return what was found.

        Raises:
            TurretError: why it ended early.
        """
        if self._error:
            raise self._error
        crossings, peaks = self._crossings[2 * _SKIPPED:], self._peaks[2 * _SKIPPED:]
        period = 2.0 * (crossings[-1] - crossings[0]) / (len(crossings) - 1)
        amplitude = sum(peaks[1:]) / (len(peaks) - 1)
        gain = 4.0 * self._rate / (math.pi * amplitude)
        return Tuned(_GAIN_SHARE * gain, 0.0, 0.0, gain, period)

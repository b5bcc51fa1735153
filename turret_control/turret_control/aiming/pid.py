# SPDX-License-Identifier: Apache-2.0
"""PID controller with feed-forward for one axis. Time is an argument."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from turret_common.params import param


@dataclasses.dataclass(frozen=True)
class PidGains:
    """PID gains of one axis: rate in rad/s per aim error in rad."""

    kp: float = param(20.0, 'Proportional gain', unit='1/s', minimum=0.0, maximum=100.0, live=True)
    ki: float = param(0.0, 'Integral gain', unit='1/s^2', minimum=0.0, maximum=100.0, live=True)
    kd: float = param(0.0, 'Derivative gain, applied to the measurement', minimum=0.0, maximum=1.0, live=True)


class PidTerms(NamedTuple):
    """Terms of one step: error, parts of the output, and the limited output."""

    error: float = 0.0
    p: float = 0.0
    i: float = 0.0
    d: float = 0.0
    feedforward: float = 0.0
    output: float = 0.0


class Pid:
    """PID with the derivative on the measurement, conditional integration and an output limit.

    The derivative acts on the measurement, so a step of the set point does not kick. The integral is kept as a
    contribution to the output, so a change of gains causes no jump; it does not grow while the output is at its limit
    and the error would drive it further (anti-windup).

    Attributes:
        gains: gains in force; may be replaced at any time.
        terms: terms of the newest output.
    """

    def __init__(self, gains: PidGains) -> None:
        self.gains = gains
        self.terms = PidTerms()
        self._integral = 0.0
        self._measurement: float | None = None

    def reset(self, integral: float = 0.0) -> None:
        """Clear the state; ``integral`` is the initial integral contribution, for a bumpless start."""
        self._integral = integral
        self._measurement = None
        self.terms = PidTerms()

    def step(self, error: float, measurement: float, dt: float, *, feedforward: float = 0.0,
             limit: float = float('inf')) -> float:
        """Return the output.

        Args:
            error: set point minus measurement.
            measurement: measured value, for the derivative.
            dt: time since the last step in s, > 0.
            feedforward: added to the output before the limit.
            limit: maximum magnitude of the output.
        """
        gains = self.gains
        rate = 0.0 if self._measurement is None else (measurement - self._measurement) / dt
        self._measurement = measurement
        p, d = gains.kp * error, -gains.kd * rate
        grown = self._integral + gains.ki * error * dt
        wanted = p + grown + d + feedforward
        if abs(wanted) <= limit or wanted * error <= 0.0:
            self._integral = grown
        self._integral = max(-limit, min(limit, self._integral))
        output = max(-limit, min(limit, p + self._integral + d + feedforward))
        self.terms = PidTerms(error, p, self._integral, d, feedforward, output)
        return output

# SPDX-License-Identifier: Apache-2.0
"""Legacy controller: that of the web-server turret, as a baseline for ``./turret bench aim``.

It works on pixels, once per image: it picks a detection, smooths its center, and drives both axes by a PID whose
command is mapped to a step rate that is nearly the same for every error. There is no prediction and no feed-forward,
and the last command stays in force until the next image. Its constants are for images of 1920x1080 px.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 1920, 1080
#: One microstep of the axes in rad: 200 full steps per revolution, 8 microsteps each, direct drive.
STEP = math.radians(360.0 / 1600.0)

_LOCK_PX = 150.0
_SWITCH_S = 0.25
_SMOOTHING = 0.3
_DEAD_ZONE_PX = 20.0
_KP, _KI, _KD = 0.8, 0.0, 0.2
_AXIS_DEAD_ZONE = 5.0
_FLOOR = 6.5
_SLEW_PER_S = 300.0
_MAX_DELAY_S, _MIN_DELAY_S, _CONFIGURED_S = 0.020, 0.0002, 0.001


class PixelBox(NamedTuple):
    """A detection: center and size in px."""

    x: float
    y: float
    width: float
    height: float


def steps_per_second(command: float) -> float:
    """Return the signed step rate of an axis for a command within -100 to 100."""
    if abs(command) < _AXIS_DEAD_ZONE:
        return 0.0
    n = (abs(command) - _AXIS_DEAD_ZONE) / (100.0 - _AXIS_DEAD_ZONE)
    delay = max(_MAX_DELAY_S - n * n * (_MAX_DELAY_S - _MIN_DELAY_S), _CONFIGURED_S)
    return math.copysign(1.0 / delay, command)


@dataclasses.dataclass
class _Axis:
    half_size: float
    integral: float = 0.0
    error: float = 0.0
    command: float = 0.0

    def step(self, error_px: float, dt: float) -> float:
        """Return the command for an error; ``dt`` is 0 on the first call."""
        dead = abs(error_px) <= _DEAD_ZONE_PX
        error = 0.0 if dead else max(-1.0, min(1.0, error_px / self.half_size))
        if dead:
            self.integral *= 1.0 - min(1.0, 3.0 * dt) if dt else 0.5
        else:
            self.integral += error * dt
        self.integral = max(-10.0, min(10.0, self.integral))
        derivative = 0.0 if dead or not dt else max(-5.0, min(5.0, (error - self.error) / dt))
        schedule = 0.6 + 0.4 * (1.0 - abs(error))
        command = 120.0 * (schedule * _KP * error + _KI * self.integral + schedule * _KD * derivative)
        command = 0.0 if dead else max(-100.0, min(100.0, command))
        if dt and not dead:
            command = max(self.command - _SLEW_PER_S * dt, min(self.command + _SLEW_PER_S * dt, command))
        if 0.0 < abs(command) < _FLOOR:
            command = math.copysign(_FLOOR, command)
        self.error, self.command = error, command
        return command


class LegacyController:
    """Target selection by size, smoothing and PID. Time in s is an argument.

    Attributes:
        center: smoothed center of the target in px; None without one.
    """

    def __init__(self) -> None:
        self.center: tuple[float, float] | None = None
        self._switched = -math.inf
        self._called = math.nan
        self._reset()

    def step(self, detections: Sequence[PixelBox], now: float) -> tuple[float, float]:
        """Return the step rates of the axes after one image, positive to the right and up."""
        if not detections:
            self.center = None
            self._reset()
            return 0.0, 0.0
        self._smooth(self._pick(detections, now))
        assert self.center is not None
        dt = 0.0 if math.isnan(self._called) else now - self._called
        self._called = now
        x = self._x.step(self.center[0] - 0.5 * WIDTH, dt)
        y = self._y.step(self.center[1] - 0.5 * HEIGHT, dt)
        return steps_per_second(x), steps_per_second(-y)

    def _reset(self) -> None:
        self._x, self._y = _Axis(0.5 * WIDTH), _Axis(0.5 * HEIGHT)
        self._called = math.nan

    def _pick(self, detections: Sequence[PixelBox], now: float) -> tuple[float, float]:
        best = max(detections, key=lambda d: d.width * d.height)
        if self.center is not None:
            center = self.center
            nearest = min(detections, key=lambda d: math.dist((d.x, d.y), center))
            if math.dist((nearest.x, nearest.y), center) <= _LOCK_PX:
                return nearest.x, nearest.y
            if now - self._switched < _SWITCH_S:
                return center
        self._switched = now
        return best.x, best.y

    def _smooth(self, chosen: tuple[float, float]) -> None:
        if self.center is None:
            self.center = chosen
        else:
            x, y = self.center
            self.center = x + _SMOOTHING * (chosen[0] - x), y + _SMOOTHING * (chosen[1] - y)

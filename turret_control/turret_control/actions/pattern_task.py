"""Running a pattern: from waypoint to waypoint, with dwells, pausing on a target."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from turret_common.errors import TurretError
from turret_control.actions.patterns import Area, Kind, Waypoint, passes
from turret_control.controller.controller import Mode
from turret_control.controller.head_command import Drive
from turret_control.controller.target_follower import TargetFollower
from turret_control.motion import Command

_ARRIVED = 0.004     # rad
_STANDING = 0.02     # rad/s
_RESUME_S = 1.0      # without a target, before the pattern goes on
_LOOK_AHEAD_S = 0.15  # how far ahead on a curve the head is aimed, at the rate of the pattern


@dataclasses.dataclass(frozen=True)
class PatternOptions:
    """How a pattern is run.

    Attributes:
        kind: of pattern.
        area: of a generated one, in rad.
        presets: what KIND_PRESETS goes through.
        rate: along the path, in rad/s.
        dwell_s: pause at each stop.
        loop: begin again after each pass.
        pause_on_target: follow a target that appears, then go on.
        seed: of a random walk.
    """

    kind: Kind
    area: Area
    presets: tuple[Waypoint, ...]
    rate: float
    dwell_s: float
    loop: bool
    pause_on_target: bool
    seed: int


@dataclasses.dataclass(frozen=True)
class PatternProgress:
    """What to tell of a pattern; fields as in ``PatternState.msg``."""

    running: bool
    paused: bool
    name: str
    step: int
    step_count: int
    loop: bool
    remaining_s: float


class PatternTask:
    """The task that runs a pattern.

    Attributes:
        passes: finished.
        error: why it ended early; None while it runs or when it came to its end.
        done: whether it has ended.
    """

    mode = Mode.PATTERN

    def __init__(self, options: PatternOptions) -> None:
        self.name = options.kind.name.lower().replace('_', ' ')
        self.passes = 0
        self.error: TurretError | None = None
        self.done = False
        self._options = options
        self._source: Iterator[list[Waypoint]] = passes(options.kind, options.area, options.presets, options.seed)
        self._points = next(self._source)
        self._step = 0
        self._arrived_at = math.nan
        self._now = 0.0
        self._target_at = -math.inf
        self._paused = False

    @property
    def progress(self) -> PatternProgress:
        """How far it is."""
        options = self._options
        remaining = options.dwell_s - (self._now - self._arrived_at)
        return PatternProgress(
            not self.done, self._paused, self.name, self._step, len(self._points), options.loop, remaining)

    def step(self, drive: Drive, target: TargetFollower, now: float, dt: float) -> Command | None:
        """Return the next command; None at the end."""
        self._now = now
        if self._options.pause_on_target and target.aim is not None:
            self._paused, self._target_at, self._arrived_at = True, now, math.nan
            return drive.steer(target.reference(now + drive.ahead(dt)), now, dt)
        if self._paused and now - self._target_at < _RESUME_S:
            return drive.stop()
        self._paused = False
        if self._reached(drive, now) and not self._advance():
            return None
        return self._toward(drive, self._points[self._step], now, dt)

    def ended(self, error: TurretError | None) -> None:
        """Learn how it ended."""
        self.error, self.done = error, True

    def _reached(self, drive: Drive, now: float) -> bool:
        """Return whether the waypoint is behind: passed, or its dwell is over."""
        point, head = self._points[self._step], drive.head.motors
        assert head is not None
        distance = math.dist((head.pan, head.tilt), (point.pan, point.tilt))
        if not point.stop:
            return distance < max(_ARRIVED, self._options.rate * _LOOK_AHEAD_S)
        if math.isnan(self._arrived_at):
            if distance < _ARRIVED and math.hypot(head.pan_rate, head.tilt_rate) < _STANDING:
                self._arrived_at = now
            return False
        return now - self._arrived_at >= self._options.dwell_s

    def _advance(self) -> bool:
        """Go on to the next waypoint; return False when the pattern is at its end."""
        self._arrived_at = math.nan
        self._step += 1
        if self._step < len(self._points):
            return True
        self.passes += 1
        self._step = 0
        self._points = next(self._source)
        return self._options.loop

    def _toward(self, drive: Drive, point: Waypoint, now: float, dt: float) -> Command:
        """Go straight to a stop; pass other waypoints at the rate of the pattern."""
        head = drive.head.motors
        assert head is not None
        way = (point.pan - head.pan, point.tilt - head.tilt)
        distance = math.hypot(*way)
        if not point.stop and distance > 0.0:
            rates = [self._options.rate * part / distance for part in way]
            return drive.turn(rates[0], rates[1], now, dt)
        shares = [max(abs(part) / distance, 0.05) if distance > _ARRIVED else 1.0 for part in way]
        return drive.go(point.pan, point.tilt, self._options.rate * shares[0], self._options.rate * shares[1])

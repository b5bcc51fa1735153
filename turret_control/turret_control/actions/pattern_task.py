# SPDX-License-Identifier: Apache-2.0
"""Pattern task: waypoints with dwells, optionally pausing on a target."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from turret_control.actions.patterns import Area, Kind, Waypoint, passes
from turret_control.controller.head_command import HeadCommander
from turret_control.controller.target_follower import TargetFollower
from turret_control.controller.task import Mode, Task
from turret_control.motion import Command

_ARRIVED = 0.004     # rad
_STATIONARY = 0.02     # rad/s
_RESUME_S = 1.0      # time without a target before the pattern continues
_LOOK_AHEAD_S = 0.15  # look-ahead along a curve at the rate of the pattern


@dataclasses.dataclass(frozen=True)
class PatternOptions:
    """Options of a pattern.

    Attributes:
        kind: kind of pattern.
        area: area of a generated pattern, in rad.
        presets: waypoints of Kind.PRESETS.
        rate: rate along the path, in rad/s.
        dwell_s: pause at each stop.
        loop: start again after each pass.
        pause_on_target: follow a target that appears, then continue.
        seed: seed of Kind.RANDOM.
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
class PatternStatus:
    """State of a pattern; fields as in ``PatternState.msg``."""

    running: bool
    paused: bool
    name: str
    step: int
    step_count: int
    loop: bool
    remaining_s: float


class PatternTask(Task):
    """Task that runs a pattern.

    Attributes:
        passes: number of completed passes.
    """

    mode = Mode.PATTERN

    def __init__(self, options: PatternOptions) -> None:
        self.name = options.kind.name.lower().replace('_', ' ')
        super().__init__()
        self.passes = 0
        self._options = options
        self._source: Iterator[list[Waypoint]] = passes(options.kind, options.area, options.presets, options.seed)
        self._points = next(self._source)
        self._step = 0
        self._arrived_at = math.nan
        self._now = 0.0
        self._target_at = -math.inf
        self._paused = False

    @property
    def state(self) -> PatternStatus:
        """State of the pattern."""
        options = self._options
        remaining = options.dwell_s - (self._now - self._arrived_at)
        return PatternStatus(
            not self.done, self._paused, self.name, self._step, len(self._points), options.loop, remaining)

    def step(self, head: HeadCommander, target: TargetFollower, now: float, dt: float) -> Command | None:
        """Return the next command; None when complete."""
        self._now = now
        if self._options.pause_on_target and target.aim is not None:
            self._paused, self._target_at, self._arrived_at = True, now, math.nan
            return head.follow(target.reference(now + head.lead_s(dt)), now, dt)
        if self._paused and now - self._target_at < _RESUME_S:
            return head.stop()
        self._paused = False
        if self._reached(head, now) and not self._advance():
            return None
        return self._toward(head, self._points[self._step], now, dt)

    def _reached(self, head: HeadCommander, now: float) -> bool:
        """Return whether the waypoint is done: passed, or its dwell is over."""
        point, pose = self._points[self._step], head.motor_pose
        distance = math.dist((pose.pan, pose.tilt), (point.pan, point.tilt))
        if not point.stop:
            return distance < max(_ARRIVED, self._options.rate * _LOOK_AHEAD_S)
        if math.isnan(self._arrived_at):
            if distance < _ARRIVED and math.hypot(pose.pan_rate, pose.tilt_rate) < _STATIONARY:
                self._arrived_at = now
            return False
        return now - self._arrived_at >= self._options.dwell_s

    def _advance(self) -> bool:
        """Continue with the next waypoint; return False when the pattern is complete."""
        self._arrived_at = math.nan
        self._step += 1
        if self._step < len(self._points):
            return True
        self.passes += 1
        self._step = 0
        self._points = next(self._source)
        return self._options.loop

    def _toward(self, head: HeadCommander, point: Waypoint, now: float, dt: float) -> Command:
        """Go straight to a stop; pass other waypoints at the rate of the pattern."""
        pose = head.motor_pose
        travel = (point.pan - pose.pan, point.tilt - pose.tilt)
        distance = math.hypot(*travel)
        if not point.stop and distance > 0.0:
            rates = [self._options.rate * part / distance for part in travel]
            return head.rotate(rates[0], rates[1], now, dt)
        shares = [max(abs(part) / distance, 0.05) if distance > _ARRIVED else 1.0 for part in travel]
        return head.go_to(point.pan, point.tilt, self._options.rate * shares[0], self._options.rate * shares[1])

# SPDX-License-Identifier: Apache-2.0
"""From a motion to step pulses: when each step is due, and what a switch that bounces really says."""

from __future__ import annotations

import math
from typing import NamedTuple

from turret_control.devices.motion_profile import AxisMotion, MotionProfile
from turret_control.drivers.driver import Switch


class StepEvent(NamedTuple):
    """One step: seconds into the segment, and +1 or -1."""

    offset_s: float
    direction: int


class StepPlanner:
    """Plans the steps of one axis, a short segment of time after the other, and counts those that were made.

    Attributes:
        count: steps made, signed.
        step_angle: rad per step.
    """

    def __init__(self, step_angle: float) -> None:
        self.step_angle = step_angle
        self.count = 0
        self._profile = MotionProfile()

    @property
    def position(self) -> float:
        """Where the steps that were made have taken the axis [rad]."""
        return self.count * self.step_angle

    @property
    def velocity(self) -> float:
        """Velocity of the motion [rad/s]."""
        return self._profile.velocity

    def plan(self, motion: AxisMotion, dt: float) -> list[StepEvent]:
        """Return the steps of the next ``dt`` seconds, each when the motion passes half-way between two steps."""
        profile = self._profile
        before = profile.position / self.step_angle
        profile.advance(motion, dt)
        after = profile.position / self.step_angle
        direction = 1 if round(after) > self.count else -1
        events = []
        for i in range(abs(round(after) - self.count)):
            crossing = self.count + direction * (i + 0.5)
            share = (crossing - before) / (after - before) if after != before else 1.0
            events.append(StepEvent(dt * min(1.0, max(0.0, share)), direction))
        return events

    def made(self, event: StepEvent) -> None:
        """Count a step that was made."""
        self.count += event.direction

    def halt(self) -> None:
        """Stand still at once where the steps made have led; steps that were only planned are forgotten."""
        self._profile = MotionProfile(self.position)


class Debouncer:
    """A switch as it is once it has stopped bouncing.

    It changes only when it has read the same for ``debounce_s``; what cannot be read is unreadable at once.
    """

    def __init__(self, debounce_s: float) -> None:
        self._debounce_s = debounce_s
        self._since = -math.inf
        self._raw: bool | None = None
        self.state = Switch.UNREADABLE

    def update(self, pressed: bool | None, now_s: float) -> Switch:
        """Take a reading, None when it failed, and return the state."""
        if pressed is None:
            self.state = Switch.UNREADABLE
        elif pressed is not self._raw:
            self._since = now_s
        if pressed is not None and (now_s - self._since >= self._debounce_s or self.state is Switch.UNREADABLE):
            self.state = Switch.PRESSED if pressed else Switch.OPEN
        self._raw = pressed
        return self.state

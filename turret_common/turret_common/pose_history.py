# SPDX-License-Identifier: Apache-2.0
"""Pose of the head at any recent instant, interpolated between samples."""

from __future__ import annotations

import bisect
import math
from collections import deque
from typing import NamedTuple


class Pose(NamedTuple):
    """Pan and tilt in rad and their rates in rad/s; a rate that is not known is NaN."""

    pan: float
    tilt: float
    pan_rate: float = 0.0
    tilt_rate: float = 0.0


class PoseHistory:
    """A bounded history of stamped poses.

    Stamps are in s on any one clock and must increase: a sample with an older stamp is ignored, and one that is more
    than ``span_s`` older (a restarted clock) clears the history first.
    """

    def __init__(self, span_s: float = 2.0, extrapolate_s: float = 0.05) -> None:
        self._span_s = span_s
        self._extrapolate_s = extrapolate_s
        self._stamps: deque[float] = deque()
        self._poses: deque[Pose] = deque()

    def add(self, stamp: float, pose: Pose) -> None:
        """Add the pose at ``stamp``."""
        if self._stamps and stamp <= self._stamps[-1]:
            if stamp > self._stamps[-1] - self._span_s:
                return
            self._stamps.clear()
            self._poses.clear()
        self._stamps.append(stamp)
        self._poses.append(pose)
        while self._stamps[0] < stamp - self._span_s:
            self._stamps.popleft()
            self._poses.popleft()

    def at(self, stamp: float) -> Pose | None:
        """Return the pose at ``stamp``; None when it is outside the history.

        Shortly after the newest sample (at most ``extrapolate_s``) the pose is continued with the newest rates, or held
        where those are unknown (NaN).
        """
        if not self._stamps or stamp < self._stamps[0] or stamp > self._stamps[-1] + self._extrapolate_s:
            return None
        i = bisect.bisect_left(self._stamps, stamp)
        if i == len(self._stamps):
            last, dt = self._poses[-1], stamp - self._stamps[-1]
            if math.isnan(last.pan_rate + last.tilt_rate):
                return last
            return last._replace(pan=last.pan + last.pan_rate * dt, tilt=last.tilt + last.tilt_rate * dt)
        if i == 0:
            return self._poses[0]
        t0, t1 = self._stamps[i - 1], self._stamps[i]
        w = (stamp - t0) / (t1 - t0)
        return Pose(*(a + w * (b - a) for a, b in zip(self._poses[i - 1], self._poses[i], strict=True)))

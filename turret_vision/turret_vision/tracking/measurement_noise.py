# SPDX-License-Identifier: Apache-2.0
"""Estimation of the measurement noise of the bearings of one target."""

from __future__ import annotations

import math
from collections import deque

from turret_common.geometry import Bearing, wrap_angle

_WINDOW_S = 0.5       # a longer gap restarts the estimate
_PRIOR = 10.0         # weight of the nominal noise [images]
_MEMORY = 30.0        # images that the estimate is averaged over
_MAX_RESIDUAL = 25.0       # single squared residual in variances; more is a jump, not noise
_SCALE = (0.1, 4.0)   # bounds of the result


class NoiseEstimator:
    """Compares the scatter of measurements with what is expected of them.

    Each measurement is compared with the parabola through the three before it. No smooth motion shows in the
    difference, only noise, whatever the state of the filter.

    Attributes:
        scale: true standard deviation divided by the nominal one.
    """

    def __init__(self) -> None:
        self.scale = 1.0
        self._recent: deque[tuple[float, Bearing]] = deque(maxlen=3)
        self._variance = 1.0
        self._weight = _PRIOR

    def add(self, stamp: float, bearing: Bearing, deviation: tuple[float, float]) -> None:
        """Take a measured bearing, in rad, with its nominal standard deviations across and up, at ``stamp`` in s."""
        if self._recent and stamp - self._recent[0][0] > _WINDOW_S:
            self._recent.clear()
        if len(self._recent) == 3:
            self._compare(stamp, bearing, deviation)
        self._recent.append((stamp, bearing))

    def _compare(self, stamp: float, bearing: Bearing, deviation: tuple[float, float]) -> None:
        (t0, _), (t1, _), (t2, _) = self._recent
        # Lagrange's weights of the three at ``stamp``.
        weights = (
            (stamp - t1) * (stamp - t2) / ((t0 - t1) * (t0 - t2)),
            (stamp - t0) * (stamp - t2) / ((t1 - t0) * (t1 - t2)),
            (stamp - t0) * (stamp - t1) / ((t2 - t0) * (t2 - t1)))
        across = math.cos(bearing.elevation) * sum(
            w * wrap_angle(b.azimuth - bearing.azimuth) for w, (_, b) in zip(weights, self._recent, strict=True))
        up = sum(w * (b.elevation - bearing.elevation) for w, (_, b) in zip(weights, self._recent, strict=True))
        residual = ((across / deviation[0]) ** 2 + (up / deviation[1]) ** 2) / 2.0
        residual /= 1.0 + sum(w * w for w in weights)
        self._weight = min(self._weight + 1.0, _MEMORY)
        self._variance += (min(residual, _MAX_RESIDUAL) - self._variance) / self._weight
        self.scale = min(max(math.sqrt(self._variance), _SCALE[0]), _SCALE[1])

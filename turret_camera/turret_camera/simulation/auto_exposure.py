# SPDX-License-Identifier: Apache-2.0
"""Exposure time and gain that keep the image at a pleasant brightness."""

from __future__ import annotations

_TARGET = 150.0  # gray level
_TOLERANCE = 35.0  # gray levels; no change within, so that the image does not pump while the head looks around
_STEP = 0.15  # share of the way per frame
_MAX_US = 10000.0  # rather gain than more motion blur than this
_SHORTEST_US = 100.0
_HIGHEST_GAIN = 8.0


class AutoExposure:
    """Follows the light frame by frame, exposure time first and then gain.

    Attributes:
        exposure_us: exposure time for the next frame in us.
        gain: analog gain for the next frame, linear.
    """

    def __init__(self) -> None:
        self.exposure_us = _MAX_US
        self.gain = 1.0

    def update(self, mean: float, period_us: float) -> None:
        """Take the mean gray level of the newest frame; the exposure stays within the frame's period."""
        limit = min(_MAX_US, period_us)
        amount = self.exposure_us * self.gain
        if abs(mean - _TARGET) > _TOLERANCE:
            wanted = amount * min(max((_TARGET / max(mean, 1.0)) ** 2.2, 0.1), 10.0)
            amount *= (wanted / amount) ** _STEP
        amount = min(max(amount, _SHORTEST_US), limit * _HIGHEST_GAIN)
        self.exposure_us = min(amount, limit)
        self.gain = amount / self.exposure_us

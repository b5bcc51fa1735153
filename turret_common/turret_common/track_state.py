# SPDX-License-Identifier: Apache-2.0
"""Life cycle of a track."""

from __future__ import annotations

from enum import IntEnum


class TrackState(IntEnum):
    """State of a track; the values are those of ``Track.STATE_*``."""

    UNKNOWN = 0
    DETECTING = 1
    TRACKING = 2
    COASTING = 3
    LOST = 4

    @property
    def confirmed(self) -> bool:
        """Whether the track is confirmed: followed, or coasting while its target is hidden."""
        return self in (TrackState.TRACKING, TrackState.COASTING)

# SPDX-License-Identifier: Apache-2.0
"""Target selection: by priority with hysteresis, or the track that the operator selected."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from enum import IntEnum

from turret_common.geometry import Bearing, angle_between
from turret_common.params import param
from turret_common.track_state import TrackState

_MAX_RATE = 50.0   # rad/s; a higher rate is not plausible
_MAX_PX = 1e5


class Priority(IntEnum):
    """Selection priorities; the values are those of ``ControllerState.PRIORITY_*``."""

    LARGEST = 0
    NEAREST = 1
    LEFTMOST = 2
    RIGHTMOST = 3
    MOST_CONFIDENT = 4


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One track as a candidate for aiming, at the stamp of its image; fields as in ``Track.msg``.

    ``pixel`` is the center of its box in px of the full image, None if it was not detected in this image; ``size_px``
    is the width and height of the box.
    """

    id: str
    state: TrackState
    class_id: str
    confidence: float
    azimuth: float
    elevation: float
    azimuth_rate: float
    elevation_rate: float
    angular_width: float
    angular_height: float
    unseen_s: float = 0.0
    pixel: tuple[float, float] | None = None
    size_px: tuple[float, float] = (0.0, 0.0)

    @property
    def bearing(self) -> Bearing:
        """Bearing in ``base_link``."""
        return Bearing(self.azimuth, self.elevation)

    def usable(self) -> bool:
        """Return whether the track is confirmed and every value that aiming needs is finite and plausible."""
        bounded = (
            (self.azimuth, math.pi), (self.elevation, 0.5 * math.pi), (self.azimuth_rate, _MAX_RATE),
            (self.elevation_rate, _MAX_RATE), (self.unseen_s, math.inf),
            *((value, _MAX_PX) for value in self.pixel or ()))
        return self.state.confirmed and all(
            math.isfinite(value) and abs(value) <= most for value, most in bounded)


@dataclasses.dataclass(frozen=True)
class SelectionParameters:
    """Parameters of target selection."""

    priority: str = param(
        'largest', 'Preferred target', live=True, choices=tuple(priority.name.lower() for priority in Priority))
    classes: tuple[str, ...] = param((), 'Classes that may be selected; empty = all', live=True)
    hold_s: float = param(
        0.5, 'Time for which a rival must be better before it replaces the target', unit='s', minimum=0.0, maximum=10.0,
        live=True)
    yield_s: float = param(
        0.3, 'Time for which an undetected target is kept while another one is visible', unit='s', minimum=0.0,
        maximum=10.0, live=True)
    margin: float = param(
        0.25, "Required advantage of a rival as a fraction of the target's size or confidence", minimum=0.0,
        maximum=10.0, live=True)
    margin_angle: float = param(
        0.03, 'Required advantage of a rival for priorities by direction', unit='rad', minimum=0.0, maximum=1.0,
        live=True)


class TargetSelector:
    """Selects one of the tracks after every image.

    A target is kept while it is confirmed, unless another track has been better by the margin for ``hold_s``, or is
    visible while the target has been hidden for ``yield_s``. A changed priority or selection acts at once.

    Attributes:
        selected_id: track selected by the operator; empty = by priority.
    """

    def __init__(self) -> None:
        self.selected_id = ''
        self._priority: Priority | None = None
        self._current_id = ''
        self._rival_id = ''
        self._rival_since = 0.0

    def select(self, track_id: str) -> None:
        """Set the operator's selection, or select by priority if it is empty; hysteresis starts again."""
        self.selected_id = track_id
        self._current_id = ''

    def choose(
            self, candidates: Sequence[Candidate], aim: Bearing, parameters: SelectionParameters,
            now: float) -> Candidate | None:
        """Return the target to aim at, or None.

        Args:
            candidates: all tracks after the newest image.
            aim: present bearing of the laser, for the priority ``nearest``.
            parameters: priority, classes and hysteresis.
            now: time in s on any steady clock.
        """
        classes = parameters.classes
        usable = {t.id: t for t in candidates if t.usable() and (not classes or t.class_id in classes)}
        if self.selected_id:
            return usable.get(self.selected_id)
        priority = Priority[parameters.priority.upper()]
        if priority is not self._priority:
            self._priority, self._current_id = priority, ''
        current = usable.get(self._current_id)
        if current and current.unseen_s > parameters.yield_s and any(t.unseen_s == 0.0 for t in usable.values()):
            del usable[self._current_id]
        scores = {id_: _score(t, priority, aim) for id_, t in usable.items()}
        best_id = max(scores, key=lambda id_: scores[id_], default='')
        if best_id and self._current_id in usable and best_id != self._current_id:
            best_id = self._hysteresis(scores, best_id, priority, parameters, now)
        else:
            self._rival_id = ''
        self._current_id = best_id
        return usable.get(best_id)

    def _hysteresis(self, scores: dict[str, float], best_id: str, priority: Priority, parameters: SelectionParameters,
                    now: float) -> str:
        score = scores[self._current_id]
        by_angle = priority in (Priority.NEAREST, Priority.LEFTMOST, Priority.RIGHTMOST)
        margin = parameters.margin_angle if by_angle else parameters.margin * abs(score)
        if scores[best_id] <= score + margin:
            self._rival_id = ''
            return self._current_id
        if self._rival_id != best_id:
            self._rival_id, self._rival_since = best_id, now
        return best_id if now - self._rival_since >= parameters.hold_s else self._current_id


def _score(target: Candidate, priority: Priority, aim: Bearing) -> float:
    """Return the score of a track for a priority: higher is better; the lowest if it is not finite."""
    score = {
        Priority.LARGEST: lambda: target.angular_width * target.angular_height,
        Priority.NEAREST: lambda: -angle_between(target.bearing, aim),
        Priority.LEFTMOST: lambda: target.azimuth,
        Priority.RIGHTMOST: lambda: -target.azimuth,
        Priority.MOST_CONFIDENT: lambda: target.confidence,
    }[priority]()
    return score if math.isfinite(score) else -1e9

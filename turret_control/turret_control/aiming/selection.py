"""Which target to aim at: priorities with hysteresis, or the one that the operator chose."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from enum import IntEnum

from turret_common.geometry import Bearing, angle_between
from turret_common.params import param
from turret_common.track_state import TrackState

_MOST_RATE = 50.0   # rad/s; nothing that is tracked is faster
_MOST_PX = 1e5


class Priority(IntEnum):
    """As in ``ControllerState.msg``."""

    LARGEST = 0
    NEAREST = 1
    LEFTMOST = 2
    RIGHTMOST = 3
    MOST_CONFIDENT = 4


@dataclasses.dataclass(frozen=True)
class Target:
    """One track as the controller needs it, at the stamp of its image; fields as in ``Track.msg``.

    ``pixel`` is the middle of its box in px of the full image, None when it was not seen in this image; ``size_px`` is
    the box's width and height.
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
        """Its direction in ``base_link``."""
        return Bearing(self.azimuth, self.elevation)

    def usable(self) -> bool:
        """Return whether it is trusted, and every number that aiming needs is finite and makes sense."""
        bounded = (
            (self.azimuth, math.pi), (self.elevation, 0.5 * math.pi), (self.azimuth_rate, _MOST_RATE),
            (self.elevation_rate, _MOST_RATE), (self.unseen_s, math.inf),
            *((value, _MOST_PX) for value in self.pixel or ()))
        return self.state.confirmed and all(
            math.isfinite(value) and abs(value) <= most for value, most in bounded)


@dataclasses.dataclass(frozen=True)
class SelectionParameters:
    """How targets are chosen."""

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
    """Chooses one of the tracks after every image.

    A target is kept for as long as it is trusted, unless a rival has been clearly better for ``hold_s``, or is in sight
    when the target has not been for ``yield_s``. A changed priority or choice acts at once.

    Attributes:
        selected_id: the operator's choice; empty = by priority.
    """

    def __init__(self) -> None:
        self.selected_id = ''
        self._priority: Priority | None = None
        self._current_id = ''
        self._rival_id = ''
        self._rival_since = 0.0

    def select(self, track_id: str) -> None:
        """Take the operator's choice, or go by priority when it is empty; either way choose afresh."""
        self.selected_id = track_id
        self._current_id = ''

    def choose(
            self, targets: Sequence[Target], aim: Bearing, parameters: SelectionParameters,
            now: float) -> Target | None:
        """Return the target to aim at; None when there is none.

        Args:
            targets: every track after the newest image.
            aim: where the laser points now, for the priority ``nearest``.
            parameters: priority, classes and hysteresis.
            now: in s, on any steady clock.
        """
        classes = parameters.classes
        usable = {t.id: t for t in targets if t.usable() and (not classes or t.class_id in classes)}
        if self.selected_id:
            return usable.get(self.selected_id)
        priority = Priority[parameters.priority.upper()]
        if priority is not self._priority:
            self._priority, self._current_id = priority, ''
        current = usable.get(self._current_id)
        if current and current.unseen_s > parameters.yield_s and any(t.unseen_s == 0.0 for t in usable.values()):
            del usable[self._current_id]
        merits = {id_: _merit(t, priority, aim) for id_, t in usable.items()}
        best_id = max(merits, key=lambda id_: merits[id_], default='')
        if best_id and self._current_id in usable and best_id != self._current_id:
            best_id = self._hysteresis(merits, best_id, priority, parameters, now)
        else:
            self._rival_id = ''
        self._current_id = best_id
        return usable.get(best_id)

    def _hysteresis(self, merits: dict[str, float], best_id: str, priority: Priority, parameters: SelectionParameters,
                    now: float) -> str:
        merit = merits[self._current_id]
        by_angle = priority in (Priority.NEAREST, Priority.LEFTMOST, Priority.RIGHTMOST)
        margin = parameters.margin_angle if by_angle else parameters.margin * abs(merit)
        if merits[best_id] <= merit + margin:
            self._rival_id = ''
            return self._current_id
        if self._rival_id != best_id:
            self._rival_id, self._rival_since = best_id, now
        return best_id if now - self._rival_since >= parameters.hold_s else self._current_id


def _merit(target: Target, priority: Priority, aim: Bearing) -> float:
    """Return how good a target is by a priority: more is better; the worst when it cannot be told."""
    merit = {
        Priority.LARGEST: lambda: target.angular_width * target.angular_height,
        Priority.NEAREST: lambda: -angle_between(target.bearing, aim),
        Priority.LEFTMOST: lambda: target.azimuth,
        Priority.RIGHTMOST: lambda: -target.azimuth,
        Priority.MOST_CONFIDENT: lambda: target.confidence,
    }[priority]()
    return merit if math.isfinite(merit) else -1e9

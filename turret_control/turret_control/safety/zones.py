# SPDX-License-Identifier: Apache-2.0
"""Where the laser may point: rectangles in pan and tilt, checked against where the head is and could coast to."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_finite

_TURN = 2.0 * math.pi
_ZONES_MAX = 64
_EDGES = ('pan_min', 'pan_max', 'tilt_min', 'tilt_max')


class ZoneKind(IntEnum):
    """The constants ``KIND_*`` of ``Zone.msg``."""

    NO_FIRE = 0
    ALLOWED = 1


@dataclasses.dataclass(frozen=True)
class Zone:
    """A rectangle in pan and tilt in rad, ``base_link``."""

    name: str
    kind: ZoneKind
    pan_min: float
    pan_max: float
    tilt_min: float
    tilt_max: float


class Motion(NamedTuple):
    """The measured motion of one axis: position in rad, velocity in rad/s, what it brakes with in rad/s^2."""

    position: float
    velocity: float
    deceleration: float

    def reach(self, margin: float, reaction_s: float) -> tuple[float, float]:
        """Return the interval in rad in which the axis is or could come to rest when it is commanded to stop now.

        Stopping takes the reaction time at the present velocity and then v^2 / (2 a).
        """
        if not 0.0 < self.deceleration < math.inf:
            return -math.inf, math.inf
        ahead = self.velocity * reaction_s + self.velocity * abs(self.velocity) / (2.0 * self.deceleration)
        return self.position + min(ahead, 0.0) - margin, self.position + max(ahead, 0.0) + margin


def check_zones(zones: Sequence[Zone]) -> None:
    """Refuse zones that make no sense.

    Raises:
        TurretError: TOO_LARGE for too many, NOT_FINITE, OUT_OF_RANGE for an edge beyond a revolution,
            INVALID_ARGUMENT for an empty rectangle or a name that is empty or used twice.
    """
    if len(zones) > _ZONES_MAX:
        raise TurretError(ReasonCode.TOO_LARGE, f'{len(zones)} zones are more than {_ZONES_MAX}')
    names = [zone.name for zone in zones]
    for zone in zones:
        edges = {edge: getattr(zone, edge) for edge in _EDGES}
        require_finite(**edges)
        if any(abs(edge) > _TURN for edge in edges.values()):
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'zone "{zone.name}" has an edge beyond a full turn')
        if zone.pan_min >= zone.pan_max or zone.tilt_min >= zone.tilt_max:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'zone "{zone.name}" is empty: minimum is not below maximum')
        if not zone.name.strip() or names.count(zone.name) > 1:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'zone name "{zone.name}" is empty or used twice')


def may_fire(zones: Sequence[Zone], pan: Motion, tilt: Motion, margin: float, reaction_s: float) -> bool:
    """Return whether the beam stays where the zones allow it, even if the head were commanded to stop only now.

    Args:
        zones: every no-fire zone must be missed; where allowed zones exist, one of them must hold the whole reach.
        pan: measured motion of the axis.
        tilt: measured motion of the axis.
        margin: in rad, added on every side.
        reaction_s: time until the axes begin to brake.
    """
    if not zones:
        return True
    pan_low, pan_high = pan.reach(margin, reaction_s)
    tilt_low, tilt_high = tilt.reach(margin, reaction_s)
    if not (pan_high - pan_low < _TURN and math.isfinite(tilt_high - tilt_low)):
        return False
    turns = [_TURN * k for k in range(
        math.ceil((-_TURN - pan_high) / _TURN), math.floor((_TURN - pan_low) / _TURN) + 1)]

    def overlaps(zone: Zone, turn: float) -> bool:
        return (pan_low + turn < zone.pan_max and pan_high + turn > zone.pan_min
                and tilt_low < zone.tilt_max and tilt_high > zone.tilt_min)

    def holds(zone: Zone, turn: float) -> bool:
        return (pan_low + turn >= zone.pan_min and pan_high + turn <= zone.pan_max
                and tilt_low >= zone.tilt_min and tilt_high <= zone.tilt_max)

    allowed = [zone for zone in zones if zone.kind is ZoneKind.ALLOWED]
    forbidden = [zone for zone in zones if zone.kind is ZoneKind.NO_FIRE]
    if any(overlaps(zone, turn) for zone in forbidden for turn in turns):
        return False
    return not allowed or any(holds(zone, turn) for zone in allowed for turn in turns)


def lie_below(zones: Sequence[Zone], tilt: float) -> bool:
    """Return whether there are allowed zones, all of them below a tilt in rad."""
    tops = [zone.tilt_max for zone in zones if zone.kind is ZoneKind.ALLOWED]
    return bool(tops) and max(tops) <= tilt


def dump(zones: Sequence[Zone]) -> list[dict[str, Any]]:
    """Return zones as the content of a file."""
    return [dataclasses.asdict(zone) for zone in zones]


def version_of(zones: Sequence[Zone]) -> str:
    """Return a text that differs between different lists of zones, also after a restart."""
    return hashlib.sha256(json.dumps(dump(zones)).encode()).hexdigest()


def parse(data: Any) -> tuple[Zone, ...]:
    """Return the zones in a file.

    Raises:
        ValueError, TypeError, LookupError: the data is not valid.
        TurretError: as :func:`check_zones`.
    """
    zones = tuple(
        Zone(str(fields['name']), ZoneKind(fields['kind']), *(float(fields[edge]) for edge in _EDGES))
        for fields in data)
    check_zones(zones)
    return zones

# SPDX-License-Identifier: Apache-2.0
"""Pattern geometry: the waypoints of one pass after the other."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_finite, require_range
from turret_control.motion import HeadLimits

_CURVE_POINTS = 48   # waypoints of a circle or figure of eight
_RASTER_ROWS = 5
_RANDOM_STEPS = 12   # waypoints per pass


class Kind(IntEnum):
    """Kinds of pattern; the values are those of ``RunPattern.KIND_*``."""

    PRESETS = 0
    CIRCLE = 1
    FIGURE_EIGHT = 2
    RASTER = 3
    RANDOM = 4


class Waypoint(NamedTuple):
    """A pose in rad; the head dwells there if ``stop`` is set."""

    pan: float
    tilt: float
    stop: bool = True


class Area(NamedTuple):
    """Area of a generated pattern: center and half sizes in rad."""

    pan: float
    tilt: float
    half_width: float
    half_height: float


def passes(kind: Kind, area: Area, presets: Sequence[Waypoint], seed: int) -> Iterator[list[Waypoint]]:
    """Yield the waypoints of one pass after the other, without end.

    Args:
        kind: kind of pattern.
        area: area of a generated pattern.
        presets: waypoints of PRESETS.
        seed: seed of RANDOM; the same seed gives the same passes.
    """
    if kind is Kind.RANDOM:
        rng = random.Random(seed)
        while True:
            yield [_place(area, rng.uniform(-1.0, 1.0), rng.uniform(-1.0, 1.0)) for _ in range(_RANDOM_STEPS)]
    if kind is Kind.PRESETS:
        points = list(presets)
    elif kind is Kind.CIRCLE:
        points = _curve(area, lambda angle: (math.cos(angle), math.sin(angle)))
    elif kind is Kind.FIGURE_EIGHT:
        points = _curve(area, lambda angle: (math.sin(angle), math.sin(2.0 * angle)))
    else:
        points = _raster(area)
    yield from itertools.repeat(points)


def check(kind: int, area: Area, presets: Sequence[Waypoint], limits: HeadLimits) -> Kind:
    """Return the kind of a pattern after checking it against the limits.

    Raises:
        TurretError: UNKNOWN_NAME (kind), INVALID_ARGUMENT (no presets), NOT_FINITE, OUT_OF_RANGE.
    """
    if kind not in list(Kind):
        raise TurretError(ReasonCode.UNKNOWN_NAME, f'pattern kind {kind} does not exist')
    corners: Sequence[Waypoint] = presets
    if kind == Kind.PRESETS:
        if not presets:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, 'a sequence needs at least one preset')
    else:
        require_finite(pan_center=area.pan, tilt_center=area.tilt)
        require_range('pan_size', area.half_width, 0.0, math.pi)
        require_range('tilt_size', area.half_height, 0.0, math.pi)
        corners = [_place(area, x, y) for x in (-1.0, 1.0) for y in (-1.0, 1.0)]
    for corner in corners:
        require_range('pan', corner.pan, limits.pan.lower, limits.pan.upper)
        require_range('tilt', corner.tilt, limits.tilt.lower, limits.tilt.upper)
    return Kind(kind)


def _place(area: Area, x: float, y: float, stop: bool = True) -> Waypoint:
    """Return a point of the area, ``x`` and ``y`` from -1 to 1."""
    return Waypoint(area.pan + x * area.half_width, area.tilt + y * area.half_height, stop)


def _curve(area: Area, point: Callable[[float], tuple[float, float]]) -> list[Waypoint]:
    """Return a closed curve, given as a function of the angle around it, with one stop at its start."""
    angles = [2.0 * math.pi * i / _CURVE_POINTS for i in range(_CURVE_POINTS)]
    return [_place(area, *point(angle), stop=i == 0) for i, angle in enumerate(angles)]


def _raster(area: Area) -> list[Waypoint]:
    rows = [1.0 - 2.0 * i / (_RASTER_ROWS - 1) for i in range(_RASTER_ROWS)]
    ends = [(-1.0, 1.0) if i % 2 == 0 else (1.0, -1.0) for i in range(_RASTER_ROWS)]
    return [_place(area, x, y) for y, row in zip(rows, ends, strict=True) for x in row]

# SPDX-License-Identifier: Apache-2.0
"""Paths of patterns stay in their area and within the limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.actions.patterns import Area, Kind, Waypoint, check, passes
from turret_control.motion import AxisLimits, HeadLimits

LIMITS = HeadLimits(AxisLimits(-1.5, 1.5, 3.0, 20.0), AxisLimits(-0.7, 0.9, 3.0, 20.0))


@given(st.sampled_from([k for k in Kind if k is not Kind.PRESETS]), st.integers(0, 99))
def test_generated_patterns_stay_in_their_area(kind: Kind, seed: int) -> None:
    area = Area(0.2, -0.1, 0.4, 0.3)
    source = passes(kind, area, (), seed)
    for point in [*next(source), *next(source)]:
        assert abs(point.pan - area.pan) <= area.half_width + 1e-9
        assert abs(point.tilt - area.tilt) <= area.half_height + 1e-9


def test_the_same_seed_walks_the_same_way() -> None:
    area = Area(0.0, 0.0, 0.5, 0.5)
    first, again, other = (passes(Kind.RANDOM, area, (), seed) for seed in (7, 7, 8))
    one = next(first)
    assert one == next(again)
    assert one != next(other)
    assert one != next(first)


@pytest.mark.parametrize(('kind', 'area', 'presets', 'code'), [
    (9, Area(0.0, 0.0, 0.1, 0.1), (), ReasonCode.UNKNOWN_NAME),
    (Kind.CIRCLE, Area(1.4, 0.0, 0.2, 0.1), (), ReasonCode.OUT_OF_RANGE),
    (Kind.CIRCLE, Area(math.nan, 0.0, 0.2, 0.1), (), ReasonCode.NOT_FINITE),
    (Kind.PRESETS, Area(0.0, 0.0, 0.0, 0.0), (), ReasonCode.INVALID_ARGUMENT),
    (Kind.PRESETS, Area(0.0, 0.0, 0.0, 0.0), (Waypoint(0.0, 2.0),), ReasonCode.OUT_OF_RANGE)])
def test_what_does_not_fit_is_refused(kind: int, area: Area, presets: tuple[Waypoint, ...], code: ReasonCode) -> None:
    with pytest.raises(TurretError) as refusal:
        check(kind, area, presets, LIMITS)
    assert refusal.value.code is code

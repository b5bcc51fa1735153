# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.safety.zones import Motion, Zone, ZoneKind, check_zones, dump, may_fire, parse, version_of

NO_FIRE = Zone('window', ZoneKind.NO_FIRE, 0.5, 1.0, -0.2, 0.2)
ALLOWED = Zone('range', ZoneKind.ALLOWED, -1.0, 1.0, -0.5, 0.5)
TURN = 2 * math.pi


def at(pan: float, tilt: float, zones: Any = (NO_FIRE,), margin: float = 0.1, reaction_s: float = 0.0) -> bool:
    return may_fire(zones, Motion(pan, 0.0, 1.0), Motion(tilt, 0.0, 1.0), margin, reaction_s)


@pytest.mark.parametrize(('pan', 'tilt', 'fires'), [
    (0.75, 0.0, False), (0.41, 0.0, False), (0.39, 0.0, True), (1.09, 0.0, False), (1.11, 0.0, True),
    (0.75, 0.29, False), (0.75, 0.31, True), (0.75, -0.29, False), (0.75, -0.31, True)])
def test_a_no_fire_zone_is_kept_clear_with_the_margin(pan: float, tilt: float, fires: bool) -> None:
    assert at(pan, tilt) is fires


@pytest.mark.parametrize(('pan', 'tilt', 'fires'), [
    (0.0, 0.0, True), (0.89, 0.0, True), (0.91, 0.0, False), (-0.89, 0.0, True), (-0.91, 0.0, False),
    (0.0, 0.39, True), (0.0, 0.41, False), (0.0, -0.39, True), (0.0, -0.41, False), (3.0, 0.0, False)])
def test_an_allowed_zone_is_not_left_with_the_margin(pan: float, tilt: float, fires: bool) -> None:
    assert at(pan, tilt, [ALLOWED]) is fires


@pytest.mark.parametrize(('pan', 'tilt'), [(0.375, 0.0), (1.125, 0.0), (0.75, 0.375), (0.75, -0.375)])
def test_touching_a_no_fire_zone_with_the_margin_is_not_entering_it(pan: float, tilt: float) -> None:
    assert at(pan, tilt, [Zone('exact', ZoneKind.NO_FIRE, 0.5, 1.0, -0.25, 0.25)], margin=0.125)


@pytest.mark.parametrize(('pan', 'tilt'), [(0.625, 0.0), (0.875, 0.0), (0.75, 0.125), (0.75, -0.125)])
def test_touching_the_edge_of_an_allowed_zone_with_the_margin_is_not_leaving_it(pan: float, tilt: float) -> None:
    assert at(pan, tilt, [Zone('exact', ZoneKind.ALLOWED, 0.5, 1.0, -0.25, 0.25)], margin=0.125)


def test_the_kinds_are_those_of_the_message() -> None:
    assert (ZoneKind.NO_FIRE, ZoneKind.ALLOWED) == (0, 1)


def test_a_reach_of_a_full_turn_fires_nowhere_near_zones() -> None:
    wide = Motion(0.0, 0.0, 1.0)
    far = Zone('far', ZoneKind.NO_FIRE, 3.0, 3.1, 5.0, 5.1)
    assert may_fire([far], wide, wide, math.pi - 0.01, 0.0)
    assert not may_fire([far], wide, wide, math.pi, 0.0)


def test_a_no_fire_zone_holds_within_an_allowed_one() -> None:
    assert at(0.0, 0.0, [ALLOWED, NO_FIRE])
    assert not at(0.75, 0.0, [ALLOWED, NO_FIRE])


def test_one_of_several_allowed_zones_is_enough() -> None:
    other = replace(ALLOWED, name='other', pan_min=2.0, pan_max=3.0)
    assert at(2.5, 0.0, [ALLOWED, other])
    assert at(0.0, 0.0, [ALLOWED, other])
    assert not at(1.5, 0.0, [ALLOWED, other])


def test_without_zones_everything_is_allowed() -> None:
    assert may_fire((), Motion(math.nan, 0.0, 1.0), Motion(0.0, 0.0, 1.0), 0.1, 0.1)


@pytest.mark.parametrize(('position', 'velocity', 'fires'), [
    (0.0, 0.5, True),  # stops after 0.05 + 0.125
    (0.24, 0.5, False), (0.22, 0.5, True),
    (0.24, -0.5, True), (1.26, -0.5, False), (1.28, -0.5, True), (1.26, 0.5, True)])
def test_the_stopping_distance_counts_in_the_direction_of_motion(position: float, velocity: float, fires: bool) -> None:
    pan, still = Motion(position, velocity, 1.0), Motion(0.0, 0.0, 1.0)
    assert may_fire([NO_FIRE], pan, still, 0.1, 0.1) is fires


@pytest.mark.parametrize(('position', 'velocity'), [(0.95, 1.0), (0.55, -1.0)])
def test_a_head_that_leaves_a_no_fire_zone_is_still_in_it(position: float, velocity: float) -> None:
    still = Motion(0.0, 0.0, 1.0)
    assert not may_fire([NO_FIRE], Motion(position, velocity, 1.0), still, 0.0, 0.1)


@pytest.mark.parametrize('field', ['position', 'velocity', 'deceleration'])
@pytest.mark.parametrize('axis', [0, 1])
def test_an_unknown_motion_does_not_fire_where_there_are_zones(field: str, axis: int) -> None:
    axes = [Motion(0.0, 0.0, 1.0), Motion(0.0, 0.0, 1.0)]
    axes[axis] = axes[axis]._replace(**{field: math.nan})
    assert not may_fire([ALLOWED], axes[0], axes[1], 0.1, 0.1)
    assert not may_fire([NO_FIRE], axes[0], axes[1], 0.1, 0.1)


@pytest.mark.parametrize('deceleration', [0.0, -1.0, math.inf])
def test_an_axis_that_cannot_brake_does_not_fire(deceleration: float) -> None:
    assert not may_fire([NO_FIRE], Motion(0.0, 0.0, deceleration), Motion(0.0, 0.0, 1.0), 0.1, 0.1)


def test_an_axis_that_brakes_slowly_may_fire_at_rest() -> None:
    assert may_fire([NO_FIRE], Motion(0.0, 0.0, 0.1), Motion(0.0, 0.0, 0.1), 0.1, 0.1)


@pytest.mark.parametrize('turns', [-2, -1, 1, 2])
def test_a_full_turn_makes_no_difference(turns: int) -> None:
    assert not at(0.75 + turns * TURN, 0.0)
    assert at(turns * TURN, 0.0)
    assert at(turns * TURN, 0.0, [ALLOWED])
    assert not at(2.0 + turns * TURN, 0.0, [ALLOWED])


def test_a_zone_across_the_back_works_from_both_sides() -> None:
    back = Zone('back', ZoneKind.NO_FIRE, math.pi - 0.2, math.pi + 0.2, -1.0, 1.0)
    assert not at(math.pi - 0.1, 0.0, [back])
    assert not at(-math.pi + 0.1, 0.0, [back])
    assert at(-math.pi + 0.4, 0.0, [back])


angles = st.floats(-3.0, 3.0)
rates = st.floats(-3.0, 3.0)


@given(pan=angles, tilt=angles, pan_rate=rates, tilt_rate=rates, ways=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_no_point_on_the_way_to_a_stop_is_forbidden(
        pan: float, tilt: float, pan_rate: float, tilt_rate: float, ways: tuple[float, float]) -> None:
    motions = Motion(pan, pan_rate, 2.0), Motion(tilt, tilt_rate, 3.0)
    points = []
    for motion, way in zip(motions, ways, strict=True):
        distance = motion.velocity * 0.1 + math.copysign(motion.velocity**2 / 2 / motion.deceleration, motion.velocity)
        points.append(motion.position + way * distance)
    inside = [
        zone.pan_min < points[0] < zone.pan_max and zone.tilt_min < points[1] < zone.tilt_max
        for zone in (NO_FIRE, ALLOWED)]
    if inside[0]:
        assert not may_fire([NO_FIRE], *motions, 0.01, 0.1)
    if not inside[1]:
        assert not may_fire([ALLOWED], *motions, 0.01, 0.1)


@pytest.mark.parametrize(('changes', 'code'), [
    ({'pan_min': math.nan}, ReasonCode.NOT_FINITE), ({'tilt_max': math.inf}, ReasonCode.NOT_FINITE),
    ({'pan_max': TURN + 0.01}, ReasonCode.OUT_OF_RANGE), ({'tilt_min': -TURN - 0.01}, ReasonCode.OUT_OF_RANGE),
    ({'pan_min': 1.0}, ReasonCode.INVALID_ARGUMENT), ({'tilt_max': -0.2}, ReasonCode.INVALID_ARGUMENT),
    ({'name': ' '}, ReasonCode.INVALID_ARGUMENT)])
def test_zones_that_make_no_sense_are_refused(changes: dict[str, Any], code: ReasonCode) -> None:
    with pytest.raises(TurretError) as refused:
        check_zones([replace(NO_FIRE, **changes)])
    assert refused.value.code is code


def test_a_name_names_one_zone_and_there_are_at_most_64() -> None:
    check_zones([replace(NO_FIRE, name=str(i), pan_min=-TURN, pan_max=TURN) for i in range(64)])
    with pytest.raises(TurretError) as refused:
        check_zones([replace(NO_FIRE, name=str(i)) for i in range(65)])
    assert refused.value.code is ReasonCode.TOO_LARGE
    with pytest.raises(TurretError) as refused:
        check_zones([NO_FIRE, ALLOWED, NO_FIRE])
    assert refused.value.code is ReasonCode.INVALID_ARGUMENT


def test_the_version_of_zones_changes_with_any_of_them_and_with_nothing_else() -> None:
    zones = (NO_FIRE, replace(NO_FIRE, name='other', kind=ZoneKind.ALLOWED))
    others = [(), zones[:1], zones[::-1], (replace(NO_FIRE, pan_max=NO_FIRE.pan_max + 1e-9), zones[1]),
              (replace(NO_FIRE, kind=ZoneKind.ALLOWED), zones[1])]
    assert len({version_of(each) for each in [zones, *others]}) == 6
    assert version_of(parse(dump(zones))) == version_of(zones)


def test_a_file_gives_back_what_was_written() -> None:
    assert parse(dump([NO_FIRE, ALLOWED])) == (NO_FIRE, ALLOWED)


@pytest.mark.parametrize('change', [{'pan_min': math.nan}, {'kind': 7}, {'pan_min': 'x'}, {'name': ''}])
def test_an_invalid_file_is_refused(change: dict[str, Any]) -> None:
    data = [{**dump([NO_FIRE])[0], **change}]
    with pytest.raises((ValueError, TypeError, LookupError, TurretError)):
        parse(data)
    for broken in ([1], [{}], 7):
        with pytest.raises((ValueError, TypeError, LookupError, TurretError)):
            parse(broken)

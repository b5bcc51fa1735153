# SPDX-License-Identifier: Apache-2.0
"""The braking law and the limits that every axis shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_control.motion import AxisLimits, braking_speed

DISTANCE, ACCELERATION, PERIOD = st.floats(1e-6, 5.0), st.floats(0.1, 500.0), st.floats(1e-4, 0.1)


@given(DISTANCE, ACCELERATION, PERIOD)
def test_an_axis_at_the_braking_speed_stops_at_the_distance(distance: float, acceleration: float, dt: float) -> None:
    speed = braking_speed(distance, acceleration, dt)
    assert speed * dt + speed * speed / (2.0 * acceleration) == pytest.approx(distance, rel=1e-3)


@given(DISTANCE, ACCELERATION, st.lists(PERIOD, min_size=1, max_size=50))
def test_following_the_law_never_exceeds_distance_or_deceleration(
        distance: float, acceleration: float, periods: list[float]) -> None:
    speed = braking_speed(distance, acceleration, periods[0])
    for dt, following in zip(periods, [*periods[1:], periods[-1]], strict=True):
        distance -= speed * dt
        assert distance >= -1e-9
        before, speed = speed, braking_speed(distance, acceleration, following)
        assert speed >= before - acceleration * max(dt, following) - 1e-9


@pytest.mark.parametrize('distance', [0.0, -1.0])
def test_without_distance_there_is_no_speed(distance: float) -> None:
    assert braking_speed(distance, 10.0, 0.01) == 0.0


@given(st.floats(-10.0, 10.0))
def test_clamping_gives_the_nearest_allowed_position(position: float) -> None:
    clamped = AxisLimits(-1.0, 0.5, 2.0, 10.0).clamp(position)
    assert -1.0 <= clamped <= 0.5
    assert clamped == position or not -1.0 < position < 0.5

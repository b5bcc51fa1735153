# SPDX-License-Identifier: Apache-2.0
"""The motion profile keeps its limits for every motion, and stops where it should."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turret_control.devices.motion_profile import AxisMotion, MotionProfile, stand_still

DT = 0.004
ANGLE = st.floats(-2.0, 2.0)
SPEED = st.floats(0.0, 5.0)
ACCELERATION = st.floats(0.5, 60.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(ANGLE, SPEED, st.integers(1, 100)), max_size=5), ACCELERATION)
def test_speed_and_acceleration_stay_within_what_is_allowed(
        motions: list[tuple[float, float, int]], acceleration: float) -> None:
    profile, fastest = MotionProfile(), 0.0
    for target, speed, steps in motions:
        fastest = max(fastest, speed)
        for _ in range(steps):
            before = profile.velocity
            profile.advance(AxisMotion(target, speed, acceleration), DT)
            assert abs(profile.velocity - before) <= acceleration * DT * (1.0 + 1e-9)
            assert abs(profile.velocity) <= fastest * (1.0 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(ANGLE, st.floats(0.1, 5.0), ACCELERATION)
def test_it_arrives_without_passing_the_target(target: float, speed: float, acceleration: float) -> None:
    profile = MotionProfile()
    for _ in range(100_000):
        profile.advance(AxisMotion(target, speed, acceleration), DT)
        assert abs(profile.position) <= abs(target) + 1e-9
        if abs(profile.position - target) < 1e-9 and abs(profile.velocity) < 1e-6:
            break
    assert profile.position == pytest.approx(target, abs=1e-9)


def test_standing_still_brakes_from_any_speed() -> None:
    profile = MotionProfile()
    for _ in range(250):
        profile.advance(AxisMotion(10.0, 2.0, 20.0), DT)
    begin = profile.position
    for _ in range(26):
        profile.advance(stand_still(20.0), DT)
    assert profile.velocity == 0.0
    assert profile.position - begin == pytest.approx(2.0 ** 2 / (2.0 * 20.0), rel=0.05)


def test_a_profile_at_its_target_is_quiet() -> None:
    profile = MotionProfile(0.3)
    profile.advance(AxisMotion(0.3, 1.0, 20.0), DT)
    assert (profile.position, math.fabs(profile.velocity)) == (0.3, 0.0)

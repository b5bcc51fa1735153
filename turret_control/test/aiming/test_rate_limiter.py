# SPDX-License-Identifier: Apache-2.0
"""Velocity, acceleration and soft limits hold for any input."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from turret_control.aiming.rate_limiter import RateLimiter
from turret_control.motion import AxisLimits

LIMITS = AxisLimits(-1.0, 1.0, 2.0, 10.0)
DT = 0.01
anything = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(anything, max_size=80), st.floats(-0.99, 0.99))
def test_no_input_breaks_a_limit(wanted: list[float], position: float) -> None:
    limiter = RateLimiter()
    rate = 0.0
    for value in wanted:
        before, rate = rate, limiter.step(value, position, LIMITS, DT)
        assert abs(rate) <= LIMITS.max_velocity
        assert abs(rate) <= abs(before) + LIMITS.max_acceleration * DT + 1e-9
        position += rate * DT
        assert LIMITS.lower - 1e-9 <= position <= LIMITS.upper + 1e-9


def test_an_axis_ordered_into_its_limit_brakes_within_its_acceleration() -> None:
    limiter, position, rate = RateLimiter(), 0.0, 0.0
    for _ in range(300):
        before, rate = rate, limiter.step(9.0, position, LIMITS, DT)
        assert abs(rate - before) <= LIMITS.max_acceleration * DT * 1.05
        position += rate * DT
    assert LIMITS.upper - 0.01 < position <= LIMITS.upper


def test_what_is_no_number_means_stop() -> None:
    limiter = RateLimiter()
    limiter.reset(1.0)
    rates = [limiter.step(math.nan, 0.0, LIMITS, DT) for _ in range(20)]
    assert rates[0] < 1.0
    assert rates[-1] == 0.0


@given(st.floats(1.01, 3.0), anything)
def test_beyond_a_limit_only_the_way_back_is_open(position: float, wanted: float) -> None:
    assert RateLimiter().step(wanted, position, LIMITS, DT) <= 0.0
    assert RateLimiter().step(wanted, -position, LIMITS, DT) >= 0.0

# SPDX-License-Identifier: Apache-2.0
"""Scenarios are functions of time that keep their promises."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.scenario import NAMES, make_scenario

DEGREE = math.pi / 180.0
EVERY = [*NAMES, 'ramp_10', 'ramp_30', 'ramp_60', 'sine_0.2', 'sine_0.5', 'sine_1']
CONTINUOUS = [name for name in EVERY if name != 'step']


@pytest.mark.parametrize('name', EVERY)
def test_the_same_instant_is_always_the_same(name: str) -> None:
    assert make_scenario(name, 7).targets(12.3) == make_scenario(name, 7).targets(12.3)
    assert make_scenario(name).name == name


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(CONTINUOUS), st.integers(0, 20), st.floats(0.0, 1000.0))
def test_targets_never_jump_and_rates_are_theirs(name: str, seed: int, t: float) -> None:
    scenario, dt = make_scenario(name, seed), 0.01
    for now, soon in zip(scenario.targets(t), scenario.targets(t + dt), strict=True):
        rate = math.hypot(now.azimuth_rate, now.elevation_rate)
        assert math.dist(now[2:4], soon[2:4]) <= 3.5 * dt
        assert math.dist(now[2:4], soon[2:4]) == pytest.approx(rate * dt, abs=0.02 * dt + 0.5 * 30.0 * dt * dt)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(EVERY), st.integers(0, 20), st.floats(0.0, 1000.0))
def test_targets_stay_where_the_head_can_look(name: str, seed: int, t: float) -> None:
    for target in make_scenario(name, seed).targets(t):
        assert abs(target.azimuth) < 75.0 * DEGREE
        assert -20.0 * DEGREE < target.elevation < 30.0 * DEGREE


@pytest.mark.parametrize(('name', 'rate'), [('ramp', 20.0), ('ramp_10', 10.0), ('ramp_60', 60.0)])
def test_a_ramp_holds_its_rate_between_reversals(name: str, rate: float) -> None:
    scenario = make_scenario(name)
    rates = [abs(scenario.targets(0.01 * i)[0].azimuth_rate) / DEGREE for i in range(4000)]
    assert max(rates) == pytest.approx(rate)
    assert sum(r > 0.999 * rate for r in rates) > 0.6 * len(rates)
    assert max(abs(scenario.targets(0.01 * i)[0].azimuth) for i in range(4000)) / DEGREE == pytest.approx(70.0, abs=0.1)


def test_a_sine_has_the_frequency_of_its_name() -> None:
    scenario = make_scenario('sine_0.5')
    azimuths = [scenario.targets(0.01 * i)[0].azimuth for i in range(1000)]
    assert sum(a < 0.0 <= b for a, b in itertools.pairwise(azimuths)) == pytest.approx(5, abs=1)
    assert azimuths[0] == pytest.approx(azimuths[200])


def test_amplitude_and_rate_can_be_set() -> None:
    scenario = make_scenario('ramp', amplitude=0.4, rate=0.2)
    states = [scenario.targets(0.01 * i)[0] for i in range(4000)]
    assert max(abs(state.azimuth) for state in states) == pytest.approx(0.4, abs=1e-3)
    assert max(abs(state.azimuth_rate) for state in states) == pytest.approx(0.2, abs=1e-3)


def test_a_step_jumps_every_three_seconds() -> None:
    azimuths = [make_scenario('step').targets(t)[0].azimuth for t in (2.99, 3.01, 5.99, 6.01)]
    assert azimuths == [pytest.approx(sign * 10.0 * DEGREE) for sign in (1, -1, -1, 1)]


def test_the_crossing_targets_cross() -> None:
    scenario = make_scenario('crossing')
    signs = [red.azimuth > blue.azimuth for red, blue in (scenario.targets(0.05 * i) for i in range(400))]
    assert sum(a != b for a, b in itertools.pairwise(signs)) >= 4


def test_the_occluded_target_is_hidden_for_half_a_second_at_a_time() -> None:
    scenario = make_scenario('occluded')
    visible = [scenario.targets(0.01 * i)[0].visible for i in range(4000)]
    first = visible.index(False)
    assert visible.index(True, first) - first == pytest.approx(50, abs=2)
    assert 0 < visible.count(False) < 0.2 * len(visible)


def test_the_tour_starts_with_the_balloon_in_view_and_then_wanders() -> None:
    scenario = make_scenario('tour', 1)
    start = scenario.targets(0.0)[0]
    assert start.kind == 'balloon'
    assert math.hypot(start.azimuth, start.elevation) < 20.0 * DEGREE
    rates = [math.hypot(*scenario.targets(0.1 * i)[0][8:10]) / DEGREE for i in range(3000)]
    assert max(rates) <= 25.0 + 1e-6
    assert 0.02 < sum(rate < 0.1 for rate in rates) / len(rates) < 0.5
    assert make_scenario('tour', 2).targets(20.0) != scenario.targets(20.0)


@pytest.mark.parametrize('name', ['', 'nonsense', 'ramp_', 'ramp_fast', 'ramp_nan', 'ramp_-5', 'ramp_inf', 'sine_0'])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(TurretError) as refusal:
        make_scenario(name)
    assert refusal.value.code is ReasonCode.UNKNOWN_NAME


@pytest.mark.parametrize(('name', 'rate'), [('bolt_40', 40.0), ('dash_80', 80.0)])
def test_a_bolt_rests_then_runs_and_rests_again(name: str, rate: float) -> None:
    target = make_scenario(name)
    azimuth = [math.degrees(target.targets(0.01 * i)[0].azimuth) for i in range(1200)]
    assert azimuth[:300] == pytest.approx([-22.0] * 300)
    steps = [100.0 * (b - a) for a, b in itertools.pairwise(azimuth)]
    assert max(steps) == pytest.approx(rate, rel=0.01)
    assert min(steps) == pytest.approx(-rate, rel=0.01)
    assert max(azimuth) == pytest.approx(22.0, abs=0.01)
    assert azimuth.count(pytest.approx(22.0, abs=1e-6)) >= 299

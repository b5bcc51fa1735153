# SPDX-License-Identifier: Apache-2.0
"""The class 2 profile in the driver: longer light, but no more than a quarter of an hour in any hour."""

from __future__ import annotations

import math

import pytest
from laser_bench import BEAM, LIT, MS, TICK, Bench, on_time

from turret_common.reason_codes import ReasonCode
from turret_control.laser.emission_budget import EmissionBudget
from turret_control.laser.state_machine import LaserCore, LaserState
from turret_control.laser_parameters import LaserParameters

HOUR, QUARTER = 3_600_000 * MS, 900_000 * MS
PLAY = LaserParameters(profile='class2_play', declared_mw=1.0, power=0.5, cooldown_s=0.5)


def play() -> Bench:
    bench = Bench()
    bench.laser = LaserCore(PLAY, bench.permits)
    bench.tick()
    return bench


def used(bench: Bench, left_s: float) -> EmissionBudget:
    """Return the light of an hour of which so much is left."""
    return EmissionBudget([(bench.now - QUARTER, bench.now - round(left_s * 1e9))])


def test_an_hour_has_a_quarter_of_light() -> None:
    budget = EmissionBudget()
    assert budget.left_ns(10**15) == QUARTER
    budget.add(10**15, 10**15 + 7)
    budget.add(10**15 + 100, 10**15 + 103)
    assert budget.left_ns(10**15 + 200) == QUARTER - 10
    assert budget.left_ns(10**15 + HOUR + 6) == QUARTER - 10
    assert budget.left_ns(10**15 + HOUR + 7) == QUARTER - 3
    assert budget.left_ns(10**15 + HOUR + 103) == QUARTER
    assert not budget.pulses


def test_light_from_before_counts() -> None:
    assert EmissionBudget([(10**15, 10**15 + 7)]).left_ns(10**15 + 7) == QUARTER - 7


def test_a_laser_continues_from_the_emission_before_its_start() -> None:
    bench = Bench()
    budget = used(bench, 0.0)
    bench.laser = LaserCore(PLAY, bench.permits, budget)
    assert bench.laser.budget is budget
    assert bench.refusal(bench.laser.arm) is ReasonCode.SESSION_LIMIT


def test_a_restarted_driver_assumes_that_its_predecessor_ended_in_the_longest_pulse() -> None:
    """The pulse under way when it was killed was not counted yet."""
    bench = play()
    before = bench.laser.budget.left_ns(bench.now)
    bench.laser = LaserCore(PLAY, bench.permits, bench.laser.budget, bench.now)
    assert bench.laser.budget.left_ns(bench.now) == before, 'not one that ended with its run'
    bench.laser = LaserCore(PLAY, bench.permits, bench.laser.budget, bench.now, pulse_lost=True)
    longest = round(1e9 * PLAY.max_pulse_s)
    assert bench.laser.budget.left_ns(bench.now) == before - longest
    assert bench.laser.budget.changes == 1, 'it is saved'
    other = Bench()
    other.laser = LaserCore(LaserParameters(power=0.5), other.permits, unknown_until_ns=other.now, pulse_lost=True)
    assert other.laser.budget.left_ns(other.now) == QUARTER, 'which counts under the class 2 profile only'


def test_emission_survives_a_restart_but_not_that_of_the_computer() -> None:
    data = EmissionBudget([(100, 200), (300, 450)]).dump()
    assert list(EmissionBudget.parse(data, 450).pulses) == [(100, 200), (300, 450)]
    assert list(EmissionBudget.parse(data, 449).pulses) == [(100, 200)]
    assert list(EmissionBudget.parse([[200, 100]], 10**9).pulses) == []


def test_nothing_is_emitted_while_the_emission_of_the_hour_cannot_be_saved() -> None:
    """A restart would forget it, and the hour would have more."""
    bench = play().armed()
    bench.trigger = True
    assert bench.run(0.1)[-1] == BEAM
    bench.laser.observe_budget(saved=False)
    assert on_time(bench.run(0.1)) == 0.0
    assert bench.laser.state is LaserState.OFF
    assert bench.code() is ReasonCode.IO_ERROR
    assert 'cannot be saved' in bench.laser.snapshot(bench.now).message
    bench.trigger = None
    assert bench.refusal(bench.laser.arm) is ReasonCode.IO_ERROR
    bench.laser.observe_budget(saved=True)
    bench.laser.arm(bench.now)


def test_the_standard_profile_emits_whether_the_hour_is_saved_or_not() -> None:
    bench = Bench()
    bench.laser.observe_budget(saved=False)
    bench.armed()
    bench.laser.fire(1, 0.1, 0.0, bench.now)
    assert on_time(bench.run(1.0)) == pytest.approx(0.1, abs=0.01)


def test_a_copy_for_the_disk_does_not_change_any_more() -> None:
    budget = EmissionBudget([(100, 200)])
    assert budget.changes == 0
    copy = budget.copy()
    budget.add(300, 450)
    assert (budget.changes, list(copy.pulses)) == (1, [(100, 200)])


@pytest.mark.parametrize('data', [{}, 7, [1], [[1, 2, 3]], [['a', 2]], [[None, 2]], [[0, math.nan]]])
def test_an_invalid_record_of_emission_is_refused(data: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        EmissionBudget.parse(data if data else 'x', 10**9)


def test_a_held_trigger_is_light_for_a_minute() -> None:
    bench = play().armed()
    bench.trigger = True
    lines = bench.run(61.0)
    assert on_time(lines) == pytest.approx(60.0, abs=0.02)
    assert lines[-1] == LIT
    assert set(lines) == {BEAM, LIT}


def test_a_pulse_may_be_as_long_as_a_minute() -> None:
    bench = play().armed()
    assert bench.refusal(bench.laser.fire, 1, 60.001, 0.0) is ReasonCode.PULSE_CAP
    bench.laser.fire(1, 60.0, 0.0, bench.now)


def test_the_emission_of_an_hour_ends() -> None:
    bench = play()
    bench.laser.budget = used(bench, 4.5)
    bench.armed()
    bench.trigger = True
    assert bench.laser.snapshot(bench.now).session_remaining_s == pytest.approx(4.5)
    assert on_time(bench.run(6.0)) == pytest.approx(4.5, abs=0.02)
    assert bench.laser.state is LaserState.OFF
    assert bench.code() is ReasonCode.SESSION_LIMIT
    bench.trigger = None
    assert bench.refusal(bench.laser.arm) is ReasonCode.SESSION_LIMIT
    assert bench.laser.snapshot(bench.now).session_remaining_s == pytest.approx(0.0, abs=0.01)


def test_the_next_tick_is_due_when_the_light_of_the_hour_ends() -> None:
    bench = play()
    bench.laser.budget = used(bench, 2.0)
    bench.armed()
    bench.trigger = True
    bench.tick()
    due = bench.laser.next_ns(bench.now)
    assert due is not None
    assert due - bench.now == pytest.approx(2_000 * MS, abs=2 * TICK)


def test_the_standard_profile_counts_its_light_and_has_no_such_limit() -> None:
    bench = Bench()
    bench.laser.budget = used(bench, 0.0)
    bench.armed()
    bench.laser.fire(1, 0.1, 0.0, bench.now)
    assert on_time(bench.run(1.0)) == pytest.approx(0.1, abs=0.01)
    assert len(bench.laser.budget.pulses) == 2
    assert math.isnan(bench.laser.snapshot(bench.now).session_remaining_s)
    bench.now += HOUR
    bench.tick()
    bench.laser.snapshot(bench.now)
    bench.laser.tick(bench.now)


def test_a_beam_that_must_move_leaves_the_laser_armed() -> None:
    bench = play().armed()
    bench.trigger = True
    bench.run(0.1)
    bench.withhold(ReasonCode.BEAM_STILL)
    assert bench.tick() == LIT
    assert bench.laser.state in (LaserState.COOLDOWN, LaserState.ARMED)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from typing import Any

import pytest
from laser_bench import BEAM, DARK, LIT, MS, PARAMETERS, TICK, Bench, on_time

from turret_common.errors import TurretError
from turret_common.permit import PermitMonitor, lease_digest
from turret_common.reason_codes import ReasonCode
from turret_control.laser.state_machine import (
    GRANT_LIFETIME_NS,
    INHIBITS,
    Grant,
    GrantSource,
    LaserCore,
    LaserState,
    Lines,
)


def test_the_numbers_are_those_of_the_messages() -> None:
    assert [state.value for state in LaserState] == [0, 1, 2, 3, 4, 5]
    assert [source.value for source in GrantSource] == [0, 1, 2]


# Arming


def test_it_starts_off_and_stays_so() -> None:
    bench = Bench()
    assert set(bench.run(5.0)) == {DARK}
    assert bench.code() is ReasonCode.NOT_ARMED


def test_the_indicator_is_on_for_the_whole_delay_before_emission_is_possible() -> None:
    bench = Bench()
    bench.laser.arm(bench.now)
    bench.tick()
    lit = bench.run(2.9)
    assert set(lit) == {LIT}
    assert bench.refusal(bench.laser.fire, 0, 0.0, 0.0) is ReasonCode.ARMING
    bench.run(0.1)
    bench.laser.fire(0, 0.0, 0.0, bench.now)
    assert bench.tick() == BEAM


def test_it_is_armed_exactly_at_the_end_of_the_delay_and_reports_what_is_left() -> None:
    bench = Bench()
    snapshot = bench.laser.snapshot(bench.now)
    assert (snapshot.arming_remaining_s, snapshot.arm_remaining_s, snapshot.cooldown_remaining_s) == (0.0, 0.0, 0.0)
    bench.laser.arm(bench.now)
    bench.now += 1_000 * MS - TICK
    bench.tick()
    snapshot = bench.laser.snapshot(bench.now)
    assert snapshot.arming_remaining_s == pytest.approx(2.0)
    assert snapshot.arm_remaining_s == 0.0
    bench.now += 2_000 * MS - TICK
    bench.tick()
    assert bench.laser.state is LaserState.ARMED
    snapshot = bench.laser.snapshot(bench.now)
    assert (snapshot.arming_remaining_s, snapshot.arm_remaining_s) == (0.0, 30.0)


def test_arming_twice_is_refused() -> None:
    bench = Bench()
    bench.laser.arm(bench.now)
    assert bench.refusal(bench.laser.arm) is ReasonCode.BUSY
    bench.run(3.1)
    assert bench.refusal(bench.laser.arm) is ReasonCode.BUSY


def test_it_arms_only_with_a_fresh_permit_and_says_why_not() -> None:
    bench = Bench()
    bench.withhold(ReasonCode.NOT_HOMED, ReasonCode.NO_FIRE_ZONE)
    bench.tick()
    assert bench.refusal(bench.laser.arm) is ReasonCode.NOT_HOMED
    bench.allow()
    bench.tick()
    bench.permitting = False
    bench.run(0.1)
    assert bench.refusal(bench.laser.arm) is ReasonCode.PERMIT_STALE


def test_it_arms_for_no_one_before_the_first_permit() -> None:
    laser = LaserCore(PARAMETERS, PermitMonitor())
    with pytest.raises(TurretError) as refused:
        laser.arm(0)
    assert refused.value.code is ReasonCode.PERMIT_MISSING


def test_an_arm_that_is_not_used_expires_after_30_s() -> None:
    bench = Bench().armed()
    bench.run(29.8)
    assert bench.laser.state is LaserState.ARMED
    bench.run(0.2)
    assert bench.laser.state is LaserState.OFF
    assert bench.code() is ReasonCode.ARM_EXPIRED
    assert bench.tick() == DARK


def test_firing_renews_the_arm() -> None:
    bench = Bench().armed()
    bench.run(29.0)
    bench.laser.fire(1, 0.0, 0.0, bench.now)
    bench.run(29.0)
    assert bench.laser.state is LaserState.ARMED
    assert bench.laser.snapshot(bench.now).arm_remaining_s == pytest.approx(1.1, abs=0.05)


def test_disarming_cuts_a_burst_at_the_next_tick() -> None:
    bench = Bench().armed()
    bench.laser.fire(0, 0.0, 0.0, bench.now)
    assert bench.tick() == BEAM
    bench.laser.disarm(bench.now)
    assert bench.tick() == DARK
    assert set(bench.run(1.0)) == {DARK}
    assert bench.code() is ReasonCode.DISARMED


# What switches an armed laser off


def firing_bench() -> Bench:
    bench = Bench().armed()
    bench.trigger = False
    bench.tick()
    bench.trigger = True
    assert bench.tick() == BEAM
    return bench


@pytest.mark.parametrize('reason', sorted(INHIBITS))
def test_an_inhibit_switches_it_off_at_once_and_leaves_it_armed(reason: ReasonCode) -> None:
    bench = firing_bench()
    bench.withhold(reason)
    assert bench.tick() == LIT
    assert bench.code() is reason
    bench.allow()
    assert set(bench.run(2.0)) == {LIT}, 'a trigger that was held through an inhibit does not count'
    assert bench.code() is ReasonCode.TRIGGER_NEEDS_NEW_PRESS
    bench.trigger = False
    bench.tick()
    bench.trigger = True
    assert bench.tick() == BEAM


@pytest.mark.parametrize('reason', sorted(set(ReasonCode) - INHIBITS - {ReasonCode.OK}))
def test_every_other_reason_disarms(reason: ReasonCode) -> None:
    bench = firing_bench()
    bench.withhold(ReasonCode.HEARTBEAT_LOST, reason)
    assert bench.tick() == DARK
    assert bench.code() is reason
    bench.allow()
    assert set(bench.run(2.0)) == {DARK}


@pytest.mark.parametrize('reasons', [(), (9999,)])
def test_emission_withheld_for_no_known_reason_disarms(reasons: tuple[int, ...]) -> None:
    bench = firing_bench()
    bench.permit.update(laser_ok=False, reasons=reasons)
    assert bench.tick() == DARK
    assert bench.code() is ReasonCode.FIRE_NOT_PERMITTED


def test_it_does_not_arm_while_emission_is_withheld_for_no_reason() -> None:
    bench = Bench()
    bench.withhold()
    bench.tick()
    assert bench.refusal(bench.laser.arm) is ReasonCode.FIRE_NOT_PERMITTED


def test_motion_withheld_disarms_even_if_emission_were_permitted() -> None:
    bench = firing_bench()
    bench.permit.update(motion_ok=False)
    assert bench.tick() == DARK


def test_permits_that_stop_switch_it_off_at_100_ms() -> None:
    bench = firing_bench()
    bench.permitting = False
    assert set(bench.run(0.095)) == {BEAM}
    assert bench.tick() == DARK
    assert bench.code() is ReasonCode.PERMIT_STALE


def test_a_stale_permit_is_stale_whatever_it_withheld() -> None:
    bench = Bench()
    bench.withhold(ReasonCode.NO_FIRE_ZONE)
    bench.tick()
    bench.permitting = False
    bench.run(0.1)
    assert bench.refusal(bench.laser.arm) is ReasonCode.PERMIT_STALE
    bench = firing_bench()
    bench.withhold(ReasonCode.NO_FIRE_ZONE)
    bench.tick()
    bench.permitting = False
    bench.run(0.1)
    assert bench.laser.state is LaserState.OFF
    assert bench.code() is ReasonCode.PERMIT_STALE


def test_permits_of_a_new_safety_process_disarm_and_are_then_accepted() -> None:
    bench = firing_bench()
    bench.permit.update(epoch=8)
    assert bench.tick() == DARK
    assert bench.code() is ReasonCode.PERMIT_EPOCH
    bench.trigger = None
    bench.armed()


@pytest.mark.parametrize(('digest', 'code'), [
    (lease_digest('other'), ReasonCode.OPERATOR_CHANGED), ('', ReasonCode.NO_OPERATOR)])
def test_another_operator_disarms(digest: str, code: ReasonCode) -> None:
    bench = firing_bench()
    bench.permit.update(lease_digest=digest)
    assert bench.tick() == DARK
    assert bench.code() is code


def test_an_inhibit_does_not_end_arming_but_the_rest_does() -> None:
    bench = Bench()
    bench.laser.arm(bench.now)
    bench.withhold(ReasonCode.NO_FIRE_ZONE)
    bench.run(1.0)
    assert bench.laser.state is LaserState.ARMING
    bench.withhold(ReasonCode.SOFTWARE_STOP)
    bench.tick()
    assert bench.laser.state is LaserState.OFF


# Bursts


def test_a_burst_is_as_asked_and_ends_in_a_cooldown() -> None:
    bench = Bench().armed()
    bench.laser.fire(3, 0.2, 0.1, bench.now)
    lines = bench.run(1.0)
    levels = [line.laser for line in lines]
    assert levels == 40 * [0.5] + 20 * [0.0] + 40 * [0.5] + 20 * [0.0] + 40 * [0.5] + 40 * [0.0]
    assert bench.laser.snapshot(bench.now).fire_count == 3
    assert bench.laser.state is LaserState.COOLDOWN
    assert bench.refusal(bench.laser.fire, 1, 0.0, 0.0) is ReasonCode.COOLDOWN


def test_zero_stands_for_the_parameters() -> None:
    bench = Bench().armed()
    bench.laser.fire(0, 0.0, 0.0, bench.now)
    levels = [line.laser for line in bench.run(0.5)]
    assert levels == 20 * [0.5] + 10 * [0.0] + 20 * [0.5] + 50 * [0.0]


def test_the_cooldown_counts_from_the_end_of_the_burst() -> None:
    bench = Bench().armed()
    bench.laser.fire(1, 0.9, 0.0, bench.now)
    bench.run(0.9)
    bench.tick()
    bench.run(0.98)
    assert bench.laser.state is LaserState.COOLDOWN
    assert bench.laser.snapshot(bench.now).cooldown_remaining_s == pytest.approx(0.02)
    bench.run(0.02)
    assert bench.laser.state is LaserState.ARMED


def test_arming_again_does_not_shorten_a_cooldown() -> None:
    bench = Bench(cooldown_s=10.0).armed()
    bench.laser.fire(1, 0.0, 0.0, bench.now)
    bench.run(0.2)
    bench.laser.disarm(bench.now)
    bench.laser.arm(bench.now)
    bench.run(3.1)
    assert bench.refusal(bench.laser.fire, 1, 0.0, 0.0) is ReasonCode.COOLDOWN
    bench.run(7.0)
    bench.laser.fire(1, 0.0, 0.0, bench.now)


def test_a_request_during_a_burst_is_refused() -> None:
    bench = Bench().armed()
    bench.laser.fire(2, 0.1, 0.1, bench.now)
    for _ in range(40):
        assert bench.refusal(bench.laser.fire, 1, 0.0, 0.0) is ReasonCode.BUSY
        bench.tick()
        bench.tick()
        if bench.laser.state is not LaserState.FIRING:
            break
    assert bench.laser.snapshot(bench.now).fire_count == 2


@pytest.mark.parametrize(('pulses', 'pulse_s', 'gap_s', 'code'), [
    (1, math.nan, 0.0, ReasonCode.NOT_FINITE), (1, math.inf, 0.0, ReasonCode.NOT_FINITE),
    (1, 0.1, math.nan, ReasonCode.NOT_FINITE), (1, -0.1, 0.0, ReasonCode.OUT_OF_RANGE),
    (1, 0.004, 0.0, ReasonCode.OUT_OF_RANGE), (1, 1.001, 0.0, ReasonCode.PULSE_CAP),
    (2, 0.1, 0.019, ReasonCode.OUT_OF_RANGE), (2, 0.1, 2.001, ReasonCode.OUT_OF_RANGE),
    (11, 0.1, 0.0, ReasonCode.OUT_OF_RANGE), (-1, 0.1, 0.0, ReasonCode.OUT_OF_RANGE),
    (3, 0.7, 0.0, ReasonCode.DUTY_EXCEEDED),
])
def test_a_request_that_makes_no_sense_is_refused(pulses: int, pulse_s: float, gap_s: float, code: ReasonCode) -> None:
    bench = Bench().armed()
    assert bench.refusal(bench.laser.fire, pulses, pulse_s, gap_s) is code
    assert set(bench.run(0.5)) == {LIT}


def test_the_largest_request_is_accepted() -> None:
    bench = Bench().armed()
    bench.laser.fire(2, 1.0, 2.0, bench.now)
    assert on_time(bench.run(6.0)) == pytest.approx(2.0, abs=0.011)


def test_firing_needs_a_permit_at_the_moment() -> None:
    bench = Bench().armed()
    bench.withhold(ReasonCode.NO_FIRE_ZONE)
    bench.tick()
    assert bench.refusal(bench.laser.fire, 1, 0.0, 0.0) is ReasonCode.NO_FIRE_ZONE


def test_nothing_fires_unarmed() -> None:
    bench = Bench()
    assert bench.refusal(bench.laser.fire, 1, 0.0, 0.0) is ReasonCode.NOT_ARMED
    bench.trigger = True
    assert set(bench.run(1.0)) == {DARK}


# Duty and power


def test_the_duty_cap_holds_in_every_window() -> None:
    bench = Bench(cooldown_s=0.5).armed()
    start = len(bench.trace)
    for _ in range(60):
        with contextlib.suppress(TurretError):
            bench.laser.fire(1, 0.4, 0.0, bench.now)
        bench.run(0.95)
    levels = [lines.laser > 0 for _, lines in bench.trace[start:]]
    window = round(10e9 / TICK)
    worst = max(sum(levels[i:i + window]) for i in range(len(levels) - window)) * TICK / 1e9
    assert 1.9 < worst <= 2.0 + 2 * TICK / 1e9


def test_hold_to_fire_ends_when_the_duty_is_used_up() -> None:
    bench = Bench(cooldown_s=0.5).armed()
    for pulse_s in (0.8, 0.9):
        bench.laser.fire(1, pulse_s, 0.0, bench.now)
        bench.run(1.5)
    bench.trigger = True
    assert on_time(bench.run(0.9)) == pytest.approx(0.3)


def test_a_burst_must_fit_into_what_is_left_of_the_duty() -> None:
    bench = Bench(cooldown_s=0.5).armed()
    bench.laser.fire(2, 0.9, 0.02, bench.now)
    bench.run(2.5)
    assert bench.refusal(bench.laser.fire, 1, 0.21, 0.0) is ReasonCode.DUTY_EXCEEDED
    bench.laser.fire(1, 0.19, 0.0, bench.now)


def test_the_snapshot_reports_the_duty() -> None:
    bench = Bench().armed()
    bench.laser.fire(1, 1.0, 0.0, bench.now)
    bench.run(0.5)
    assert bench.laser.snapshot(bench.now).duty == pytest.approx(0.05, abs=0.001)
    bench.run(5.0)
    assert bench.laser.snapshot(bench.now).duty == pytest.approx(0.1, abs=0.001)
    bench.run(5.0)
    assert bench.laser.snapshot(bench.now).duty == pytest.approx(0.05, abs=0.002)
    bench.run(1.0)
    assert bench.laser.snapshot(bench.now).duty == 0.0


def test_power_zero_is_off_and_refuses_to_fire() -> None:
    bench = Bench(power=0.0).armed()
    assert bench.code() is ReasonCode.POWER_ZERO
    assert bench.refusal(bench.laser.fire, 1, 0.0, 0.0) is ReasonCode.POWER_ZERO
    bench.trigger = True
    assert set(bench.run(0.5)) == {LIT}


def test_lowering_the_power_acts_at_once_and_to_zero_ends_the_burst() -> None:
    bench = Bench().armed()
    bench.laser.fire(1, 0.5, 0.0, bench.now)
    bench.tick()
    bench.laser.set_power(0.2, bench.now)
    assert bench.tick() == Lines(0.2, True)
    bench.laser.set_power(0.0, bench.now)
    assert bench.laser.state is LaserState.COOLDOWN
    assert set(bench.run(0.5)) == {LIT}


@pytest.mark.parametrize(('power', 'code'), [
    (math.nan, ReasonCode.NOT_FINITE), (-0.1, ReasonCode.OUT_OF_RANGE), (1.1, ReasonCode.OUT_OF_RANGE),
    (0.81, ReasonCode.POWER_CAP)])
def test_power_beyond_range_or_cap_is_refused(power: float, code: ReasonCode) -> None:
    bench = Bench()
    assert bench.refusal(bench.laser.set_power, power) is code
    bench.laser.set_power(0.8, bench.now)


@pytest.mark.parametrize('driver', ['gpio_digital', 'servo_relay'])
def test_a_laser_that_only_switches_refuses_a_power_between(driver: str) -> None:
    bench = Bench(driver=driver, watchdog_fitted=True, watchdog_pin=24, power=0.0, power_cap=1.0)
    assert bench.refusal(bench.laser.set_power, 0.5) is ReasonCode.NOT_SUPPORTED
    bench.laser.set_power(1.0, bench.now)
    bench.laser.set_power(0.0, bench.now)


def test_power_rises_only_while_disarmed() -> None:
    bench = Bench()
    bench.laser.arm(bench.now)
    assert bench.refusal(bench.laser.set_power, 0.6) is ReasonCode.WRONG_MODE
    bench.laser.set_power(0.5, bench.now)
    bench.laser.set_power(0.4, bench.now)
    bench.laser.disarm(bench.now)
    bench.laser.set_power(0.6, bench.now)


# Grants


def test_hold_to_fire_lasts_as_long_as_it_is_held() -> None:
    bench = Bench().armed()
    bench.trigger = True
    assert set(bench.run(0.5)) == {BEAM}
    bench.trigger = False
    assert bench.tick() == LIT


def test_a_grant_that_is_not_renewed_expires_after_200_ms() -> None:
    assert GRANT_LIFETIME_NS == 200 * MS
    bench = Bench().armed()
    bench.grant()
    assert on_time(bench.run(1.0)) == pytest.approx(0.195)
    bench.run(2.0)
    bench.grant()
    assert bench.tick() == LIT, 'it counts only after a release'


def test_holding_on_stops_at_the_pulse_cap_until_released() -> None:
    bench = Bench().armed()
    bench.trigger = True
    assert on_time(bench.run(5.0)) == pytest.approx(1.0, abs=0.006)
    assert bench.laser.snapshot(bench.now).fire_count == 1
    bench.trigger = False
    bench.tick()
    bench.trigger = True
    assert bench.tick() == BEAM


def test_a_trigger_held_since_before_the_arm_does_not_fire() -> None:
    bench = Bench()
    bench.trigger = True
    bench.laser.arm(bench.now)
    assert set(bench.run(4.0)) == {LIT}


@pytest.mark.parametrize('changes', [
    {'epoch': 6}, {'monotonic_ns': 0}, {'monotonic_ns': 10**18}, {'source': GrantSource.UNKNOWN}, {'source': 9}])
def test_a_grant_of_another_epoch_time_or_source_is_ignored(changes: dict[str, Any]) -> None:
    bench = Bench().armed()
    bench.grant(**changes)
    assert set(bench.run(0.3)) == {LIT}


@pytest.mark.parametrize(('age_ns', 'fires'), [(GRANT_LIFETIME_NS - 1, True), (GRANT_LIFETIME_NS, False), (-1, False)])
def test_a_grant_counts_for_its_lifetime(age_ns: int, fires: bool) -> None:
    bench = Bench().armed()
    bench.grant(monotonic_ns=bench.now - age_ns)
    assert (bench.laser.state is LaserState.FIRING) is fires


def test_a_repeated_grant_does_not_renew() -> None:
    bench = Bench().armed()
    bench.grant()
    first = Grant(7, bench.grant_seq, bench.now, GrantSource.OPERATOR, True)
    lit = 0
    for _ in range(100):
        bench.laser.grant(first._replace(monotonic_ns=bench.now), bench.now)
        lit += bench.tick().laser > 0
    assert lit * TICK / 1e9 == pytest.approx(0.195)


def automatic(bench: Bench, seconds: float, burst: int = 1, trigger: bool = True) -> list[float]:
    """Renew the grant of an automatic burst every 50 ms; return the levels of the fire line."""
    levels = []
    for tick in range(round(seconds * 1e9 / TICK)):
        if tick % 10 == 0:
            bench.grant(source=GrantSource.AUTO, burst=burst, trigger=trigger)
        levels.append(bench.tick().laser)
    return levels


def test_an_automatic_grant_that_is_renewed_fires_one_burst() -> None:
    bench = Bench().armed()
    assert automatic(bench, 3.0) == 20 * [0.5] + 10 * [0.0] + 20 * [0.5] + 550 * [0.0]
    assert sum(level > 0.0 for level in automatic(bench, 1.0, burst=2)) == 40


def test_an_automatic_burst_ends_when_its_grant_is_not_renewed() -> None:
    bench = Bench(burst_count=10, burst_gap_s=2.0).armed()
    bench.grant(source=GrantSource.AUTO, burst=1)
    assert on_time(bench.run(20.0)) == pytest.approx(0.1)
    bench = Bench(pulse_s=1.0, burst_count=1).armed()
    bench.grant(source=GrantSource.AUTO, burst=1)
    assert on_time(bench.run(0.3)) == pytest.approx(0.2, abs=1.5 * TICK / 1e9)
    assert bench.code() is ReasonCode.GRANT_EXPIRED
    bench.run(1.0)
    assert bench.code() is ReasonCode.OK


def test_an_automatic_burst_ends_when_its_grant_is_withdrawn() -> None:
    bench = Bench(pulse_s=1.0, burst_count=1).armed()
    automatic(bench, 0.1)
    assert bench.laser.state is LaserState.FIRING
    bench.grant(source=GrantSource.AUTO, burst=1, trigger=False)
    assert set(automatic(bench, 0.5)) == {0.0}


def test_an_automatic_burst_that_is_withdrawn_before_it_was_granted_is_not_fired() -> None:
    """The grant was lost."""
    bench = Bench().armed()
    assert set(automatic(bench, 0.5, burst=1, trigger=False)) == {0.0}
    assert bench.laser.state is LaserState.ARMED
    assert bench.laser.snapshot(bench.now).fire_count == 0


@pytest.mark.parametrize('trigger', [True, False])
def test_an_automatic_burst_is_renewed_and_withdrawn_by_its_own_grants_only(trigger: bool) -> None:
    bench = Bench(pulse_s=1.0, burst_count=1).armed()
    lit = automatic(bench, 0.1)
    lit += automatic(bench, 0.5, burst=2, trigger=trigger)
    assert sum(level > 0.0 for level in lit) * TICK / 1e9 == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize('burst', [0, 1])
def test_an_automatic_burst_is_fired_once_however_often_it_is_granted(burst: int) -> None:
    bench = Bench().armed()
    automatic(bench, 3.0)
    automatic(bench, 3.0, burst=burst)
    assert bench.laser.snapshot(bench.now).fire_count == 2


def test_automatic_grants_do_not_prolong_hold_to_fire() -> None:
    bench = Bench().armed()
    automatic(bench, 3.0)
    bench.grant()
    assert on_time([bench.tick() for _ in range(10)]) > 0.0
    assert sum(level > 0.0 for level in automatic(bench, 0.5)) * TICK / 1e9 < 0.2


def test_a_hold_that_is_not_renewed_is_an_expired_grant() -> None:
    bench = Bench(pulse_cap_s=1.0).armed()
    bench.grant()
    bench.run(0.3)
    assert bench.code() is ReasonCode.GRANT_EXPIRED
    bench.run(1.0)
    assert bench.code() is ReasonCode.GRANT_EXPIRED
    bench.grant(trigger=False)
    assert bench.code() is ReasonCode.OK


@pytest.mark.parametrize(('stop', 'code'), [
    ({'stop_count': 1}, ReasonCode.SOFTWARE_STOP), ({'stop_count': 1, 'estop_count': 1}, ReasonCode.ESTOP_PRESSED)])
@pytest.mark.parametrize('when', ['arming', 'armed', 'lit'])
def test_a_stop_that_was_reset_while_the_laser_did_not_run_disarms_it(
        when: str, stop: dict[str, int], code: ReasonCode) -> None:
    """As with docker pause: both stop and reset pass, and the first permit afterwards permits everything again."""
    bench = Bench()
    if when == 'arming':
        bench.laser.arm(bench.now)
        bench.tick()
    else:
        bench.armed()
    bench.trigger = when == 'lit'
    bench.tick()
    bench.now += 2_000 * MS
    bench.permit.update(stop)
    assert bench.tick() == DARK
    assert bench.code() is code
    bench.laser.arm(bench.now)
    bench.run(0.5)
    assert bench.laser.state is LaserState.ARMING


def test_a_restarted_driver_assumes_that_the_duty_was_used_up() -> None:
    bench = Bench()
    bench.laser = LaserCore(replace(PARAMETERS, burst_count=1), bench.permits, unknown_until_ns=bench.now)
    bench.armed()
    assert bench.refusal(bench.laser.fire, 1, 0.1, 0.0) is ReasonCode.DUTY_EXCEEDED
    with pytest.raises(TurretError, match=r'^only 0\.00 s of emission are left for now$'):
        bench.laser.fire(1, 0.1, 0.0, bench.now)
    bench.run(5.1)
    with pytest.raises(TurretError, match=r'^only 0\.1\d s of emission are left for now$'):
        bench.laser.fire(1, 0.2, 0.0, bench.now)
    bench.run(0.1)  # 8.2 s after the start a fifth of a second is free again
    bench.laser.fire(1, 0.1, 0.0, bench.now)


def test_releasing_the_trigger_does_not_end_a_burst_that_was_asked_for() -> None:
    bench = Bench().armed()
    bench.laser.fire(2, 0.1, 0.05, bench.now)
    bench.trigger = False
    assert on_time(bench.run(0.5)) == pytest.approx(0.2)


def test_pressing_the_trigger_does_not_change_a_burst_that_was_asked_for() -> None:
    bench = Bench().armed()
    bench.laser.fire(1, 0.9, 0.0, bench.now)
    bench.tick()
    bench.grant()
    assert on_time(bench.run(1.5)) == pytest.approx(0.9 - TICK / 1e9)


def test_nothing_is_emitted_with_the_duty_used_up() -> None:
    bench = Bench(cooldown_s=0.5).armed()
    bench.laser.fire(2, 1.0, 0.02, bench.now)
    bench.run(3.0)
    bench.trigger = True
    assert set(bench.run(0.5)) == {LIT}
    assert bench.laser.state is LaserState.ARMED, 'it was refused, not begun and ended'


def test_a_burst_that_was_never_begun_can_be_disarmed() -> None:
    bench = Bench().armed()
    bench.laser.fire(1, 0.1, 0.0, bench.now)
    bench.laser.disarm(bench.now)
    assert bench.tick() == DARK
    assert bench.laser.snapshot(bench.now).fire_count == 0


# Dry run, counters, faults, parameters


def test_a_dry_run_does_everything_but_the_light() -> None:
    bench = Bench(dry_run=True).armed()
    bench.laser.fire(0, 0.0, 0.0, bench.now)
    bench.tick()
    assert bench.laser.state is LaserState.FIRING
    assert not bench.laser.snapshot(bench.now).emitting
    assert set(bench.run(0.5)) == {LIT}
    snapshot = bench.laser.snapshot(bench.now)
    assert (snapshot.fire_count, snapshot.dry_fire_count, snapshot.emitting) == (0, 2, False)
    bench.laser.reset_count()
    assert bench.laser.snapshot(bench.now).dry_fire_count == 0


def test_the_counter_counts_pulses_until_it_is_reset() -> None:
    bench = Bench().armed()
    bench.laser.fire(2, 0.05, 0.05, bench.now)
    assert bench.laser.snapshot(bench.now).fire_count == 0
    bench.tick()
    assert bench.laser.snapshot(bench.now).fire_count == 1
    assert bench.laser.snapshot(bench.now).emitting
    bench.run(1.0)
    assert bench.laser.snapshot(bench.now).fire_count == 2
    bench.laser.reset_count()
    assert bench.laser.snapshot(bench.now).fire_count == 0


def test_a_fault_is_off_and_refuses_until_cleared_and_then_stays_off() -> None:
    bench = firing_bench()
    bench.laser.fault(ReasonCode.IO_ERROR, 'no pin', bench.now)
    assert set(bench.run(0.5)) == {DARK}
    assert bench.refusal(bench.laser.arm) is ReasonCode.IO_ERROR
    assert bench.refusal(bench.laser.fire, 1, 0.0, 0.0) is ReasonCode.IO_ERROR
    bench.laser.disarm(bench.now)
    assert bench.laser.state is LaserState.FAULT
    bench.laser.clear_fault()
    assert set(bench.run(0.5)) == {DARK}
    bench.trigger = None
    bench.armed()


def test_clearing_no_fault_changes_nothing() -> None:
    bench = firing_bench()
    bench.laser.clear_fault()
    assert bench.tick() == BEAM


def test_parameters_change_only_while_disarmed() -> None:
    bench = Bench()
    bench.laser.change_parameters(replace(PARAMETERS, burst_count=1))
    bench.armed()
    with pytest.raises(ValueError, match='disarm'):
        bench.laser.change_parameters(PARAMETERS)
    bench.laser.fire(0, 0.0, 0.0, bench.now)
    bench.run(0.5)
    assert bench.laser.snapshot(bench.now).fire_count == 1


def test_it_is_ready_exactly_when_a_burst_would_be_accepted() -> None:
    bench = Bench().armed()
    assert bench.code() is ReasonCode.OK
    bench.laser.fire(0, 0.0, 0.0, bench.now)
    assert bench.code() is ReasonCode.BUSY
    bench.run(0.5)
    assert bench.code() is ReasonCode.COOLDOWN
    bench.run(1.0)
    assert bench.code() is ReasonCode.OK
    bench.laser.fire(2, 0.85, 0.02, bench.now)
    bench.run(3.0)
    assert bench.code() is ReasonCode.DUTY_EXCEEDED


def test_a_burst_of_the_whole_duty_is_ready() -> None:
    assert Bench(pulse_s=0.2, burst_count=10).armed().code() is ReasonCode.OK


def test_the_pause_between_pulses_emits_nothing() -> None:
    bench = Bench().armed()
    bench.laser.fire(2, 0.1, 0.1, bench.now)
    bench.run(0.05)
    assert bench.laser.snapshot(bench.now).emitting
    bench.run(0.1)
    assert bench.laser.state is LaserState.FIRING
    assert not bench.laser.snapshot(bench.now).emitting


def test_the_next_tick_is_asked_for_when_the_duty_is_used_up_but_not_in_a_pause() -> None:
    bench = Bench(cooldown_s=0.5).armed()
    bench.laser.fire(2, 0.9, 2.0, bench.now)
    bench.tick()
    pause_from = bench.now + 900 * MS
    bench.run(0.9)
    assert bench.laser.next_ns(bench.now) == pause_from + 2_000 * MS
    bench.run(4.0)
    bench.trigger = True
    bench.tick()
    assert bench.laser.next_ns(bench.now) == pytest.approx(bench.now + 200 * MS, abs=2 * TICK)


def test_the_next_tick_is_asked_for_at_the_end_of_a_pulse() -> None:
    bench = Bench().armed()
    assert bench.laser.next_ns(bench.now) is None
    bench.laser.fire(2, 0.1, 0.05, bench.now)
    bench.tick()
    on = bench.now
    assert bench.laser.next_ns(on) == on + 100 * MS
    bench.run(0.1)
    assert bench.laser.next_ns(bench.now) == on + 150 * MS
    bench.laser.disarm(bench.now)
    assert bench.laser.next_ns(bench.now) is None

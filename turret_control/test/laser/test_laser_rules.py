# SPDX-License-Identifier: Apache-2.0
"""No sequence of calls, permits, grants and delays breaks a rule of the laser. The rules are restated from the pins."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from turret_common.errors import TurretError
from turret_common.permit import Permit, PermitMonitor, lease_digest
from turret_common.reason_codes import ReasonCode
from turret_control.laser.state_machine import Grant, GrantSource, LaserCore, LaserState
from turret_control.laser_parameters import LaserParameters

MS = 1_000_000
TICK_MS = 5
#: What ticks that come every 5 ms may add to a time that is measured at the pins.
LATE_MS = 2 * TICK_MS

numbers = st.one_of(st.floats(), st.floats(-0.1, 2.1), st.just(0.0))


class LaserMachine(RuleBasedStateMachine):
    """Drives a laser at random and watches its pins every 5 ms."""

    @initialize(
        power_cap=st.floats(0.1, 1.0), cooldown_s=st.floats(0.5, 3.0), duty_cap=st.floats(0.05, 0.2),
        pulse_cap_s=st.floats(0.05, 1.0), dry_run=st.sampled_from([False, False, False, True]))
    def start(self, power_cap: float, **settings_: Any) -> None:
        self.parameters = LaserParameters(
            power=power_cap, power_cap=power_cap, pulse_s=0.05, burst_count=2, arm_expiry_s=5.0, **settings_)
        self.permits = PermitMonitor()
        self.laser = LaserCore(self.parameters, self.permits)
        self.now = 10**12
        self.seq = 0
        self.permit: dict[str, Any] = {
            'epoch': 1, 'laser_ok': True, 'motion_ok': True, 'lease_digest': lease_digest('a'), 'reasons': ()}
        self.permit_age_ms = 0
        self.trigger = False
        self.beam: list[tuple[int, float]] = []  # (ms, level), one per tick
        self.lit_since_ms: int | None = None
        self.last_off_ms: int | None = None

    def ms(self) -> int:
        return self.now // MS

    @rule(ticks=st.integers(1, 60), permitting=st.booleans(), renewing=st.booleans())
    def pass_time(self, ticks: int, permitting: bool, renewing: bool) -> None:
        for _ in range(ticks):
            self.now += TICK_MS * MS
            self.permit_age_ms += TICK_MS
            self.seq += 1
            if permitting:
                self.permits.update(Permit(seq=self.seq, monotonic_ns=self.now, **self.permit), self.now)
                self.permit_age_ms = 0
            if renewing and self.trigger:
                self.grant(True, GrantSource.OPERATOR, 0)
            self.observe()

    @rule(wait=st.sampled_from([590, 610, 610, 700]), hold=st.sampled_from([True, True, False]))
    def arm_and_wait(self, wait: int, hold: bool) -> None:
        self.recover()
        self.laser.disarm(self.now)
        self.allow()
        self.hold(False)
        self.pass_time(1, True, False)
        self.arm()
        self.pass_time(wait, True, False)
        self.hold(hold)
        self.pass_time(4, True, True)

    @rule(pulses=st.integers(1, 4), pulse_s=st.floats(0.01, 0.5), gap_s=st.floats(0.02, 0.2))
    def fire_sensibly(self, pulses: int, pulse_s: float, gap_s: float) -> None:
        self.fire(pulses, pulse_s, gap_s)
        self.pass_time(10, True, False)

    @rule(ticks=st.integers(1, 250))
    def run_permitted(self, ticks: int) -> None:
        self.pass_time(ticks, True, True)

    def observe(self) -> None:
        lines = self.laser.tick(self.now)
        now = self.ms()
        before = self.beam[-1][1] if self.beam else 0.0
        assert 0.0 <= lines.laser <= self.parameters.power_cap, 'the power cap'
        self.lit_since_ms = (self.lit_since_ms or now) if lines.indicator else None
        if lines.laser > 0.0:
            assert not self.parameters.dry_run, 'a dry run emits nothing'
            assert self.lit_since_ms is not None, 'the indicator is on'
            assert now - self.lit_since_ms >= 3000 - TICK_MS, 'the delay with the indicator on'
            assert self.permit_age_ms < 100, 'a fresh permit'
            newest = self.permits.newest
            assert newest is not None
            assert newest.laser_ok, 'a permit for emission'
            assert newest.motion_ok, 'a permit for motion'
            assert not newest.reasons, 'nothing withheld'
            if before == 0.0 and self.last_off_ms is not None:
                assert now - self.last_off_ms >= 20 - LATE_MS, 'a pause between pulses'
        elif before > 0.0:
            self.last_off_ms = now
        self.beam.append((now, lines.laser))
        if len(self.beam) % 20 == 0 or (before > 0.0 and lines.laser == 0.0):
            self.check_history(now)

    def check_history(self, now: int) -> None:
        window = [level > 0.0 for ms, level in self.beam[-2000:] if ms > now - 10_000]
        on_ms = sum(window) * TICK_MS
        assert on_ms <= self.parameters.duty_cap * 10_000 + LATE_MS, 'the duty cap'
        pulse = 0
        for _, level in reversed(self.beam[:-1] if self.beam[-1][1] == 0.0 else self.beam):
            if level == 0.0:
                break
            pulse += TICK_MS
        assert pulse <= 1000 * self.parameters.pulse_cap_s + LATE_MS, 'the pulse cap'

    @rule()
    def arm(self) -> None:
        with contextlib.suppress(TurretError):
            self.laser.arm(self.now)

    @rule()
    def disarm(self) -> None:
        self.laser.disarm(self.now)
        assert not self.laser.tick(self.now).indicator

    @rule(pulses=st.integers(-1, 11), pulse_s=numbers, gap_s=numbers)
    def fire(self, pulses: int, pulse_s: float, gap_s: float) -> None:
        state = self.laser.state
        with contextlib.suppress(TurretError):
            self.laser.fire(pulses, pulse_s, gap_s, self.now)
            assert state is LaserState.ARMED, 'fires only while armed and neither firing nor cooling down'

    @rule(trigger=st.booleans(), source=st.sampled_from(list(GrantSource)), age_ms=st.integers(-1, 300))
    def grant(self, trigger: bool, source: GrantSource, age_ms: int) -> None:
        self.seq += 1
        self.laser.grant(
            Grant(self.permit['epoch'], self.seq, self.now - age_ms * MS, source, trigger), self.now)

    @rule(trigger=st.booleans())
    def hold(self, trigger: bool) -> None:
        self.trigger = trigger
        self.grant(trigger, GrantSource.OPERATOR, 0)

    @rule(power=numbers)
    def set_power(self, power: float) -> None:
        with contextlib.suppress(TurretError):
            self.laser.set_power(power, self.now)

    @rule(reasons=st.lists(st.sampled_from(list(ReasonCode)[1:]), max_size=2), motion_ok=st.booleans())
    def withhold(self, reasons: list[ReasonCode], motion_ok: bool) -> None:
        self.permit.update(laser_ok=False, motion_ok=motion_ok, reasons=tuple(reasons))

    @rule()
    def allow(self) -> None:
        self.permit.update(laser_ok=True, motion_ok=True, reasons=())

    @rule()
    def restart_safety(self) -> None:
        self.permit['epoch'] += 1

    @rule(operator=st.sampled_from(['a', 'b', '']))
    def change_operator(self, operator: str) -> None:
        self.permit['lease_digest'] = lease_digest(operator)

    @rule(code=st.sampled_from([ReasonCode.IO_ERROR, ReasonCode.GUARDIAN_LOST]))
    def fail(self, code: ReasonCode) -> None:
        self.laser.fault(code, 'failed', self.now)
        assert not self.laser.tick(self.now).indicator

    @rule()
    def recover(self) -> None:
        state = self.laser.state
        self.laser.clear_fault()
        assert self.laser.state is (LaserState.OFF if state is LaserState.FAULT else state)

    @invariant()
    def snapshot_is_consistent(self) -> None:
        if not hasattr(self, 'laser'):
            return
        snapshot = self.laser.snapshot(self.now)
        assert snapshot.emitting <= (snapshot.state is LaserState.FIRING)
        assert snapshot.indicator == (snapshot.state not in (LaserState.OFF, LaserState.FAULT))
        assert 0.0 <= snapshot.duty <= self.parameters.duty_cap + LATE_MS / 10_000
        if snapshot.code is ReasonCode.OK:
            assert snapshot.state is LaserState.ARMED


TestLaserRules = LaserMachine.TestCase
TestLaserRules.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)

# SPDX-License-Identifier: Apache-2.0
"""A laser core with the permits and grants that it sees, for tests."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

import pytest

from turret_common.errors import TurretError
from turret_common.permit import Permit, PermitMonitor, lease_digest
from turret_common.reason_codes import ReasonCode
from turret_control.laser.state_machine import Grant, GrantSource, LaserCore, LaserState, Lines
from turret_control.laser_parameters import LaserParameters

MS = 1_000_000
TICK = 5 * MS
PARAMETERS = LaserParameters(power=0.5, pulse_s=0.1, burst_count=2, burst_gap_s=0.05, power_cap=0.8)
DARK = Lines(0.0, False)
LIT = Lines(0.0, True)
BEAM = Lines(0.5, True)


class Bench:
    """A laser core, the permits it sees and the time, which passes in ticks."""

    def __init__(self, **changes: Any) -> None:
        self.permits = PermitMonitor()
        self.laser = LaserCore(replace(PARAMETERS, **changes), self.permits)
        self.now = 1_000_000 * MS
        self.permit_seq = 0
        self.grant_seq = 0
        self.permit: dict[str, Any] = {
            'epoch': 7, 'laser_ok': True, 'motion_ok': True, 'lease_digest': lease_digest('lease'), 'reasons': ()}
        self.permitting = True
        self.trigger: bool | None = None
        self.trace: list[tuple[int, Lines]] = []
        self.tick()

    def withhold(self, *reasons: ReasonCode, motion_ok: bool = True) -> None:
        self.permit.update(laser_ok=False, motion_ok=motion_ok, reasons=reasons)

    def allow(self) -> None:
        self.permit.update(laser_ok=True, motion_ok=True, reasons=())

    def grant(self, trigger: bool = True, source: GrantSource = GrantSource.OPERATOR, **changes: Any) -> None:
        self.grant_seq += 1
        grant = Grant(self.permit['epoch'], self.grant_seq, self.now, source, trigger)
        self.laser.grant(grant._replace(**changes), self.now)

    def tick(self) -> Lines:
        """Let one tick pass, with a fresh permit and, while ``trigger`` is set, a fresh grant."""
        self.now += TICK
        if self.permitting:
            self.permit_seq += 1
            self.permits.update(Permit(seq=self.permit_seq, monotonic_ns=self.now, **self.permit), self.now)
        if self.trigger is not None:
            self.grant(self.trigger)
        lines = self.laser.tick(self.now)
        self.trace.append((self.now, lines))
        return lines

    def run(self, seconds: float) -> list[Lines]:
        """Let time pass and return what the pins were."""
        return [self.tick() for _ in range(round(seconds * 1e9 / TICK))]

    def armed(self) -> Bench:
        self.laser.arm(self.now)
        self.now += 3_000 * MS
        self.tick()
        assert self.laser.state is LaserState.ARMED
        return self

    def code(self) -> ReasonCode:
        return self.laser.snapshot(self.now).code

    def refusal(self, request: Any, *arguments: Any) -> ReasonCode:
        """Return why a request is refused, having checked that the refusal changed nothing."""
        before = astuple(self.laser.snapshot(self.now))  # dataclasses with NaN differ from themselves since Python 3.13
        with pytest.raises(TurretError) as refused:
            request(*arguments, self.now)
        assert astuple(self.laser.snapshot(self.now)) == before
        return refused.value.code


def on_time(lines: list[Lines]) -> float:
    return sum(line.laser > 0 for line in lines) * TICK / 1e9

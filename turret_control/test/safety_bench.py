# SPDX-License-Identifier: Apache-2.0
"""A safety core to which everything is reported in time, for tests."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from turret_common.errors import TurretError
from turret_common.geometry import Bearing
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_control.safety.interlocks import AimReport, CameraReport, Estop, GimbalReport, LaserReport, SafetyCore
from turret_control.safety.lease import OperatorLease
from turret_control.safety.person_exclusion import PeopleReport
from turret_control.safety.stop_file import StopRecord
from turret_control.safety.zones import Zone, ZoneKind
from turret_control.safety_parameters import SafetyParameters

MS = 1_000_000
PARAMETERS = SafetyParameters()
ZONE = Zone('window', ZoneKind.NO_FIRE, 0.5, 1.0, -0.2, 0.2)
GIMBAL = GimbalReport(hardware=False, homed=True, measured=True, decelerations=(10.0, 10.0), home_id=(5.0, 1),
    geometry=(1.0, -1.5, 1.5))
LASER = LaserReport(hardware=False, armed=True)
CAMERA = CameraReport(hardware=False, on_base=False)
AIM = AimReport(following=True, calibrated=False, boresight=Bearing(0.0, 0.0), geometry=(0.0, 0.0), target='cat')
NO_PEOPLE = PeopleReport((), 0.0, True)


class Bench:
    """A safety core to which everything is reported in time, and an operator who is there."""

    def __init__(self, zones: Any = (), stop_reason: str | None = None, **changes: Any) -> None:
        tokens = count()
        lease = OperatorLease('secret', lambda: f'token-{next(tokens)}')
        self.core = SafetyCore(replace(PARAMETERS, **changes), lease, zones, StopRecord(stop_reason))
        self.now = 10**12
        self.reports: dict[str, Any] = {
            'gimbal': GIMBAL, 'laser': LASER, 'aim': AIM, 'camera': CAMERA, 'pose': Pose(0.0, 0.0), 'tracks': 0.05}
        self.core.estop = Estop.RELEASED
        self.clock_offset = 5 * 10**17
        self.lease_id, self.nonce = self.core.acquire('secret', 'Ada', False, self.now)
        self.trigger = False
        self.wait()

    def wait(self, ms: float = 20.0, but: str = '') -> Bench:
        """Let time pass in steps of 20 ms, at each of which every node reports except those named."""
        end = self.now + round(ms * MS)
        while self.now < end:
            self.now = min(self.now + 20 * MS, end)
            self.report(but)
        return self

    def report(self, but: str = '') -> None:
        core, now, missing = self.core, self.now, but.split()
        for name, report in self.reports.items():
            if name in missing:
                continue
            if name == 'aim':
                core.observe_aim(report, now)
            elif name in ('pose', 'people'):
                getattr(core, f'observe_{name}')(report, 0.001, now)
            else:
                getattr(core, f'observe_{name}')(report, now)
        core.observe_clock(self.clock_offset, now)
        if 'heartbeat' not in missing:
            self.nonce, _ = core.lease.beat(self.lease_id, self.nonce, self.trigger, now)

    def reasons(self) -> list[ReasonCode]:
        return list(self.core.decide(self.now).reasons)

    def refusal(self, request: Any, *arguments: Any) -> ReasonCode:
        with pytest.raises(TurretError) as refused:
            request(*arguments)
        return refused.value.code

    def auto_fire(self) -> Bench:
        self.core.set_auto_fire(self.lease_id, True, self.now)
        return self

    def aim_at(self, track_id: str = 'cat', images: int = 2) -> Bench:
        """Have the aim good in some images in a row, 20 ms apart."""
        for i in range(images):
            self.wait()
            assert self.refusal(
                self.core.request_fire, -i, track_id, 0.05, 0.001, self.now) is ReasonCode.NOT_READY
        return self.wait()


def emission_withheld(bench: Bench, *expected: ReasonCode) -> bool:
    laser_ok, motion_ok, reasons = bench.core.decide(bench.now)
    return not laser_ok and motion_ok and reasons == expected


def hardware_bench(**changes: Any) -> Bench:
    bench = Bench(estop_driver='gpio', **{'exclusion': 'never', **changes})
    bench.reports.update(
        gimbal=GIMBAL._replace(hardware=True), laser=LaserReport(hardware=True, armed=False),
        camera=CAMERA._replace(hardware=True))
    return bench.wait()


def live_bench() -> Bench:
    bench = hardware_bench()
    bench.core.confirm_region(bench.lease_id, bench.now)
    assert bench.wait().reasons() == []
    return bench

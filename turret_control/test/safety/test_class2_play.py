# SPDX-License-Identifier: Apache-2.0
"""The class 2 profile in the safety core: a floor, confirmed again and again, and a beam that moves."""

from __future__ import annotations

import math
from typing import Any

import pytest
from safety_bench import AIM, Bench, emission_withheld

from turret_common.geometry import Bearing
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_control.safety.interlocks import LaserReport
from turret_control.safety.zones import Zone, ZoneKind

FLOOR = Zone('floor', ZoneKind.ALLOWED, -1.0, 1.0, -1.2, math.radians(-10.0))
PLAY = LaserReport(hardware=False, armed=True, ready=True, class2_play=True)


class Play(Bench):
    """A turret that plays: the head swings over the floor, unless it is commanded to stand still."""

    def __init__(self, *zones: Zone, **changes: Any) -> None:
        self.swing = 0.2
        super().__init__(zones or (FLOOR,), **changes)
        self.reports['laser'] = PLAY
        self.wait(600)
        self.core.confirm_region(self.lease_id, self.now)

    def report(self, but: str = '') -> None:
        phase = 2.0 * math.pi * (self.now % 10**9) * 1e-9
        self.reports['pose'] = Pose(self.swing * math.sin(phase), -0.6)
        super().report(but)


def test_a_beam_that_swings_over_a_confirmed_floor_may_be_on() -> None:
    assert Play().wait().reasons() == []


def test_the_region_is_confirmed_for_a_minute() -> None:
    bench = Play()
    assert bench.core.confirm_remaining_s(bench.now) == pytest.approx(60.0)
    assert bench.wait(59_980).reasons() == []
    assert bench.core.confirm_remaining_s(bench.now) == pytest.approx(0.02)
    assert emission_withheld(bench.wait(), ReasonCode.REGION_NOT_CONFIRMED)
    assert math.isnan(bench.core.confirm_remaining_s(bench.now))
    bench.core.confirm_region(bench.lease_id, bench.now)
    assert bench.reasons() == []


def test_other_lasers_need_no_confirmation_in_simulation_and_keep_theirs() -> None:
    bench = Play()
    bench.reports['laser'] = PLAY._replace(class2_play=False)
    assert bench.wait(61_000).reasons() == []
    assert bench.core.region_confirmed
    assert math.isnan(bench.core.confirm_remaining_s(bench.now))


@pytest.mark.parametrize(('zones', 'boresight_up', 'floor'), [
    ([FLOOR], 0.0, True), ([FLOOR], 0.01, False),
    ([Zone('x', ZoneKind.NO_FIRE, -1.0, 1.0, 0.5, 0.6)], 0.0, False),
    ([FLOOR, Zone('wall', ZoneKind.ALLOWED, 1.1, 1.2, -0.5, -0.1)], 0.0, False),
    ([FLOOR, Zone('sofa', ZoneKind.NO_FIRE, 0.6, 0.9, -1.2, 0.5)], 0.0, True)])
def test_every_allowed_zone_must_be_on_the_floor(zones: list[Zone], boresight_up: float, floor: bool) -> None:
    bench = Play(*zones)
    bench.reports['aim'] = AIM._replace(boresight=Bearing(0.0, boresight_up))
    bench.wait().core.confirm_region(bench.lease_id, bench.now)
    assert (bench.reasons() == []) is floor
    assert floor or emission_withheld(bench, ReasonCode.NO_FLOOR_REGION)


def test_without_zones_there_is_no_floor() -> None:
    bench = Play()
    bench.core.zones = ()
    assert emission_withheld(bench, ReasonCode.NO_FLOOR_REGION)
    bench.core.zones = (FLOOR,)
    bench.core._aims.update(None, bench.now)  # noqa: SLF001  a report that is missing
    assert ReasonCode.NO_FLOOR_REGION in bench.reasons()


def test_a_beam_that_stands_still_for_half_a_second_goes_off_until_it_moves() -> None:
    bench = Play()
    bench.swing = 0.0
    bench.wait(20)
    assert bench.wait(460).reasons() == []
    assert emission_withheld(bench.wait(40), ReasonCode.BEAM_STILL)
    bench.swing = 0.2
    assert bench.wait(300).reasons() == []


@pytest.mark.parametrize(('swing', 'still'), [(math.radians(0.6), True), (math.radians(2.0), False)])
def test_a_beam_that_trembles_stands_still(swing: float, still: bool) -> None:
    bench = Play()
    bench.swing = swing
    assert (ReasonCode.BEAM_STILL in bench.wait(1000).reasons()) is still


def test_panning_a_beam_that_looks_straight_down_does_not_move_it() -> None:
    bench = Play()
    bench.report = lambda but='': Bench.report(bench, but)  # type: ignore[method-assign]
    for i in range(60):
        bench.reports['pose'] = Pose(0.2 * (i % 2), -1.55)
        bench.wait()
    assert ReasonCode.BEAM_STILL in bench.reasons()
    for i in range(60):
        bench.reports['pose'] = Pose(0.0, -0.6 - 0.2 * (i % 2))
        bench.wait()
    assert ReasonCode.BEAM_STILL not in bench.reasons()


@pytest.mark.parametrize('laser', [PLAY._replace(ready=False), PLAY._replace(class2_play=False)])
def test_a_still_head_may_be_armed_and_others_may_stand_still(laser: LaserReport) -> None:
    bench = Play()
    bench.reports['laser'] = laser
    bench.swing = 0.0
    assert ReasonCode.BEAM_STILL not in bench.wait(1000).reasons()


def test_one_pose_alone_is_no_motion() -> None:
    bench = Play()
    bench.wait(600, but='pose').report()
    assert ReasonCode.BEAM_STILL in bench.reasons()


def test_an_unknown_pose_is_no_motion() -> None:
    bench = Play()
    assert ReasonCode.BEAM_STILL in bench.wait(600, but='pose').reasons()

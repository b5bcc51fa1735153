# SPDX-License-Identifier: Apache-2.0
"""The beam keeps away from people: the rules restated, at their limits."""

from __future__ import annotations

import math
from typing import Any

import pytest
from safety_bench import GIMBAL, MS, NO_PEOPLE, Bench, emission_withheld, hardware_bench

from turret_common.geometry import Bearing
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_control.safety.interlocks import LaserReport
from turret_control.safety.person_exclusion import Beam, PeopleReport, Person, PersonExclusion, reach
from turret_control.safety.zones import Motion

NOW = 10**12
MARGIN = math.radians(10.0)
AHEAD = Beam(Bearing(0.0, 0.0), 0.0)
NEAR, SILENT, FROZEN = ReasonCode.PERSON_NEAR_BEAM, ReasonCode.EXCLUSION_SILENT, ReasonCode.FRAMES_FROZEN


def person(degrees: float = 0.0, radius: float = 0.0) -> Person:
    return Person(Bearing(math.radians(degrees), 0.0), math.radians(radius))


def report(*people: Person, unchanged_s: float = 0.0, sees: bool = True) -> PeopleReport:
    return PeopleReport(people, unchanged_s, sees)


class Watch:
    """An exclusion that is asked every 20 ms and hears of images every 100 ms."""

    def __init__(self) -> None:
        self.exclusion = PersonExclusion(MARGIN)
        self.now = NOW
        self.report: PeopleReport | None = report()
        self.beam: Beam | None = AHEAD

    def wait(self, ms: int) -> list[ReasonCode]:
        """Let time pass; return the reasons at its end."""
        for _ in range(ms // 20):
            self.now += 20 * MS
            if self.report is not None and (self.now // MS) % 100 == 0:
                self.exclusion.see(self.report, 0.1, self.now)
            reasons = self.exclusion.reasons(self.beam, self.now)
        return reasons


def test_it_is_silent_until_it_has_been_heard_for_a_second() -> None:
    watch = Watch()
    assert watch.wait(80) == [SILENT]
    assert watch.wait(980) == [SILENT]
    assert watch.wait(20) == []


@pytest.mark.parametrize(('degrees', 'radius', 'near'), [
    (0.0, 0.0, True), (9.99, 0.0, True), (10.01, 0.0, False), (14.99, 5.0, True), (15.01, 5.0, False),
    (-9.99, 0.0, True), (-10.01, 0.0, False), (120.0, 30.0, False)])
def test_a_person_is_near_within_the_margin_around_their_outline(degrees: float, radius: float, near: bool) -> None:
    watch = Watch()
    watch.wait(1200)
    watch.report = report(person(90.0), person(degrees, radius))
    assert watch.wait(100) == ([NEAR] if near else [])


def test_it_is_off_until_no_one_was_near_for_a_second() -> None:
    watch = Watch()
    watch.wait(1200)
    watch.report = report(person())
    watch.wait(100)
    watch.report = report()
    assert watch.wait(1080) == [NEAR]
    assert watch.wait(20) == []


def test_a_person_who_stands_still_is_near_once_the_beam_comes() -> None:
    watch = Watch()
    watch.report = report(person(30.0))
    assert watch.wait(1200) == []
    watch.report = None
    watch.beam = AHEAD._replace(bearing=Bearing(math.radians(20.5), 0.0))
    assert watch.wait(20) == [NEAR]


def test_the_way_to_a_stop_counts() -> None:
    watch = Watch()
    watch.report = report(person(20.0))
    assert watch.wait(1200) == []
    watch.beam = AHEAD._replace(reach=math.radians(10.5))
    assert watch.wait(20) == [NEAR]


def test_no_one_is_missed_between_two_questions() -> None:
    watch = Watch()
    watch.wait(1200)
    watch.exclusion.see(report(person()), 0.1, watch.now)
    watch.exclusion.see(report(), 0.1, watch.now)
    assert watch.wait(20) == [NEAR]


@pytest.mark.parametrize('somewhere', [
    Person(Bearing(math.nan, math.nan), math.nan), Person(Bearing(1.0, 0.0), math.nan),
    Person(Bearing(1.0, math.nan), 0.1)])
def test_a_person_in_an_unknown_direction_is_near(somewhere: Person) -> None:
    watch = Watch()
    watch.wait(1200)
    watch.report = report(somewhere)
    assert watch.wait(100) == [NEAR]


def test_a_beam_in_an_unknown_direction_is_near_to_any_person_there() -> None:
    watch = Watch()
    watch.beam = None
    assert watch.wait(1200) == []
    watch.report = report(person(90.0))
    assert watch.wait(100) == [NEAR]


def test_it_is_silent_after_300_ms() -> None:
    watch = Watch()
    watch.wait(1200)
    watch.report = None
    assert watch.wait(280) == []
    assert watch.wait(20) == [SILENT]
    watch.report = report()
    assert watch.wait(1060) == [SILENT]
    assert watch.wait(100) == []


@pytest.mark.parametrize(('answer', 'age_s', 'counts'), [
    (report(), 0.5, True), (report(), 0.51, False), (report(), -0.01, True), (report(), -0.011, False),
    (report(), math.nan, False), (report(sees=False), 0.1, False)])
def test_an_old_image_and_a_blind_detector_are_silence(answer: PeopleReport, age_s: float, counts: bool) -> None:
    watch = Watch()
    watch.wait(1200)
    watch.report = None
    watch.wait(200)
    watch.exclusion.see(answer, age_s, watch.now)
    assert watch.wait(200) == ([] if counts else [SILENT])


@pytest.mark.parametrize(('unchanged_s', 'frozen'), [(0.29, False), (0.3, True), (60.0, True), (math.nan, True)])
def test_images_that_do_not_change_are_frozen(unchanged_s: float, frozen: bool) -> None:
    watch = Watch()
    watch.wait(1200)
    watch.report = report(unchanged_s=unchanged_s)
    assert watch.wait(100) == ([FROZEN] if frozen else [])
    watch.report = report()
    assert watch.wait(1060) == ([FROZEN] if frozen else [])
    assert watch.wait(100) == []


def test_the_reach_is_the_way_of_both_axes_to_a_stop() -> None:
    pan, tilt = Motion(0.5, 2.0, 10.0), Motion(-0.2, -1.0, 5.0)
    assert reach(pan, tilt, 0.1) == pytest.approx(math.hypot(0.2 + 0.2, 0.1 + 0.1))
    assert reach(pan._replace(deceleration=0.0), tilt, 0.1) == math.inf


# In the safety core


def live(**changes: Any) -> Bench:
    bench = hardware_bench(exclusion='hardware', **changes)
    bench.reports['people'] = NO_PEOPLE
    bench.core.confirm_region(bench.lease_id, bench.now)
    return bench.wait(1200)


def test_a_real_laser_needs_it_by_default() -> None:
    bench = live()
    assert bench.core.exclusion_required
    assert bench.reasons() == []
    assert emission_withheld(bench.wait(300, but='people'), SILENT)


@pytest.mark.parametrize(('exclusion', 'hardware', 'required'), [
    ('hardware', False, False), ('never', True, False), ('never', False, False), ('always', False, True),
    ('always', True, True)])
def test_it_is_required_as_the_parameter_says(exclusion: str, hardware: bool, required: bool) -> None:
    bench = Bench(exclusion=exclusion)
    bench.reports['laser'] = LaserReport(hardware=hardware, armed=True)
    bench.wait()
    assert bench.core.exclusion_required is required
    assert (SILENT in bench.reasons()) is required


def test_a_laser_that_never_reported_is_not_taken_for_a_real_one() -> None:
    bench = Bench()
    bench.core._laser.update(None, bench.now)  # noqa: SLF001  a report that is missing
    assert not bench.core.exclusion_required


@pytest.mark.parametrize(('change', 'near'), [
    ({}, False), ({'pose': Pose(0.25, 0.0)}, True), ({'pose': Pose(0.0, 0.0, 1.0, 0.0)}, True),
    ({'aim': 'left'}, True)])
def test_the_beam_goes_with_the_head_and_the_boresight(change: dict[str, Any], near: bool) -> None:
    bench = live()
    bench.reports['people'] = report(Person(Bearing(0.3, 0.0), 0.0))
    if change == {'aim': 'left'}:
        change = {'aim': bench.reports['aim']._replace(boresight=Bearing(0.25, 0.0))}
    bench.reports.update(change)
    assert (NEAR in bench.wait(40).reasons()) is near


def test_a_beam_whose_direction_is_unknown_is_near_to_any_person() -> None:
    bench = live()
    bench.reports['people'] = report(Person(Bearing(2.0, 0.0), 0.0))
    assert NEAR not in bench.wait().reasons()
    assert NEAR in bench.wait(200, but='pose').reasons()
    bench = live()
    bench.reports['people'] = report(Person(Bearing(2.0, 0.0), 0.0))
    bench.core._aims.update(None, bench.now)  # noqa: SLF001  a report that is missing
    assert NEAR in bench.wait(but='aim').reasons()
    bench = Bench(exclusion='always')
    bench.core._gimbal.update(None, bench.now)  # noqa: SLF001  a report that is missing
    bench.reports['people'] = report(Person(Bearing(2.0, 0.0), 0.0))
    assert NEAR in bench.wait(but='gimbal').reasons()


def test_it_withholds_emission_and_not_motion() -> None:
    bench = live()
    bench.reports['people'] = report(person())
    assert emission_withheld(bench.wait(), NEAR)
    assert bench.reports['gimbal'] == GIMBAL._replace(hardware=True)

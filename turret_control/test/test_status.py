# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest

from turret_common.reason_codes import ReasonCode
from turret_control.status import Condition, FaultBook, NodeWatch, Severity
from turret_control.status_parameters import StatusParameters

PARAMETERS = StatusParameters()


def codes(watch: NodeWatch, now: float, up_s: float = 100.0) -> list[ReasonCode]:
    return [condition.code for condition in watch.conditions(up_s, now)]


def seen(name: str = 'laser', *reported: int) -> NodeWatch:
    watch = NodeWatch(name, PARAMETERS)
    watch.see(1.0, reported, '', 10.0)
    return watch


def test_an_expected_node_that_never_comes_is_a_fault_after_the_grace_period() -> None:
    watch = NodeWatch('laser', PARAMETERS)
    assert math.isnan(watch.age(5.0))
    assert codes(watch, 5.0, PARAMETERS.start_grace_s - 0.1) == []
    assert codes(watch, 5.0, PARAMETERS.start_grace_s) == [ReasonCode.NODE_SILENT]


def test_a_node_that_no_one_expects_may_stay_away_but_not_vanish() -> None:
    assert codes(NodeWatch('bag', PARAMETERS), 5.0) == []
    assert codes(seen('bag'), 20.0) == [ReasonCode.NODE_SILENT]


@pytest.mark.parametrize(('name', 'silent_s'), [
    ('laser', PARAMETERS.silent_fast_s), ('camera', PARAMETERS.silent_slow_s)])
def test_silence_is_a_fault(name: str, silent_s: float) -> None:
    assert codes(seen(name), 10.0 + silent_s - 0.01) == []
    assert codes(seen(name), 10.0 + silent_s) == [ReasonCode.NODE_SILENT]


def test_an_age_grows_until_the_next_state() -> None:
    watch = seen()
    assert watch.age(10.4) == pytest.approx(0.4)
    watch.see(1.0, [], '', 10.5)
    assert watch.age(10.5) == 0.0


def test_a_new_start_time_is_a_restart_for_a_while() -> None:
    watch = seen()
    watch.see(1.0, [], '', 10.1)
    assert codes(watch, 10.1) == []
    watch.see(2.0, [], '', 10.2)
    assert codes(watch, 10.2) == [ReasonCode.NODE_RESTARTED]
    watch.see(2.0, [], '', 30.0)
    assert codes(watch, 30.0) == []


def test_only_faults_among_what_a_node_reports_are_faults() -> None:
    watch = seen('camera', ReasonCode.OK, ReasonCode.NO_OPERATOR, ReasonCode.CAMERA_LOST, 9999)
    assert list(watch.conditions(100.0, 10.0)) == [
        Condition('camera', ReasonCode.CAMERA_LOST, 'camera lost', Severity.ERROR)]


def test_a_silent_nodes_last_words_are_not_repeated() -> None:
    assert codes(seen('camera', ReasonCode.CAMERA_LOST), 20.0) == [ReasonCode.NODE_SILENT]


WARNING = Condition('bag', ReasonCode.STORAGE_FULL, 'full', Severity.WARNING)
ERROR = Condition('camera', ReasonCode.CAMERA_LOST, 'lost', Severity.ERROR)


def test_faults_are_listed_worst_first_with_their_beginning() -> None:
    book = FaultBook()
    book.update([WARNING], 1.0)
    book.update([WARNING, ERROR], 2.0)
    assert [(record.condition, record.since) for record in book.active()] == [(ERROR, 2.0), (WARNING, 1.0)]


def test_a_fault_that_is_over_stays_on_record() -> None:
    book = FaultBook()
    book.update([ERROR], 1.0)
    book.update([], 2.0)
    assert book.active() == []
    assert [(record.condition, record.active) for record in book.all()] == [(ERROR, False)]
    book.update([ERROR], 3.0)
    assert [(record.since, record.active) for record in book.all()] == [(3.0, True), (1.0, False)]

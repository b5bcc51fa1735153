# SPDX-License-Identifier: Apache-2.0
"""Which target is chosen, and when that changes."""

from __future__ import annotations

import math

import pytest

from turret_common.geometry import Bearing
from turret_common.track_state import TrackState
from turret_control.aiming.selection import Candidate, SelectionParameters, TargetSelector

AHEAD = Bearing(0.0, 0.0)


def target(id_: str, azimuth: float = 0.0, size: float = 0.1, confidence: float = 0.5, unseen_s: float = 0.0,
           class_id: str = 'balloon', state: TrackState = TrackState.TRACKING) -> Candidate:
    return Candidate(id_, state, class_id, confidence, azimuth, 0.0, 0.0, 0.0, size, size, unseen_s)


def chosen(
        selector: TargetSelector, targets: list[Candidate], parameters: SelectionParameters, now: float = 0.0) -> str:
    best = selector.choose(targets, AHEAD, parameters, now)
    return best.id if best else ''


@pytest.mark.parametrize(('priority', 'expected'), [
    ('largest', 'big'), ('nearest', 'near'), ('leftmost', 'left'), ('rightmost', 'right'), ('most_confident', 'sure')])
def test_priorities(priority: str, expected: str) -> None:
    targets = [target('big', 0.2, size=0.3), target('near', 0.01), target('left', 0.5), target('right', -0.5),
               target('sure', -0.2, confidence=0.9)]
    assert chosen(TargetSelector(), targets, SelectionParameters(priority=priority)) == expected


def test_a_rival_must_be_clearly_better_for_a_while() -> None:
    selector, p = TargetSelector(), SelectionParameters()
    assert chosen(selector, [target('a', size=0.1)], p, 0.0) == 'a'
    assert chosen(selector, [target('a', size=0.1), target('b', size=0.101)], p, 9.0) == 'a'
    rivals = [target('a', size=0.1), target('b', size=0.2)]
    assert chosen(selector, rivals, p, 10.0) == 'a'
    assert chosen(selector, rivals, p, 10.0 + p.hold_s) == 'b'


def test_a_change_of_priority_acts_at_once() -> None:
    selector = TargetSelector()
    targets = [target('left', 0.3), target('right', -0.3)]
    assert chosen(selector, targets, SelectionParameters(priority='leftmost')) == 'left'
    assert chosen(selector, targets, SelectionParameters(priority='rightmost')) == 'right'


def test_an_unseen_target_yields_to_one_in_sight_but_waits_when_alone() -> None:
    selector, p = TargetSelector(), SelectionParameters()
    chosen(selector, [target('a', size=0.2)], p)
    hidden = target('a', size=0.2, unseen_s=p.yield_s + 0.1, state=TrackState.COASTING)
    assert chosen(selector, [hidden], p, 1.0) == 'a'
    assert chosen(selector, [hidden, target('b')], p, 1.1) == 'b'


def test_the_operators_choice_is_kept_also_when_it_is_gone() -> None:
    selector, p = TargetSelector(), SelectionParameters()
    selector.select('small')
    assert chosen(selector, [target('big', size=0.5), target('small')], p) == 'small'
    assert chosen(selector, [target('big', size=0.5)], p) == ''


def test_unconfirmed_or_implausible_tracks_and_other_classes_are_not_selected() -> None:
    p = SelectionParameters(classes=('balloon',))
    targets = [
        target('new', state=TrackState.DETECTING), target('nan', azimuth=math.nan), target('cat', class_id='cat')]
    assert chosen(TargetSelector(), targets, p) == ''

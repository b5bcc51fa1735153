# SPDX-License-Identifier: Apache-2.0
"""Real footage: each object is followed by one track from entry to exit. The spans were marked by eye."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from turret_common.geometry import Bearing
from turret_common.track_state import TrackState
from turret_vision.detectors.detection import Box
from turret_vision.footage.clips import CARS, WALKERS, Seen, follow, frames, judge, watch
from turret_vision.footage.evaluation import Trial, score, try_out
from turret_vision.footage.ground_truth_boxes import WALKERS_CLIP, load_marked_boxes
from turret_vision.tracking.tracker import Track

WIDTH = 768.0


def track(number: str, x: float, state: TrackState = TrackState.TRACKING) -> Track:
    box = Box(x, 5.0, 4.0, 4.0)
    return Track(number, state, 'motion', 0.5, Bearing(0.0, 0.0), 0.0, 0.0, np.eye(4), 0.1, 0.1, 5, 0, 0.0, box)


def check(history: Sequence[Sequence[Track]], objects: Sequence[Seen], width: float | None) -> None:
    results = [judge(history, seen, width) for seen in objects]
    assert len({result.id for result in results}) == len(objects)
    for result in results:
        assert result.share > 0.9, result
        assert result.first - result.seen.first <= 6, result
        assert result.seen.last - result.last <= 8, result
        assert result.others <= 6, result


def test_switched_ids_and_a_second_track_are_found() -> None:
    seen = Seen('x', 0, 9, 0.0, 0.5)
    steady = judge([[track('1', 10.0)]] * 10, seen, 100.0)
    assert (steady.id, steady.share, steady.first, steady.last, steady.others) == ('1', 1.0, 0, 9, 0)
    switched = judge([[track('1', 10.0)]] * 6 + [[track('2', 10.0)]] * 4, seen, 100.0)
    assert (switched.id, switched.share, switched.others) == ('1', 0.6, 4)
    assert judge([[track('1', 80.0)]] * 10, seen, 100.0).share == 0.0
    assert judge([[track('1', 10.0, TrackState.COASTING)]] * 10, seen, 100.0).id == ''


def test_each_car_is_one_track(footage: Path) -> None:
    check(watch(frames(str(footage / 'car-detection.mp4')), 12.5), CARS, WIDTH)


def test_the_first_walker_is_one_track_also_for_a_head_that_follows(footage: Path) -> None:
    images = list(islice(frames(str(footage / 'one-by-one-person-detection.mp4')), 215))
    check(watch(images, 10.0), WALKERS[:1], WIDTH)
    check(follow(images, 10.0, late_s=0.02), WALKERS[:1], None)


@pytest.mark.soak
def test_walkers_match_the_ground_truth(footage: Path) -> None:
    clip = load_marked_boxes()[WALKERS_CLIP]
    for judged in try_out(Trial('walkers', WALKERS_CLIP, 10.0, 'motion'), footage, clip):
        result = score(judged)
        assert min(result.recall, result.precision) > 0.85
        assert result.overlap > 0.9
        assert result.center < 4.0


@pytest.mark.soak
@pytest.mark.parametrize('late_s', [0.0, 0.02])
def test_each_walker_is_one_track(footage: Path, late_s: float) -> None:
    path = str(footage / 'one-by-one-person-detection.mp4')
    check(watch(frames(path), 10.0), WALKERS, WIDTH)
    check(follow(frames(path), 10.0, late_s), WALKERS, None)

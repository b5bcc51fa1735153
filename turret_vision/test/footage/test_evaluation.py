# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from turret_vision.detectors.detection import Box
from turret_vision.footage import evaluation
from turret_vision.footage.evaluation import TRIALS, Judged, match, score, trials, try_out
from turret_vision.footage.ground_truth_boxes import CARS_CLIP, load_marked_boxes

A, NEAR_A, B = Box(50.0, 50.0, 20.0, 20.0), Box(53.0, 54.0, 20.0, 20.0), Box(150.0, 50.0, 20.0, 20.0)


def judged(marked: list[Box], found: list[Box]) -> Judged:
    return Judged(7, np.zeros((100, 200, 3), np.uint8), marked, found, match(marked, found))


def test_each_box_is_in_one_pair_and_the_best_pairs_come_first() -> None:
    assert [pair[:2] for pair in match([A, B], [NEAR_A, A])] == [(A, A)]
    assert match([A], [B]) == []
    assert match([A], [Box(60.0, 50.0, 20.0, 20.0)]) == []  # a third in common


def test_misses_lower_recall_and_false_detections_lower_precision() -> None:
    result = score([judged([A, B], [NEAR_A]), judged([], [B]), judged([A], [])])
    assert result == pytest.approx((1 / 3, 1 / 2, 272 / 528, 5.0))
    assert [judged([A, B], [NEAR_A]).errors, judged([A], [B]).errors, judged([A], [A]).errors] == [1, 2, 0]
    assert all(map(math.isnan, score([judged([], [])])))


def test_the_worst_frames_are_shown(tmp_path: Path, footage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a part of the cars; motion finds them from their second frame on."""
    clip = load_marked_boxes()[CARS_CLIP]
    short = dataclasses.replace(clip, frames={number: clip.frames[number] for number in (30, 59, 68, 77)})
    monkeypatch.setattr(evaluation, 'load_marked_boxes', lambda: {CARS_CLIP: short})
    monkeypatch.setattr(evaluation, 'TRIALS', [trial for trial in TRIALS if trial.clip == CARS_CLIP])
    detected, _ = try_out(evaluation.TRIALS[0], footage, short)
    assert [frame.number for frame in detected] == [30, 59, 68, 77]
    (_, _, found), (_, variant, _) = trials(footage, tmp_path)
    assert variant == 'motion + tracker'
    assert found.recall > 0.6
    for sheet in tmp_path.iterdir():
        assert cv2.imread(str(sheet)).shape[1] == 3 * 512

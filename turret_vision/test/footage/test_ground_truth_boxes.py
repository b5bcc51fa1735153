# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import statistics

import pytest

from turret_vision.detectors.detection import Box
from turret_vision.footage.clips import CARS, WALKERS
from turret_vision.footage.ground_truth_boxes import (
    CARS_CLIP,
    FACE_CLIP,
    WALKERS_CLIP,
    MarkedClip,
    load_marked_boxes,
)

CLIPS = load_marked_boxes()


def test_there_are_enough_marks_and_both_passes_agree() -> None:
    assert {file: (len(clip.frames), len(clip.agreement)) for file, clip in CLIPS.items()} == {
        WALKERS_CLIP: (64, 60), CARS_CLIP: (18, 21), FACE_CLIP: (23, 23)}
    means = {file: round(statistics.mean(clip.agreement), 3) for file, clip in CLIPS.items()}
    assert means == {WALKERS_CLIP: 0.984, CARS_CLIP: 0.979, FACE_CLIP: 0.969}
    assert min(min(clip.agreement) for clip in CLIPS.values()) > 0.88


def test_boxes_lie_in_their_image_and_in_the_frames_of_their_object() -> None:
    spans = {seen.name: (seen.first, seen.last) for seen in (*WALKERS, *CARS)} | {'face': (0, 22)}
    for clip in CLIPS.values():
        for number, objects in clip.frames.items():
            for name, box in objects.items():
                assert box.left >= -0.5
                assert box.top >= -0.5
                assert box.right <= clip.width - 0.5
                assert box.bottom <= clip.height - 0.5
                assert spans[name][0] <= number <= spans[name][1], (name, number)
    assert {name for clip in CLIPS.values() for objects in clip.frames.values() for name in objects} == set(spans)


def test_between_marks_a_box_is_interpolated_and_beyond_them_there_is_none() -> None:
    a, b = Box(10.0, 20.0, 4.0, 6.0), Box(20.0, 40.0, 8.0, 6.0)
    clip = MarkedClip(100, 100, {0: {'x': a}, 4: {'x': b}, 8: {}}, (), frozenset())
    assert clip.at('x', 0) == a
    assert clip.at('x', 1) == Box(12.5, 25.0, 5.0, 6.0)
    assert [clip.at('x', 6), clip.at('x', 8), clip.at('x', 9), clip.at('y', 1)] == [None] * 4


@pytest.mark.parametrize(('b', 'expected'), [
    (Box(5.0, 5.0, 4.0, 4.0), 1.0), (Box(7.0, 5.0, 4.0, 4.0), 1.0 / 3.0), (Box(50.0, 5.0, 4.0, 4.0), 0.0)])
def test_iou(b: Box, expected: float) -> None:
    assert Box(5.0, 5.0, 4.0, 4.0).iou(b) == pytest.approx(expected)

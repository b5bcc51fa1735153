# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of vision parse their arguments, and compare the background model with others on the same frames."""

from __future__ import annotations

import argparse

import cv2
import numpy as np

from turret_bringup.bench.vision import background, exclusion, vision
from turret_vision.detectors.detection import Box


def test_the_arguments_can_be_declared() -> None:
    for module in (vision, exclusion):
        module.add_arguments(argparse.ArgumentParser())


def test_each_method_finds_a_square_that_moves() -> None:
    rng = np.random.default_rng(1)
    wall = cv2.GaussianBlur(rng.integers(60, 120, (240, 320, 3), np.uint8), (5, 5), 0)
    images = []
    for i in range(40):
        image = wall.copy()
        if i > 20:
            image[100:140, 4 * i:4 * i + 40] = 220
        images.append(np.asarray(image, np.uint8))
    boxes = {35: [Box.from_rect(140, 100, 40, 40)]}
    clip = background.Clip('square', 10.0, images, boxes)
    for method in background.METHODS:
        rows = {row.metric: row.value for row in background.compare(clip, method)}
        assert (rows['recall'], rows['precision']) == (100.0, 100.0), method


def test_degraded_images_keep_their_type() -> None:
    for degrade in background.DEGRADED.values():
        image = degrade(np.full((96, 128, 3), 90, np.uint8), 3)
        assert image.dtype == np.uint8

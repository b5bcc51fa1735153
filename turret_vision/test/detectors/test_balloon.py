# SPDX-License-Identifier: Apache-2.0
"""Balloons drawn where we know them are found there, and nothing else is."""

from __future__ import annotations

import colorsys
import dataclasses

import cv2
import numpy as np
import pytest

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.balloon import BalloonDetector, BalloonParameters, sample_color
from turret_vision.detectors.detection import Detection, Image, make_view

PARAMETERS = BalloonParameters()


def wall(seed: int = 1) -> Image:
    """Return a gray, noisy, patterned wall, 640x480."""
    rng = np.random.default_rng(seed)
    pattern = cv2.resize(rng.integers(110, 180, (24, 32), np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC)
    return np.clip(pattern[:, :, np.newaxis] + rng.normal(0.0, 4.0, (480, 640, 3)), 0, 255).astype(np.uint8)


def bgr(hue: float, saturation: float = 0.9, value: float = 0.8) -> tuple[int, ...]:
    return tuple(round(255 * v) for v in reversed(colorsys.hsv_to_rgb(hue, saturation, value)))


def with_balloon(x: float, y: float, radius: float, hue: float) -> Image:
    image = wall()
    cv2.circle(image, (round(16 * x), round(16 * y)), round(16 * radius), bgr(hue), -1, cv2.LINE_AA, 4)
    return image


def detect(image: Image, parameters: BalloonParameters = PARAMETERS) -> list[Detection]:
    view = make_view(image, 0.0, parameters.width)
    found = BalloonDetector(parameters).detect(view)
    return [dataclasses.replace(d, box=view.in_full_image(d.box)) for d in found]


@pytest.mark.parametrize('hue', [0.0, 0.02, 0.15, 0.33, 0.5, 0.66, 0.85, 0.98])
def test_a_balloon_of_any_hue_is_found_to_a_fraction_of_a_pixel(hue: float) -> None:
    (found,) = detect(with_balloon(300.3, 200.7, 22.4, hue))
    assert found.class_id == 'balloon'
    assert found.box.x == pytest.approx(300.3, abs=0.4)
    assert found.box.y == pytest.approx(200.7, abs=0.4)
    assert found.box.width == pytest.approx(44.8, abs=2.5)
    assert 0.7 < found.confidence <= 1.0


def test_a_region_and_a_size_of_the_image_change_no_position() -> None:
    image = with_balloon(400.0, 150.0, 20.0, 0.6)
    for width in (0, 160, 320, 640):
        view = make_view(image, 0.0, width, (0.4, 0.1, 0.9, 0.8))
        (found,) = BalloonDetector(PARAMETERS).detect(view)
        box = view.in_full_image(found.box)
        assert (box.x, box.y) == (pytest.approx(400.0, abs=0.8), pytest.approx(150.0, abs=0.8))


def test_an_empty_wall_holds_no_balloon() -> None:
    assert detect(wall()) == []


def test_an_object_that_is_not_round_is_not_a_balloon() -> None:
    image = wall()
    cv2.rectangle(image, (100, 100), (300, 130), bgr(0.3), -1)
    for angle in range(0, 360, 45):
        end = (round(450 + 60 * np.cos(np.radians(angle))), round(300 + 60 * np.sin(np.radians(angle))))
        cv2.line(image, (450, 300), end, bgr(0.6), 9)
    assert detect(image) == []


def test_an_object_that_is_too_small_is_not_a_balloon() -> None:
    assert detect(with_balloon(300.0, 200.0, 5.0, 0.3)) == []


def test_dark_balloons_are_found_when_asked_for() -> None:
    image = wall()
    cv2.circle(image, (200, 200), 30, (12, 10, 11), -1, cv2.LINE_AA)
    assert detect(image) == []
    (found,) = detect(image, dataclasses.replace(PARAMETERS, color='dark'))
    assert found.box.x == pytest.approx(200.0, abs=0.5)


@pytest.mark.parametrize('hue', [0.0, 0.3, 0.55, 0.97])
def test_a_taught_color_is_found_and_others_are_not(hue: float) -> None:
    image = with_balloon(200.0, 200.0, 30.0, hue)
    cv2.circle(image, (450, 300), 30, bgr((hue + 0.25) % 1.0), -1, cv2.LINE_AA)
    assert len(detect(image)) == 2
    color = sample_color(image, 200.0, 200.0, 6)
    assert min(abs(color.center[0] - hue), 1.0 - abs(color.center[0] - hue)) < 0.02
    (hue_center, saturation, value), (hue_range, saturation_range, value_range) = color
    taught = dataclasses.replace(
        PARAMETERS, color='taught', hue=hue_center, saturation=saturation, value=value, hue_range=hue_range,
        saturation_range=saturation_range, value_range=value_range)
    (found,) = detect(image, taught)
    assert found.box.x == pytest.approx(200.0, abs=0.5)


def test_gray_pixels_and_pixels_outside_teach_no_color() -> None:
    image = np.full((480, 640, 3), 128, np.uint8)
    with pytest.raises(TurretError) as gray:
        sample_color(image, 10.0, 10.0, 5)
    assert gray.value.code == ReasonCode.INVALID_ARGUMENT
    for x in (-1.0, 640.0, float('nan'), float('inf')):
        with pytest.raises(TurretError) as outside:
            sample_color(image, x, 10.0, 5)
        assert outside.value.code == ReasonCode.OUT_OF_RANGE

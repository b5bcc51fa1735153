"""Leads are trusted as far as they come true, and boxes that are cut off are not followed at their word."""

from __future__ import annotations

import math
import random

import pytest

from turret_common.geometry import Bearing, PinholeCamera
from turret_common.track_state import TrackState
from turret_control.aiming.predictor import Motion, TargetPredictor
from turret_control.aiming.selection import Target
from turret_control.controller.head_command import Drive
from turret_control.controller.target_follower import TargetFollower
from turret_control.controller_parameters import ControllerParameters

NOISE = 0.002


def watched(rate: float, wobble: float, interval_s: float, duration_s: float = 4.0) -> TargetPredictor:
    """Return a predictor that has watched a steady motion in azimuth whose box wobbles from image to image."""
    rng = random.Random(1)
    predictor = TargetPredictor(0.0, Motion(Bearing(0.0, 0.0), 0.0, 0.0), NOISE)
    for i in range(1, round(duration_s / interval_s)):
        at = i * interval_s
        predictor.update(at, Bearing(rate * at + rng.gauss(0.0, wobble), rng.gauss(0.0, NOISE)))
    return predictor


@pytest.mark.parametrize('interval_s', [0.1, 1.0 / 30.0])
def test_a_steady_motion_is_led_in_full(interval_s: float) -> None:
    predictor = watched(0.5, NOISE, interval_s)
    assert predictor.worth[0] > 0.95
    ahead = predictor.at(predictor.stamp + 0.1)
    assert ahead.bearing.azimuth == pytest.approx(0.5 * (predictor.stamp + 0.1), abs=0.01)
    assert ahead.azimuth_rate == pytest.approx(0.5, abs=0.05)


def test_a_box_that_only_wobbles_is_hardly_led() -> None:
    predictor = watched(0.0, 0.03, 0.1)
    assert predictor.worth[0] < 0.6
    now, ahead = (predictor.at(predictor.stamp + s).bearing.azimuth for s in (0.0, 0.15))
    assert abs(ahead - now) < 0.03


def test_a_doubtful_angle_hardly_moves_the_estimate() -> None:
    trusting, doubting = watched(0.0, NOISE, 0.1), watched(0.0, NOISE, 0.1)
    trusting.update(4.1, Bearing(0.2, 0.0))
    doubting.update(4.1, Bearing(0.2, 0.0), (0.25, 0.0))
    assert abs(doubting.at(4.1).bearing.azimuth) < 0.2 * abs(trusting.at(4.1).bearing.azimuth)


@pytest.mark.parametrize(('pixel', 'size', 'doubted'), [
    ((320.0, 240.0), (100.0, 200.0), (False, False)), ((320.0, 240.0), (100.0, 480.0), (False, True)),
    ((40.0, 240.0), (100.0, 200.0), (True, False)), ((600.0, 400.0), (100.0, 200.0), (True, True))])
def test_a_box_that_the_image_cuts_off_is_doubted_in_that_direction(
        pixel: tuple[float, float], size: tuple[float, float], doubted: tuple[bool, bool]) -> None:
    follower = TargetFollower(ControllerParameters(), Drive(ControllerParameters()).head)
    follower.camera = PinholeCamera.from_field_of_view(640, 480, math.radians(60.0))
    target = Target(
        '1', TrackState.TRACKING, 'person', 0.9, 0.0, 0.0, 0.0, 0.0, 0.4, 0.8, pixel=pixel, size_px=size)
    doubt = follower._doubt(target)
    assert tuple(value > 0.0 for value in doubt) == doubted
    assert all(math.isfinite(value) for value in doubt)

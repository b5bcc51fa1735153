# SPDX-License-Identifier: Apache-2.0
"""Target predictor: predictions are scaled by the lead gain; boxes that the image cuts off have less weight."""

from __future__ import annotations

import math
import random

import pytest

from turret_common.geometry import Bearing, PinholeCamera
from turret_common.pose_history import Pose
from turret_common.track_state import TrackState
from turret_control.aiming.backlash import BacklashModel
from turret_control.aiming.predictor import TargetMotion, TargetPredictor
from turret_control.aiming.selection import Candidate
from turret_control.controller.target_follower import TargetFollower
from turret_control.controller_parameters import ControllerParameters

NOISE = 0.002


def observed(rate: float, wobble: float, interval_s: float, duration_s: float = 4.0) -> TargetPredictor:
    """Return a predictor after a steady motion in azimuth with noise on each measurement."""
    rng = random.Random(1)
    predictor = TargetPredictor(0.0, TargetMotion(Bearing(0.0, 0.0), 0.0, 0.0), NOISE)
    for i in range(1, round(duration_s / interval_s)):
        at = i * interval_s
        predictor.update(at, Bearing(rate * at + rng.gauss(0.0, wobble), rng.gauss(0.0, NOISE)))
    return predictor


@pytest.mark.parametrize('interval_s', [0.1, 1.0 / 30.0])
def test_a_steady_motion_is_predicted_in_full(interval_s: float) -> None:
    predictor = observed(0.5, NOISE, interval_s)
    ahead = predictor.at(predictor.stamp + 0.1)
    assert ahead.bearing.azimuth == pytest.approx(0.5 * (predictor.stamp + 0.1), abs=0.01)
    assert ahead.azimuth_rate == pytest.approx(0.5, abs=0.05)


def test_the_lead_gain_is_small_for_a_stationary_box_with_noise() -> None:
    predictor = observed(0.0, 0.03, 0.1)
    now, ahead = (predictor.at(predictor.stamp + s).bearing.azimuth for s in (0.0, 0.15))
    assert abs(ahead - now) < 0.03


def test_a_measurement_with_a_large_deviation_hardly_moves_the_estimate() -> None:
    precise, imprecise = observed(0.0, NOISE, 0.1), observed(0.0, NOISE, 0.1)
    precise.update(4.1, Bearing(0.2, 0.0))
    imprecise.update(4.1, Bearing(0.2, 0.0), (0.25, 0.0))
    assert abs(imprecise.at(4.1).bearing.azimuth) < 0.2 * abs(precise.at(4.1).bearing.azimuth)


def shift(pixel: tuple[float, float], size: tuple[float, float]) -> tuple[float, float]:
    """Return by how much one box at a pixel moves the estimate of a target that was stationary before, in rad."""
    model = BacklashModel()
    model.update(0.0, Pose(0.0, 0.0), (0.0, 0.0))
    follower = TargetFollower(ControllerParameters(), model)
    follower.camera = PinholeCamera.from_field_of_view(640, 480, math.radians(60.0))
    bearings = []
    for i, (at, box) in enumerate([*[((320.0, 240.0), (100.0, 100.0))] * 20, (pixel, size)]):
        now = 0.1 * (i + 1)
        model.update(now, Pose(0.0, 0.0), (0.0, 0.0))
        follower.observe(now, [Candidate(
            '1', TrackState.TRACKING, 'person', 0.9, 0.0, 0.0, 0.0, 0.0, 0.4, 0.8, pixel=at, size_px=box)], now)
        follower.update(now)
        assert follower.aim is not None
        bearings.append(follower.aim.motion.bearing)
    return bearings[-1].azimuth - bearings[-2].azimuth, bearings[-1].elevation - bearings[-2].elevation


@pytest.mark.parametrize(('pixel', 'size', 'cut'), [
    ((330.0, 230.0), (100.0, 200.0), (False, False)), ((330.0, 230.0), (100.0, 480.0), (False, True)),
    ((40.0, 230.0), (100.0, 200.0), (True, False)), ((600.0, 400.0), (100.0, 200.0), (True, True))])
def test_a_box_that_the_image_cuts_off_has_less_weight_in_that_direction(
        pixel: tuple[float, float], size: tuple[float, float], cut: tuple[bool, bool]) -> None:
    # Any cut-off suspends the estimation of the noise, so only the directions of one box can be compared.
    whole = shift(pixel, (10.0, 10.0))
    ratios = [abs(a / b) for a, b in zip(shift(pixel, size), whole, strict=True)]
    for ratio, is_cut in zip(ratios, cut, strict=True):
        assert (ratio < 0.5) == is_cut

# SPDX-License-Identifier: Apache-2.0
"""The filter of one bearing: it converges, does not lag, and stays healthy whatever it is fed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_common.geometry import Bearing, wrap_angle
from turret_vision.tracking.bearing_filter import BearingFilter
from turret_vision.tracking.measurement_noise import NoiseEstimator

NOISE = math.radians(0.05)
STEADY, MANEUVER = 0.005, 4.0


def follow(truth: Callable[[float], Bearing], rate_hz: float, seconds: float, seed: int = 1) -> BearingFilter:
    """Return a filter that has seen a noisy target until ``seconds``."""
    rng = np.random.default_rng(seed)
    deviation = (NOISE, NOISE)
    bearing_filter = None
    for i in range(round(seconds * rate_hz) + 1):
        bearing = truth(i / rate_hz)
        measured = Bearing(
            bearing.azimuth + rng.normal(0.0, NOISE) / math.cos(bearing.elevation),
            bearing.elevation + rng.normal(0.0, NOISE))
        if bearing_filter is None:
            bearing_filter = BearingFilter(measured, deviation, 0.7)
        else:
            bearing_filter.predict(1.0 / rate_hz, STEADY, MANEUVER)
            bearing_filter.update(measured, deviation)
    assert bearing_filter is not None
    return bearing_filter


@pytest.mark.parametrize('rate_hz', [10.0, 30.0, 100.0])
def test_a_steady_target_is_estimated_within_fractions_of_the_noise(rate_hz: float) -> None:
    rate = math.radians(60.0)
    result = follow(lambda t: Bearing(rate * t - 1.0, 0.2 - 0.3 * rate * t), rate_hz, 2.0)
    assert result.bearing.azimuth == pytest.approx(2.0 * rate - 1.0, abs=1.5 * NOISE)
    assert result.rates == (pytest.approx(rate, rel=0.02), pytest.approx(-0.3 * rate, rel=0.05))


def test_a_still_target_does_not_seem_to_move() -> None:
    result = follow(lambda t: Bearing(0.5, 0.1), 30.0, 2.0)
    assert result.bearing == (pytest.approx(0.5, abs=0.5 * NOISE), pytest.approx(0.1, abs=0.5 * NOISE))
    assert np.abs(result.rates).max() < math.radians(0.2)


@pytest.mark.parametrize('seconds', [2.0, 2.2, 2.5, 2.8])
def test_a_maneuvering_target_is_followed_without_lag(seconds: float) -> None:
    amplitude, omega = math.radians(20.0), math.pi
    result = follow(lambda t: Bearing(amplitude * math.sin(omega * t), 0.0), 30.0, seconds)
    assert result.bearing.azimuth == pytest.approx(amplitude * math.sin(omega * seconds), abs=math.radians(0.2))
    assert result.rates[0] == pytest.approx(
        amplitude * omega * math.cos(omega * seconds), abs=0.15 * amplitude * omega)


def test_azimuth_wraps_round() -> None:
    result = follow(lambda t: Bearing(wrap_angle(3.0 + 0.5 * t), 0.0), 30.0, 1.0)
    assert result.bearing.azimuth == pytest.approx(wrap_angle(3.5), abs=2.0 * NOISE)
    assert result.rates[0] == pytest.approx(0.5, abs=0.05)


def test_the_error_matches_the_covariance() -> None:
    errors = []
    for seed in range(200):
        result = follow(lambda t: Bearing(0.3 * t, 0.6), 30.0, 1.0, seed)
        error = np.array([
            result.bearing.azimuth - 0.3, result.bearing.elevation - 0.6, result.rates[0] - 0.3, result.rates[1]])
        errors.append(error @ np.linalg.solve(result.covariance, error))
    assert np.mean(errors) == pytest.approx(4.0, abs=2.0)  # a squared distance in four dimensions


steps = st.lists(st.tuples(
    st.floats(0.0, 3.0), st.floats(-math.pi, math.pi), st.floats(-1.55, 1.55), st.floats(1e-6, 0.5), st.booleans()),
    min_size=1, max_size=40)


@given(steps, st.floats(1e-6, 100.0), st.floats(0.01, 1000.0))
def test_the_covariance_stays_symmetric_and_positive_definite(
        steps: list[tuple[float, float, float, float, bool]], steady: float, maneuver: float) -> None:
    bearing_filter = BearingFilter(Bearing(0.0, 0.0), (1e-3, 1e-3), 0.7)
    for dt, azimuth, elevation, noise, seen in steps:
        bearing_filter.predict(dt, steady, maneuver)
        if seen:
            bearing_filter.update(Bearing(azimuth, elevation), (noise, noise))
        covariance = bearing_filter.covariance
        assert np.isfinite(covariance).all()
        assert (covariance == covariance.T).all()
        spread = np.sqrt(np.diag(covariance))
        assert np.linalg.eigvalsh(covariance / np.outer(spread, spread)).min() > 0.0
        assert -math.pi <= bearing_filter.bearing.azimuth < math.pi


@pytest.mark.parametrize('actual', [0.3, 1.0, 3.0])
def test_the_noise_of_a_maneuvering_target_is_estimated(actual: float) -> None:
    rng = np.random.default_rng(2)
    gauge = NoiseEstimator()
    for i in range(90):
        t = i / 30.0 + rng.uniform(-0.005, 0.005)
        azimuth, elevation = actual * NOISE * rng.normal(0.0, 1.0, 2)
        bearing = Bearing(wrap_angle(3.0 + 0.35 * math.sin(math.pi * t) + azimuth), elevation)
        gauge.add(t, bearing, (NOISE, NOISE))
    assert gauge.scale == pytest.approx(actual, rel=0.35)

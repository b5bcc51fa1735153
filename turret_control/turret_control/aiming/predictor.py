# SPDX-License-Identifier: Apache-2.0
"""Target predictor: an interacting-multiple-model (IMM) filter per axis.

The filter (Blom and Bar-Shalom, IEEE Trans. Automatic Control 33, 1988) runs several motion models at once, weighted by
their recent prediction errors. The models are: stationary; constant rate; and oscillation at one of several
frequencies, for which the third derivative of the angle is ``-w^2`` times its rate (in the plane this is the
coordinated turn). Low-noise models average the camera noise where they apply, and lose their weight within a few images
where they do not; oscillations are continued around their reversal points, where a constant rate would overshoot.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from turret_common.geometry import Array, Bearing, wrap_angle

_FREQUENCIES_HZ = np.geomspace(0.19, 3.2, 16)
#: Angular frequency of each model: stationary, constant rate, one per frequency.
_W: Array = 2.0 * math.pi * np.concatenate([[0.0, 0.0], _FREQUENCIES_HZ])
_COUNT = len(_W)

# Spectral density of the noise in the highest derivative of each model: rad^2/s, rad^2/s^3, rad^2/s^5; that of an
# oscillation grows with its frequency. Found by search over seeded targets with 1 px of noise at 30 Hz; half or twice
# the value changes little.
_STATIONARY_NOISE = 1.2e-7
_RATE_NOISE = 2.0e-5
_OSCILLATION_NOISE: Array = 0.02 * _W[2:]**3.3
# Probability per image that a model continues to apply; the others share the rest.
_STAY = 0.992
_STAY_LOW_NOISE = 0.997
# Variances of the rate and acceleration that a model without them hands to another model: rad^2/s^2 and rad^2/s^4.
_RATE_VARIANCE = 0.12
_ACCELERATION_VARIANCE = 0.64
_MAX_STEP_S = 0.5       # process noise stops growing after this time
# The measurement noise is estimated from third differences, which are near zero for smooth motion; their variance is 20
# times that of white noise. Time constant in s, maximum of one sample as a multiple of the estimate, and bounds of the
# estimate in rad^2.
_NOISE_MEMORY_S, _NOISE_OUTLIER = 0.8, 9.0
_NOISE_BOUNDS = (0.0004**2, 0.1**2)
_START_RATE_VARIANCE = 0.5
# The lead gain is estimated from predictions over the first time in s (at most the second), with this time constant in
# s; the prior in rad^2 s pulls it towards 1.
_LEAD_S, _MAX_LEAD_S = 0.12, 0.5
_LEAD_MEMORY_S = 0.8
_LEAD_PRIOR = 2e-5


class TargetMotion(NamedTuple):
    """Bearing and rates of a target at one instant: angles in rad in ``base_link``, rates in rad/s."""

    bearing: Bearing
    azimuth_rate: float
    elevation_rate: float


def _transition_probabilities() -> Array:
    stay = np.full(_COUNT, _STAY)
    stay[:2] = _STAY_LOW_NOISE
    result = np.repeat(((1.0 - stay) / (_COUNT - 1))[:, None], _COUNT, axis=1)
    np.fill_diagonal(result, stay)
    return result


_SWITCH = _transition_probabilities()
# Which of angle, rate and acceleration each model has.
_HAS: Array = np.ones((_COUNT, 3))
_HAS[0, 1:] = 0.0
_HAS[1, 2] = 0.0
_HAS_BOTH = _HAS[:, :, None] * _HAS[:, None, :]
_FILL: Array = (1.0 - _HAS)[:, :, None] * np.diag([0.0, _RATE_VARIANCE, _ACCELERATION_VARIANCE])

_SQUARED_W = _W**2
_DIVISOR = np.where(_W > 0.0, _W, 1.0)  # avoids a division by zero for models without oscillation
_SQUARED_DIVISOR = _DIVISOR**2


def _oscillation(dt: float) -> tuple[Array, Array, Array]:
    """Return the entries of the transition matrices over ``dt`` s.

    Returns:
        The angle from a rate of 1 (equal to the rate from an acceleration of 1), the rate from a rate of 1, and the
        angle from an acceleration of 1, each of shape (models,); undefined where a model has no rate or acceleration.
    """
    phase = _W * dt
    rate_to_angle, rate_to_rate = np.sin(phase) / _DIVISOR, np.cos(phase)
    rate_to_angle[1] = dt
    return rate_to_angle, rate_to_rate, (1.0 - rate_to_rate) / _SQUARED_DIVISOR


def _transitions(dt: float) -> Array:
    """Return the transition matrices of angle, rate and acceleration over ``dt`` s, shape (models, 3, 3)."""
    f = np.zeros((_COUNT, 3, 3))
    f[:, 0, 0] = 1.0
    f[:, 0, 1], f[:, 1, 1], f[:, 0, 2] = _oscillation(dt)
    f[:, 1, 2] = f[:, 0, 1]
    f[:, 2, 1] = -_SQUARED_W * f[:, 0, 1]
    f[:, 2, 2] = f[:, 1, 1]
    return f


def _noises(dt: float) -> Array:
    """Return the process noise over ``dt`` s, shape (models, 3, 3); oscillations as for white jerk noise."""
    q = np.zeros((_COUNT, 3, 3))
    q[0, 0, 0] = _STATIONARY_NOISE * dt
    q[1, :2, :2] = _RATE_NOISE * np.array([[dt**3 / 3.0, dt**2 / 2.0], [dt**2 / 2.0, dt]])
    q[2:] = _OSCILLATION_NOISE[:, None, None] * np.array([
        [dt**5 / 20.0, dt**4 / 8.0, dt**3 / 6.0], [dt**4 / 8.0, dt**3 / 3.0, dt**2 / 2.0],
        [dt**3 / 6.0, dt**2 / 2.0, dt]])
    return q


def _lead(weighted: Array, dt: float) -> tuple[Array, Array]:
    """Return the change of the angles in ``dt`` s that the models together predict, and the rates at its end.

    Args:
        weighted: state of each model times its weight, shape (2, models, 3).
        dt: in s.

    Returns:
        Both of shape (2,).
    """
    rate, acceleration = weighted[:, :, 1], weighted[:, :, 2]
    rate_to_angle, rate_to_rate, acceleration_to_angle = _oscillation(dt)
    return (rate @ rate_to_angle + acceleration @ acceleration_to_angle,
            rate @ rate_to_rate + acceleration @ rate_to_angle)


class TargetPredictor:
    """Estimates and predicts the motion of one target. Times in s on one clock, angles in rad."""

    def __init__(self, stamp: float, motion: TargetMotion, noise: float) -> None:
        """Start from an initial estimate.

        Args:
            stamp: time of the estimate.
            motion: bearing and rates.
            noise: initial standard deviation of a measurement in rad.
        """
        self.stamp = stamp
        self._state: Array = np.zeros((2, _COUNT, 3))
        self._state[:, :, 0] = np.array(motion.bearing)[:, None]
        self._state[:, :, 1] = np.array([motion.azimuth_rate, motion.elevation_rate])[:, None]
        self._state *= _HAS
        self._covariance: Array = np.zeros((2, _COUNT, 3, 3))
        self._covariance[:, :, 0, 0] = noise**2
        self._covariance[:, :, 1, 1] = _START_RATE_VARIANCE
        self._covariance[:, :, 2, 2] = _ACCELERATION_VARIANCE
        self._covariance *= _HAS_BOTH
        self._weights: Array = np.full((2, _COUNT), 1.0 / _COUNT)
        self._weighted: Array = self._weights[:, :, None] * self._state
        self._variance: Array = np.full(2, noise**2)
        self._recent: deque[Bearing] = deque(maxlen=4)
        self._past: deque[tuple[float, Array]] = deque()  # stamp, weighted states
        # Per axis, running sums of predicted times actual change and of predicted change squared, and the factor on
        # predictions that would have minimized their recent errors.
        self._agreement = np.zeros(2)
        self._lead2 = np.zeros(2)
        self._lead_gain = np.ones(2)

    def update(self, stamp: float, bearing: Bearing, deviation: tuple[float, float] = (0.0, 0.0)) -> None:
        """Add a measured bearing; ignored if not newer than the last.

        Args:
            stamp: time of the measurement.
            bearing: measured bearing.
            deviation: standard deviation of each angle in rad, in addition to the estimated measurement noise.
        """
        dt = stamp - self.stamp
        if not dt > 0.0:
            return
        self.stamp = stamp
        self._mix()
        transitions = _transitions(dt)
        self._state = (transitions @ self._state[..., None])[..., 0]
        self._covariance = (
            transitions @ self._covariance @ transitions.transpose(0, 2, 1) + _noises(min(dt, _MAX_STEP_S)))
        if any(deviation):
            self._recent.clear()
        else:
            self._estimate_noise(bearing, dt)
            self._update_lead_gain(np.array(bearing), dt)
        self._correct(np.array(bearing), self._variance + np.square(deviation))
        self._weighted = self._weights[:, :, None] * self._state
        self._past.append((stamp, self._weighted))

    def at(self, time: float) -> TargetMotion:
        """Return the predicted motion at a time."""
        lead, rate = _lead(self._weighted, time - self.stamp)
        azimuth, elevation = (self._weighted[:, :, 0].sum(axis=1) + self._lead_gain * lead).tolist()
        azimuth_rate, elevation_rate = (self._lead_gain * rate).tolist()
        return TargetMotion(Bearing(wrap_angle(azimuth), elevation), azimuth_rate, elevation_rate)

    def _update_lead_gain(self, measured: Array, dt: float) -> None:
        """Compare a measurement with its prediction of ``_LEAD_S`` ago.

        The lead gain is near 1 for targets that can be predicted, and small where the apparent motion is that of the
        detector: the box of a person grows and shrinks with every step.
        """
        while len(self._past) > 1 and self.stamp - self._past[1][0] >= _LEAD_S:
            self._past.popleft()
        if not self._past or self.stamp - self._past[0][0] > _MAX_LEAD_S:
            return
        stamp, weighted = self._past[0]
        lead, _ = _lead(weighted, self.stamp - stamp)
        actual = measured - weighted[:, :, 0].sum(axis=1)
        actual[0] = wrap_angle(float(actual[0]))
        kept = math.exp(-dt / _LEAD_MEMORY_S)
        self._agreement = kept * self._agreement + dt * lead * actual
        self._lead2 = kept * self._lead2 + dt * lead * lead
        self._lead_gain = ((self._agreement + _LEAD_PRIOR) / (self._lead2 + _LEAD_PRIOR)).clip(0.0, 1.0)

    def _mix(self) -> None:
        """Mix the states of the models by the probabilities of a switch between them."""
        expected = self._weights @ _SWITCH
        share = _SWITCH.T * self._weights[:, None, :] / expected[:, :, None]  # axis, to, from
        mean = share @ self._state
        squares = self._covariance + _FILL + self._state[..., :, None] * self._state[..., None, :]
        mixed = (share @ squares.reshape(2, _COUNT, 9)).reshape(2, _COUNT, 3, 3)
        self._state = mean * _HAS
        self._covariance = (mixed - mean[..., :, None] * mean[..., None, :]) * _HAS_BOTH
        self._weights = expected

    def _estimate_noise(self, bearing: Bearing, dt: float) -> None:
        self._recent.append(bearing)
        if len(self._recent) == 4:
            a, b, c, d = self._recent
            thirds = np.array([wrap_angle(d[i] - 3.0 * c[i] + 3.0 * b[i] - a[i]) for i in (0, 1)])
            share = 1.0 - math.exp(-dt / _NOISE_MEMORY_S)
            sample = np.minimum(thirds**2 / 20.0, _NOISE_OUTLIER * self._variance)
            self._variance = np.clip(self._variance + share * (sample - self._variance), *_NOISE_BOUNDS)

    def _correct(self, measured: Array, variance: Array) -> None:
        innovation = measured[:, None] - self._state[:, :, 0]
        innovation[0] = (innovation[0] + math.pi) % (2.0 * math.pi) - math.pi
        expected = self._covariance[:, :, 0, 0] + variance[:, None]
        gain = self._covariance[:, :, :, 0] / expected[:, :, None]
        self._state = self._state + gain * innovation[:, :, None]
        self._covariance = self._covariance - gain[:, :, :, None] * self._covariance[:, :, None, 0, :]
        log_likelihood = -0.5 * (innovation**2 / expected + np.log(expected))
        weights = self._weights * np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
        weights += 1e-12  # keeps every model recoverable
        self._weights = weights / weights.sum(axis=1, keepdims=True)

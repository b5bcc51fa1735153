# SPDX-License-Identifier: Apache-2.0
"""The Kalman filter of one bearing, for targets that stand, move steadily or maneuver.

One constant-velocity filter must choose between noise at rest and lag in a maneuver. Three run side by side here,
each for one kind of motion, and are weighted by how well they predict: the interacting multiple models of Blom and
Bar-Shalom (IEEE Trans. Automatic Control 33, 1988). The maneuvering one is Singer's, whose acceleration is random
with a memory of about a second.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from turret_common.geometry import Bearing, wrap_angle

Array = npt.NDArray[np.float64]

STILL, STEADY, MANEUVERING = range(3)

_SWITCH_S = 1.65        # mean time that a target keeps to one kind of motion
_MEMORY_S = 0.5         # of the acceleration of a maneuvering target
_STILL_NOISE = 1e-7     # spectral density of the wandering of a still target, rad^2/s
_MIN_WEIGHT = 1e-4    # so that no kind of motion is ever given up
_UNUSED = 1e-8          # variance of rates and accelerations that a kind of motion does not have
_MIN_COS = 0.05         # towards the zenith azimuth loses its meaning; beyond 87 degrees its noise no longer grows


class BearingFilter:
    """Azimuth and elevation in rad with their rates in rad/s.

    The same angle on the sphere is 1 / cos(elevation) as much azimuth, so azimuth's noise is scaled by that.
    """

    def __init__(
            self, bearing: Bearing, deviation: tuple[float, float], rate_deviation: float,
            rates: tuple[float, float] = (0.0, 0.0)) -> None:
        """Start at a measured bearing.

        Args:
            bearing: measured.
            deviation: standard deviations of the measurement across and up, as angles on the sphere, in rad.
            rate_deviation: standard deviation of the rates, in rad/s.
            rates: expected azimuth and elevation rates, in rad/s.
        """
        # Index 0: kind of motion, 1: axis (azimuth, elevation), 2: angle, rate, acceleration.
        self._state: Array = np.zeros((3, 2, 3))
        self._state[:, :, 0] = wrap_angle(bearing.azimuth), bearing.elevation
        self._state[STEADY:, :, 1] = rates
        self._covariance: Array = np.zeros((3, 2, 3, 3))
        spread = self._spread(bearing.elevation)
        for kind, rate in enumerate((_UNUSED, rate_deviation**2, rate_deviation**2)):
            acceleration = rate_deviation**2 / _MEMORY_S**2 if kind == MANEUVERING else _UNUSED
            for axis in (0, 1):
                self._covariance[kind, axis] = np.diag([deviation[axis] ** 2, rate, acceleration]) * spread[axis] ** 2
        self._weight: Array = np.full(3, 1.0 / 3.0)
        self._elapsed_s = 0.0
        self._mean = _weighted(self._weight, self._state)

    @property
    def bearing(self) -> Bearing:
        """The estimated bearing."""
        return Bearing(wrap_angle(float(self._mean[0, 0])), float(self._mean[1, 0]))

    @property
    def rates(self) -> tuple[float, float]:
        """The estimated azimuth and elevation rates in rad/s."""
        return float(self._mean[0, 1]), float(self._mean[1, 1])

    @property
    def covariance(self) -> Array:
        """Covariance of azimuth, elevation and their rates, shape (4, 4), symmetric and positive definite."""
        off = self._state - self._mean
        scatter = (self._weight[:, np.newaxis, np.newaxis] * off).transpose(1, 2, 0) @ off.swapaxes(0, 1)
        total = _weighted(self._weight, self._covariance) + scatter
        result = np.zeros((4, 4))
        for axis in (0, 1):
            result[axis::2, axis::2] = 0.5 * (total + total.swapaxes(-1, -2))[axis, :2, :2]
        return result

    def predict(self, dt: float, steady_noise: float, maneuver: float) -> None:
        """Advance by ``dt`` s.

        Args:
            dt: in s, not negative.
            steady_noise: spectral density of the acceleration of a steady target, in rad^2/s^3.
            maneuver: standard deviation of the acceleration of a maneuvering one, in rad/s^2.
        """
        transition, noise = _motion(dt, steady_noise, maneuver)
        spread = self._spread(float(self._mean[1, 0]))
        step = transition[:, np.newaxis]
        self._state = (step @ self._state[..., np.newaxis])[..., 0]
        self._covariance = step @ self._covariance @ step.swapaxes(-1, -2)
        self._covariance += noise[:, np.newaxis] * (spread**2)[np.newaxis, :, np.newaxis, np.newaxis]
        self._elapsed_s += dt
        self._mean = _weighted(self._weight, self._state)

    def update(self, bearing: Bearing, deviation: tuple[float, float]) -> None:
        """Take a measured bearing with its standard deviations across and up in rad."""
        noise = (np.asarray(deviation) * self._spread(bearing.elevation)) ** 2
        reference = float(self._mean[0, 0])
        measured = np.array([reference + wrap_angle(bearing.azimuth - reference), bearing.elevation])
        innovation = measured - self._state[:, :, 0]
        expected = self._covariance[:, :, 0, 0] + noise
        gain = self._covariance[:, :, :, 0] / expected[:, :, np.newaxis]
        self._state = self._state + gain * innovation[:, :, np.newaxis]
        # Joseph's form, (1 - gain h) P (1 - gain h)' + gain noise gain', where h picks the angle: it stays positive
        # definite whatever the rounding.
        column, row = gain[:, :, :, np.newaxis], gain[:, :, np.newaxis, :]
        kept = self._covariance - column * self._covariance[:, :, :1]
        self._covariance = kept - kept[:, :, :, :1] * row + column * row * noise[:, np.newaxis, np.newaxis]
        score = -0.5 * (innovation**2 / expected + np.log(expected)).sum(axis=1)
        weight = np.maximum(self._weight * np.exp(score - score.max()), _MIN_WEIGHT)
        self._weight = weight / weight.sum()
        self._mix()
        self._mean = _weighted(self._weight, self._state)

    def compare(self, azimuth: Array, elevation: Array, variance: Array) -> tuple[Array, Array]:
        """Compare bearings, shape (n,), and their variances across and up, shape (n, 2), with the prediction.

        Returns:
            The squared distance in standard deviations to the kind of motion that fits best, and -2 log likelihood over
            all of them, each of shape (n,).
        """
        across = (azimuth - self._mean[0, 0] + math.pi) % (2.0 * math.pi) - math.pi
        measured = np.stack([self._mean[0, 0] + across, elevation], axis=1)
        innovation = measured[:, np.newaxis] - self._state[:, :, 0]  # [measurement, kind, axis]
        noise = variance * self._spread(float(self._mean[1, 0])) ** 2
        expected = self._covariance[:, :, 0, 0] + noise[:, np.newaxis]
        distance = (innovation**2 / expected).sum(axis=2)
        score = distance + np.log(expected).sum(axis=2) - 2.0 * np.log(self._weight)
        best = score.min(axis=1)
        return distance.min(axis=1), best - 2.0 * np.log(np.exp(-0.5 * (score - best[:, np.newaxis])).sum(axis=1))

    def _mix(self) -> None:
        """Mix the estimates of all motion models, with the probability that a target changes its motion."""
        stay = math.exp(-self._elapsed_s / _SWITCH_S)
        self._elapsed_s = 0.0
        joint = self._weight[:, np.newaxis] * (0.5 * (1.0 - stay) + (1.5 * stay - 0.5) * np.eye(3))  # [from, to]
        self._weight = joint.sum(axis=0)
        share = (joint / self._weight).T  # [to, from]
        mixed = _weighted(share, self._state)
        off = self._state - mixed[:, np.newaxis]  # [to, from, axis, state]
        scatter = (share[:, :, np.newaxis, np.newaxis] * off).transpose(0, 2, 3, 1) @ off.transpose(0, 2, 1, 3)
        self._state, self._covariance = mixed, _weighted(share, self._covariance) + scatter

    @staticmethod
    def _spread(elevation: float) -> Array:
        """Return how much of each axis one rad on the sphere is."""
        return np.array([1.0 / max(_MIN_COS, math.cos(elevation)), 1.0])


def _weighted(weights: Array, values: Array) -> Array:
    """Return sums over the first axis of ``values``, weighted by the last of ``weights``."""
    return (weights @ values.reshape(len(values), -1)).reshape(weights.shape[:-1] + values.shape[1:])


@functools.lru_cache(8)  # all targets take the same step
def _motion(dt: float, steady_noise: float, maneuver: float) -> tuple[Array, Array]:
    """Return the transition matrices and process noises of the three kinds of motion, each of shape (3, 3, 3)."""
    transition = np.zeros((3, 3, 3))
    noise = np.zeros((3, 3, 3))
    transition[STILL, 0, 0] = 1.0
    noise[STILL] = np.diag([_STILL_NOISE * dt, _UNUSED, _UNUSED])
    transition[STEADY, :2, :2] = [[1.0, dt], [0.0, 1.0]]
    noise[STEADY, :2, :2] = steady_noise * np.array([[dt**3 / 3.0, dt**2 / 2.0], [dt**2 / 2.0, dt]])
    noise[STEADY, 2, 2] = _UNUSED
    # Singer's transition, and the noise of a white jerk that gives the acceleration its variance.
    decay, a = math.exp(-dt / _MEMORY_S), 1.0 / _MEMORY_S
    transition[MANEUVERING] = [
        [1.0, dt, (a * dt - 1.0 + decay) / a**2], [0.0, 1.0, (1.0 - decay) / a], [0.0, 0.0, decay]]
    jerk = maneuver**2 * (1.0 - decay**2) / dt if dt > 0.0 else 0.0
    noise[MANEUVERING] = jerk * np.array([
        [dt**5 / 20.0, dt**4 / 8.0, dt**3 / 6.0], [dt**4 / 8.0, dt**3 / 3.0, dt**2 / 2.0],
        [dt**3 / 6.0, dt**2 / 2.0, dt]])
    return transition, noise

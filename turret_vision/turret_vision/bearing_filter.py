"""A constant-velocity Kalman filter of one bearing."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from turret_common.geometry import Bearing, wrap_angle

Array = npt.NDArray[np.float64]

_SEEN = slice(0, 2)  # azimuth and elevation; the other two states are their rates
_MIN_COS = 0.05      # azimuth loses its meaning towards the zenith; beyond 87 degrees its noise no longer grows


class BearingFilter:
    """Azimuth and elevation in rad with their rates in rad/s, driven by white noise acceleration.

    The same angle on the sphere is 1 / cos(elevation) as much azimuth, so azimuth's noise is scaled by that.

    Attributes:
        state: azimuth, elevation, azimuth rate, elevation rate; the azimuth in [-pi, pi).
        covariance: of the state, shape (4, 4), symmetric and positive definite.
    """

    def __init__(self, bearing: Bearing, deviation: tuple[float, float], rate_deviation: float) -> None:
        """Begin at a measured bearing.

        Args:
            bearing: measured.
            deviation: standard deviations of the measurement across and up, as angles on the sphere, in rad.
            rate_deviation: standard deviation of the unknown rate, in rad/s.
        """
        self.state: Array = np.array([wrap_angle(bearing.azimuth), bearing.elevation, 0.0, 0.0])
        spread = self._spread()
        self.covariance: Array = np.diag([
            (deviation[0] * spread) ** 2, deviation[1] ** 2, (rate_deviation * spread) ** 2, rate_deviation ** 2])

    @property
    def bearing(self) -> Bearing:
        """The estimated bearing."""
        return Bearing(float(self.state[0]), float(self.state[1]))

    @property
    def rate(self) -> float:
        """The estimated angular speed on the sphere in rad/s."""
        return math.hypot(float(self.state[2]) * math.cos(float(self.state[1])), float(self.state[3]))

    def predict(self, dt: float, acceleration_noise: float) -> None:
        """Advance by ``dt`` s with a spectral density of the acceleration in rad^2/s^3."""
        transition = np.eye(4)
        transition[0, 2] = transition[1, 3] = dt
        noise = np.zeros((4, 4))
        for axis, density in ((0, acceleration_noise * self._spread() ** 2), (1, acceleration_noise)):
            noise[axis, axis] = density * dt**3 / 3.0
            noise[axis, axis + 2] = noise[axis + 2, axis] = density * dt**2 / 2.0
            noise[axis + 2, axis + 2] = density * dt
        self.state = transition @ self.state
        self.state[0] = wrap_angle(float(self.state[0]))
        self._set_covariance(transition @ self.covariance @ transition.T + noise)

    def innovation(self, bearing: Bearing, deviation: tuple[float, float]) -> tuple[Array, Array]:
        """Return by how much a measured bearing differs from the predicted one, in rad, and the covariance of that."""
        difference = np.array([wrap_angle(bearing.azimuth - self.state[0]), bearing.elevation - self.state[1]])
        return difference, self.covariance[_SEEN, _SEEN] + self._measurement_noise(deviation)

    def update(self, bearing: Bearing, deviation: tuple[float, float]) -> None:
        """Take a measured bearing with its standard deviations across and up in rad."""
        difference, expected = self.innovation(bearing, deviation)
        gain = np.linalg.solve(expected, self.covariance[_SEEN, :]).T
        self.state = self.state + gain @ difference
        self.state[0] = wrap_angle(float(self.state[0]))
        # Joseph's form: stays positive definite whatever the rounding.
        keep = np.eye(4)
        keep[:, _SEEN] -= gain
        self._set_covariance(
            keep @ self.covariance @ keep.T + gain @ self._measurement_noise(deviation) @ gain.T)

    def _measurement_noise(self, deviation: tuple[float, float]) -> Array:
        return np.diag([(deviation[0] * self._spread()) ** 2, deviation[1] ** 2])

    def _spread(self) -> float:
        return 1.0 / max(_MIN_COS, math.cos(float(self.state[1])))

    def _set_covariance(self, covariance: Array) -> None:
        self.covariance = 0.5 * (covariance + covariance.T)

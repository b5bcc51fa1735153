# SPDX-License-Identifier: Apache-2.0
"""Least squares without a derivative."""

import numpy as np

from turret_common.least_squares import Array, least_squares


def test_the_minimum_of_a_curved_problem_is_found() -> None:
    x = np.linspace(0.0, 2.0, 30)
    y = 1.3 * np.exp(-0.7 * x)

    def residuals(values: Array) -> Array:
        return values[0] * np.exp(values[1] * x) - y
    assert np.allclose(least_squares(residuals, np.array([1.0, 0.0])), [1.3, -0.7], atol=1e-9)


def test_parameters_without_effect_stay() -> None:
    assert np.allclose(least_squares(lambda v: np.array([v[0] - 2.0]), np.array([0.0, 5.0])), [2.0, 5.0], atol=1e-9)

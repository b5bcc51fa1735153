# SPDX-License-Identifier: Apache-2.0
"""Least squares without a derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def least_squares(residuals: Callable[[Array], Array], start: Array, steps: int = 8, delta: float = 1e-6) -> Array:
    """Return the parameters that minimize the sum of squared residuals (Gauss-Newton, forward differences).

    Args:
        residuals: gives the residuals, shape (n,), for parameters, shape (m,).
        start: parameters to begin with, near the minimum.
        steps: number of iterations.
        delta: change of a parameter for its difference quotient.
    """
    values = np.asarray(start, dtype=np.float64)
    for _ in range(steps):
        now = residuals(values)
        slopes = np.stack([(residuals(values + step) - now) / delta for step in delta * np.eye(len(values))], axis=1)
        values = values - np.linalg.lstsq(slopes, now, rcond=None)[0]
    return values

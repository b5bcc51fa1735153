# SPDX-License-Identifier: Apache-2.0
"""Color gains and the light they are right for."""

from __future__ import annotations

import numpy as np

from turret_camera.capture_parameters import WHITE_BALANCE_K

# Gains of red and blue over green that make white white, of a typical small sensor.
_KELVIN = (2700.0, 3200.0, 3800.0, 4200.0, 5600.0, 6500.0)
_RED = (1.05, 1.30, 1.60, 1.70, 2.05, 2.25)
_BLUE = (2.60, 2.25, 1.90, 1.80, 1.50, 1.35)


def neutral_gains(kelvin: float) -> tuple[float, float]:
    """Return the gains of red and blue that are right for light of a color temperature in K."""
    return float(np.interp(kelvin, _KELVIN, _RED)), float(np.interp(kelvin, _KELVIN, _BLUE))


def gains_for(mode: str, manual: tuple[float, ...]) -> tuple[float, float]:
    """Return the gains of red and blue in a white-balance mode; ``manual`` are those of the mode of that name."""
    return (manual[0], manual[1]) if mode == 'manual' else neutral_gains(WHITE_BALANCE_K[mode])

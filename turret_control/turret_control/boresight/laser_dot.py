# SPDX-License-Identifier: Apache-2.0
"""Laser dot detection: the pixels that are brighter with emission on than off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

_MIN_CONTRAST = 25.0     # of 255, at the peak
_THRESHOLD = 0.5         # share of the peak above which a pixel belongs to the dot
_MAX_SHARE = 0.01        # maximum share of the image covered by the dot


def find_dot(off: list[Image], on: list[Image]) -> tuple[float, float] | None:
    """Return the center of the dot in px; None when nothing changed, or too large an area.

    Args:
        off: images with emission off, shape (height, width, 3), at least one.
        on: images of the same view with emission on, at least one.
    """
    change = np.mean([image.max(axis=2) for image in on], axis=0) - np.mean(
        [image.max(axis=2) for image in off], axis=0)
    peak = np.unravel_index(int(np.argmax(change)), change.shape)
    if change[peak] < _MIN_CONTRAST:
        return None
    weight = np.where(change > _THRESHOLD * change[peak], change, 0.0)
    if np.count_nonzero(weight) > _MAX_SHARE * weight.size:
        return None
    rows, columns = np.indices(weight.shape)
    total = float(weight.sum())
    return float((columns * weight).sum() / total), float((rows * weight).sum() / total)

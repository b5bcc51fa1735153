"""Finding the laser's dot in the image: what is brighter with the laser on than off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

_MIN_CONTRAST = 25.0     # of 255, at the brightest place
_HALF = 0.5              # of the brightest place: what belongs to the dot
_MAX_SHARE = 0.01        # of the image that a dot may cover


def find_dot(dark: list[Image], lit: list[Image]) -> tuple[float, float] | None:
    """Return the middle of the dot in px; None when there is none, or what changed is too large to be one.

    Args:
        dark: images with the laser off, shape (height, width, 3), at least one.
        lit: images of the same view with the laser on, at least one.
    """
    change = np.mean([image.max(axis=2) for image in lit], axis=0) - np.mean(
        [image.max(axis=2) for image in dark], axis=0)
    peak = np.unravel_index(int(np.argmax(change)), change.shape)
    if change[peak] < _MIN_CONTRAST:
        return None
    weight = np.where(change > _HALF * change[peak], change, 0.0)
    if np.count_nonzero(weight) > _MAX_SHARE * weight.size:
        return None
    rows, columns = np.indices(weight.shape)
    total = float(weight.sum())
    return float((columns * weight).sum() / total), float((rows * weight).sum() / total)

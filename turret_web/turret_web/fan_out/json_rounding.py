# SPDX-License-Identifier: Apache-2.0
"""Rounding of numbers in JSON, for topics that are displayed.

Noise in the last digits makes up most of the bytes of a status after compression.
"""

from __future__ import annotations

import math
from typing import Any

_STAMP_NS = 10**6


def rounded(value: Any, decimals: int) -> Any:
    """Return decoded values with floats rounded to ``decimals`` and stamps to milliseconds."""
    if isinstance(value, float):
        return round(value, decimals) if math.isfinite(value) else value
    if isinstance(value, dict):
        return {
            name: part - part % _STAMP_NS if name == 'nanosec' else rounded(part, decimals)
            for name, part in value.items()}
    if isinstance(value, list):
        return [rounded(part, decimals) for part in value]
    return value

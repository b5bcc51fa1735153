"""Fewer bytes for messages that people look at: numbers without the digits that nobody can see.

Numbers that jitter in their last digits are what makes a status expensive: compression can do nothing about them.
"""

from __future__ import annotations

import math
from typing import Any

_STAMP_NS = 10**6


def rounded(value: Any, decimals: int) -> Any:
    """Return decoded values with floats rounded to so many decimals, and stamps to milliseconds."""
    if isinstance(value, float):
        return round(value, decimals) if math.isfinite(value) else value
    if isinstance(value, dict):
        return {
            name: part - part % _STAMP_NS if name == 'nanosec' else rounded(part, decimals)
            for name, part in value.items()}
    if isinstance(value, list):
        return [rounded(part, decimals) for part in value]
    return value

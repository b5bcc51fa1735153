"""Pictures of the aiming benchmark, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_WIDTH, _HEIGHT = 900, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 40, 50
_DECADES = (-2, 2)  # of the error in degrees
_COLORS = ('#0072b2', '#e69f00', '#999999')


class Curve(NamedTuple):
    """One line of a picture: its name, times in s and errors in rad."""

    name: str
    times: Sequence[float]
    errors: Sequence[float]


def error_plot(title: str, curves: Sequence[Curve]) -> str:
    """Return an SVG of errors in degrees (logarithmic) over time."""
    end = max(curve.times[-1] for curve in curves)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="24" font-size="16">{title}: aim error in degrees over time in s</text>']
    for decade in range(_DECADES[0], _DECADES[1] + 1):
        y = _y(10.0**decade)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**decade:g}</text>')
    for second in range(0, math.floor(end) + 1, 2):
        parts.append(f'<text x="{_x(second, end):.1f}" y="{_HEIGHT - 28}" text-anchor="middle">{second}</text>')
    for i, curve in enumerate(curves):
        points = ' '.join(
            f'{_x(t, end):.1f},{_y(math.degrees(e)):.1f}' for t, e in zip(curve.times, curve.errors, strict=True))
        color = _COLORS[i % len(_COLORS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.2"/>')
        parts.append(f'<text x="{_LEFT + 120 * i}" y="{_HEIGHT - 8}" fill="{color}">{curve.name}</text>')
    return '\n'.join([*parts, '</svg>\n'])


def _x(time: float, end: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * time / end


def _y(degrees: float) -> float:
    low, high = _DECADES
    share = (math.log10(max(degrees, 1e-9)) - low) / (high - low)
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * max(0.0, min(1.0, share))

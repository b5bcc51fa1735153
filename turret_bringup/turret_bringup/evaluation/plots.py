# SPDX-License-Identifier: Apache-2.0
"""Images of what is in a bag."""

from __future__ import annotations

import html
import io
import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from turret_bringup.evaluation.series import Line, Series

_SIZE_IN = (11.0, 3.0)  # of one image
_STATE_HEIGHT = 0.8     # of the maximum of a state, where each has a row of height 1
_NOTHING = 'no data to plot'


def figure(title: str, series: Series) -> Figure:
    """Return one figure with an image for each group of lines that has any."""
    groups = [
        (name, unit, lines) for name, unit, lines in (
            ('aim error', 'deg', series.errors), ('angles', 'deg', series.angles),
            ('age when recorded', 'ms', series.latencies), ('states', '', series.states)) if lines]
    rows = max(1, len(groups))
    drawn = Figure(figsize=(_SIZE_IN[0], _SIZE_IN[1] * rows), layout='constrained')
    axes = drawn.subplots(rows, 1, sharex=True, squeeze=False)
    for axis, (name, unit, lines) in zip(axes[:, 0], groups, strict=False):
        (_draw_states if name == 'states' else _draw)(axis, lines)
        axis.set_ylabel(f'{name} [{unit}]' if unit else name)
        axis.grid(alpha=0.3)
    if not groups:
        axes[0, 0].text(0.5, 0.5, _NOTHING, ha='center', transform=axes[0, 0].transAxes)
    if any(_finite(values) for _, values in series.errors.values()):
        axes[0, 0].set_yscale('log')
    axes[0, 0].set_title(title)
    axes[-1, 0].set_xlabel('time [s]')
    return drawn


def write(path: Path, title: str, series: Series, summary: Sequence[str]) -> None:
    """Write a figure as ``.png``, ``.svg`` or ``.pdf``, or with the summary as ``.html``, a page of its own.

    Raises:
        ValueError: another suffix.
        OSError: the file cannot be written.
    """
    drawn = figure(title, series)
    if path.suffix != '.html':
        drawn.savefig(path, dpi=110)
        return
    image = io.StringIO()
    drawn.savefig(image, format='svg')
    svg = image.getvalue()
    has_data = series.errors or series.angles or series.latencies or series.states
    name, words = html.escape(title), html.escape('\n'.join(summary if has_data else [_NOTHING, *summary]))
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
        '<style>body{font-family:sans-serif;margin:2rem}svg{max-width:100%;height:auto}</style>'
        f'<h1>{name}</h1>{svg[svg.index("<svg"):]}<pre>{words}</pre>')


def _draw(axis: Axes, lines: dict[str, Line]) -> None:
    for name, (times, values) in lines.items():
        axis.plot(times, values, linewidth=0.9, label=name if _finite(values) else f'{name} (no values)')
    axis.legend(loc='upper right', fontsize='small')


def _draw_states(axis: Axes, lines: dict[str, Line]) -> None:
    """Draw each state in a row of its own, its maximum as high as the row."""
    names = []
    for row, (name, (times, values)) in enumerate(lines.items()):
        maximum = max([1.0, *_finite(values)])
        axis.step(times, [row + _STATE_HEIGHT * value / maximum for value in values], where='post', linewidth=1.2)
        names.append(f'{name} (0 to {round(maximum)})')
    axis.set_yticks(range(len(lines)), names)


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]

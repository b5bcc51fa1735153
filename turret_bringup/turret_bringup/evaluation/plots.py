"""Images of what is in a bag."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from turret_bringup.evaluation.series import Line, Series

_SIZE_IN = (11.0, 3.0)  # of one image
_STATE_HEIGHT = 0.8     # of the maximum of a state; each has a row of height 1


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
    if series.errors:
        axes[0, 0].set_yscale('log')
    axes[0, 0].set_title(title)
    axes[-1, 0].set_xlabel('time [s]')
    return drawn


def write(path: Path, title: str, series: Series, summary: Sequence[str]) -> None:
    """Write a figure as ``.png``, ``.svg`` or ``.pdf``, or with the summary as ``.html``, a page of its own.

    Raises:
        ValueError: another ending.
        OSError: the disk refuses.
    """
    drawn = figure(title, series)
    if path.suffix != '.html':
        drawn.savefig(path, dpi=110)
        return
    image = io.StringIO()
    drawn.savefig(image, format='svg')
    svg = image.getvalue()
    name, words = html.escape(title), html.escape('\n'.join(summary))
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
        '<style>body{font-family:sans-serif;margin:2rem}svg{max-width:100%;height:auto}</style>'
        f'<h1>{name}</h1>{svg[svg.index("<svg"):]}<pre>{words}</pre>')


def _draw(axis: Axes, lines: dict[str, Line]) -> None:
    for name, (times, values) in lines.items():
        axis.plot(times, values, linewidth=0.9, label=name)
    axis.legend(loc='upper right', fontsize='small')


def _draw_states(axis: Axes, lines: dict[str, Line]) -> None:
    """Draw each state in its own row, scaled to the height of the row."""
    for row, (times, values) in enumerate(lines.values()):
        scale = _STATE_HEIGHT / max(1.0, *values)
        axis.step(times, [row + scale * value for value in values], where='post', linewidth=1.2)
    names = [f'{name} (0 to {max(1, round(max(values)))})' for name, (_, values) in lines.items()]
    axis.set_yticks(range(len(lines)), names)

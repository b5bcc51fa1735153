# SPDX-License-Identifier: Apache-2.0
"""Plots of the aiming benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure


def plot_errors(path: Path, title: str, curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> None:
    """Write a plot of aim errors over time; ``curves`` maps a name to times in s and errors in rad."""
    figure = Figure(figsize=(9.0, 3.6), layout='constrained')
    axes = figure.subplots()
    for name, (times, errors) in curves.items():
        axes.plot(times, np.degrees(errors), linewidth=1.0, label=name)
    axes.set(title=title, xlabel='time [s]', ylabel='aim error [deg]', yscale='log', ylim=(0.01, 100.0))
    axes.grid(alpha=0.3)
    axes.legend(loc='upper right', fontsize='small')
    figure.savefig(path)

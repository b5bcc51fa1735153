"""Results of benchmarks: rows of scenario, variant, metric, value and unit, as a table and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One figure. ``value`` may be NaN where nothing could be measured."""

    scenario: str
    variant: str
    metric: str
    value: float
    unit: str


def table(rows: Iterable[Row]) -> str:
    """Return rows as text in columns."""
    cells = [Row._fields] + [
        (row.scenario, row.variant, row.metric, f'{row.value:.4g}' if math.isfinite(row.value) else '-', row.unit)
        for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(Row._fields))]
    return ''.join('  '.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + '\n'
                   for line in cells)


def write_json(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as a list of objects; a value that is not finite becomes null."""
    path.write_text(json.dumps(
        [{**row._asdict(), 'value': row.value if math.isfinite(row.value) else None} for row in rows], indent=1))


def percentile(values: Collection[float], share: float) -> float:
    """Return the value that the share (0..1) of all values does not exceed; NaN of nothing."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else math.nan

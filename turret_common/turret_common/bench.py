# SPDX-License-Identifier: Apache-2.0
"""Benchmark results: one row type and the protocol that every benchmark follows.

A benchmark is a module with a docstring, ``add_arguments(parser)`` and ``measure(args)``, which yields rows as they are
measured. :func:`run` prints them as a table, writes them as JSON and compares them with their limits.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

_WIDTHS = (36, 24, 34, 11)


class Row(NamedTuple):
    """One measured value.

    Attributes:
        value: NaN or infinity where nothing could be measured.
        maximum: limit of ``value``; a benchmark with a row above its limit fails.
    """

    scenario: str
    variant: str
    metric: str
    value: float
    unit: str
    maximum: float = math.inf

    @property
    def passed(self) -> bool:
        """Whether the value is within its limit; a value that could not be measured is not."""
        return self.maximum == math.inf or self.value <= self.maximum


class Benchmark(Protocol):
    """Module of one benchmark; its docstring is its help text."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the benchmark's own arguments."""

    def measure(self, args: argparse.Namespace) -> Iterable[Row]:
        """Yield rows as they are measured."""


def run(benchmark: Benchmark, args: argparse.Namespace, json_file: Path | None = None) -> int:
    """Run a benchmark and print its rows as they arrive; return 1 where a value exceeds its limit, else 0."""
    rows: list[Row] = []
    for row in benchmark.measure(args):
        if not rows:  # a benchmark that is refused prints its error only
            sys.stdout.write(_line(*Row._fields[:5]))
        rows.append(row)
        sys.stdout.write(format_row(row))
        sys.stdout.flush()
    if json_file:
        write_json(json_file, rows)
    failed = [row for row in rows if not row.passed]
    for row in failed:
        note(f'over the limit: {row.scenario} {row.metric}: {row.value:.4g} > {row.maximum:.4g} {row.unit}'.rstrip())
    return int(bool(failed))


def format_row(row: Row) -> str:
    """Return a row as one line of the table."""
    value = f'{row.value:.4g}' if math.isfinite(row.value) else '-'
    return _line(row.scenario, row.variant, row.metric, value, row.unit)


def _line(*cells: str) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, (*_WIDTHS, 0), strict=True))
    return ' '.join(padded).rstrip() + '\n'


def note(text: str) -> None:
    """Print a remark that is not a measured value, beside the table."""
    sys.stderr.write(f'{text}\n')


def write_json(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as a list of objects; a value that is not finite becomes null."""
    path.write_text(json.dumps([
        {key: value if not isinstance(value, float) or math.isfinite(value) else None
         for key, value in row._asdict().items()} for row in rows], indent=1))


def spread(scenario: str, variant: str, metric: str, values: Collection[float], unit: str) -> Iterator[Row]:
    """Yield median and 95th percentile of some values as two rows."""
    yield Row(scenario, variant, f'{metric}, median', percentile(values, 0.5), unit)
    yield Row(scenario, variant, f'{metric}, p95', percentile(values, 0.95), unit)


def percentile(values: Collection[float], share: float) -> float:
    """Return the value that the share (0 to 1) of all values does not exceed; NaN without values."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else math.nan

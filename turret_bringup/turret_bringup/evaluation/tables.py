# SPDX-License-Identifier: Apache-2.0
"""Bags as tables: one CSV or Parquet file for each topic."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

#: Rows in one group of a Parquet file.
_ROWS = 10_000
#: Maximum integer of a Parquet column; larger ones become text.
_MAX_INTEGER = 2**63 - 1

#: Arrays with more elements become one column of text instead of a column for each element.
_MAX_COLUMNS = 256
#: Maximum length of a file's name, without its suffix.
_MAX_STEM = 120

#: Gives the topic, the stamp [ns since 1970] and the fields of each message; called twice.
Messages = Callable[[], Iterable[tuple[str, int, dict[str, Any]]]]


def flat(values: dict[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    """Give the fields of a message as columns: nested names joined with dots, arrays of numbers with an index each.

    Arrays of messages, and long arrays, become JSON text; byte arrays, which come as base64, stay text; empty arrays
    give nothing.
    """
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{name}.')
        elif not isinstance(value, list):
            yield prefix + name, value
        elif value and len(value) <= _MAX_COLUMNS and isinstance(value[0], (bool, int, float, str)):
            yield from ((f'{prefix}{name}[{i}]', element) for i, element in enumerate(value))
        elif value:
            yield prefix + name, json.dumps(value)


def write_csv(folder: Path, messages: Messages) -> dict[str, Path]:
    """Write ``TOPIC.csv`` for each topic into a folder; return their paths by topic. Raises OSError."""
    columns = _columns(messages)
    paths = _paths(folder, columns, '.csv')
    with contextlib.ExitStack() as stack:
        writers = {}
        for topic, path in paths.items():
            writers[topic] = csv.DictWriter(stack.enter_context(path.open('w', newline='')), columns[topic])
            writers[topic].writeheader()
        for topic, stamp_ns, values in messages():
            writers[topic].writerow({'stamp_ns': stamp_ns, **dict(flat(values))})
    return paths


def write_parquet(folder: Path, messages: Messages) -> dict[str, Path]:
    """Write ``TOPIC.parquet`` for each topic into a folder; return their paths by topic.

    Raises:
        ImportError: pyarrow is not installed.
        OSError: the disk refuses.
    """
    import pyarrow
    import pyarrow.parquet

    columns = _columns(messages)
    paths = _paths(folder, columns, '.parquet')
    kinds = {bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    with contextlib.ExitStack() as stack:
        writers, rows = {}, {topic: [] for topic in columns}  # type: ignore[var-annotated]
        for topic, path in paths.items():
            fields = pyarrow.schema([(name, kinds[kind]) for name, kind in columns[topic].items()])
            writers[topic] = stack.enter_context(pyarrow.parquet.ParquetWriter(path, fields))

        def flush(topic: str) -> None:
            writers[topic].write_table(pyarrow.Table.from_pylist(rows[topic], schema=writers[topic].schema))
            rows[topic].clear()
        for topic, stamp_ns, values in messages():
            row = {'stamp_ns': stamp_ns, **dict(flat(values))}
            rows[topic].append({name: columns[topic][name](value) for name, value in row.items()})
            if len(rows[topic]) >= _ROWS:
                flush(topic)
        for topic in columns:
            flush(topic)
    return paths


def _columns(messages: Messages) -> dict[str, dict[str, type]]:
    """Return the columns of each topic with the type that holds all values: arrays may grow from message to message."""
    order = (bool, int, float, str)
    columns: dict[str, dict[str, type]] = {}
    for topic, _, values in messages():
        known = columns.setdefault(topic, {'stamp_ns': int})
        for name, value in flat(values):
            kind = str if isinstance(value, int) and value > _MAX_INTEGER else type(value)
            known[name] = max(known.get(name, bool), kind, key=order.index)
    return columns


def _paths(folder: Path, topics: Iterable[str], suffix: str) -> dict[str, Path]:
    """Return a file for each topic, no two of them the same."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    for topic in topics:
        stem = ''.join(part if part.isprintable() else '_' for part in topic.strip('/').replace('/', '_'))
        stem = stem.encode()[:_MAX_STEM].decode(errors='ignore') or 'topic'
        numbered = itertools.chain([stem], (f'{stem}_{i}' for i in itertools.count(2)))
        paths[topic] = next(path for name in numbered if (path := folder / (name + suffix)) not in paths.values())
    return paths

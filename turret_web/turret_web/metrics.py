# SPDX-License-Identifier: Apache-2.0
"""Counters of the web gateway in the text format of Prometheus, for ``/metrics``."""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

_PAGE = os.sysconf('SC_PAGE_SIZE')


class Metrics:
    """Counters since the start. Names are sample names without the prefix ``turret_web_``."""

    def __init__(self) -> None:
        self._totals: Counter[str] = Counter()

    def count(self, name: str, amount: float = 1) -> None:
        """Add to a counter, e.g. ``requests_total{status="200"}``."""
        self._totals[name] += amount  # type: ignore[assignment]

    def render(self, gauges: Mapping[str, float], running_totals: Mapping[str, float]) -> str:
        """Return the text of ``/metrics``.

        Args:
            gauges: current values.
            running_totals: amounts of open connections, which are not yet part of the counters.
        """
        totals = Counter(self._totals)
        totals.update(running_totals)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        lines = [
            *_samples('counter', sorted(totals.items())),
            *_samples('gauge', sorted(gauges.items())),
            f'process_cpu_seconds_total {usage.ru_utime + usage.ru_stime:.3f}',
            f'process_resident_memory_bytes {_resident_bytes()}',
        ]
        return '\n'.join(lines) + '\n'


def _samples(kind: str, samples: Iterable[tuple[str, float]]) -> Iterable[str]:
    family = ''
    for name, value in samples:
        if name.partition('{')[0] != family:
            family = name.partition('{')[0]
            yield f'# TYPE turret_web_{family} {kind}'
        yield f'turret_web_{name} {value:.15g}'


def _resident_bytes() -> int:
    return int(Path('/proc/self/statm').read_text().split()[1]) * _PAGE

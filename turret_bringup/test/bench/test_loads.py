# SPDX-License-Identifier: Apache-2.0
"""Loads run while their context lasts, and leave no process behind."""

from __future__ import annotations

import psutil
import pytest

from turret_bringup.bench import loads
from turret_bringup.bench.loads import LOADS
from turret_common.testing.waiting import wait_until


def below() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(('name', 'processes'), [
    ('none', 0), ('busy-4', 4), ('busy-8', 8), ('fsync', 4), ('unpack', 1), ('churn', 1), ('memory', 1)])
def test_a_load_runs_until_its_context_ends(name: str, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, 'MEMORY_SHARE', 0.01)
    before = set(below())
    with LOADS[name]():
        started = set(below()) - before
        assert len(started) == processes
        wait_until(lambda: all(sum(child.cpu_times()[:2]) > 0.0 for child in started))
    assert not any(child.is_running() for child in started)

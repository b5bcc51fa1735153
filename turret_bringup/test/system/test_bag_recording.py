# SPDX-License-Identifier: Apache-2.0
"""A full recording at 30 frames per second loses nothing and costs little."""

from __future__ import annotations

from pathlib import Path

import pytest

from turret_bringup.bench.ros_bag import steady

pytestmark = pytest.mark.system
#: Of one core.
MOST_PROCESSOR = 0.15


def test_a_minute_loses_nothing(tmp_path: Path) -> None:
    recording = steady(tmp_path, 60.0)
    assert recording.published > 40_000
    assert (recording.lost, recording.dropped) == (0, 0)


@pytest.mark.soak
def test_ten_minutes_lose_nothing_and_cost_little(tmp_path: Path) -> None:
    recording = steady(tmp_path, 600.0)
    assert recording.published > 400_000
    assert (recording.lost, recording.dropped) == (0, 0)
    assert recording.processor < MOST_PROCESSOR

# SPDX-License-Identifier: Apache-2.0
"""A turret split over two network namespaces: it tracks, stops safely when the link is cut, and recovers by itself."""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys
from collections.abc import Iterator

import pytest

from turret_bringup.bench.split.namespaces import Impairment, Link, linked_hosts
from turret_bringup.bench.split.split import IN_VIEW, probe, split_turret
from turret_bringup.run.isolated_turret import ScratchTurret
from turret_common.bench import Row
from turret_common.errors import TurretError
from turret_common.testing.waiting import wait_until

pytestmark = pytest.mark.system


@pytest.fixture(scope='module')
def split() -> Iterator[tuple[ScratchTurret, Link]]:
    try:
        with linked_hosts() as link, split_turret(link, *IN_VIEW) as turret:
            yield turret, link
    except TurretError as error:
        pytest.skip(error.message)


def rows(split: tuple[ScratchTurret, Link], *words: str) -> dict[str, Row]:
    return {row.metric: row for row in probe(*split, *words)}


def followed(split: tuple[ScratchTurret, Link], seconds: int) -> dict[str, Row]:
    """Give the rows of a run at whose end the clock offset was known: on a busy machine, requests of it may be late."""
    def run() -> dict[str, Row] | None:
        found = rows(split, 'follow', 'ramp_10', str(seconds))
        return found if math.isfinite(found['clock offset'].value) else None
    found = wait_until(run, 120.0, 'an offset of the clocks')
    assert found is not None
    return found


def test_perception_on_another_host_gets_jpeg_images_and_its_tracks_move_the_head(
        split: tuple[ScratchTurret, Link]) -> None:
    found = followed(split, 3)
    assert found['frames processed'].value > 1.0
    assert 10.0 < found['to perception'].value < 5000.0  # raw images would be 27 MB/s
    assert abs(found['clock offset'].value) < 5.0  # both are this machine
    assert math.isfinite(found['age of commands, median'].value)
    # As one datagram each, images would be some 50 fragments.
    assert found['IP fragments'].value < 2.0 * found['frames processed'].value


def test_images_arrive_over_a_link_that_delays_and_loses_packets(split: tuple[ScratchTurret, Link]) -> None:
    """As one datagram of some 50 fragments, two of three images would be lost, and soon all of them."""
    _, link = split
    with contextlib.ExitStack() as restored:
        restored.callback(link.impair, Impairment())
        link.impair(Impairment(20.0, 10.0, 2.0))
        found = followed(split, 5)
    assert found['frames processed'].value > 1.0
    assert abs(found['clock offset'].value) < 0.5 * found['round trip'].value + 1.0
    assert math.isfinite(found['age of commands, median'].value)


def test_the_doctor_reports_the_offset_of_their_clocks(split: tuple[ScratchTurret, Link]) -> None:
    turret, link = split

    def clocks() -> str:
        done = subprocess.run(
            [*link.first.within(), sys.executable, '-m', 'turret_bringup.cli', 'doctor'], env=turret.environment,
            capture_output=True, text=True, timeout=120.0)
        return next(line for line in done.stdout.splitlines() if 'clocks' in line)
    wait_until(lambda: 'that of the host of vision is off by' in clocks(), 120.0, 'an offset that vision has measured')


def test_the_laser_is_off_and_the_head_still_while_the_link_is_cut_and_all_returns_with_it(
        split: tuple[ScratchTurret, Link]) -> None:
    """The time limits are those of the benchmark; on a busy machine only the sequence is certain."""
    found = rows(split, 'cuts', '1', '4')
    assert found['emission off, maximum'].value < 1000.0
    assert found['head still, maximum'].value < 1500.0
    assert found['back, maximum'].value < 20.0
    assert found['unsafe'].value == 0

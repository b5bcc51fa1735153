# SPDX-License-Identifier: Apache-2.0
"""The offset between two clocks, from requests with different delays on their two ways."""

from __future__ import annotations

import random

import pytest

from turret_common.threads.clock_offset import ClockOffset

MS = 1_000_000


def request(offset: ClockOffset, sent_ns: int, ahead_ms: float, there_ms: float, back_ms: float) -> None:
    """Add a request whose remote clock is behind this host's by ``ahead_ms``."""
    remote_ns = sent_ns + round((there_ms - ahead_ms) * MS)
    offset.add(sent_ns, remote_ns, sent_ns + round((there_ms + back_ms) * MS))


def test_before_the_first_answer_there_is_no_estimate() -> None:
    assert ClockOffset().estimate is None


@pytest.mark.parametrize('seed', range(20))
@pytest.mark.parametrize('ahead_ms', [-300.0, 0.0, 7.0])
def test_the_shortest_ways_give_the_offset(ahead_ms: float, seed: int) -> None:
    offset, delays = ClockOffset(), random.Random(seed)
    for i in range(40):
        request(offset, i * 500 * MS, ahead_ms, delays.uniform(10.0, 30.0), delays.uniform(10.0, 30.0))
    assert offset.estimate is not None
    assert 1e3 * offset.estimate.offset_s == pytest.approx(ahead_ms, abs=4.0)
    assert abs(1e3 * offset.estimate.offset_s - ahead_ms) <= 1e3 * offset.estimate.round_trip_s / 2.0
    assert 20.0 <= 1e3 * offset.estimate.round_trip_s <= 35.0


def test_a_busy_host_makes_no_offset() -> None:
    """Both ways are short at times, but never in the same request."""
    offset = ClockOffset()
    for i in range(16):
        request(offset, i * 500 * MS, 0.0, *((0.3, 40.0) if i % 3 else (60.0, 0.3)))
    assert offset.estimate is not None
    assert not offset.estimate.exceeds(0.005)


def test_one_slow_answer_proves_nothing() -> None:
    offset = ClockOffset()
    request(offset, 0, 0.0, 1.0, 60.0)
    assert offset.estimate is not None
    assert not offset.estimate.exceeds(0.005)
    request(offset, 500 * MS, 80.0, 1.0, 60.0)
    assert offset.estimate.exceeds(0.005)


def test_an_offset_is_found_on_a_slow_link() -> None:
    offset = ClockOffset()
    for i in range(4):
        request(offset, i * 500 * MS, 8.0, 20.0, 20.0)
    assert offset.estimate is not None
    assert offset.estimate.exceeds(0.005)


def test_a_stepped_clock_shows_in_the_next_answer() -> None:
    offset = ClockOffset()
    for i in range(20):
        request(offset, i * 500 * MS, 0.0, 0.5, 0.5)
    request(offset, 20 * 500 * MS, 80.0, 1.0, 2.0)
    assert offset.estimate is not None
    assert 1e3 * offset.estimate.offset_s == pytest.approx(80.0, abs=0.6)


def test_an_answer_before_its_request_does_not_count() -> None:
    offset = ClockOffset()
    offset.add(1000 * MS, 900 * MS, 990 * MS)
    assert offset.estimate is None

# SPDX-License-Identifier: Apache-2.0
"""When recorded messages are due again, on a clock of the test's own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from turret_bringup.replay.events import Event, Events
from turret_bringup.replay.player import Player
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

START = 1_700_000_000_000_000_000


class Item(NamedTuple):
    stamp_ns: int
    name: str


class Recording:
    """Ten messages, one each tenth of a second, every fifth of them an image; and a state that was latched before."""

    def __init__(self) -> None:
        self.all = [Item(START + i * 100_000_000, 'image' if i % 5 == 4 else str(i)) for i in range(10)]

    def items(self, start_ns: int) -> Iterator[Item]:
        if start_ns > START:
            yield Item(start_ns - 50_000_000, 'latched')
        yield from (item for item in self.all if item.stamp_ns >= start_ns)


class Rig:
    def __init__(self, **options: object) -> None:
        self.now = 100.0
        self.published: list[str] = []
        recording = Recording()
        self.player: Player[Item] = Player(
            recording, (recording.all[0].stamp_ns, recording.all[-1].stamp_ns),
            lambda item: self.published.append(item.name), lambda item: item.name == 'image', self.now,
            **options)  # type: ignore[arg-type]

    def run(self, seconds: float) -> list[str]:
        """Let time pass, waking up when the player asks for it; return what was published."""
        self.published.clear()
        until = self.now + seconds
        while True:
            wait = self.player.update(self.now)
            if self.now + wait > until + 1e-9:
                break
            self.now += wait
        self.now = until
        return list(self.published)

    @property
    def place(self) -> float:
        return self.player.position(self.now).position_s


def test_messages_come_in_their_own_time() -> None:
    rig = Rig()
    assert rig.run(0.25) == ['0', '1', '2']
    assert rig.place == pytest.approx(0.25)
    assert rig.run(0.16) == ['3', 'image']
    assert rig.player.position(rig.now).late_s < 1e-6


def test_a_rate_changes_the_pace_and_not_the_place() -> None:
    rig = Rig(rate=2.0)
    assert len(rig.run(0.11)) == 3
    place = rig.place
    rig.player.set_rate(0.5, rig.now)
    assert rig.place == pytest.approx(place)
    assert rig.run(0.2) == ['3']


def test_a_pause_holds_the_place() -> None:
    rig = Rig()
    rig.run(0.25)
    rig.player.set_paused(True, rig.now)
    assert rig.run(5.0) == []
    assert rig.place == pytest.approx(0.25)
    rig.player.set_paused(False, rig.now)
    assert rig.run(0.06) == ['3']


def test_a_paused_replay_is_stepped_by_messages_or_to_the_next_image() -> None:
    rig = Rig(paused=True)
    rig.run(0.1)
    rig.published.clear()
    rig.player.step(1, rig.now)
    assert rig.published == ['1']
    rig.player.step(0, rig.now)
    assert rig.published == ['1', '2', '3', 'image']
    assert rig.place == pytest.approx(0.4)
    rig.player.step(0, rig.now)
    rig.player.step(5, rig.now)
    assert rig.player.ended


def test_a_running_replay_is_not_stepped() -> None:
    rig = Rig()
    with pytest.raises(TurretError) as refused:
        rig.player.step(1, rig.now)
    assert refused.value.code is ReasonCode.WRONG_MODE
    assert rig.published == []


def test_a_seek_gives_what_was_latched_before_at_once_and_is_not_late() -> None:
    rig = Rig()
    rig.run(0.1)
    rig.player.seek(0.7, rig.now)
    assert rig.run(0.01) == ['latched', '7']
    assert rig.player.position(rig.now).late_s < 1e-6
    rig.player.set_paused(True, rig.now)
    rig.player.seek(0.25, rig.now)
    assert rig.run(0.5) == ['latched']
    assert rig.place == pytest.approx(0.25)


@pytest.mark.parametrize('place', [-0.1, 1.0, math.nan, math.inf])
def test_a_seek_out_of_the_bag_changes_nothing(place: float) -> None:
    rig = Rig()
    rig.run(0.25)
    with pytest.raises(TurretError):
        rig.player.seek(place, rig.now)
    assert rig.run(0.06) == ['3']


@pytest.mark.parametrize('rate', [0.0, -1.0, 1000.0, math.nan])
def test_a_rate_out_of_range_changes_nothing(rate: float) -> None:
    rig = Rig()
    with pytest.raises(TurretError):
        rig.player.set_rate(rate, rig.now)
    with pytest.raises(TurretError):
        Rig(rate=rate)
    assert rig.run(0.25) == ['0', '1', '2']


def test_at_the_end_it_stops_and_continues_from_the_beginning_on_request() -> None:
    rig = Rig()
    assert len(rig.run(3.0)) == 10
    at_end = rig.player.position(rig.now)
    assert (at_end.ended, at_end.passes, at_end.messages) == (True, 1, 10)
    assert at_end.position_s == at_end.duration_s
    assert rig.player.update(rig.now) == math.inf
    rig.player.set_paused(False, rig.now)
    assert rig.run(0.05) == ['0']
    assert not rig.player.ended


def test_a_loop_begins_again() -> None:
    rig = Rig(loop=True)
    assert len(rig.run(0.95)) == 11  # the last message and the first one again come together
    assert rig.player.position(rig.now).passes == 1
    assert not rig.player.ended


def test_a_replay_that_was_held_up_does_not_hurry_after() -> None:
    rig = Rig()
    rig.run(0.15)
    rig.now += 60.0
    assert rig.run(0.05) == ['2']
    assert rig.player.position(rig.now).late_s > 0.5


def test_it_starts_where_it_is_asked_to() -> None:
    rig = Rig(start_s=0.6)
    assert rig.run(0.11) == ['latched', '6', '7']


def with_a_gap(**options: object) -> tuple[Player[Item], list[str]]:
    """Return a player of two messages an hour apart, and the list of what it publishes."""
    published: list[str] = []
    items = [Item(START, 'first'), Item(START + 3_600_000_000_000, 'second')]

    class Source:
        def items(self, start_ns: int) -> Iterator[Item]:
            yield from (item for item in items if item.stamp_ns >= start_ns)
    player: Player[Item] = Player(
        Source(), (items[0].stamp_ns, items[1].stamp_ns), lambda item: published.append(item.name), lambda _: False,
        100.0, **options)  # type: ignore[arg-type]
    return player, published


def test_a_gap_is_known_and_can_be_skipped() -> None:
    player, published = with_a_gap()
    assert player.update(100.0) == pytest.approx(3600.0)
    assert player.silence_s(101.0) == pytest.approx(3599.0)
    assert published == ['first']
    player, published = with_a_gap(min_gap_s=10.0)
    player.update(100.0)
    assert published == ['first', 'second']
    assert player.position(100.0).position_s == pytest.approx(3600.0)


def test_a_paused_replay_skips_nothing() -> None:
    player, published = with_a_gap(min_gap_s=10.0, paused=True)
    assert player.update(200.0) == math.inf
    assert published == ['first']


def test_gaps_can_be_skipped_from_now_on() -> None:
    player, published = with_a_gap()
    player.update(101.0)
    assert player.position(101.0).silence_s == pytest.approx(3599.0)
    player.set_min_gap(10.0)
    assert player.position(101.0).min_gap_s == 10.0
    player.update(101.0)
    assert len(published) == 2
    for seconds, code in ((math.nan, ReasonCode.NOT_FINITE), (0.5, ReasonCode.OUT_OF_RANGE),
                          (-1.0, ReasonCode.OUT_OF_RANGE), (1e6, ReasonCode.OUT_OF_RANGE)):
        with pytest.raises(TurretError) as caught:
            player.set_min_gap(seconds)
        assert caught.value.code is code
    assert player.position(101.0).min_gap_s == 10.0
    player.set_min_gap(0.0)
    assert player.position(101.0).min_gap_s == 0.0


def test_the_next_and_the_previous_event_are_found() -> None:
    first, second, third = (Event(position, 20, str(position)) for position in (1.0, 5.0, 9.0))
    events = Events([first, second, third])
    assert events.after(0.0) is first
    assert events.after(1.0) is second
    assert events.before(9.0, paused=True) is second
    assert events.before(9.5, paused=True) is third
    assert events.before(9.5, paused=False) is second  # the third was passed just now
    for find in (lambda: events.after(9.0), lambda: events.before(1.0, paused=True)):
        with pytest.raises(TurretError) as caught:
            find()
        assert caught.value.code is ReasonCode.NOT_FOUND

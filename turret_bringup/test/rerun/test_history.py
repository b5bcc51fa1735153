# SPDX-License-Identifier: Apache-2.0
"""What two histories have in common, and what not."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from turret_bringup.rerun.history import (
    AimRow,
    BoxRow,
    CommandRow,
    History,
    TrackRow,
    compare,
    deviations,
    load,
    same_ids,
    save,
)
from turret_common.errors import TurretError
from turret_common.geometry import Bearing

NAN = math.nan


def track(id_: str, azimuth: float, state: int = 2) -> TrackRow:
    return TrackRow(id_, state, azimuth, 0.0, 0.1, 0.0, 0.05, 0.05)


def history(shift: float = 0.0, first_id: int = 1) -> History:
    made = History()
    for stamp in range(10):
        made.detections[stamp] = (BoxRow('balloon', 100.0 + shift, 50.0, 20.0, 20.0),)
        made.tracks[stamp] = (track(str(first_id), 0.01 * stamp + 0.001 * shift), track(str(first_id + 1), -0.5))
        made.aims[stamp] = AimRow(str(first_id), 0.01 * stamp, 0.0, 0.002)
        made.commands[stamp] = CommandRow(1, NAN, NAN, 0.1 + 0.01 * shift, 0.0)
    return made


def figures(recorded: History, again: History) -> dict[tuple[str, str, str], float]:
    return {(row.scenario, row.variant, row.metric): row.value for row in compare(recorded, again)}


def test_nothing_has_changed_between_a_history_and_itself() -> None:
    rows = figures(history(), history())
    assert {value for (_, variant, _), value in rows.items() if variant == 'changed'} == {0.0}
    assert rows['detections', 'both', 'images'] == rows['tracks', 'both', 'images'] == 10


def test_other_ids_of_the_same_tracks_are_no_other_choice() -> None:
    assert same_ids(history(), history(first_id=7)) == {'1': '7', '2': '8'}
    assert figures(history(), history(first_id=7))['target', 'changed', 'images with another target'] == 0.0
    other = history()
    other.aims = {stamp: aim._replace(track_id='2') for stamp, aim in other.aims.items()}
    assert figures(history(), other)['target', 'changed', 'images with another target'] == 100.0


def test_what_has_moved_is_measured() -> None:
    rows = figures(history(), history(shift=2.0))
    assert rows['detections', 'changed', 'shift of a box, p95'] == pytest.approx(2.0)
    assert rows['detections', 'changed', 'images with other boxes'] == 0.0
    assert rows['tracks', 'changed', 'bearing, p95'] == pytest.approx(math.degrees(0.002))
    assert rows['commands', 'changed', 'rate, p95'] == pytest.approx(math.degrees(0.02))


def test_boxes_elsewhere_and_lost_tracks_are_others() -> None:
    other = history(shift=40.0)
    other.tracks[3] = (track('1', 0.03, state=4), track('2', -0.5))
    other.commands[5] = CommandRow(0, NAN, NAN, NAN, NAN)
    rows = figures(history(), other)
    assert rows['detections', 'changed', 'images with other boxes'] == 100.0
    assert rows['tracks', 'changed', 'images with other confirmed tracks'] == pytest.approx(100.0)
    assert rows['commands', 'changed', 'cycles in another mode'] == pytest.approx(10.0)


def test_tracks_are_compared_with_ground_truth() -> None:
    truth = {stamp: [Bearing(0.01 * stamp, 0.01), Bearing(-0.5, 0.0)] for stamp in range(10)}
    rows = {(row.scenario, row.variant): row.value for row in compare(history(), history(), truth)}
    assert rows['track error', 're-run'] == pytest.approx(math.degrees(0.01), rel=1e-3)


def test_a_history_survives_its_file(tmp_path: Path) -> None:
    save(history(0.123456789), tmp_path / 'h.jsonl')
    assert deviations(history(0.123456789), load(tmp_path / 'h.jsonl')) == []


@pytest.mark.parametrize('text', ['', '{}', '["tracks", 1]', '["other", 1, []]', '["aims", 1, [[1, 2]]]', '\x00'])
def test_what_is_no_history_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / 'h').write_text(text)
    if text:
        with pytest.raises(TurretError):
            load(tmp_path / 'h')
    else:
        assert load(tmp_path / 'h') == History()


@pytest.mark.parametrize('change', [
    lambda h: h.tracks.pop(3),
    lambda h: h.tracks.update({3: h.tracks[3][:1]}),
    lambda h: h.tracks.update({3: (h.tracks[3][0]._replace(azimuth=0.03001), h.tracks[3][1])}),
    lambda h: h.tracks.update({3: (h.tracks[3][0]._replace(state=3), h.tracks[3][1])}),
    lambda h: h.commands.update({3: h.commands[3]._replace(pan=0.0)}),
    lambda h: h.aims.update({3: h.aims[3]._replace(track_id='')}),
    lambda h: h.detections.update({3: ()}),
])
def test_any_deviation_is_reported_and_changes_the_hash(change: object) -> None:
    other = history()
    change(other)  # type: ignore[operator]
    assert len(deviations(history(), other)) == 1
    assert other.digest() != history().digest()


def test_the_hash_covers_every_bit() -> None:
    other = dataclasses.replace(history())
    other.tracks[3] = (track('1', math.nextafter(0.03, 1.0)), track('2', -0.5))
    assert deviations(history(), other) == []
    assert other.digest() != history().digest()

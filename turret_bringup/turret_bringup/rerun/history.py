# SPDX-License-Identifier: Apache-2.0
"""History of a recording: detections, tracks, aims and commands; comparison of two histories, and a file format.

Times are stamps in ns since 1970; angles in rad in ``base_link``, rates in rad/s, boxes in px.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from turret_common.bench import Row, percentile
from turret_common.errors import TurretError
from turret_common.geometry import Bearing, angle_between
from turret_common.reason_codes import ReasonCode
from turret_common.track_state import TrackState
from turret_vision.detectors.detection import Box

_CONFIRMED = [state for state in TrackState if state.confirmed]
_SAME_BOX = 0.5           # minimum intersection over union of two boxes of one object
_SAME_TARGET = 0.03       # maximum angle in rad between two tracks of one target
_DECIMALS = 9             # of values in a file


class BoxRow(NamedTuple):
    """One detection: center and size."""

    class_id: str
    x: float
    y: float
    width: float
    height: float


class TrackRow(NamedTuple):
    """One track after one image; fields as in ``Track.msg``."""

    id: str
    state: int
    azimuth: float
    elevation: float
    azimuth_rate: float
    elevation_rate: float
    angular_width: float
    angular_height: float


class CommandRow(NamedTuple):
    """Command of one control cycle; ``mode`` as in ``GimbalCommand.msg``."""

    mode: int
    pan: float
    tilt: float
    pan_rate: float
    tilt_rate: float


class AimRow(NamedTuple):
    """Aim after one image: track (empty = none), predicted bearing and aim error."""

    track_id: str
    azimuth: float
    elevation: float
    error: float


@dataclasses.dataclass
class History:
    """Everything that is compared.

    Attributes:
        detections: by stamp of the image.
        tracks: by stamp of the image.
        aims: by stamp of the image.
        commands: by stamp of the control cycle.
    """

    detections: dict[int, tuple[BoxRow, ...]] = dataclasses.field(default_factory=dict)
    tracks: dict[int, tuple[TrackRow, ...]] = dataclasses.field(default_factory=dict)
    aims: dict[int, AimRow] = dataclasses.field(default_factory=dict)
    commands: dict[int, CommandRow] = dataclasses.field(default_factory=dict)

    def digest(self) -> str:
        """Return a hash of all values, exact to the bit."""
        sha = hashlib.sha256()
        for name, stamp, row in self._rows():
            sha.update(f'{name} {stamp}'.encode())
            for value in row:
                sha.update(struct.pack('<d', value) if isinstance(value, float) else f'|{value}'.encode())
        return sha.hexdigest()

    def _rows(self) -> Iterator[tuple[str, int, tuple[Any, ...]]]:
        for name, kind in _KINDS.items():
            for stamp, entry in sorted(getattr(self, name).items()):
                for row in entry if kind.many else (entry,):
                    yield name, stamp, row


class _Kind(NamedTuple):
    row: Any
    many: bool


_KINDS = {
    'detections': _Kind(BoxRow, True), 'tracks': _Kind(TrackRow, True), 'aims': _Kind(AimRow, False),
    'commands': _Kind(CommandRow, False)}


def save(history: History, path: Path) -> None:
    """Write a history as JSON, one line per stamp."""
    lines = []
    for name, kind in _KINDS.items():
        for stamp, entry in sorted(getattr(history, name).items()):
            rows = [[_plain(value) for value in row] for row in (entry if kind.many else (entry,))]
            lines.append(json.dumps([name, stamp, rows], separators=(',', ':')))
    path.write_text('\n'.join(lines) + '\n')


def load(path: Path) -> History:
    """Read what :func:`save` wrote.

    Raises:
        TurretError: IO_ERROR when the file cannot be read or is not a history.
    """
    history = History()
    try:
        for line in path.read_text().splitlines():
            name, stamp, rows = json.loads(line)
            kind = _KINDS[name]
            entry = tuple(kind.row(*(math.nan if value is None else value for value in row)) for row in rows)
            getattr(history, name)[int(stamp)] = entry if kind.many else entry[0]
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise TurretError(ReasonCode.IO_ERROR, f'{path} is not a history: {error}') from error
    return history


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DECIMALS) if math.isfinite(value) else None
    return value


def deviations(expected: History, found: History, tolerance: float = 1e-6) -> list[str]:
    """Return the differences between two histories, one sentence each.

    Args:
        expected: expected history.
        found: actual history.
        tolerance: maximum difference of values, whatever their unit.
    """
    sentences = []
    for name, kind in _KINDS.items():
        wanted, got = getattr(expected, name), getattr(found, name)
        if wanted.keys() != got.keys():
            sentences.append(
                f'{name}: {len(got)} instead of {len(wanted)}, {len(got.keys() ^ wanted.keys())} at other times')
        for stamp in sorted(wanted.keys() & got.keys()):
            one, other = (wanted[stamp], got[stamp]) if kind.many else ((wanted[stamp],), (got[stamp],))
            if not _alike(one, other, tolerance):
                sentences.append(f'{name} at {stamp}: {other} instead of {one}')
    return sentences


def _alike(expected: Sequence[Sequence[Any]], found: Sequence[Sequence[Any]], tolerance: float) -> bool:
    if len(expected) != len(found):
        return False
    for one, other in zip(itertools.chain(*expected), itertools.chain(*found), strict=True):
        if not (isinstance(one, float) or isinstance(other, float)):
            if one != other:
                return False
        elif not (abs(one - other) <= tolerance or (math.isnan(one) and math.isnan(other))):
            return False
    return True


def compare(recorded: History, again: History, truth: Mapping[int, Sequence[Bearing]] | None = None) -> Iterator[Row]:
    """Yield the figures of the differences between a recording and its re-run.

    Args:
        recorded: recorded history.
        again: history of the re-run.
        truth: ground truth bearings of all targets by stamp of the image, where known.
    """
    yield from _compare_detections(recorded, again)
    yield from _compare_tracks(recorded, again)
    yield from _compare_aims(recorded, again)
    yield from _compare_commands(recorded, again)
    if truth:
        for variant, history in (('recorded', recorded), ('re-run', again)):
            errors = [
                min(angle_between(Bearing(track.azimuth, track.elevation), target) for target in truth[stamp])
                for stamp, tracks in history.tracks.items() if truth.get(stamp)
                for track in _confirmed(tracks)]
            p95 = math.degrees(percentile(errors, 0.95))
            yield Row('track error', variant, 'against ground truth, p95', p95, 'deg')


def _compare_detections(recorded: History, again: History) -> Iterator[Row]:
    stamps = sorted(recorded.detections.keys() & again.detections.keys())
    shifts, other = [], 0
    for stamp in stamps:
        pairs, alone = _pair_boxes(recorded.detections[stamp], again.detections[stamp])
        other += alone > 0
        shifts += [math.hypot(a.x - b.x, a.y - b.y) for a, b in pairs]
    yield Row('detections', 'both', 'images', len(stamps), '')
    for variant, history in (('recorded', recorded), ('re-run', again)):
        yield Row('detections', variant, 'boxes', sum(len(history.detections[stamp]) for stamp in stamps), '')
    yield Row('detections', 'changed', 'images with other boxes', _share(other, len(stamps)), '%')
    yield Row('detections', 'changed', 'shift of a box, p95', percentile(shifts, 0.95), 'px')


def _pair_boxes(
        some: Sequence[BoxRow], others: Sequence[BoxRow]) -> tuple[list[tuple[BoxRow, BoxRow]], int]:
    """Return pairs of boxes of the same object, best first, and the number of boxes without a counterpart."""
    candidates = sorted(
        ((_box(a).iou(_box(b)), i, j) for i, a in enumerate(some) for j, b in enumerate(others)
         if a.class_id == b.class_id), reverse=True)
    pairs: dict[int, int] = {}
    for overlap, i, j in candidates:
        if overlap >= _SAME_BOX and i not in pairs and j not in pairs.values():
            pairs[i] = j
    return [(some[i], others[j]) for i, j in pairs.items()], len(some) + len(others) - 2 * len(pairs)


def _box(row: BoxRow) -> Box:
    return Box(row.x, row.y, row.width, row.height)


def _compare_tracks(recorded: History, again: History) -> Iterator[Row]:
    stamps = sorted(recorded.tracks.keys() & again.tracks.keys())
    apart, other = [], 0
    for stamp in stamps:
        before, now = _confirmed(recorded.tracks[stamp]), _confirmed(again.tracks[stamp])
        pairs = list(_pair_tracks(before, now))
        other += not len(pairs) == len(before) == len(now)
        apart += [distance for _, _, distance in pairs]
    yield Row('tracks', 'both', 'images', len(stamps), '')
    for variant, history in (('recorded', recorded), ('re-run', again)):
        ids = {track.id for stamp in stamps for track in _confirmed(history.tracks[stamp])}
        yield Row('tracks', variant, 'identities', len(ids), '')
    yield Row('tracks', 'changed', 'images with other confirmed tracks', _share(other, len(stamps)), '%')
    yield Row('tracks', 'changed', 'bearing, p95', math.degrees(percentile(apart, 0.95)), 'deg')


def _confirmed(tracks: Iterable[TrackRow]) -> list[TrackRow]:
    return [track for track in tracks if track.state in _CONFIRMED]


def _pair_tracks(
        some: Sequence[TrackRow], others: Sequence[TrackRow]) -> Iterator[tuple[TrackRow, TrackRow, float]]:
    """Yield pairs of tracks of the same target, nearest first, and the angle between them."""
    candidates = sorted(
        (angle_between(Bearing(a.azimuth, a.elevation), Bearing(b.azimuth, b.elevation)), i, j)
        for i, a in enumerate(some) for j, b in enumerate(others))
    left, right = set(range(len(some))), set(range(len(others)))
    for distance, i, j in candidates:
        if distance <= _SAME_TARGET and i in left and j in right:
            left.discard(i)
            right.discard(j)
            yield some[i], others[j], distance


def same_ids(recorded: History, again: History) -> dict[str, str]:
    """Return the id in the re-run of each recorded track: that of the track most often nearest to it."""
    nearest: dict[str, Counter[str]] = {}
    for stamp in recorded.tracks.keys() & again.tracks.keys():
        for a, b, _ in _pair_tracks(recorded.tracks[stamp], again.tracks[stamp]):
            nearest.setdefault(a.id, Counter())[b.id] += 1
    return {id_: counts.most_common(1)[0][0] for id_, counts in nearest.items()}


def _compare_aims(recorded: History, again: History) -> Iterator[Row]:
    stamps = sorted(recorded.aims.keys() & again.aims.keys())
    names = {'': '', **same_ids(recorded, again)}
    other = sum(names.get(recorded.aims[s].track_id) != again.aims[s].track_id for s in stamps)
    yield Row('target', 'both', 'images', len(stamps), '')
    yield Row('target', 'changed', 'images with another target', _share(other, len(stamps)), '%')
    for variant, history in (('recorded', recorded), ('re-run', again)):
        errors = [history.aims[s].error for s in stamps if math.isfinite(history.aims[s].error)]
        yield Row('aim error', variant, 'RMS', math.degrees(_rms(errors)), 'deg')
        yield Row('aim error', variant, 'p95', math.degrees(percentile(errors, 0.95)), 'deg')


def _compare_commands(recorded: History, again: History) -> Iterator[Row]:
    stamps = sorted(recorded.commands.keys() & again.commands.keys())
    apart, other = [], 0
    for stamp in stamps:
        a, b = recorded.commands[stamp], again.commands[stamp]
        other += a.mode != b.mode
        if a.mode == b.mode and math.isfinite(a.pan_rate + b.pan_rate + a.tilt_rate + b.tilt_rate):
            apart.append(math.hypot(a.pan_rate - b.pan_rate, a.tilt_rate - b.tilt_rate))
    yield Row('commands', 'both', 'cycles', len(stamps), '')
    yield Row('commands', 'changed', 'cycles in another mode', _share(other, len(stamps)), '%')
    yield Row('commands', 'changed', 'rate, median', math.degrees(percentile(apart, 0.5)), 'deg/s')
    yield Row('commands', 'changed', 'rate, p95', math.degrees(percentile(apart, 0.95)), 'deg/s')


def _share(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else math.nan


def _rms(values: Sequence[float]) -> float:
    return math.sqrt(sum(value * value for value in values) / len(values)) if values else math.nan

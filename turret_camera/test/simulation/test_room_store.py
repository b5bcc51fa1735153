# SPDX-License-Identifier: Apache-2.0
"""Rooms that have been painted before come from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from turret_camera.simulation import room as sim_room
from turret_camera.simulation import room_store
from turret_camera.simulation.panorama import Panorama
from turret_camera.simulation.room_store import stored_room


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What has been painted; the room is a few pixels of noise."""
    calls: list[tuple[Any, ...]] = []

    def paint(seed: int, pixels_per_rad: float) -> Panorama:
        calls.append((seed, pixels_per_rad))
        return Panorama(np.random.default_rng(seed).integers(0, 255, (4, 8, 3), np.uint8))
    monkeypatch.setattr(sim_room, 'paint_room', paint)
    return calls


def test_a_room_is_painted_once(tmp_path: Path, painted: list[tuple[Any, ...]]) -> None:
    first, second = (stored_room(tmp_path / 'rooms', 1, 40.0).image for _ in range(2))
    assert painted == [(1, 40.0)]
    assert np.array_equal(first, second)


def test_another_room_is_another_file(tmp_path: Path, painted: list[tuple[Any, ...]]) -> None:
    one, other, finer = (stored_room(tmp_path, *room).image for room in ((1, 40.0), (2, 40.0), (1, 41.0)))
    assert painted == [(1, 40.0), (2, 40.0), (1, 41.0)]
    assert not np.array_equal(one, other)
    assert np.array_equal(one, finer)


def test_what_the_room_is_painted_by_is_part_of_its_name(
        tmp_path: Path, painted: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    stored_room(tmp_path, 1, 40.0)
    monkeypatch.setattr(room_store.cv2, '__version__', 'another')
    stored_room(tmp_path, 1, 40.0)
    assert len(painted) == 2


@pytest.mark.parametrize('damage', [b'', b'no image', b'\x93NUMPY'])
def test_a_damaged_file_is_painted_again(tmp_path: Path, painted: list[tuple[Any, ...]], damage: bytes) -> None:
    stored_room(tmp_path, 1, 40.0)
    path, = tmp_path.iterdir()
    path.write_bytes(damage)
    stored_room(tmp_path, 1, 40.0)
    assert len(painted) == 2
    stored_room(tmp_path, 1, 40.0)
    assert len(painted) == 2


def test_a_file_with_another_shape_is_painted_again(tmp_path: Path, painted: list[tuple[Any, ...]]) -> None:
    stored_room(tmp_path, 1, 40.0)
    path, = tmp_path.iterdir()
    np.save(path, np.zeros((4, 4, 3), np.uint8))
    stored_room(tmp_path, 1, 40.0)
    assert len(painted) == 2


def test_a_folder_that_cannot_be_written_does_not_matter(tmp_path: Path, painted: list[tuple[Any, ...]]) -> None:
    (tmp_path / 'file').touch()
    assert stored_room(tmp_path / 'file', 1, 40.0).image.shape == (4, 8, 3)


def test_a_few_rooms_are_kept(tmp_path: Path, painted: list[tuple[Any, ...]]) -> None:
    for seed in range(6):
        stored_room(tmp_path, seed, 40.0)
    assert len(list(tmp_path.iterdir())) == 4
    stored_room(tmp_path, 5, 40.0)
    assert len(painted) == 6

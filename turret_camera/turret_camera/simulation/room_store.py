# SPDX-License-Identifier: Apache-2.0
"""Keeps painted rooms in files: painting one takes longer than all the rest of the camera's start."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
from pathlib import Path

import cv2
import numpy as np

from turret_camera.simulation import panorama, scene_painter
from turret_camera.simulation import room as sim_room
from turret_camera.simulation.panorama import Panorama
from turret_common.host.memory import return_free_memory
from turret_common.paths import write_atomically

#: Rooms that are kept; the ones used longest ago go first.
_KEPT = 4


def stored_room(folder: Path, seed: int, pixels_per_rad: float) -> Panorama:
    """Return :func:`turret_camera.simulation.room.paint_room`, from a file where it has been painted before.

    The image is mapped from the file, so that only what is looked at takes memory. Where the folder cannot be
    written, the room is painted each time.

    Args:
        folder: of the files; it is made when it is missing.
        seed: of the room.
        pixels_per_rad: of the room.
    """
    path = folder / f'room-{_fingerprint(seed, pixels_per_rad)}.npy'
    with contextlib.suppress(OSError, ValueError, EOFError):
        return _mapped(path)
    room = sim_room.paint_room(seed, pixels_per_rad)
    return_free_memory()
    with contextlib.suppress(OSError):
        file = io.BytesIO()
        np.save(file, room.image)
        write_atomically(path, file.getbuffer())
        for old in sorted(folder.glob('room-*.npy'), key=lambda old: old.stat().st_mtime)[:-_KEPT]:
            old.unlink()
        return _mapped(path)
    return room


def _mapped(path: Path) -> Panorama:
    """Raise OSError, ValueError or EOFError for a file that is missing or damaged."""
    image = np.asarray(np.load(path, mmap_mode='c'))
    if image.ndim != 3 or image.shape[1:] != (2 * image.shape[0], 3) or image.dtype != np.uint8:
        raise ValueError(f'{path} is not a room')
    path.touch()
    return Panorama(image)


def _fingerprint(seed: int, pixels_per_rad: float) -> str:
    """Return what changes with everything that a room is painted by."""
    source = ''.join(inspect.getsource(module) for module in (scene_painter, panorama, sim_room))
    return hashlib.sha256(f'{seed} {pixels_per_rad!r} {cv2.__version__} {source}'.encode()).hexdigest()[:24]

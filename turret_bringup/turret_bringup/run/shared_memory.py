# SPDX-License-Identifier: Apache-2.0
"""Shared-memory segments that Fast DDS leaves behind when a process is killed.

Each participant owns a segment ``/dev/shm/fastrtps_<16 hexadecimal digits>`` and keeps the file with ``_el`` added
locked (flock) for as long as it lives; the kernel frees the lock when the process dies, however that happens.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from pathlib import Path

FOLDER = Path('/dev/shm')
_LOCK = re.compile(r'fast(rtps|dds)_[0-9a-f]{16}_el')
#: A lock file younger than this may belong to a process that has not locked it yet.
_SETTLED_S = 1.0


def orphans(folder: Path = FOLDER) -> list[Path]:
    """Return the segments of this user whose owners are dead."""
    return [_segment(lock) for lock in folder.iterdir() if _LOCK.fullmatch(lock.name) and _is_orphaned(lock)]


def clear_orphans(folder: Path = FOLDER) -> None:
    """Delete the segments of this user whose owners are dead."""
    for segment in orphans(folder):
        for path in (segment, segment.with_name(f'{segment.name}_el')):
            path.unlink(missing_ok=True)


def _segment(lock: Path) -> Path:
    return lock.with_name(lock.name.removesuffix('_el'))


def _is_orphaned(lock: Path) -> bool:
    with contextlib.suppress(OSError), lock.open() as file:
        status = os.fstat(file.fileno())
        if status.st_uid == os.getuid() and time.time() - status.st_mtime > _SETTLED_S:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while the owner lives
            return True
    return False

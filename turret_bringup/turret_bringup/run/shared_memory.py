# SPDX-License-Identifier: Apache-2.0
"""Shared-memory segments that Fast DDS leaves behind when a process is killed.

Each participant owns a segment ``/dev/shm/fastrtps_<16 hexadecimal digits>`` and keeps the file with ``_el`` added
locked (flock) for as long as it lives; the kernel frees the lock when the process dies, however that happens.

A process that is killed while it makes the segment of a port leaves one that is not complete. Boost.Interprocess lets
all others wait for its completion without end, so that no node of any domain would start until the next boot.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sys
import time
from pathlib import Path

FOLDER = Path('/dev/shm')
_LOCK = re.compile(r'fast(rtps|dds)_[0-9a-f]{16}_el')
_PORT = re.compile(r'fast(rtps|dds)_port\d+')
#: First word of a complete segment (boost/interprocess/detail/managed_open_or_create_impl.hpp: InitializedSegment).
_COMPLETE = 2
#: A younger file may belong to a process that has not locked or completed it yet.
_SETTLED_S = 1.0


def orphans(folder: Path = FOLDER) -> list[Path]:
    """Return the segments of this user whose owners are dead, or died before they were complete."""
    paths = list(folder.iterdir())
    return [
        *(_segment(path) for path in paths if _LOCK.fullmatch(path.name) and _is_orphaned(path)),
        *(path for path in paths if _PORT.fullmatch(path.name) and _is_incomplete(path))]


def clear_orphans(folder: Path = FOLDER) -> None:
    """Delete them."""
    for segment in orphans(folder):
        for path in (segment, segment.with_name(f'{segment.name}_el')):
            path.unlink(missing_ok=True)


def _segment(lock: Path) -> Path:
    return lock.with_name(lock.name.removesuffix('_el'))


def _is_orphaned(lock: Path) -> bool:
    with contextlib.suppress(OSError), lock.open() as file:
        if _is_settled(file.fileno()):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while the owner lives
            return True
    return False


def _is_incomplete(port: Path) -> bool:
    with contextlib.suppress(OSError), port.open('rb') as file:
        return _is_settled(file.fileno()) and int.from_bytes(file.read(4), sys.byteorder) != _COMPLETE
    return False


def _is_settled(file: int) -> bool:
    """Return whether an open file is of this user and of some age."""
    status = os.fstat(file)
    return status.st_uid == os.getuid() and time.time() - status.st_mtime > _SETTLED_S

# SPDX-License-Identifier: Apache-2.0
"""What Fast DDS leaves behind when a process is killed: shared-memory segments, and ports that others have open.

Each participant owns a segment ``/dev/shm/fastrtps_<16 hexadecimal digits>`` and keeps the file with ``_el`` added
locked (flock) for as long as it lives; the kernel frees the lock when the process dies, however that happens.

A process that is killed while it makes the segment of a port leaves one that is not complete. Boost.Interprocess lets
all others wait for its completion without end, so that no node of any domain would start until the next boot.

A new participant takes the first ports that are free, which are those of the one that died, and its shared memory has
the name of its port. The other participants still have the memory of the dead one open and write into it: until they
notice that no process reads there, after 1 to 3 s, the new process receives nothing from them. Where the new process
could not use the old memory and made a new one, they never notice.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path('/dev/shm')
_LOCK = re.compile(r'fast(rtps|dds)_[0-9a-f]{16}_el')
_PORT = re.compile(r'fast(rtps|dds)_port\d+')
#: First word of a complete segment (boost/interprocess/detail/managed_open_or_create_impl.hpp: InitializedSegment).
_COMPLETE = 2
#: A younger file may belong to a process that has not locked or completed it yet.
_SETTLED_S = 1.0
#: While a participant listens, it keeps this file of its port locked.
_LISTENING = re.compile(r'fast(?:rtps|dds)_port(\d+)_el')
#: Of RTPS: the first port, the ports of each domain, and the first one for messages to one participant. That is the
#: second of the two ports of a participant; the one before it is for discovery.
_FIRST_PORT, _PORTS, _MESSAGES = 7400, 250, 11
#: Participants that died whose ports are kept; a domain has ports for 119.
_MOST_KEPT = 20


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


class Leftovers:
    """Clears what killed processes leave behind, for a program that starts them again."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._known: set[_DeadPort] | None = None
        self._kept: deque[socket.socket] = deque()

    def clear(self) -> None:
        """Delete orphaned segments, and keep the ports of participants that died since the first call occupied.

        The process that is started next then gets other ones, and the others reach it as they do any new process.
        """
        clear_orphans(self._folder)
        dead = set(_dead_ports(self._folder))
        if self._known is not None:
            for port in dead - self._known:
                self._keep(port.number - 1)
        self._known = dead

    def _keep(self, port: int) -> None:
        kept = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            kept.bind(('', port))
        except OSError:  # another process has taken it already
            kept.close()
            return
        self._kept.append(kept)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popleft().close()


class _DeadPort(NamedTuple):
    """Port for messages whose participant is dead; the inode of its lock differs from one participant to the next."""

    number: int
    inode: int


def _dead_ports(folder: Path) -> Iterator[_DeadPort]:
    for path in folder.iterdir():
        match = _LISTENING.fullmatch(path.name)
        if match is not None and _is_orphaned(path):
            number = int(match[1])
            offset = (number - _FIRST_PORT) % _PORTS - _MESSAGES
            if number > _FIRST_PORT and offset >= 0 and offset % 2 == 0:
                with contextlib.suppress(OSError):
                    yield _DeadPort(number, path.stat().st_ino)


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

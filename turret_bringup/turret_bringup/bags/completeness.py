# SPDX-License-Identifier: Apache-2.0
"""Whether a bag is being written, and whether it was closed properly."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

from turret_bringup.bags.metadata import FILE_NAME, MAGIC, BagError
from turret_bringup.bags.reader import read_metadata


def is_complete(folder: Path) -> bool:
    """Return whether a bag was closed properly: it has its metadata, and its newest file has its end."""
    files = mcap_files(folder)
    if not (folder / FILE_NAME).is_file():
        return False
    if not files:
        return not _is_plain_mcap(folder)
    with files[-1].open('rb') as file:
        if file.seek(0, os.SEEK_END) < 2 * len(MAGIC):
            return False
        file.seek(-len(MAGIC), os.SEEK_END)
        return file.read() == MAGIC


def is_being_written(folder: Path) -> bool:
    """Return whether a running recorder writes a bag."""
    for path in mcap_files(folder)[-1:]:
        with path.open('rb') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False


def mcap_files(folder: Path) -> list[Path]:
    """Return the MCAP files in a folder in the order of recording: by the number at the end of their names."""
    def order(path: Path) -> tuple[int, str]:
        number = re.search(r'_(\d{1,9})\.mcap$', path.name)
        return (int(number[1]) if number else 0, path.name)
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.glob('*.mcap') if path.is_file() and not path.is_symlink()), key=order)


def _is_plain_mcap(folder: Path) -> bool:
    try:
        return read_metadata(folder).is_plain_mcap
    except BagError:
        return True

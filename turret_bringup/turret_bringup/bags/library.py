# SPDX-License-Identifier: Apache-2.0
"""The folder of the bags of a turret: names, list, deletion, repair."""

from __future__ import annotations

import dataclasses
import datetime
import re
import shutil
from pathlib import Path

from turret_bringup.bags.completeness import is_being_written, is_complete
from turret_bringup.bags.libraries import missing_bag_libraries
from turret_bringup.bags.metadata import FILE_NAME, NAMESPACE, BagError, Metadata
from turret_bringup.bags.reader import read_metadata
from turret_common.reason_codes import ReasonCode

#: Beginning of the names of bags that were saved without being asked for.
AUTO_PREFIX = 'auto_'

_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9 ._-]{0,119}')
_LABEL = re.compile(r'[A-Za-z0-9 _-]{0,40}')


@dataclasses.dataclass(frozen=True)
class BagEntry:
    """One bag.

    Attributes:
        name: of its folder.
        start_ns: stamp of the first message, since 1970; 0 = unknown.
        duration_s: from the first to the last message.
        size: of all files [bytes].
        messages: in all files.
        complete: False when it was not closed properly.
        modified_s: when it was written last, since 1970.
    """

    name: str
    start_ns: int
    duration_s: float
    size: int
    messages: int
    complete: bool
    modified_s: float


class BagLibrary:
    """Bags in one folder. Names from outside never lead out of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, tuple[int, Metadata]] = {}

    def new(self, label: str, now: datetime.datetime, prefix: str = '') -> Path:
        """Return the path of a bag that does not exist yet.

        Args:
            label: part of the name; may be empty.
            now: local time, the other part of the name.
            prefix: before everything.

        Raises:
            BagError: INVALID_ARGUMENT for the label, ALREADY_EXISTS.
        """
        if not _LABEL.fullmatch(label):
            raise BagError(ReasonCode.INVALID_ARGUMENT, 'a label is at most 40 letters, digits, spaces, - and _')
        stem = prefix + now.strftime('%Y%m%d_%H%M%S') + (f'_{label.replace(" ", "_")}' if label else '')
        for i in range(1, 10000):
            path = self.folder / (f'{stem}_{i}' if i > 1 else stem)
            if not path.exists():
                return path
        raise BagError(ReasonCode.ALREADY_EXISTS, f'too many bags begin with {stem}')

    def entries(self) -> list[BagEntry]:
        """Return all bags that are not being written, newest first."""
        found = [self._entry(path) for path in self._folders() if not is_being_written(path)]
        return sorted(found, key=lambda entry: (entry.start_ns or entry.modified_s * 1e9), reverse=True)

    def path(self, name: str) -> Path:
        """Return the path of a bag.

        Raises:
            BagError: INVALID_ARGUMENT when it cannot be the name of one, NOT_FOUND.
        """
        if not _NAME.fullmatch(name):
            raise BagError(ReasonCode.INVALID_ARGUMENT, f'"{name[:120]}" is not a valid name of a bag')
        path = self.folder / name
        if not _is_bag(path):
            raise BagError(ReasonCode.NOT_FOUND, f'no bag "{name}" in {self.folder}')
        return path

    def complete_path(self, name: str) -> Path:
        """Return the path of a bag that no recorder writes. Raises BagError as :meth:`path`, or BUSY."""
        path = self.path(name)
        if is_being_written(path):
            raise BagError(ReasonCode.BUSY, f'{name} is being written')
        return path

    def find(self, given: str | None) -> Path:
        """Return the path of a bag that is asked for by name; None = the newest.

        Raises:
            BagError: as :meth:`path`.
        """
        if given is not None:
            return self.path(given)
        entries = self.entries()
        if not entries:
            raise BagError(ReasonCode.NOT_FOUND, f'no bags in {self.folder}')
        return self.folder / entries[0].name

    def delete(self, name: str) -> None:
        """Delete a bag. Raises BagError as :meth:`complete_path`, or IO_ERROR."""
        path = self.complete_path(name)
        try:
            shutil.rmtree(path)
        except OSError as error:
            raise BagError(ReasonCode.IO_ERROR, f'{name}: {error.strerror}') from error

    def recover(self) -> list[tuple[str, str]]:
        """Repair the bags of this project's recorder that were not closed properly and are not being written.

        Bags of other programs are left alone. A bag that cannot be repaired stays as it is.

        Returns:
            Name and result of each, the result as a sentence.
        """
        if missing_bag_libraries():
            return [
                (path.name, f'repair it with: ros2 bag reindex -s mcap "{path}"') for path in sorted(self._folders())
                if NAMESPACE in self._metadata(path).custom and not is_complete(path) and not is_being_written(path)]
        from turret_bringup.bags.recovery import is_own, recover
        results = []
        for path in sorted(self._folders()):
            try:
                if is_complete(path) or is_being_written(path) or not is_own(path):
                    continue
                results.append((path.name, f'repaired {path.name}: {recover(path).messages} messages'))
            except (BagError, OSError) as error:
                results.append((path.name, f'could not repair {path.name}: {error}'))
        return results

    def rename(self, name: str, new_name: str) -> None:
        """Rename a bag.

        Raises:
            BagError: as :meth:`path`, INVALID_ARGUMENT for the new name, BUSY while it is being written,
                ALREADY_EXISTS, IO_ERROR.
        """
        path = self.path(name)
        if not _NAME.fullmatch(new_name):
            raise BagError(ReasonCode.INVALID_ARGUMENT, f'"{new_name[:120]}" is not a valid name of a bag')
        if new_name.startswith(AUTO_PREFIX) and not name.startswith(AUTO_PREFIX):
            raise BagError(
                ReasonCode.INVALID_ARGUMENT, f'bags named {AUTO_PREFIX}... are deleted when newer ones are saved; '
                'choose another name')
        if is_being_written(path):
            raise BagError(ReasonCode.BUSY, f'{name} is being written')
        if (self.folder / new_name).exists():
            raise BagError(ReasonCode.ALREADY_EXISTS, f'{new_name} exists already')
        try:
            path.rename(self.folder / new_name)
        except OSError as error:
            raise BagError(ReasonCode.IO_ERROR, f'{name}: {error.strerror}') from error

    def prune(self, prefix: str, keep: int, spared: str = '') -> None:
        """Delete the oldest bags whose names begin so, except for one that is spared, until as many are left."""
        names = sorted(path.name for path in self._folders() if path.name.startswith(prefix))
        for name in names[:-keep]:
            if name != spared:
                self.delete(name)

    def _folders(self) -> list[Path]:
        """Return the folders that hold bags."""
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name) and _is_bag(path)]

    def _entry(self, path: Path) -> BagEntry:
        metadata = self._metadata(path)
        status = path.stat()
        start_ns = min((file.start_ns for file in metadata.files if file.messages), default=0)
        end_ns = max((file.end_ns for file in metadata.files if file.messages), default=start_ns)
        return BagEntry(
            path.name, start_ns, (end_ns - start_ns) * 1e-9,
            sum(file.stat().st_size for file in path.iterdir() if file.is_file()),
            sum(count for _, count in metadata.topics), is_complete(path), status.st_mtime)

    def _metadata(self, path: Path) -> Metadata:
        """Return the metadata of a bag; empty where it cannot be read."""
        try:
            modified_ns = (path / FILE_NAME).stat().st_mtime_ns
            if self._read.get(path.name, (0,))[0] != modified_ns:
                self._read[path.name] = modified_ns, read_metadata(path)
            return self._read[path.name][1]
        except (BagError, OSError):
            return Metadata(())


def _is_bag(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and (
        (path / FILE_NAME).is_file() or any(path.glob('*.mcap')))

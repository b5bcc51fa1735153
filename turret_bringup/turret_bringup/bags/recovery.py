# SPDX-License-Identifier: Apache-2.0
"""Repair bags whose recorder was killed, or whose files are damaged, without losing anything else.

Records are copied byte for byte, those included that this reader does not know: attachments, metadata, schemas of any
encoding, private records. A repaired file takes the place of the original only after it was read back. The original is
kept as ``NAME.orig`` where it has damage before its end, or where another program wrote it. Where nothing is wrong,
nothing is written.
"""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from turret_bringup.bags.completeness import is_being_written, mcap_files
from turret_bringup.bags.libraries import LIBRARY
from turret_bringup.bags.mcap_file import McapFile, Record
from turret_bringup.bags.metadata import FILE_NAME, MAGIC, BagError, FileEntry, Metadata, Topic
from turret_bringup.bags.reader import completed, read_metadata
from turret_bringup.bags.salvage import Salvage, is_sound
from turret_common.messages.definitions import definition, type_hash
from turret_common.paths import write_atomically
from turret_common.reason_codes import ReasonCode

_PART = '.part'
_KEPT = '.orig'


@dataclasses.dataclass(frozen=True)
class Recovery:
    """The result of a repair.

    Attributes:
        rewritten: names of the files that were repaired.
        messages: in the bag after it.
        kept: names under which originals are kept.
        lost: number of places with damage that could not be repaired.
    """

    rewritten: tuple[str, ...]
    messages: int
    kept: tuple[str, ...] = ()
    lost: int = 0


def is_own(folder: Path) -> bool:
    """Return whether this project's recorder wrote all files of a bag."""
    files = mcap_files(folder)
    return bool(files) and all(map(_is_own, files))


def is_whole(path: Path) -> bool:
    """Read a whole file and return whether it needs no repair. Raises BagError, NOT_SUPPORTED."""
    with McapFile(path) as file:
        return _is_whole(file)


def recover(path: Path) -> Recovery:
    """Repair a bag, a folder or a single MCAP file.

    Raises:
        BagError: NOT_FOUND when there is no bag, BUSY while it is being written, NOT_SUPPORTED, TOO_LARGE, IO_ERROR,
            STORAGE_FULL. What was not repaired by then is unchanged.
    """
    folder = path if path.is_dir() else path.parent
    files = mcap_files(path) if path.is_dir() else [path] if path.is_file() else []
    if not files:
        raise BagError(ReasonCode.NOT_FOUND, f'{path} has no MCAP file')
    if path.is_dir() and any(path.glob('*.db3*')):
        raise BagError(ReasonCode.NOT_SUPPORTED, f'{path} is a bag in SQLite storage, which cannot be repaired')
    if (path.is_dir() and is_being_written(path)) or any(map(_is_open_for_writing, files)):
        raise BagError(ReasonCode.BUSY, f'{path} is being written')
    old = _old_metadata(folder) if path.is_dir() else None
    rewritten, kept, lost = [], [], 0
    try:
        for file in files:
            repaired = _repair(file, _known_topics(old) if old is not None and _is_own(file) else ())
            if repaired is not None:
                rewritten.append(file.name)
                kept += [repaired.kept_as] if repaired.kept_as else []
                lost += repaired.lost
        new = _new_metadata(files, old or Metadata(()))
        messages = sum(entry.messages for entry in new.files)
        if path.is_dir() and (rewritten or old is None or _differ(old, new)):
            target = folder / FILE_NAME
            if target.is_file() and not is_own(folder):
                kept.append(_set_aside(target))
            write_atomically(target, new.text().encode())
    except OSError as error:
        code = ReasonCode.STORAGE_FULL if error.errno == errno.ENOSPC else ReasonCode.IO_ERROR
        raise BagError(code, f'{path}: {error.strerror or error}') from error
    return Recovery(tuple(rewritten), messages, tuple(kept), lost)


@dataclasses.dataclass(frozen=True)
class _Repaired:
    kept_as: str
    lost: int


def _repair(path: Path, topics: Sequence[Topic]) -> _Repaired | None:
    """Repair one file; return None where it is whole. Lost definitions of channels are made from the topics."""
    with McapFile(path) as file:
        if _is_whole(file):
            return None
        part = path.with_name(path.name + _PART)
        part.unlink(missing_ok=True)
        try:
            with part.open('xb') as stream:
                os.fchmod(stream.fileno(), path.stat().st_mode & 0o777)
                copy = Salvage(file, stream, topics)
                copy.run()
                stream.flush()
                os.fsync(stream.fileno())
            if not (copy.counts or copy.unread or MAGIC.startswith(file.bytes_at(0, len(MAGIC)))):
                raise BagError(ReasonCode.NOT_SUPPORTED, f'{path} is not an MCAP file')
            _require_equal(part, copy)
            is_damaged = copy.lost > 0 or file.has_end()
            kept_as = _set_aside(path) if is_damaged or not _is_own(path) else ''
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return _Repaired(kept_as, copy.lost)


def _is_whole(file: McapFile) -> bool:
    """Return whether a file needs no repair. Raises BagError, NOT_SUPPORTED, where it is not an MCAP file."""
    if file.size < len(MAGIC):
        return False
    unread = 0

    def is_whole_chunk(record: Record) -> bool:
        nonlocal unread
        unread += 1
        return is_sound(file, record, indexed.get(record.offset))
    try:
        with file.decoding():
            file.require_start()
            if not file.has_end():
                return False
            file.read_summary()
            expected = file.messages_total
            indexed = {index.chunk_start_offset: index for index in file.indexes}
            file.scan(is_whole_chunk)
    except BagError:
        if file.other_kind():
            raise
        return False
    return bool(unread) or (
        expected in (None, sum(file.all_counts.values())) and file.all_counts.keys() <= file.channels.keys())


def _require_equal(path: Path, copy: Salvage) -> None:
    """Read a repaired file back. Raises BagError, INTERNAL_ERROR, where it does not hold what was copied."""
    unread = 0

    def is_carried(_: Record) -> bool:
        nonlocal unread
        unread += 1
        return True
    with McapFile(path) as file, file.decoding():
        file.read_summary()
        file.scan(is_carried)
        found = {channel: count for channel, count in file.all_counts.items() if count}
    if (found, unread) != ({channel: count for channel, count in copy.counts.items() if count}, copy.unread):
        raise BagError(ReasonCode.INTERNAL_ERROR, f'{path}: the repaired copy cannot be read back; nothing was changed')


def _is_own(path: Path) -> bool:
    """Return whether this project's recorder wrote a file; one without its header counts as its own."""
    with McapFile(path) as file:
        try:
            with file.decoding():
                file.require_start()
        except BagError:
            return file.size < len(MAGIC)
        return file.library.startswith(LIBRARY) or file.size <= len(MAGIC)


def _is_open_for_writing(path: Path) -> bool:
    """Return whether another process has a file open for writing. Other recorders do not lock their files."""
    identity = path.stat()
    for process in Path('/proc').iterdir():
        if not process.name.isdecimal() or process.name == str(os.getpid()):
            continue
        try:
            for descriptor in (process / 'fd').iterdir():
                if os.path.samestat(descriptor.stat(), identity) and _writes(process, descriptor.name):
                    return True
        except OSError:  # the process ended, or belongs to another user
            continue
    return False


def _writes(process: Path, descriptor: str) -> bool:
    """Return whether a descriptor of a process is open for writing."""
    lines = (process / 'fdinfo' / descriptor).read_text().splitlines()
    return any(int(line.split()[1], 8) & os.O_ACCMODE for line in lines if line.startswith('flags:'))


def _set_aside(path: Path) -> str:
    """Rename a file to a name that does not exist yet; return it."""
    number = 1
    while True:
        name = f'{path.name}{_KEPT}{number if number > 1 else ""}'
        if not path.with_name(name).exists():
            path.rename(path.with_name(name))
            return name
        number += 1


def _new_metadata(files: list[Path], old: Metadata) -> Metadata:
    """Return the metadata of repaired files, with what only the old one knows."""
    described = {topic.name: topic for topic, _ in old.topics}
    topics: dict[str, Topic] = {}
    counts: dict[str, int] = {}
    entries = []
    for path in files:
        with McapFile(path) as file:
            with file.decoding():
                if not file.read_summary():
                    file.scan()
            entries.append(FileEntry(
                path.name, min((piece.first_ns for piece in file.pieces), default=0),
                max((piece.last_ns for piece in file.pieces), default=0), sum(file.counts.values())))
            for channel, topic in file.topics.items():
                topics.setdefault(topic.name, completed(topic, described.get(topic.name)))
                counts[topic.name] = counts.get(topic.name, 0) + file.counts[channel]
    counted = tuple((topic, counts[name]) for name, topic in topics.items())
    return Metadata(tuple(entries), counted, old.custom, old.distro)


def _differ(old: Metadata, new: Metadata) -> bool:
    """Return whether the metadata names other files, or another number of messages, than there are."""
    return [file.name for file in old.files] != [file.name for file in new.files] or (
        sum(count for _, count in old.topics) != sum(count for _, count in new.topics))


def _old_metadata(folder: Path) -> Metadata | None:
    """Return the metadata; None where there is none that can be read. Raises BagError, NOT_SUPPORTED."""
    try:
        metadata = read_metadata(folder)
    except BagError:
        return None
    if not metadata.is_plain_mcap:
        raise BagError(
            ReasonCode.NOT_SUPPORTED,
            f'{folder} is a bag in {metadata.compression or metadata.storage!r} storage, which cannot be repaired')
    return metadata


def _known_topics(metadata: Metadata) -> list[Topic]:
    """Return the topics of a bag of this recorder in the order of their channels, with the definitions that suit."""
    return [
        dataclasses.replace(topic, definition=definition(topic.type))
        if topic.type_hash and topic.type_hash == type_hash(topic.type) else topic for topic, _ in metadata.topics]

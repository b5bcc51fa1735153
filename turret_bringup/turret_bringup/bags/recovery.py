"""Make a whole bag of one whose recorder was killed, or whose files are damaged."""

from __future__ import annotations

import dataclasses
import fcntl
import re
from pathlib import Path

from turret_bringup.bags.metadata import FILE_NAME, BagError, FileEntry, Metadata, Topic
from turret_bringup.bags.reader import McapFile, read_metadata
from turret_bringup.bags.writer import McapFileWriter
from turret_common.paths import write_atomically
from turret_common.reason_codes import ReasonCode

_PART = '.part'
#: The most that a recorder which was killed leaves after its last whole record [bytes]; more is damage.
_TAIL = 4 << 20


@dataclasses.dataclass(frozen=True)
class Recovery:
    """What became of a bag.

    Attributes:
        rewritten: names of the files that were not whole and are now.
        messages: in the whole bag.
        damaged: names under which files are kept that had damage before their end.
    """

    rewritten: tuple[str, ...]
    messages: int
    damaged: tuple[str, ...] = ()


def is_complete(folder: Path) -> bool:
    """Say whether a bag was closed properly: whether it has its metadata and its newest file has its end."""
    files = _files(folder)
    if not files or not (folder / FILE_NAME).is_file():
        return False
    with McapFile(files[-1]) as file:
        return file.has_end()


def is_being_written(folder: Path) -> bool:
    """Say whether a recorder that is alive writes a bag."""
    for path in _files(folder)[-1:]:
        with path.open('rb') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False


def recover(folder: Path) -> Recovery:
    """Rewrite the files of a bag that are not whole, and its metadata.

    What is after the last whole chunk of a file is given up, and chunks that are damaged are left out; where that is
    more than a killed recorder leaves, the file is kept under another name. One with nothing in it becomes empty.

    Raises:
        BagError: NOT_FOUND when there is no bag, BUSY while it is being written, NOT_SUPPORTED, IO_ERROR.
    """
    files = _files(folder)
    if not files:
        raise BagError(ReasonCode.NOT_FOUND, f'{folder} holds no MCAP file')
    if is_being_written(folder):
        raise BagError(ReasonCode.BUSY, f'{folder} is being written')
    old = _old_metadata(folder)
    rewritten, damaged, entries = [], [], []
    topics: dict[str, Topic] = {}
    counts: dict[str, int] = {}
    try:
        for path in files:
            kept_as = _make_whole(path, old)
            if kept_as is not None:
                rewritten.append(path.name)
                damaged += [kept_as] if kept_as else []
            with McapFile(path) as file:
                file.read_index()
                entries.append(_entry(path.name, file))
                for channel, topic in file.topics.items():
                    topics.setdefault(topic.name, topic)
                    counts[topic.name] = counts.get(topic.name, 0) + file.counts[channel]
        counted = tuple((topic, counts[name]) for name, topic in topics.items())
        metadata = Metadata(tuple(entries), counted, old.custom, old.distro)
        write_atomically(folder / FILE_NAME, metadata.text().encode())
    except OSError as error:
        raise BagError(ReasonCode.IO_ERROR, f'{folder}: {error.strerror}') from error
    return Recovery(tuple(rewritten), sum(counts.values()), tuple(damaged))


def _make_whole(path: Path, old: Metadata) -> str | None:
    """Rewrite a file that is not whole.

    Returns:
        None when it was whole; otherwise the name under which the old one is kept, empty when it only had no end.
    """
    with McapFile(path) as file:
        if file.is_whole():
            return None
        left_out, end = file.scan(whole=False)
        is_damaged = bool(left_out) or file.has_end() or file.size - end > _TAIL
        part = path.with_name(path.name + _PART)
        part.unlink(missing_ok=True)
        writer = McapFileWriter(part)
        writer.open()
        names: dict[int, str] = {}
        for channel, topic in file.topics.items():
            names[channel] = topic.name
            if topic.name not in writer.counts:
                writer.add_topic(topic)
        for piece in file.pieces:
            for message in file.load(piece):
                writer.write(
                    names[message.channel_id], message.log_time, message.data, message.publish_time)
        writer.finish(Metadata((writer.entry(),), (), old.custom, old.distro).embedded_text())
    kept_as = ''
    if is_damaged:
        kept_as = path.name + '.damaged'
        path.rename(path.with_name(kept_as))
    part.replace(path)
    return kept_as


def _entry(name: str, file: McapFile) -> FileEntry:
    return FileEntry(
        name, min((piece.first_ns for piece in file.pieces), default=0),
        max((piece.last_ns for piece in file.pieces), default=0), sum(file.counts.values()))


def _files(folder: Path) -> list[Path]:
    """Return the MCAP files in a folder in order of recording: by the number at the end of their names."""
    def order(path: Path) -> tuple[int, str]:
        number = re.search(r'_(\d{1,9})\.mcap$', path.name)
        return (int(number[1]) if number else 0, path.name)
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.glob('*.mcap') if path.is_file() and not path.is_symlink()), key=order)


def _old_metadata(folder: Path) -> Metadata:
    """Return the metadata as far as it can be read."""
    try:
        return read_metadata(folder)
    except BagError:
        return Metadata(())

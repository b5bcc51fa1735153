# SPDX-License-Identifier: Apache-2.0
"""Read bags in rosbag2's format: a folder with ``metadata.yaml`` and MCAP files, or one MCAP file.

Bags in other storages, and those of ROS 1, are read with the library ``rosbags``.

Names lead nowhere outside the folder. Messages stay serialized. Only the chunks that overlap in time are in memory
together.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from turret_bringup.bags.foreign_storage import ROS1, SQLITE, ForeignStorage, begins_with
from turret_bringup.bags.libraries import is_rosbag2_needed
from turret_bringup.bags.metadata import FILE_NAME, BagError, Metadata, Topic, parse
from turret_common.reason_codes import ReasonCode

if TYPE_CHECKING:
    from turret_bringup.bags.mcap_file import McapFile

#: Maximum memory of all chunks that overlap in time [bytes], and what a message costs beside its own bytes.
OVERLAP_LIMIT = 512 << 20
_OVERHEAD = 300
#: Maximum number of files of a bag, and bytes of its metadata.
_FILES_LIMIT = 10_000
_METADATA_LIMIT = 16 << 20
_STORAGES = ('mcap', 'sqlite3')


class BagMessage(NamedTuple):
    """One recorded message.

    Attributes:
        topic: name.
        type: like ``std_msgs/msg/String``.
        stamp_ns: when it was recorded, since 1970.
        data: serialized (CDR).
        published_ns: when it was sent.
    """

    topic: str
    type: str
    stamp_ns: int
    data: bytes
    published_ns: int = 0


class Bag:
    """A bag that can be read; open until the ``with`` statement ends.

    Attributes:
        path: of the folder or file.
        topics: by name.
        counts: number of messages of each topic.
        custom: ``custom_data`` of the metadata.
        paths: of its files.
        is_mcap: whether these are MCAP files that are read here, not by another library.
        size: of all files [bytes].
        start_ns: stamp of the first message, since 1970; 0 = there is none.
        end_ns: stamp of the last message.
        left_out: topics that cannot be read, and why.
    """

    def __init__(self, path: Path) -> None:
        """Prepare without touching the disk."""
        self.path = path
        self.topics: dict[str, Topic] = {}
        self.counts: dict[str, int] = {}
        self.custom: dict[str, str] = {}
        self.paths: list[Path] = []
        self.size = 0
        self.start_ns = 0
        self.end_ns = 0
        self.left_out: dict[str, str] = {}
        self._sources: list[McapFile | ForeignStorage] = []
        self.is_mcap = True
        self._stack = ExitStack()

    def __enter__(self) -> Bag:
        """Open the bag.

        Raises:
            BagError: NOT_FOUND, DAMAGED, NOT_SUPPORTED, TOO_LARGE.
        """
        with ExitStack() as stack:
            metadata = read_metadata(self.path) if self.path.is_dir() else Metadata(())
            self.custom = dict(metadata.custom)
            described = {topic.name: topic for topic, _ in metadata.topics}
            self.paths = file_paths(self.path, metadata) if self.path.is_dir() else [self.path]
            if metadata.storage not in _STORAGES:
                raise BagError(ReasonCode.NOT_SUPPORTED, f'{self.path}: storage {metadata.storage!r} is not supported')
            self.is_mcap = metadata.is_plain_mcap and not is_rosbag2_needed() and (
                self.path.is_dir() or not _is_foreign(self.path))
            for source in self._opened():
                stack.enter_context(source)
                source.read_index()
                self._sources.append(source)
                self.size += source.size
                self.left_out |= source.left_out
                for channel, topic in list(source.topics.items()):
                    known = self.topics.setdefault(topic.name, completed(topic, described.get(topic.name)))
                    if known.type != topic.type:
                        self.left_out[topic.name] = f'messages of a second type, {topic.type}'
                        del source.topics[channel]
                        continue
                    self.counts[topic.name] = self.counts.get(topic.name, 0) + source.counts[channel]
            pieces = [piece for source in self._sources for piece in source.pieces]
            self.start_ns = min((piece.first_ns for piece in pieces), default=0)
            self.end_ns = max((piece.last_ns for piece in pieces), default=0)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _opened(self) -> list[McapFile | ForeignStorage]:
        if not self.is_mcap:
            return [ForeignStorage(self.path)]
        from turret_bringup.bags.mcap_file import McapFile
        return [McapFile(path, number) for number, path in enumerate(self.paths)]

    @property
    def duration_s(self) -> float:
        """Time from the first to the last message [s]."""
        return (self.end_ns - self.start_ns) * 1e-9

    @property
    def messages_total(self) -> int:
        """Number of messages of all topics."""
        return sum(self.counts.values())

    def messages(
            self, topics: Collection[str] | None = None, start_ns: int | None = None,
            end_ns: int | None = None) -> Iterator[BagMessage]:
        """Give messages in the order of their stamps, equal ones in the order in which they were recorded.

        Args:
            topics: names; None = all. Those that the bag does not have give nothing.
            start_ns: nothing before this.
            end_ns: nothing at or after this.

        Raises:
            BagError: DAMAGED, TOO_LARGE when too much overlaps in time.
        """
        wanted = [
            {channel: topic for channel, topic in source.topics.items() if topics is None or topic.name in topics}
            for source in self._sources]
        lowest = -1 if start_ns is None else start_ns
        highest = 1 << 64 if end_ns is None else end_ns
        pieces = sorted(
            (piece for source in self._sources for piece in source.pieces
             if piece.last_ns >= lowest and piece.first_ns < highest
             and (piece.channels is None or not piece.channels.isdisjoint(wanted[piece.file]))),
            key=lambda piece: (piece.first_ns, piece.file, piece.offset))
        order = itertools.count()
        waiting: list[tuple[int, int, int, int, Topic, bytes, int]] = []
        waiting_bytes = 0
        for number, piece in enumerate(pieces):
            channels = wanted[piece.file]
            for message in self._sources[piece.file].load(piece):
                topic = channels.get(message.channel_id)
                if topic is not None and lowest <= message.log_time < highest:
                    heapq.heappush(waiting, (
                        message.log_time, piece.file, piece.offset, next(order), topic, message.data,
                        message.publish_time))
                    waiting_bytes += len(message.data) + _OVERHEAD
            if waiting_bytes > OVERLAP_LIMIT:
                raise BagError(ReasonCode.TOO_LARGE, f'{self.path}: its chunks overlap too much in time')
            following_ns = pieces[number + 1].first_ns if number + 1 < len(pieces) else 1 << 64
            while waiting and waiting[0][0] < following_ns:
                stamp_ns, _, _, _, topic, data, published_ns = heapq.heappop(waiting)
                waiting_bytes -= len(data) + _OVERHEAD
                yield BagMessage(topic.name, topic.type, stamp_ns, data, published_ns)


    def newest(self, topics: Collection[str], before_ns: int) -> list[BagMessage]:
        """Return the newest message of each topic before a time, however old, in the order of their stamps.

        Raises:
            BagError: as :meth:`messages`.
        """
        found: dict[str, BagMessage] = {}
        wanted = [
            {channel: topic for channel, topic in source.topics.items() if topic.name in topics}
            for source in self._sources]
        pieces = sorted(
            (piece for source in self._sources for piece in source.pieces if piece.first_ns < before_ns),
            key=lambda piece: piece.last_ns, reverse=True)
        for piece in pieces:
            channels = {
                channel: topic for channel, topic in wanted[piece.file].items()
                if (piece.channels is None or channel in piece.channels)
                and (topic.name not in found or found[topic.name].stamp_ns < piece.last_ns)}
            for message in self._sources[piece.file].load(piece) if channels else ():
                topic = channels.get(message.channel_id)
                if topic is not None and message.log_time < before_ns and (
                        topic.name not in found or found[topic.name].stamp_ns <= message.log_time):
                    found[topic.name] = BagMessage(
                        topic.name, topic.type, message.log_time, message.data, message.publish_time)
        return sorted(found.values(), key=lambda message: message.stamp_ns)


def _is_foreign(path: Path) -> bool:
    """Return whether a file is a ROS 1 bag or an SQLite database."""
    return path.is_file() and any(begins_with(path, start) for start in (ROS1, SQLITE))


def read_metadata(folder: Path) -> Metadata:
    """Return the metadata of a bag's folder.

    Raises:
        BagError: NOT_FOUND, DAMAGED, TOO_LARGE, IO_ERROR.
    """
    path = folder / FILE_NAME
    try:
        if path.stat().st_size > _METADATA_LIMIT:
            raise BagError(ReasonCode.TOO_LARGE, f'{path} is too large')
        if not path.is_file():
            raise BagError(ReasonCode.DAMAGED, f'{path} is not a file')
        text = path.read_text()
    except FileNotFoundError:
        hint = f'; make it with "./turret bag recover {folder}"' if any(folder.glob('*.mcap')) else ''
        raise BagError(ReasonCode.NOT_FOUND, f'{folder} is not a bag: it has no {FILE_NAME}{hint}') from None
    except OSError as error:
        raise BagError(ReasonCode.IO_ERROR, f'cannot read {path}: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise BagError(ReasonCode.DAMAGED, f'{path} is not text') from error
    return parse(text, str(path))


def file_paths(folder: Path, metadata: Metadata) -> list[Path]:
    """Return the paths of a bag's files, which are in its folder and nowhere else.

    Raises:
        BagError: DAMAGED.
    """
    names = [file.name for file in metadata.files]
    if len(names) > _FILES_LIMIT:
        raise BagError(ReasonCode.TOO_LARGE, f'{folder}: {len(names)} files')
    paths = []
    for name in names:
        if name != Path(name).name or name in ('', '.', '..') or '\0' in name or (folder / name).is_symlink():
            raise BagError(ReasonCode.DAMAGED, f'{folder}: {name[:100]!r} is not the name of a file in this folder')
        if not (folder / name).is_file():
            raise BagError(ReasonCode.NOT_FOUND, f'{folder}: the file {name[:100]!r} is missing')
        paths.append(folder / name)
    return paths


def completed(topic: Topic, described: Topic | None) -> Topic:
    """Return a topic with what only the metadata knows of it; not every recorder writes that into the file too."""
    if described is None:
        return topic
    return dataclasses.replace(
        topic, type_hash=topic.type_hash or described.type_hash, qos=topic.qos or described.qos)

"""Read bags in rosbag2's format: a folder with ``metadata.yaml`` and MCAP files, or one MCAP file.

A bag comes from anywhere, so nothing in it is believed: names lead nowhere outside the folder, sizes are bounded
before memory is taken, checksums are compared, and whatever is wrong becomes a :class:`BagError`. Messages stay
serialized. Only the chunks that overlap in time are in memory together.
"""

from __future__ import annotations

import dataclasses
import heapq
import io
import itertools
import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import lz4.frame
import zstandard
from mcap.exceptions import InvalidMagic, McapError
from mcap.reader import SeekingReader
from mcap.records import Channel, Chunk, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk
from mcap.summary import Summary

from turret_bringup.bags.metadata import FILE_NAME, SERIALIZATION, BagError, Metadata, Topic, parse, parse_qos
from turret_common.reason_codes import ReasonCode

#: Most that one record, or one chunk when decompressed, may take [bytes].
RECORD_LIMIT = 64 << 20
#: Most that all chunks that overlap in time may take together [bytes], and what a message costs beside its own.
OVERLAP_LIMIT = 512 << 20
_OVERHEAD = 300
#: Most files of a bag, and bytes of its metadata.
_FILES_LIMIT = 10_000
_METADATA_LIMIT = 16 << 20
#: Where chunks are missing, messages are read in pieces of this size [bytes].
_PIECE_BYTES = 4 << 20
#: First and last bytes of an MCAP file.
MAGIC = b'\x89MCAP0\r\n'
#: What the decoder of MCAP raises on bytes that are not what they should be.
_DECODE_ERRORS = (McapError, struct.error, UnicodeDecodeError, ValueError, KeyError, OverflowError, MemoryError)


class BagMessage(NamedTuple):
    """One recorded message.

    Attributes:
        topic: name.
        type: like ``std_msgs/msg/String``.
        stamp_ns: when it was recorded, since 1970.
        data: serialized (CDR).
    """

    topic: str
    type: str
    stamp_ns: int
    data: bytes


@dataclasses.dataclass(frozen=True)
class Piece:
    """A chunk, or some messages outside of chunks, that can be loaded alone.

    Attributes:
        file: number of the file in the bag.
        offset: where it begins in the file, and ``end`` where it ends.
        first_ns: earliest stamp in it.
        last_ns: latest stamp in it.
        channels: ids of the channels in it; None = unknown.
    """

    file: int
    offset: int
    end: int
    first_ns: int
    last_ns: int
    channels: frozenset[int] | None = None


class McapFile:
    """One MCAP file: its channels and where its messages are. Open until the ``with`` statement ends."""

    def __init__(self, path: Path, number: int = 0) -> None:
        """Prepare without touching the disk.

        Args:
            path: of the file.
            number: in the bag.
        """
        self.path = path
        self.size = 0
        self.topics: dict[int, Topic] = {}
        self.counts: dict[int, int] = {}
        self.pieces: list[Piece] = []
        self._number = number
        self._file: IO[bytes]

    def __enter__(self) -> McapFile:
        if self.path.exists() and not self.path.is_file():
            raise BagError(ReasonCode.NOT_SUPPORTED, f'{self.path} is neither a file nor a folder')
        try:
            self._file = self.path.open('rb')
        except OSError as error:
            raise BagError(ReasonCode.NOT_FOUND, f'cannot read {self.path}: {error.strerror}') from error
        self.size = self._file.seek(0, io.SEEK_END)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read_index(self) -> None:
        """Learn channels and places of messages from the file's summary, or, where it has none, from all of it.

        Raises:
            BagError: DAMAGED, NOT_SUPPORTED.
        """
        with self._decoding():
            self._require_ends()
            reader = SeekingReader(self._stream(0), record_size_limit=RECORD_LIMIT)
            if reader.get_header().profile not in ('ros2', ''):
                raise BagError(ReasonCode.NOT_SUPPORTED, f'{self.path}: an MCAP file, but not of ROS 2')
            summary = reader.get_summary()
            if summary is None or not _is_usable(summary):
                self.scan(whole=True)
                return
            self._take_summary(summary)

    def is_whole(self) -> bool:
        """Read the whole file and return whether it is undamaged and has its end. Raises BagError, NOT_SUPPORTED."""
        if self.size < len(MAGIC):
            return False
        try:
            with self._decoding():
                self._require_ends()
            self.scan(whole=True)
        except BagError as error:
            if error.code == ReasonCode.NOT_SUPPORTED:
                raise
            return False
        return True

    def has_end(self) -> bool:
        """Return whether the file ends as one does that was closed."""
        self._file.seek(max(0, self.size - len(MAGIC)))
        return self.size >= 2 * len(MAGIC) and self._file.read() == MAGIC

    def scan(self, whole: bool) -> tuple[int, int]:
        """Learn channels and places of messages by reading the file from its beginning.

        Args:
            whole: any damage is an error. Otherwise what is before an early end counts, and damaged chunks are left
                out.

        Returns:
            How many chunks were left out, and where the last record ended.

        Raises:
            BagError: as :meth:`read_index`.
        """
        self.topics, self.counts, self.pieces = {}, {}, []
        schemas: dict[int, Schema] = {}
        damaged = end = 0
        try:
            with self._decoding():
                for offset, end, record in self._records(0, self.size, magic=True):
                    try:
                        self._learn(record, schemas, offset, end)
                    except BagError:
                        if whole:
                            raise
                        damaged += 1
        except BagError:
            if whole:
                raise
        return damaged, end

    def _learn(self, record: McapRecord, schemas: dict[int, Schema], offset: int, end: int) -> None:
        """Take in one record of the file, which begins and ends at these places."""
        is_chunk = isinstance(record, Chunk)
        with self._decoding():
            for inner in self._unpacked(record) if isinstance(record, Chunk) else [record]:
                if isinstance(inner, Schema):
                    schemas[inner.id] = inner
                elif isinstance(inner, Channel):
                    self._add_channel(inner, schemas)
                elif isinstance(inner, Message):
                    self._count(inner, offset, end, is_chunk)

    def load(self, piece: Piece) -> list[Message]:
        """Return the messages of a piece. Raises BagError."""
        with self._decoding():
            messages: list[Message] = []
            for _, _, record in self._records(piece.offset, piece.end, magic=False):
                records = self._unpacked(record) if isinstance(record, Chunk) else [record]
                messages += (inner for inner in records if isinstance(inner, Message))
            if any(not piece.first_ns <= message.log_time <= piece.last_ns for message in messages):
                raise BagError(ReasonCode.DAMAGED, f'{self.path} is damaged: its index contradicts its messages')
            return messages

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            yield
        except BagError:
            raise
        except InvalidMagic:
            raise BagError(ReasonCode.DAMAGED, f'{self.path} is damaged or no MCAP file') from None
        except _DECODE_ERRORS as error:
            raise BagError(ReasonCode.DAMAGED, f'{self.path} is damaged: {error or type(error).__name__}') from error

    def _require_ends(self) -> None:
        self._file.seek(0)
        if self._file.read(len(MAGIC)) != MAGIC:
            raise BagError(ReasonCode.NOT_SUPPORTED, f'{self.path} is no MCAP file')
        if not self.has_end():
            raise BagError(
                ReasonCode.DAMAGED, f'{self.path} was not closed properly, or is being written; '
                '"./turret bag recover" saves what is in it')

    def _stream(self, offset: int) -> IO[bytes]:
        self._file.seek(offset)
        return cast('IO[bytes]', _Clamped(self._file, self.size))

    def _records(self, offset: int, end: int, magic: bool) -> Iterator[tuple[int, int, McapRecord]]:
        """Give each record from an offset on, with where it begins and ends."""
        stream = self._stream(offset)
        records = StreamReader(
            stream, skip_magic=not magic, emit_chunks=True, record_size_limit=RECORD_LIMIT).records
        while True:
            begin = stream.tell()
            if begin >= end:
                return
            record = next(records, None)
            if record is None:
                return
            yield begin, stream.tell(), record

    def _unpacked(self, chunk: Chunk) -> list[McapRecord]:
        """Return the records in a chunk, decompressed within bounds."""
        if chunk.uncompressed_size > RECORD_LIMIT:
            raise BagError(ReasonCode.TOO_LARGE, f'{self.path}: a chunk of {chunk.uncompressed_size / 1e6:.0f} MB')
        decompress = _DECOMPRESSORS.get(chunk.compression)
        if decompress is None:
            raise BagError(ReasonCode.NOT_SUPPORTED, f'{self.path}: unknown compression {chunk.compression[:20]!r}')
        try:
            data = decompress(chunk.data, chunk.uncompressed_size + 1)
        except (zstandard.ZstdError, RuntimeError) as error:
            raise BagError(ReasonCode.DAMAGED, f'{self.path} is damaged: {error}') from error
        if len(data) != chunk.uncompressed_size:
            raise BagError(ReasonCode.DAMAGED, f'{self.path} is damaged: a chunk has not the size that it should have')
        return breakup_chunk(dataclasses.replace(chunk, compression='', data=data), validate_crc=True)

    def _take_summary(self, summary: Summary) -> None:
        for channel in summary.channels.values():
            self._add_channel(channel, summary.schemas)
        if summary.statistics is not None:
            self.counts |= {
                key: count for key, count in summary.statistics.channel_message_counts.items() if key in self.topics}
        self.pieces = [
            Piece(self._number, index.chunk_start_offset, index.chunk_start_offset + index.chunk_length,
                  index.message_start_time, index.message_end_time,
                  frozenset(index.message_index_offsets) if index.message_index_offsets else None)
            for index in summary.chunk_indexes]

    def _add_channel(self, channel: Channel, schemas: dict[int, Schema]) -> None:
        if channel.message_encoding != SERIALIZATION:
            raise BagError(
                ReasonCode.NOT_SUPPORTED,
                f'{self.path}: messages in {channel.message_encoding[:20]!r}, only {SERIALIZATION!r} is supported')
        schema = schemas.get(channel.schema_id)
        if schema is None:
            raise BagError(ReasonCode.DAMAGED, f'{self.path} is damaged: topic {channel.topic!r} has no type')
        self.counts.setdefault(channel.id, 0)
        self.topics[channel.id] = Topic(
            channel.topic, schema.name, schema.data.decode() if schema.encoding == 'ros2msg' else '',
            channel.metadata.get('topic_type_hash', ''), parse_qos(channel.metadata.get('offered_qos_profiles')))

    def _count(self, message: Message, offset: int, end: int, in_chunk: bool) -> None:
        if message.channel_id not in self.topics:
            raise BagError(ReasonCode.DAMAGED, f'{self.path} is damaged: a message of an unknown topic')
        self.counts[message.channel_id] += 1
        newest = self.pieces[-1] if self.pieces else None
        if newest is not None and (newest.offset == offset or (
                not in_chunk and newest.end == offset and end - newest.offset < _PIECE_BYTES)):
            self.pieces[-1] = dataclasses.replace(
                newest, end=end, first_ns=min(newest.first_ns, message.log_time),
                last_ns=max(newest.last_ns, message.log_time))
        else:
            self.pieces.append(Piece(self._number, offset, end, message.log_time, message.log_time))


class Bag:
    """A bag that can be read; open until the ``with`` statement ends.

    Attributes:
        path: of the folder or file.
        topics: by name.
        counts: number of messages of each topic.
        custom: what who recorded it added.
        files: names of its files.
        size: of all files [bytes].
        start_ns: stamp of the first message, since 1970; 0 = there is none.
        end_ns: stamp of the last message.
    """

    def __init__(self, path: Path) -> None:
        """Prepare without touching the disk."""
        self.path = path
        self.topics: dict[str, Topic] = {}
        self.counts: dict[str, int] = {}
        self.custom: dict[str, str] = {}
        self.files: list[str] = []
        self.size = 0
        self.start_ns = 0
        self.end_ns = 0
        self._sources: list[McapFile] = []
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
            paths = file_paths(self.path, metadata) if self.path.is_dir() else [self.path]
            for number, path in enumerate(paths):
                source = stack.enter_context(McapFile(path, number))
                source.read_index()
                self._sources.append(source)
                self.files.append(path.name)
                self.size += source.size
                for channel, topic in source.topics.items():
                    self.topics.setdefault(topic.name, _completed(topic, described.get(topic.name)))
                    self.counts[topic.name] = self.counts.get(topic.name, 0) + source.counts[channel]
            pieces = [piece for source in self._sources for piece in source.pieces]
            self.start_ns = min((piece.first_ns for piece in pieces), default=0)
            self.end_ns = max((piece.last_ns for piece in pieces), default=0)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

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
        waiting: list[tuple[int, int, int, int, Topic, bytes]] = []
        waiting_bytes = 0
        for number, piece in enumerate(pieces):
            channels = wanted[piece.file]
            for message in self._sources[piece.file].load(piece):
                topic = channels.get(message.channel_id)
                if topic is not None and lowest <= message.log_time < highest:
                    heapq.heappush(waiting, (
                        message.log_time, piece.file, piece.offset, next(order), topic, message.data))
                    waiting_bytes += len(message.data) + _OVERHEAD
            if waiting_bytes > OVERLAP_LIMIT:
                raise BagError(ReasonCode.TOO_LARGE, f'{self.path}: its chunks overlap too much in time')
            following_ns = pieces[number + 1].first_ns if number + 1 < len(pieces) else 1 << 64
            while waiting and waiting[0][0] < following_ns:
                stamp_ns, _, _, _, topic, data = heapq.heappop(waiting)
                waiting_bytes -= len(data) + _OVERHEAD
                yield BagMessage(topic.name, topic.type, stamp_ns, data)


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
                    found[topic.name] = BagMessage(topic.name, topic.type, message.log_time, message.data)
        return sorted(found.values(), key=lambda message: message.stamp_ns)


def read_metadata(folder: Path) -> Metadata:
    """Return the metadata of a bag's folder.

    Raises:
        BagError: NOT_FOUND, DAMAGED, NOT_SUPPORTED.
    """
    path = folder / FILE_NAME
    try:
        if path.stat().st_size > _METADATA_LIMIT:
            raise BagError(ReasonCode.TOO_LARGE, f'{path} is too large')
        if not path.is_file():
            raise BagError(ReasonCode.DAMAGED, f'{path} is no file')
        text = path.read_text()
    except FileNotFoundError:
        raise BagError(ReasonCode.NOT_FOUND, f'{folder} is no bag: it has no {FILE_NAME}') from None
    except OSError as error:
        raise BagError(ReasonCode.IO_ERROR, f'cannot read {path}: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise BagError(ReasonCode.DAMAGED, f'{path}: it is no text') from error
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


class _Clamped:
    """A stream that never asks for more than there is: Python takes the memory before it reads."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size
        self.seek = file.seek
        self.tell = file.tell

    def read(self, count: int) -> bytes:
        return self._file.read(max(0, min(count, self._size - self._file.tell())))


def _completed(topic: Topic, described: Topic | None) -> Topic:
    """Return a topic with what only the metadata says of it; not every recorder writes it into the file too."""
    if described is None:
        return topic
    return dataclasses.replace(
        topic, type_hash=topic.type_hash or described.type_hash, qos=topic.qos or described.qos)


def _is_usable(summary: Summary) -> bool:
    """Say whether every message can be found with a summary: it may leave channels or chunks out."""
    statistics = summary.statistics
    return (
        statistics is not None and statistics.channel_count == len(summary.channels)
        and statistics.chunk_count == len(summary.chunk_indexes)
        and (statistics.chunk_count > 0 or statistics.message_count == 0))


def _unzstd(data: bytes, limit: int) -> bytes:
    with zstandard.ZstdDecompressor(max_window_size=RECORD_LIMIT).stream_reader(data) as stream:
        return bytes(stream.read(limit))


def _unlz4(data: bytes, limit: int) -> bytes:
    return bytes(lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=limit))


_DECOMPRESSORS: dict[str, Callable[[bytes, int], Any]] = {
    '': lambda data, limit: data[:limit], 'zstd': _unzstd, 'lz4': _unlz4}

# SPDX-License-Identifier: Apache-2.0
"""One MCAP file: its records, its topics, and where its messages are.

A file comes from anywhere, so everything in it is checked: sizes are bounded before memory is taken, checksums are
compared, and whatever is wrong becomes a :class:`BagError`. Messages stay serialized.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, ChunkIndex, Header, Message, Schema, Statistics

from turret_bringup.bags import compression
from turret_bringup.bags.foreign_storage import ROS1, SQLITE
from turret_bringup.bags.metadata import MAGIC, SERIALIZATION, BagError, Topic, parse_qos
from turret_bringup.bags.piece import Piece
from turret_common.reason_codes import ReasonCode

#: Maximum size of one record, and of one decompressed chunk [bytes].
RECORD_LIMIT = 64 << 20
#: Messages outside of chunks are read in pieces of this size [bytes].
_PIECE_BYTES = 4 << 20
#: Maximum number of records in a chunk; each takes memory beside its bytes.
_RECORDS_LIMIT = 300_000
_HEAD = struct.Struct('<BQ')
_FOOTER = struct.Struct('<BQQQI')
#: What the parsers raise on bytes that are not valid.
_DECODE_ERRORS = (
    McapError, struct.error, UnicodeDecodeError, ValueError, KeyError, OverflowError, MemoryError, OSError,
    zstandard.ZstdError, RuntimeError, EOFError)
_GIT_LFS = b'version https://git-lfs'


class Record(NamedTuple):
    """A record: its kind, and where it begins and ends in the file."""

    opcode: int
    offset: int
    end: int


class McapFile:
    """One MCAP file, open until the ``with`` statement ends.

    Attributes:
        path: of the file.
        size: in bytes.
        library: name of the program that wrote it.
        topics: by channel id, those that can be read.
        counts: number of messages by channel id, of the topics that can be read.
        all_counts: number of messages by channel id, as far as they were scanned.
        messages_total: number of messages according to the summary; None = it does not say.
        pieces: where the messages are.
        indexes: entries of the chunks in the summary.
        left_out: topics that cannot be read, and why.
        schemas: all, by id.
        channels: all, by id.
    """

    def __init__(self, path: Path, number: int = 0) -> None:
        """Prepare without touching the disk.

        Args:
            path: of the file.
            number: in the bag.
        """
        self.path = path
        self.size = 0
        self.library = ''
        self.topics: dict[int, Topic] = {}
        self.counts: dict[int, int] = {}
        self.all_counts: dict[int, int] = {}
        self.messages_total: int | None = None
        self.pieces: list[Piece] = []
        self.indexes: list[ChunkIndex] = []
        self.left_out: dict[str, str] = {}
        self.schemas: dict[int, Schema] = {}
        self.channels: dict[int, Channel] = {}
        self._number = number
        self._file: IO[bytes]

    def __enter__(self) -> McapFile:
        if self.path.exists() and not self.path.is_file():
            raise BagError(ReasonCode.NOT_SUPPORTED, f'{self.path} is neither a file nor a folder')
        try:
            self._file = self.path.open('rb')
            self.size = self._file.seek(0, io.SEEK_END)
        except OSError as error:
            raise BagError(ReasonCode.NOT_FOUND, f'cannot read {self.path}: {error.strerror}') from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read_index(self) -> None:
        """Read the topics and where their messages are from the summary, or, where it has none, from all of the file.

        Raises:
            BagError: DAMAGED, NOT_SUPPORTED, TOO_LARGE.
        """
        with self.decoding():
            self.require_start()
            if not self.has_end():
                raise BagError(
                    ReasonCode.DAMAGED, f'{self.path} was not closed properly, or is being written; '
                    '"./turret bag recover" saves what is in it')
            if not self.read_summary():
                self.scan()
        if not self.topics and self.left_out:
            raise BagError(
                ReasonCode.NOT_SUPPORTED,
                f'{self.path} has no messages of ROS 2: {next(iter(self.left_out.values()))}')

    def require_start(self) -> None:
        """Refuse what is not an MCAP file, and name what it is. Raises BagError, NOT_SUPPORTED."""
        start = self.bytes_at(0, 64)
        if start.startswith(MAGIC):
            header = next(self.records(len(MAGIC), self.size), None)
            if header is not None and header.opcode == Opcode.HEADER:
                self.library = self.parsed(header, Header).library
            return
        raise BagError(ReasonCode.NOT_SUPPORTED, f'{self.path} {self.other_kind() or "is not an MCAP file"}')

    def other_kind(self) -> str:
        """Return what a file of a known other kind is; empty = not one of these."""
        known = {
            ROS1: 'is a ROS 1 bag, not an MCAP file', SQLITE: 'is an SQLite database, not an MCAP file',
            _GIT_LFS: 'is a pointer of Git LFS: run "git lfs pull" to get the file'}
        start = self.bytes_at(0, 64)
        return next((text for begin, text in known.items() if start.startswith(begin)), '')

    def has_end(self) -> bool:
        """Return whether the file ends like one that was closed."""
        return self.size >= 2 * len(MAGIC) and self.bytes_at(self.size - len(MAGIC), len(MAGIC)) == MAGIC

    def read_summary(self) -> bool:
        """Read the summary; return whether all messages can be found with it.

        Raises:
            BagError: DAMAGED, TOO_LARGE.
        """
        self._clear()
        footer_at = self.size - len(MAGIC) - _FOOTER.size
        if footer_at < len(MAGIC):
            raise self._damaged('it has no footer')
        opcode, length, start, _, crc = _FOOTER.unpack(self.bytes_at(footer_at, _FOOTER.size))
        if opcode != Opcode.FOOTER or length != _FOOTER.size - _HEAD.size or start > footer_at:
            raise self._damaged('its footer is not valid')
        if start == 0:
            return False
        if footer_at - start > RECORD_LIMIT:
            raise BagError(ReasonCode.TOO_LARGE, f'{self.path}: a summary of {(footer_at - start) / 1e6:.0f} MB')
        if crc and zlib.crc32(self.bytes_at(start, footer_at - start + _FOOTER.size - 4)) != crc:
            raise self._damaged('the checksum of its summary is wrong')
        statistics: Statistics | None = None
        for record in self.records(start, footer_at):
            if record.opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
                self._take_definition(record)
            elif record.opcode == Opcode.STATISTICS:
                statistics = self.parsed(record, Statistics)
                self.messages_total = statistics.message_count
            elif record.opcode == Opcode.CHUNK_INDEX:
                self.indexes.append(self.parsed(record, ChunkIndex))
        self.pieces = [
            Piece(self._number, index.chunk_start_offset, index.chunk_start_offset + index.chunk_length,
                  index.message_start_time, index.message_end_time,
                  frozenset(index.message_index_offsets) if index.message_index_offsets else None)
            for index in self.indexes]
        if statistics is None or statistics.channel_count != len(self.channels) or (
                statistics.chunk_count != len(self.indexes) or (not self.indexes and statistics.message_count)) or any(
                channel.schema_id and channel.schema_id not in self.schemas for channel in self.channels.values()):
            return False
        for channel in self.channels.values():
            self._add_topic(channel)
        self.counts |= {
            key: count for key, count in statistics.channel_message_counts.items() if key in self.topics}
        return True

    def scan(self, is_sound: Callable[[Record], bool] = lambda _: False) -> None:
        """Read the topics and where their messages are from the whole data section.

        Args:
            is_sound: whether to pass over a chunk that is too large, or compressed in an unknown way.

        Raises:
            BagError: DAMAGED, NOT_SUPPORTED, TOO_LARGE.
        """
        self._clear()
        with self.decoding():
            for record in self.records(len(MAGIC), self.size):
                if record.opcode == Opcode.DATA_END:
                    self._require_data_crc(record)
                    return
                try:
                    self.take(record)
                except BagError as error:
                    if record.opcode != Opcode.CHUNK or error.code is ReasonCode.DAMAGED or not is_sound(record):
                        raise

    def take(self, record: Record) -> None:
        """Take one record of the data section into the index. Raises what parsing raises; see :meth:`decoding`."""
        if record.opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
            self._take_definition(record)
            if record.opcode == Opcode.CHANNEL:
                self._add_topic(self.parsed(record, Channel))
        elif record.opcode == Opcode.MESSAGE:
            self._count([self._message(record)], record, in_chunk=False)
        elif record.opcode == Opcode.CHUNK:
            messages = []
            for _, inner in self.unpacked(record):
                if isinstance(inner, Schema):
                    self.schemas[inner.id] = inner
                elif isinstance(inner, Channel):
                    self.channels[inner.id] = inner
                    self._add_topic(inner)
                elif isinstance(inner, Message):
                    messages.append(inner)
            self._count(messages, record, in_chunk=True)

    def load(self, piece: Piece) -> list[Message]:
        """Return the messages of a piece. Raises BagError."""
        with self.decoding():
            messages: list[Message] = []
            for record in self.records(piece.offset, piece.end):
                if record.opcode == Opcode.CHUNK:
                    messages += (inner for _, inner in self.unpacked(record) if isinstance(inner, Message))
                elif record.opcode == Opcode.MESSAGE:
                    messages.append(self._message(record))
            if any(not piece.first_ns <= message.log_time <= piece.last_ns for message in messages):
                raise self._damaged('its index contradicts its messages')
            return messages

    def records(self, offset: int, end: int) -> Iterator[Record]:
        """Give the records from one offset to another. Raises BagError, DAMAGED, where the next one is not valid."""
        while offset < end:
            record = self.record_at(offset, end)
            if record is None:
                raise self._damaged(f'there is no record at byte {offset}')
            yield record
            offset = record.end

    def record_at(self, offset: int, end: int) -> Record | None:
        """Return the record at an offset; None where none that ends before ``end`` begins there."""
        head = self.bytes_at(offset, _HEAD.size)
        if len(head) < _HEAD.size:
            return None
        opcode, length = _HEAD.unpack(head)
        stop = offset + _HEAD.size + length
        return Record(opcode, offset, stop) if opcode and stop <= end else None

    def parsed(self, record: Record, kind: Any) -> Any:
        """Return the content of a record."""
        return kind.read(ReadDataStream(io.BytesIO(self._body(record))))

    def unpacked(self, record: Record) -> list[tuple[int, Schema | Channel | Message]]:
        """Return the records in a chunk with their positions in it, decompressed within bounds, checksums compared."""
        chunk: Chunk = self.parsed(record, Chunk)
        if chunk.uncompressed_size > RECORD_LIMIT:
            raise BagError(ReasonCode.TOO_LARGE, f'{self.path}: a chunk of {chunk.uncompressed_size / 1e6:.0f} MB')
        if chunk.compression not in compression.KNOWN:
            raise BagError(ReasonCode.NOT_SUPPORTED, f'{self.path}: unknown compression {chunk.compression[:20]!r}')
        data = compression.decompress(chunk.compression, chunk.data, chunk.uncompressed_size + 1)
        if len(data) != chunk.uncompressed_size:
            raise self._damaged('a chunk has another size than it should have')
        if chunk.uncompressed_crc and chunk.uncompressed_crc != zlib.crc32(data):
            raise self._damaged('the checksum of a chunk is wrong')
        found: list[tuple[int, Schema | Channel | Message]] = []
        position = 0
        while position < len(data):
            if len(found) > _RECORDS_LIMIT:
                raise BagError(ReasonCode.TOO_LARGE, f'{self.path}: a chunk of too many messages')
            opcode, length = _HEAD.unpack_from(data, position)
            begin, end = position + _HEAD.size, position + _HEAD.size + length
            if end > len(data):
                raise self._damaged('a record is longer than its chunk')
            stream = ReadDataStream(io.BytesIO(data[begin:end]))
            if opcode == Opcode.MESSAGE:
                found.append((position, Message.read(stream, length)))
            elif opcode == Opcode.SCHEMA:
                found.append((position, Schema.read(stream)))
            elif opcode == Opcode.CHANNEL:
                found.append((position, Channel.read(stream)))
            position = end
        return found

    def bytes_at(self, offset: int, count: int) -> bytes:
        """Return some bytes of the file, fewer at its end."""
        self._file.seek(offset)
        return self._file.read(max(0, min(count, self.size - offset)))

    def crc(self, end: int) -> int:
        """Return the CRC-32 of the file up to an offset."""
        value, offset = 0, 0
        while offset < end:
            data = self.bytes_at(offset, min(1 << 20, end - offset))
            if not data:
                break
            value, offset = zlib.crc32(data, value), offset + len(data)
        return value

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Turn what parsing raises into BagError, DAMAGED."""
        try:
            yield
        except BagError:
            raise
        except _DECODE_ERRORS as error:
            raise self._damaged(str(error) or type(error).__name__) from error

    def _clear(self) -> None:
        self.topics, self.counts, self.pieces, self.indexes = {}, {}, [], []
        self.left_out, self.schemas, self.channels = {}, {}, {}
        self.all_counts, self.messages_total = {}, None

    def _body(self, record: Record) -> bytes:
        size = record.end - record.offset - _HEAD.size
        if size > RECORD_LIMIT:
            raise BagError(ReasonCode.TOO_LARGE, f'{self.path}: a record of {size / 1e6:.0f} MB')
        return self.bytes_at(record.offset + _HEAD.size, size)

    def _message(self, record: Record) -> Message:
        body = self._body(record)
        message: Message = Message.read(ReadDataStream(io.BytesIO(body)), len(body))
        return message

    def _take_definition(self, record: Record) -> None:
        if record.opcode == Opcode.SCHEMA:
            schema = self.parsed(record, Schema)
            self.schemas[schema.id] = schema
        else:
            channel = self.parsed(record, Channel)
            self.channels[channel.id] = channel

    def _add_topic(self, channel: Channel) -> None:
        """Take a channel; what cannot be read is left out with a note."""
        schema = self.schemas.get(channel.schema_id)
        if channel.message_encoding != SERIALIZATION:
            self.left_out[channel.topic] = f'messages in {channel.message_encoding[:20]!r}, not {SERIALIZATION!r}'
        elif schema is None and channel.schema_id:
            raise self._damaged(f'topic {channel.topic!r} has no type')
        elif schema is None:
            self.left_out[channel.topic] = 'its type is not recorded'
        elif (definition := _text(schema.data)) is None:
            self.left_out[channel.topic] = 'the definition of its type is not text'
        else:
            self.counts.setdefault(channel.id, 0)
            self.topics[channel.id] = Topic(
                channel.topic, schema.name, definition, channel.metadata.get('topic_type_hash', ''),
                parse_qos(channel.metadata.get('offered_qos_profiles')), schema.encoding)

    def _count(self, messages: list[Message], record: Record, in_chunk: bool) -> None:
        for message in messages:
            self.all_counts[message.channel_id] = self.all_counts.get(message.channel_id, 0) + 1
            if message.channel_id not in self.channels:
                self.left_out[f'channel {message.channel_id}'] = 'its definition is missing'
            if message.channel_id in self.counts:
                self.counts[message.channel_id] += 1
        if not messages:
            return
        channels = frozenset(message.channel_id for message in messages)
        first_ns, last_ns = (limit(message.log_time for message in messages) for limit in (min, max))
        newest = self.pieces[-1] if self.pieces else None
        if newest is not None and not in_chunk and newest.end == record.offset and (
                record.end - newest.offset < _PIECE_BYTES):
            self.pieces[-1] = Piece(
                self._number, newest.offset, record.end, min(newest.first_ns, first_ns), max(newest.last_ns, last_ns),
                (newest.channels or frozenset()) | channels)
        else:
            self.pieces.append(Piece(self._number, record.offset, record.end, first_ns, last_ns, channels))

    def _require_data_crc(self, record: Record) -> None:
        crc = int.from_bytes(self.bytes_at(record.offset + _HEAD.size, 4), 'little')
        if crc and crc != self.crc(record.offset):
            raise self._damaged('the checksum of its data is wrong')

    def _damaged(self, why: str) -> BagError:
        return BagError(
            ReasonCode.DAMAGED, f'{self.path} is damaged: {why}; "./turret bag recover" saves what is whole')


def _text(data: bytes) -> str | None:
    """Return a text in UTF-8; None where it is not one."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None

# SPDX-License-Identifier: Apache-2.0
"""Copy the whole records of a damaged MCAP file, byte for byte, into a file with an index."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    Message,
    MessageIndex,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

from turret_bringup.bags import compression
from turret_bringup.bags.libraries import LIBRARY
from turret_bringup.bags.mcap_file import RECORD_LIMIT, McapFile, Record
from turret_bringup.bags.mcap_writer import channel_metadata, serialized
from turret_bringup.bags.metadata import MAGIC, SERIALIZATION, BagError, Topic
from turret_common.reason_codes import ReasonCode

#: Errors that are not damage: the file is whole, only not for this reader.
NOT_DAMAGE = (ReasonCode.NOT_SUPPORTED, ReasonCode.TOO_LARGE)
#: The most that a killed recorder leaves after its last whole record [bytes]; more is damage.
_TAIL = 4 << 20
_COPY_BYTES = 1 << 20
#: Kinds of records that only a summary has, and kinds with a fixed length.
_OF_SUMMARY = frozenset((
    Opcode.CHUNK_INDEX, Opcode.ATTACHMENT_INDEX, Opcode.STATISTICS, Opcode.METADATA_INDEX, Opcode.SUMMARY_OFFSET))
_LENGTHS = {Opcode.DATA_END: 4, Opcode.FOOTER: 20}
_DEFINITIONS = {Opcode.SCHEMA: Schema, Opcode.CHANNEL: Channel}
#: The beginning of a record, by which records are found where the structure of a file is lost: a kind that the data
#: section has, and a length below 4 GiB.
_HEAD = re.compile(rb'(?=[\x03-\x07\x09\x0c\x0f].{4}\0{4})', re.DOTALL)
_HEAD_BYTES = 9
#: Kinds of records from here on are private to a program.
_PRIVATE = 0x80
#: The records in a chunk with their positions in it.
_Contents = list[tuple[int, Schema | Channel | Message]]
#: The beginning of the content of a message: channel, sequence number, log time.
_MESSAGE = struct.Struct('<HIQ')


class _Entry(NamedTuple):
    """A message in a chunk: its position in it, its channel and its log time [ns]."""

    position: int
    channel_id: int
    log_time: int


class Salvage:
    """Copies the whole records of a damaged file into a new one, and gives it an index.

    Attributes:
        counts: number of messages copied, by channel, without those in :attr:`unread` chunks.
        unread: number of chunks copied that are whole, but too large or compressed in an unknown way.
        lost: number of places with damage before the end.
    """

    def __init__(self, file: McapFile, stream: IO[bytes], topics: Sequence[Topic] = ()) -> None:
        """Prepare.

        Args:
            file: with damage.
            stream: to be written.
            topics: by which channels are defined whose definitions are lost: the first topic has channel 1.
        """
        self.counts: dict[int, int] = {}
        self.unread = 0
        self.lost = 0
        self._file = file
        self._stream = stream
        self._topics = topics
        self._unread_counts: dict[int, int] = {}
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._chunks: list[ChunkIndex] = []
        self._attachments: list[AttachmentIndex] = []
        self._metadata: list[MetadataIndex] = []
        self._times: list[int] = []
        self._loose = bytearray()
        self._loose_entries: list[_Entry] = []
        self._newest: tuple[Record, _Contents | None] | None = None
        self._later: tuple[dict[int, Schema], dict[int, Channel]] | None = None
        self._from_summary()

    def run(self) -> None:
        """Copy."""
        self._stream.write(MAGIC)
        records = self._whole_records()
        first = next(records, None)
        if first is None or first.opcode != Opcode.HEADER:
            self._stream.write(serialized(Header('ros2', LIBRARY)))
        if first is not None:
            self._take(first)
        for record in records:
            self._take(record)
        self._finish()

    def _from_summary(self) -> None:
        """Take what the summary knows, where there is one: definitions, and where chunks are."""
        self._known: tuple[dict[int, Schema], dict[int, Channel]] = {}, {}
        self._indexed: dict[int, ChunkIndex] = {}
        file = self._file
        if not file.has_end():
            return
        try:
            with file.decoding():
                file.read_summary()
        except BagError:
            return
        self._known = dict(file.schemas), dict(file.channels)
        self._indexed = {index.chunk_start_offset: index for index in file.indexes}

    def _define(self, channel_id: int) -> None:
        """Write the definition of a channel that no record so far defined: a damaged one did."""
        if channel_id in self._channels:
            return
        found = self._found(self._known, channel_id)
        if found is None:
            if self._later is None:
                self._later = self._all_definitions()
            found = self._found(self._later, channel_id) or self._assumed(channel_id)
        schema, channel = found
        if schema is not None and schema.id not in self._schemas:
            self._schemas[schema.id] = schema
            self._stream.write(serialized(schema))
        self._channels[channel.id] = channel
        self._stream.write(serialized(channel))

    def _define_schema(self, channel: Channel) -> None:
        """Write the schema of a channel whose record is damaged; an empty one where nothing knows it."""
        number = channel.schema_id
        if not number or number in self._schemas:
            return
        if self._later is None:
            self._later = self._all_definitions()
        schema = self._known[0].get(number) or self._later[0].get(number) or next(
            (Schema(number, topic.definition.encode(), topic.encoding, topic.type)
             for topic in self._topics if topic.name == channel.topic), Schema(number, b'', '', 'unknown'))
        self._schemas[number] = schema
        self._stream.write(serialized(schema))

    @staticmethod
    def _found(
            definitions: tuple[dict[int, Schema], dict[int, Channel]],
            channel_id: int) -> tuple[Schema | None, Channel] | None:
        """Return the definition of a channel with its schema; None where one of them is missing."""
        schemas, channels = definitions
        channel = channels.get(channel_id)
        if channel is None or (channel.schema_id and channel.schema_id not in schemas):
            return None
        return schemas.get(channel.schema_id), channel

    def _all_definitions(self) -> tuple[dict[int, Schema], dict[int, Channel]]:
        """Return the definitions in all whole records of the file."""
        schemas: dict[int, Schema] = {}
        channels: dict[int, Channel] = {}
        lost = self.lost
        for record in self._whole_records():
            for definition in self._definitions(record):
                if isinstance(definition, Schema):
                    schemas[definition.id] = definition
                else:
                    channels[definition.id] = definition
        self.lost = lost  # counted by the copy
        return schemas, channels

    def _definitions(self, record: Record) -> Iterator[Schema | Channel]:
        if record.opcode in _DEFINITIONS:
            yield self._file.parsed(record, _DEFINITIONS[Opcode(record.opcode)])
        elif record.opcode == Opcode.CHUNK:
            yield from (inner for _, inner in self._contents(record) or () if not isinstance(inner, Message))

    def _assumed(self, channel_id: int) -> tuple[Schema | None, Channel]:
        """Return a definition for a channel whose own is lost: that of the topic with this number, else one by number.

        Messages of a channel without a type are kept, though nothing can read them.
        """
        topic = self._topics[channel_id - 1] if 0 < channel_id <= len(self._topics) else None
        schema_id = max([0, *self._schemas, *self._known[0], *(self._later or ({},))[0]]) + 1
        if topic is None or not topic.definition or schema_id > 0xFFFF:
            name = topic.name if topic else f'/lost_channel_{channel_id}'
            return None, Channel(channel_id, name, SERIALIZATION, {}, 0)
        schema = Schema(schema_id, topic.definition.encode(), topic.encoding, topic.type)
        return schema, Channel(channel_id, topic.name, SERIALIZATION, channel_metadata(topic), schema_id)

    def _whole_records(self) -> Iterator[Record]:
        """Give the records of the data section that can be read, damage skipped."""
        file, offset, before = self._file, len(MAGIC), 0
        while offset < file.size:
            record = file.record_at(offset, file.size)
            if record is not None and record.opcode in _LENGTHS and self._has_its_length(record):
                return
            is_readable = record is not None and self._is_readable(record)
            is_followed = record is not None and self._is_followed(record)
            # Behind a record whose length is right only its content is damaged.
            following = record.end if record is not None and is_followed else self._next_record(offset + 1)
            if record is not None and is_readable and (
                    is_followed or record.opcode == Opcode.CHUNK
                    or (record.opcode <= Opcode.DATA_END and record.end <= (following or file.size))):
                if record.opcode not in _OF_SUMMARY:  # one here: the end of the data section is destroyed
                    yield record
                if record.opcode == Opcode.MESSAGE_INDEX and before > Opcode.DATA_END:  # it was a chunk
                    self.lost += 1
                offset, before = record.end, record.opcode
                continue
            if following is not None or file.has_end() or file.size - offset > _TAIL:
                self.lost += 1
            if following is None:
                return
            offset, before = following, 0

    def _has_its_length(self, record: Record) -> bool:
        expected = _LENGTHS.get(Opcode(record.opcode)) if record.opcode <= Opcode.DATA_END else None
        return expected is None or record.end - record.offset - _HEAD_BYTES == expected

    def _is_followed(self, record: Record) -> bool:
        """Return whether another record, or the end of the file, comes behind a record: its length is right."""
        file = self._file
        if record.end in (file.size, file.size - len(MAGIC)):
            return True
        following = file.record_at(record.end, file.size)
        while following is not None and Opcode.DATA_END < following.opcode < _PRIVATE:  # a kind of the future
            following = file.record_at(following.end, file.size)
        if following is None:  # a killed recorder leaves part of a record
            head = file.bytes_at(record.end, _HEAD_BYTES)
            return not file.has_end() and file.size - record.end < _TAIL and (
                len(head) < _HEAD_BYTES or bool(_HEAD.match(head)))
        return self._has_its_length(following)

    def _is_readable(self, record: Record) -> bool:
        """Return whether the content of a record is whole, as far as it shows."""
        file = self._file
        if record.offset in self._indexed and record.opcode != Opcode.CHUNK:
            return False
        try:
            with file.decoding():
                if record.opcode == Opcode.CHUNK:
                    return self._contents(record) is not None or is_sound(
                        file, record, self._indexed.get(record.offset))
                if record.opcode == Opcode.MESSAGE:
                    return record.end - record.offset >= _HEAD_BYTES + 22
                if record.opcode == Opcode.ATTACHMENT:
                    self._attachment_index(record, 0)
                elif record.opcode == Opcode.METADATA:
                    file.parsed(record, Metadata)
                elif record.opcode in _DEFINITIONS:
                    file.parsed(record, _DEFINITIONS[Opcode(record.opcode)])
                elif record.opcode == Opcode.HEADER:
                    file.parsed(record, Header)
                    return record.offset == len(MAGIC)
        except BagError:
            return False
        return record.opcode not in (Opcode.DATA_END, Opcode.FOOTER)

    def _contents(self, record: Record) -> _Contents | None:
        """Return the records in a chunk; None where it cannot be read. The newest chunk is kept."""
        if self._newest is None or self._newest[0] != record:
            try:
                with self._file.decoding():
                    self._newest = record, self._file.unpacked(record)
            except BagError:
                self._newest = record, None
        return self._newest[1]

    def _next_record(self, offset: int) -> int | None:
        """Return where the next record that can be read begins, by the index, else by how records look."""
        file = self._file
        indexed = min((start for start in self._indexed if start >= offset), default=file.size)
        position = offset
        while position < indexed:
            data = file.bytes_at(position, _COPY_BYTES)
            for match in _HEAD.finditer(data):
                start = position + match.start()
                record = file.record_at(start, file.size) if start < indexed else None
                if record is not None and self._has_its_length(record) and self._is_followed(record) and (
                        record.opcode == Opcode.DATA_END or self._is_readable(record)):
                    return start
            if len(data) < _COPY_BYTES:
                break
            position += len(data) - _HEAD_BYTES
        return indexed if indexed < file.size else None

    def _take(self, record: Record) -> None:
        """Copy a record, after the definitions that its messages need; a chunk gets its index behind it."""
        if record.opcode == Opcode.MESSAGE_INDEX:
            return
        if record.opcode != Opcode.MESSAGE:
            self._write_loose()
        contents = self._contents(record) if record.opcode == Opcode.CHUNK else None
        definitions = list(self._definitions(record))
        self._schemas.update((schema.id, schema) for schema in definitions if isinstance(schema, Schema))
        for channel in definitions:
            if isinstance(channel, Channel):
                self._channels[channel.id] = channel
                self._define_schema(channel)
        if record.opcode == Opcode.MESSAGE:
            self._collect(record)
            return
        messages = [_Entry(at, inner.channel_id, inner.log_time)
                    for at, inner in contents or () if isinstance(inner, Message)]
        for channel_id in sorted({entry.channel_id for entry in messages}):
            self._define(channel_id)
        begin = self._stream.tell()
        self._copy(record)
        if contents is not None:
            self._index_chunk(self._file.parsed(record, Chunk), messages, begin)
        elif record.opcode == Opcode.CHUNK:
            self._index_unread_chunk(record, begin)
        elif record.opcode == Opcode.ATTACHMENT:
            self._attachments.append(self._attachment_index(record, begin))
        elif record.opcode == Opcode.METADATA:
            name = self._file.parsed(record, Metadata).name
            self._metadata.append(MetadataIndex(begin, record.end - record.offset, name))

    def _collect(self, record: Record) -> None:
        """Collect messages outside of chunks in a chunk: beside chunks, readers that use the index miss others."""
        data = self._file.bytes_at(record.offset, record.end - record.offset)
        channel_id, _, log_time = _MESSAGE.unpack_from(data, _HEAD_BYTES)
        self._define(channel_id)
        self._loose_entries.append(_Entry(len(self._loose), channel_id, log_time))
        self._loose += data
        if len(self._loose) >= _COPY_BYTES:
            self._write_loose()

    def _write_loose(self) -> None:
        """Write the collected messages."""
        if not self._loose_entries:
            return
        data, times, begin = bytes(self._loose), [entry.log_time for entry in self._loose_entries], self._stream.tell()
        chunk = Chunk('', data, max(times), min(times), zlib.crc32(data), len(data))
        self._stream.write(serialized(chunk))
        self._index_chunk(chunk, self._loose_entries, begin)
        self._loose, self._loose_entries = bytearray(), []

    def _copy(self, record: Record) -> None:
        offset = record.offset
        while offset < record.end:
            data = self._file.bytes_at(offset, min(_COPY_BYTES, record.end - offset))
            self._stream.write(data)
            offset += len(data)

    def _index_chunk(self, chunk: Chunk, messages: Sequence[_Entry], begin: int) -> None:
        """Write the indexes of the messages of a chunk that was written just now, and remember its own."""
        indexes: dict[int, MessageIndex] = {}
        for entry in messages:
            index = indexes.setdefault(entry.channel_id, MessageIndex(entry.channel_id, []))
            index.records.append((entry.log_time, entry.position))
            self.counts[entry.channel_id] = self.counts.get(entry.channel_id, 0) + 1
        end, offsets = self._stream.tell(), {}
        for channel, index in indexes.items():
            offsets[channel] = self._stream.tell()
            self._stream.write(serialized(index))
        times = [entry.log_time for entry in messages]
        self._add_chunk(chunk, begin, end, offsets, (min(times, default=0), max(times, default=0)))

    def _add_chunk(
            self, chunk: Chunk, begin: int, end: int, offsets: dict[int, int], times: tuple[int, int]) -> None:
        if offsets:
            self._times = [min(*self._times, *times), max(*self._times, *times)] if self._times else list(times)
        self._chunks.append(ChunkIndex(
            chunk_length=end - begin, chunk_start_offset=begin, compression=chunk.compression,
            compressed_size=len(chunk.data), message_end_time=times[1], message_start_time=times[0],
            message_index_length=self._stream.tell() - end, message_index_offsets=offsets,
            uncompressed_size=chunk.uncompressed_size))

    def _index_unread_chunk(self, record: Record, begin: int) -> None:
        """Index a chunk by the message indexes behind it."""
        file, offset, end = self._file, record.end, self._stream.tell()
        offsets: dict[int, int] = {}
        while (following := file.record_at(offset, file.size)) is not None and (
                following.opcode == Opcode.MESSAGE_INDEX):
            index: MessageIndex = file.parsed(following, MessageIndex)
            offsets[index.channel_id] = self._stream.tell()
            self._stream.write(serialized(index))
            self._unread_counts[index.channel_id] = self._unread_counts.get(index.channel_id, 0) + len(index.records)
            offset = following.end
        chunk: Chunk = file.parsed(record, Chunk)
        self._add_chunk(chunk, begin, end, offsets, (chunk.message_start_time, chunk.message_end_time))
        self.unread += 1

    def _attachment_index(self, record: Record, begin: int) -> AttachmentIndex:
        """Return the index entry of an attachment, whose data may be larger than any other record."""
        file = self._file
        size = record.end - record.offset
        if size <= RECORD_LIMIT:
            attachment = file.parsed(record, Attachment)
            return AttachmentIndex(
                begin, size, attachment.log_time, attachment.create_time, len(attachment.data), attachment.name,
                attachment.media_type)
        head = file.bytes_at(record.offset + 9, 1 << 16)
        texts, position = [], 16
        for _ in range(2):
            length = int.from_bytes(head[position:position + 4], 'little')
            texts.append(head[position + 4:position + 4 + length].decode())
            position += 4 + length
        times = [int.from_bytes(head[start:start + 8], 'little') for start in (0, 8)]
        data_size = int.from_bytes(head[position:position + 8], 'little')
        return AttachmentIndex(begin, size, times[0], times[1], data_size, texts[0], texts[1])

    def _finish(self) -> None:
        """Write the end of the data section, the summary and the footer."""
        self._write_loose()
        for channel_id in self._known[1]:
            self._define(channel_id)
        self._stream.write(serialized(DataEnd(0)))
        start = self._stream.tell()
        counts = {
            channel: self.counts.get(channel, 0) + self._unread_counts.get(channel, 0)
            for channel in self.counts.keys() | self._unread_counts.keys()}
        statistics = Statistics(
            attachment_count=len(self._attachments), channel_count=len(self._channels),
            channel_message_counts=counts, chunk_count=len(self._chunks),
            message_count=sum(counts.values()), message_end_time=max(self._times, default=0),
            message_start_time=min(self._times, default=0), metadata_count=len(self._metadata),
            schema_count=len(self._schemas))
        groups = (
            (Opcode.SCHEMA, list(self._schemas.values())), (Opcode.CHANNEL, list(self._channels.values())),
            (Opcode.STATISTICS, [statistics]), (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.ATTACHMENT_INDEX, self._attachments), (Opcode.METADATA_INDEX, self._metadata))
        summary, offsets = b'', b''
        for opcode, records in groups:
            data = b''.join(map(serialized, records))
            if data:
                offsets += serialized(SummaryOffset(opcode, start + len(summary), len(data)))
                summary += data
        summary += offsets
        footer = serialized(Footer(start, start + len(summary) - len(offsets), 0))[:-4]
        crc = zlib.crc32(footer, zlib.crc32(summary))
        self._stream.write(summary + footer + crc.to_bytes(4, 'little') + MAGIC)


def is_sound(file: McapFile, record: Record, indexed: ChunkIndex | None) -> bool:
    """Return whether a chunk is whole that is too large to unpack, or compressed in an unknown way.

    Args:
        file: that it is in.
        record: of the chunk.
        indexed: its entry in the summary; None = there is none.

    Raises what parsing raises; see :meth:`McapFile.decoding`.
    """
    chunk: Chunk = file.parsed(record, Chunk)
    if indexed is not None and (indexed.compression, indexed.uncompressed_size, indexed.compressed_size) != (
            chunk.compression, chunk.uncompressed_size, len(chunk.data)):
        return False
    if chunk.compression in compression.KNOWN:
        return bool(chunk.uncompressed_crc or chunk.uncompressed_size > RECORD_LIMIT) and compression.is_whole(
            chunk.compression, chunk.data, chunk.uncompressed_size, chunk.uncompressed_crc)
    # With known data the name is damaged.
    return not chunk.data.startswith(compression.MAGICS) and bool(
        re.fullmatch(r'[a-z0-9_.-]{1,16}', chunk.compression))

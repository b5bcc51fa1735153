# SPDX-License-Identifier: Apache-2.0
"""Copy the whole records of a damaged MCAP file, byte for byte, into a file with an index."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import IO

from mcap.data_stream import RecordBuilder
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
    McapRecord,
    Message,
    MessageIndex,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

from turret_bringup.bags.mcap_file import MAGIC, RECORD_LIMIT, McapFile, Record
from turret_bringup.bags.metadata import BagError
from turret_bringup.bags.writer import LIBRARY
from turret_common.reason_codes import ReasonCode

#: Errors that are not damage: the file is whole, only not for this reader.
NOT_DAMAGE = (ReasonCode.NOT_SUPPORTED, ReasonCode.TOO_LARGE)
#: The most that a killed recorder leaves after its last whole record [bytes]; more is damage.
_TAIL = 4 << 20
_COPY_BYTES = 1 << 20
#: The beginnings of the data of a chunk, by which chunks are found where the structure of a file is lost, and how far
#: before them the record begins.
_CHUNK_MARKS = (b'\x04\0\0\0zstd', b'\x03\0\0\0lz4')
_MARK_OFFSET = 9 + 8 + 8 + 8 + 4


class Salvage:
    """Copies the whole records of a damaged file into a new one, and gives it an index.

    Attributes:
        counts: number of messages copied, by channel.
        lost: number of places with damage before the end.
    """

    def __init__(self, file: McapFile, stream: IO[bytes]) -> None:
        self.counts: dict[int, int] = {}
        self.lost = 0
        self._file = file
        self._stream = stream
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._chunks: list[ChunkIndex] = []
        self._attachments: list[AttachmentIndex] = []
        self._metadata: list[MetadataIndex] = []
        self._times: list[int] = []
        self._known, self._starts = self._from_summary()

    def run(self) -> None:
        """Copy."""
        self._stream.write(MAGIC)
        records = self._whole_records()
        first = next(records, None)
        if first is None or first.opcode != Opcode.HEADER:
            self._stream.write(_built(Header('ros2', LIBRARY)))
        else:
            self._take(first)
        for schema, channel in self._known:  # what a damaged chunk may have defined
            self._define(schema, channel)
        if first is not None and first.opcode != Opcode.HEADER:
            self._take(first)
        for record in records:
            self._take(record)
        self._finish()

    def _from_summary(self) -> tuple[list[tuple[Schema | None, Channel]], list[int]]:
        """Return the channels and the beginnings of chunks that the summary knows, where there is a summary."""
        file = self._file
        if not file.has_end():
            return [], []
        try:
            with file.decoding():
                file.read_summary()
        except BagError:
            return [], []
        channels = [(file.schemas.get(channel.schema_id), channel) for channel in file.channels.values()]
        return channels, sorted(piece.offset for piece in file.pieces)

    def _define(self, schema: Schema | None, channel: Channel) -> None:
        if schema is not None and schema.id not in self._schemas:
            self._schemas[schema.id] = schema
            self._stream.write(_built(schema))
        if channel.schema_id == 0 or schema is not None:
            self._channels[channel.id] = channel
            self._stream.write(_built(channel))

    def _whole_records(self) -> Iterator[Record]:
        """Give the records of the data section that can be read, damage skipped."""
        file, offset = self._file, len(MAGIC)
        while offset < file.size:
            record = file.record_at(offset, file.size)
            if record is None:
                following = self._next_chunk(offset + 1)
                if following is not None or file.has_end() or file.size - offset > _TAIL:
                    self.lost += 1
                if following is None:
                    return
                offset = following
                continue
            if record.opcode in (Opcode.DATA_END, Opcode.FOOTER):
                return
            if self._is_readable(record):
                yield record
                offset = record.end
            else:
                # The length itself may be damaged: another chunk may begin inside.
                following = self._next_chunk(offset + 1)
                self.lost += 1
                offset = record.end if following is None or following >= record.end else following

    def _is_readable(self, record: Record) -> bool:
        """Return whether a record can be parsed. Raises BagError: NOT_SUPPORTED, TOO_LARGE."""
        file = self._file
        kinds = {Opcode.SCHEMA: Schema, Opcode.CHANNEL: Channel, Opcode.METADATA: Metadata}
        try:
            with file.decoding():
                if record.opcode == Opcode.CHUNK:
                    file.unpacked(record)
                elif record.opcode == Opcode.MESSAGE:
                    self._require_channel(record)
                elif record.opcode == Opcode.ATTACHMENT:
                    self._attachment_index(record, 0)
                elif record.opcode in kinds:
                    file.parsed(record, kinds[Opcode(record.opcode)])
                else:
                    return record.opcode >= 0x80 or record.opcode in (Opcode.HEADER, Opcode.MESSAGE_INDEX)
        except BagError as error:
            if error.code in NOT_DAMAGE and record.opcode == Opcode.CHUNK and file.has_end():
                raise
            return False
        return True

    def _require_channel(self, record: Record) -> None:
        """Refuse a message of a channel that is not known: the bytes are not a message. Raises KeyError."""
        self._channels[int.from_bytes(self._file.bytes_at(record.offset + 9, 2), 'little')]

    def _next_chunk(self, offset: int) -> int | None:
        """Return where the next chunk that can be read begins, by the index, else by how chunks look."""
        following = next((start for start in self._starts if start >= offset), None)
        if following is not None:
            return following
        overlap = max(map(len, _CHUNK_MARKS))
        position = offset
        while position < self._file.size:
            data = self._file.bytes_at(position, _COPY_BYTES)
            found = sorted(
                position + match.start() - _MARK_OFFSET for mark in _CHUNK_MARKS
                for match in re.finditer(re.escape(mark), data))
            for start in found:
                record = self._file.record_at(start, self._file.size) if start >= offset else None
                if record is not None and record.opcode == Opcode.CHUNK and self._is_readable(record):
                    return start
            if len(data) <= overlap:
                return None
            position += len(data) - overlap
        return None

    def _take(self, record: Record) -> None:
        """Copy a record; a chunk gets its index behind it."""
        file, begin = self._file, self._stream.tell()
        if record.opcode == Opcode.MESSAGE_INDEX:
            return
        if record.opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
            definition = file.parsed(record, Schema if record.opcode == Opcode.SCHEMA else Channel)
            (self._schemas if record.opcode == Opcode.SCHEMA else self._channels)[definition.id] = definition
        offset = record.offset
        while offset < record.end:
            data = file.bytes_at(offset, min(_COPY_BYTES, record.end - offset))
            self._stream.write(data)
            offset += len(data)
        if record.opcode == Opcode.CHUNK:
            self._index_chunk(record, begin)
        elif record.opcode == Opcode.MESSAGE:
            message = file.bytes_at(record.offset + 9, 14)
            self._add(int.from_bytes(message[:2], 'little'), int.from_bytes(message[6:14], 'little'))
        elif record.opcode == Opcode.ATTACHMENT:
            self._attachments.append(self._attachment_index(record, begin))
        elif record.opcode == Opcode.METADATA:
            name = file.parsed(record, Metadata).name
            self._metadata.append(MetadataIndex(begin, record.end - record.offset, name))

    def _add(self, channel: int, log_time: int) -> None:
        self.counts[channel] = self.counts.get(channel, 0) + 1
        self._times += [log_time]
        if len(self._times) > 1000:
            self._times = [min(self._times), max(self._times)]

    def _index_chunk(self, record: Record, begin: int) -> None:
        chunk: Chunk = self._file.parsed(record, Chunk)
        indexes: dict[int, MessageIndex] = {}
        times = []
        for position, inner in self._file.unpacked(record):
            if isinstance(inner, Schema):
                self._schemas[inner.id] = inner
            elif isinstance(inner, Channel):
                self._channels[inner.id] = inner
            elif isinstance(inner, Message):
                indexes.setdefault(inner.channel_id, MessageIndex(inner.channel_id, [])).records.append(
                    (inner.log_time, position))
                self._add(inner.channel_id, inner.log_time)
                times.append(inner.log_time)
        end, offsets = self._stream.tell(), {}
        for channel, index in indexes.items():
            offsets[channel] = self._stream.tell()
            self._stream.write(_built(index))
        self._chunks.append(ChunkIndex(
            chunk_length=record.end - record.offset, chunk_start_offset=begin, compression=chunk.compression,
            compressed_size=len(chunk.data), message_end_time=max(times, default=0),
            message_start_time=min(times, default=0), message_index_length=self._stream.tell() - end,
            message_index_offsets=offsets, uncompressed_size=chunk.uncompressed_size))

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
        self._stream.write(_built(DataEnd(0)))
        start = self._stream.tell()
        statistics = Statistics(
            attachment_count=len(self._attachments), channel_count=len(self._channels),
            channel_message_counts=self.counts, chunk_count=len(self._chunks),
            message_count=sum(self.counts.values()), message_end_time=max(self._times, default=0),
            message_start_time=min(self._times, default=0), metadata_count=len(self._metadata),
            schema_count=len(self._schemas))
        groups = (
            (Opcode.SCHEMA, list(self._schemas.values())), (Opcode.CHANNEL, list(self._channels.values())),
            (Opcode.STATISTICS, [statistics]), (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.ATTACHMENT_INDEX, self._attachments), (Opcode.METADATA_INDEX, self._metadata))
        summary, offsets = b'', b''
        for opcode, records in groups:
            data = b''.join(map(_built, records))
            if data:
                offsets += _built(SummaryOffset(opcode, start + len(summary), len(data)))
                summary += data
        summary += offsets
        footer = _built(Footer(start, start + len(summary) - len(offsets), 0))[:-4]
        crc = zlib.crc32(footer, zlib.crc32(summary))
        self._stream.write(summary + footer + crc.to_bytes(4, 'little') + MAGIC)


def _built(record: McapRecord) -> bytes:
    builder = RecordBuilder()
    record.write(builder)
    return bytes(builder.end())  # type: ignore[no-untyped-call]

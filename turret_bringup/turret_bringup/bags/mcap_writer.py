# SPDX-License-Identifier: Apache-2.0
"""Write one MCAP file of a bag, from messages that stay serialized."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mcap.data_stream import RecordBuilder
from mcap.records import Attachment, Channel, McapRecord, Schema
from mcap.writer import CompressionType, Writer

from turret_bringup.bags.file_writer import FileWriter
from turret_bringup.bags.libraries import LIBRARY
from turret_bringup.bags.metadata import SERIALIZATION, Topic, qos_text

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CHUNK_BYTES = 1 << 20
_PROFILE = 'ros2'


class _CountingWriter(io.BufferedWriter):
    """A stream that knows how much was written to it. ``tell`` is a call of the system, for each message one."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self.count = 0

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of it."""
        self.count += len(memoryview(data).cast('B'))
        return super().write(data)


class McapFileWriter(FileWriter):
    """One MCAP file being written with the library ``mcap``."""

    def __init__(self, path: Path, folder_fd: int) -> None:
        super().__init__(path, folder_fd)
        self._schemas: dict[tuple[str, str], int] = {}
        self._channels: dict[str, int] = {}
        self._unrepeated: list[Schema | Channel] = []

    @property
    def size(self) -> int:
        """Bytes so far, without those that wait for their chunk to fill."""
        return self._stream.count

    def open(self) -> None:
        """Make the file, which must not exist. It is locked as long as it is being written."""
        handle = os.open(self.path.name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=self._folder_fd)
        self._stream = _CountingWriter(io.FileIO(handle, 'wb'))
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        self._writer = Writer(self._stream, _CHUNK_BYTES, CompressionType.ZSTD)
        self._writer.start(_PROFILE, LIBRARY)

    def add_topic(self, topic: Topic) -> None:
        """Make a topic known; once for each name."""
        schema = topic.type, topic.definition
        if schema not in self._schemas:
            self._schemas[schema] = self._writer.register_schema(
                topic.type, topic.encoding, topic.definition.encode())
            self._unrepeated.append(
                Schema(self._schemas[schema], topic.definition.encode(), topic.encoding, topic.type))
        metadata = channel_metadata(topic)
        self._channels[topic.name] = self._writer.register_channel(
            topic.name, SERIALIZATION, self._schemas[schema], metadata)
        self._unrepeated.append(
            Channel(self._channels[topic.name], topic.name, SERIALIZATION, metadata, self._schemas[schema]))
        self.counts[topic.name] = 0

    def write(self, topic: str, stamp_ns: int, data: bytes, published_ns: int) -> None:
        """Write one message of a topic that is known."""
        self._writer.add_message(
            self._channels[topic], stamp_ns, data, published_ns, self.counts[topic] & 0xFFFFFFFF)
        self._count(topic, stamp_ns)

    def flush(self) -> None:
        """Put everything written so far on the disk.

        New definitions are written once more outside of the chunk, so that damage of either costs no other messages.
        """
        self._writer.flush()  # type: ignore[no-untyped-call]
        for record in self._unrepeated:
            self._stream.write(serialized(record))
        self._unrepeated.clear()
        self._stream.flush()
        os.fdatasync(self._stream.fileno())
        self.flushed = self.messages

    def descriptor(self) -> int:
        """Return the descriptor of the file while it is open."""
        return self._stream.fileno()

    def abort(self) -> None:
        """Release the file without completing it."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.close()

    def add_attachment(self, attachment: Attachment) -> None:
        """Write an attachment."""
        self._writer.add_attachment(
            attachment.create_time, attachment.log_time, attachment.name, attachment.media_type, attachment.data)

    def add_record(self, name: str, values: dict[str, str]) -> None:
        """Write a metadata record."""
        self._writer.add_metadata(name, values)

    def finish(self, metadata_text: str) -> int:
        """Complete the file; return its size.

        Args:
            metadata_text: the bag's metadata as it is now, which rosbag2 keeps inside too.
        """
        self._writer.add_metadata('rosbag2', {'serialized_metadata': metadata_text})
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._stream.flush()
        os.fdatasync(self._stream.fileno())
        self._stream.close()
        self.flushed = self.messages
        return self.size


def serialized(record: McapRecord) -> bytes:
    """Return a record as it is in a file."""
    builder = RecordBuilder()
    record.write(builder)
    return bytes(builder.end())  # type: ignore[no-untyped-call]


def channel_metadata(topic: Topic) -> dict[str, str]:
    """Return the metadata of a topic's channel, as rosbag2 writes it."""
    return {'offered_qos_profiles': qos_text(topic.qos), 'topic_type_hash': topic.type_hash}

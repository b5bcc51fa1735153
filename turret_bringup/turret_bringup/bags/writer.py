"""Write bags as rosbag2 does: a folder with ``metadata.yaml`` and MCAP files, from messages that stay serialized.

The metadata is there from the start, and :meth:`BagWriter.flush` puts everything so far on the disk, so that whatever
ends the process, :func:`turret_bringup.bags.recovery.recover` makes a whole bag of what was flushed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from mcap.writer import CompressionType, Writer

from turret_bringup.bags.metadata import FILE_NAME, SERIALIZATION, BagError, FileEntry, Metadata, Topic, qos_text
from turret_common.paths import write_atomically
from turret_common.reason_codes import ReasonCode

_CHUNK_BYTES = 1 << 20
_PROFILE = 'ros2'
_SCHEMA_ENCODING = 'ros2msg'


class McapFileWriter:
    """One MCAP file being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start_ns = 0
        self.end_ns = 0
        self.counts: dict[str, int] = {}
        self.messages = 0
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Bytes so far, without those that wait for their chunk to fill."""
        return self._stream.tell()

    def open(self) -> None:
        """Make the file, which must not exist. It is locked as long as it is being written. Raises OSError."""
        self._stream = self.path.open('xb')
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        self._writer = Writer(self._stream, _CHUNK_BYTES, CompressionType.ZSTD)
        self._writer.start(_PROFILE)

    def add_topic(self, topic: Topic) -> None:
        """Make a topic known; once for each name."""
        if topic.type not in self._schemas:
            self._schemas[topic.type] = self._writer.register_schema(
                topic.type, _SCHEMA_ENCODING, topic.definition.encode())
        self._channels[topic.name] = self._writer.register_channel(
            topic.name, SERIALIZATION, self._schemas[topic.type],
            {'offered_qos_profiles': qos_text(topic.qos), 'topic_type_hash': topic.type_hash})
        self.counts[topic.name] = 0

    def write(self, topic: str, stamp_ns: int, data: bytes, published_ns: int) -> None:
        """Write one message of a topic that is known."""
        count = self.counts[topic]
        self._writer.add_message(self._channels[topic], stamp_ns, data, published_ns, count & 0xFFFFFFFF)
        self.counts[topic] = count + 1
        self.start_ns = min(self.start_ns, stamp_ns) if self.messages else stamp_ns
        self.end_ns = max(self.end_ns, stamp_ns)
        self.messages += 1

    def flush(self) -> None:
        """Put everything written so far on the disk."""
        self._writer.flush()  # type: ignore[no-untyped-call]
        os.fdatasync(self._stream.fileno())

    def entry(self) -> FileEntry:
        """Return what the metadata says of the file."""
        return FileEntry(self.path.name, self.start_ns, self.end_ns, self.messages)

    def finish(self, metadata_text: str) -> int:
        """Complete the file; return its size.

        Args:
            metadata_text: the bag's metadata as it is now, which rosbag2 keeps inside too.
        """
        self._writer.add_metadata('rosbag2', {'serialized_metadata': metadata_text})
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._stream.flush()
        os.fdatasync(self._stream.fileno())
        size = self._stream.tell()
        self._stream.close()
        return size


class BagWriter:
    """One bag being written. Use it from one thread; it may be a ``with`` statement's.

    Attributes:
        folder: of the bag.
        custom: ``custom_data`` of the metadata, as :meth:`write_metadata` and :meth:`close` will write it.
    """

    def __init__(
            self, folder: Path, topics: Iterable[Topic] = (), *, split_bytes: int = 0, split_s: float = 0.0,
            custom: Mapping[str, str] | None = None, distro: str = 'jazzy') -> None:
        """Prepare without touching the disk.

        Args:
            folder: of the bag, which must not exist yet; its name names the files.
            topics: known ones; more may be added later.
            split_bytes: begin the next file when one has grown to this size; 0 = never.
            split_s: begin the next file when one spans this time; 0 = never.
            custom: for ``custom_data`` of the metadata.
            distro: of ROS, for the metadata.
        """
        self.folder = folder
        self.custom = dict(custom or {})
        self._distro = distro
        self._split_bytes = split_bytes
        self._split_ns = round(split_s * 1e9)
        self._topics = {topic.name: topic for topic in topics}
        self._files: list[McapFileWriter] = []
        self._closed_bytes = 0
        self._closed = False

    def __enter__(self) -> BagWriter:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def messages(self) -> int:
        """Number of messages written."""
        return sum(file.messages for file in self._files)

    @property
    def size(self) -> int:
        """Bytes on the disk; what was written since the last flush may not be counted yet."""
        return self._closed_bytes + (0 if self._closed else self._files[-1].size)

    @property
    def span_ns(self) -> int:
        """Time from the first to the last message."""
        filled = [file for file in self._files if file.messages]
        return max(file.end_ns for file in filled) - min(file.start_ns for file in filled) if filled else 0

    def open(self) -> None:
        """Make the folder, the first file and the metadata.

        Raises:
            BagError: ALREADY_EXISTS.
            OSError: the disk refuses.
        """
        try:
            self.folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            raise BagError(ReasonCode.ALREADY_EXISTS, f'there is a bag {self.folder} already') from None
        self._next_file()

    def add_topic(self, topic: Topic) -> None:
        """Add a topic to what may be written; one that is there already stays as it is."""
        if topic.name not in self._topics:
            self._topics[topic.name] = topic
            self._files[-1].add_topic(topic)

    def write(self, topic: str, stamp_ns: int, data: bytes, published_ns: int | None = None) -> None:
        """Write one message.

        Args:
            topic: name of a topic that was added.
            stamp_ns: when it was received, since 1970.
            data: serialized (CDR).
            published_ns: when it was sent; None = not known.
        """
        file = self._files[-1]
        if file.messages and (
                (self._split_bytes and file.size >= self._split_bytes)
                or (self._split_ns and stamp_ns - file.start_ns >= self._split_ns)):
            self._finish_file()
            self._next_file()
            file = self._files[-1]
        file.write(topic, stamp_ns, data, stamp_ns if published_ns is None else published_ns)

    def flush(self) -> None:
        """Put everything written so far on the disk."""
        self._files[-1].flush()

    def metadata(self) -> Metadata:
        """Return the metadata as it is now."""
        counted = tuple(
            (topic, sum(file.counts.get(name, 0) for file in self._files)) for name, topic in self._topics.items())
        return Metadata(tuple(file.entry() for file in self._files), counted, self.custom, self._distro)

    def write_metadata(self) -> None:
        """Write ``metadata.yaml``."""
        write_atomically(self.folder / FILE_NAME, self.metadata().text().encode())

    def close(self) -> None:
        """Complete the bag."""
        self._finish_file()
        self._closed = True
        self.write_metadata()

    def _next_file(self) -> None:
        file = McapFileWriter(self.folder / f'{self.folder.name}_{len(self._files)}.mcap')
        file.open()
        self._files.append(file)
        for topic in self._topics.values():
            file.add_topic(topic)
        self.write_metadata()

    def _finish_file(self) -> None:
        self._closed_bytes += self._files[-1].finish(self.metadata().embedded_text())

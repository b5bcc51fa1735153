# SPDX-License-Identifier: Apache-2.0
"""Read and write bags with ``rosbag2_py``, which a ROS distribution has."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from turret_bringup.bags.file_writer import FileWriter
from turret_bringup.bags.metadata import SERIALIZATION, VERSION, BagError, Topic, qos_text
from turret_common.reason_codes import ReasonCode

if TYPE_CHECKING:
    from mcap.records import Attachment

#: Size of a chunk in ``rosbag2_mcap.yaml`` [bytes]; what is in an unfinished one is not on the disk.
_CHUNK_BYTES = 1 << 16


class _Format(NamedTuple):
    name: str


class _Definition(NamedTuple):
    format: _Format
    data: str


class _Extension(NamedTuple):
    serialization_format: str
    offered_qos_profiles: tuple[()] = ()


class Connection(NamedTuple):
    """A topic, with the attributes that one of the library ``rosbags`` has."""

    id: int
    topic: str
    msgtype: str
    msgdef: _Definition
    digest: str
    msgcount: int
    ext: _Extension


class Reader:
    """Reads the folder of a bag, with the interface of the reader of the library ``rosbags``.

    Attributes:
        connections: the topics.
        message_count: of all topics.
        start_time: stamp of the first message [ns].
        end_time: after the last message [ns].
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: Any = None
        self.connections: list[Connection] = []
        self.message_count = self.start_time = self.end_time = 0

    def open(self) -> None:
        """Open the bag. Raises what the library raises."""
        import rosbag2_py
        metadata = rosbag2_py.Info().read_metadata(str(self._path), '')
        compressed = metadata.compression_mode.lower() not in ('', 'none', 'storage')
        self._reader = rosbag2_py.SequentialCompressionReader() if compressed else rosbag2_py.SequentialReader()
        self._reader.open(
            rosbag2_py.StorageOptions(uri=str(self._path), storage_id=metadata.storage_identifier),
            rosbag2_py.ConverterOptions('', ''))
        self._filter = rosbag2_py.StorageFilter
        definitions = {
            found.topic_type: _Definition(
                _Format({'ros2msg': 'MSG', 'ros2idl': 'IDL'}.get(found.encoding, 'NONE')),
                found.encoded_message_definition)
            for found in getattr(self._reader, 'get_all_message_definitions', list)()}
        for number, entry in enumerate(metadata.topics_with_message_count):
            topic = entry.topic_metadata
            self.connections.append(Connection(
                number, topic.name, topic.type, definitions.get(topic.type, _Definition(_Format('NONE'), '')),
                getattr(topic, 'type_description_hash', ''), entry.message_count,
                _Extension(topic.serialization_format or SERIALIZATION)))
        self.message_count = metadata.message_count
        self.start_time = metadata.starting_time.nanoseconds
        self.end_time = self.start_time + metadata.duration.nanoseconds + 1

    def close(self) -> None:
        """Close the bag."""
        getattr(self._reader, 'close', lambda: None)()

    def messages(
            self, connections: Collection[Connection], start: int | None, stop: int | None,
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Give connection, stamp and data of messages in a time, in order."""
        by_topic = {connection.topic: connection for connection in connections}
        self._reader.set_filter(self._filter(topics=list(by_topic)))
        self._reader.seek(self.start_time if start is None else start)
        while self._reader.has_next():
            topic, data, stamp_ns, *_ = self._reader.read_next()
            if stop is not None and stamp_ns >= stop:
                return
            if topic in by_topic:
                yield by_topic[topic], stamp_ns, data


class Rosbag2FileWriter(FileWriter):
    """One MCAP file being written by rosbag2, which takes the definitions of types from their packages.

    rosbag2 makes a folder of its own for each bag; the file is moved out of it as soon as it is open.
    """

    def __init__(self, path: Path, folder_fd: int) -> None:
        super().__init__(path, folder_fd)
        self._work = path.with_suffix('.rosbag2')
        self._writer: Any = None
        self._descriptor = -1
        self._unfinished = 0
        self._finished = 0
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes so far, without those that wait for their chunk to fill."""
        if self._descriptor >= 0:
            self._size = os.fstat(self._descriptor).st_size
        return self._size

    def open(self) -> None:
        """Make the file, which must not exist. It is locked as long as it is being written."""
        import rosbag2_py
        if self.path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.path))
        with _as_os_error():
            self._writer = rosbag2_py.SequentialWriter()
            self._writer.open(
                rosbag2_py.StorageOptions(
                    uri=str(self._work), storage_id='mcap',
                    storage_config_uri=str(resources.files('turret_bringup') / 'config' / 'rosbag2_mcap.yaml')),
                rosbag2_py.ConverterOptions(SERIALIZATION, SERIALIZATION))
        made = self._work / f'{self._work.name}_0.mcap'
        self._descriptor = os.open(made, os.O_RDONLY)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        made.rename(self.path)

    def add_topic(self, topic: Topic) -> None:
        """Make a topic known; once for each name."""
        import rosbag2_py
        with _as_os_error():
            self._writer.create_topic(rosbag2_py.TopicMetadata(
                id=0, name=topic.name, type=topic.type, serialization_format=SERIALIZATION,
                offered_qos_profiles=rosbag2_py.to_rclcpp_qos_vector(qos_text(topic.qos), VERSION),
                type_description_hash=topic.type_hash))
        self.counts[topic.name] = 0

    def write(self, topic: str, stamp_ns: int, data: bytes, published_ns: int) -> None:
        """Write one message of a topic that is known."""
        with _as_os_error():
            self._writer.write(topic, data, stamp_ns, published_ns)
        self._count(topic, stamp_ns)
        self._unfinished += len(data)
        if self._unfinished >= _CHUNK_BYTES:
            self._unfinished, self._finished = 0, self.messages

    def flush(self) -> None:
        """Put the finished chunks on the disk; rosbag2 keeps an unfinished one in memory."""
        os.fdatasync(self._descriptor)
        self.flushed = self._finished

    def descriptor(self) -> int:
        """Return the descriptor of the file while it is open."""
        return self._descriptor

    def abort(self) -> None:
        """Release the file; rosbag2 completes it as far as the disk allows."""
        with contextlib.suppress(OSError):
            self._end()

    def add_attachment(self, attachment: Attachment) -> None:
        """Refuse; rosbag2 writes no attachments. Raises BagError, NOT_SUPPORTED."""
        raise BagError(ReasonCode.NOT_SUPPORTED, f'{self.path}: rosbag2 writes no attachments')

    def add_record(self, name: str, values: dict[str, str]) -> None:
        """Refuse; rosbag2 writes no other metadata records. Raises BagError, NOT_SUPPORTED."""
        raise BagError(ReasonCode.NOT_SUPPORTED, f'{self.path}: rosbag2 writes no metadata records')

    def finish(self, metadata_text: str) -> int:
        """Complete the file; return its size. rosbag2 writes metadata of its own into it."""
        self._end()
        self.flushed = self.messages
        return self._size

    def _end(self) -> None:
        if self._descriptor < 0:
            return
        try:
            with _as_os_error():
                self._writer.close()
            os.fdatasync(self._descriptor)
        finally:
            self._writer = None
            self._size = os.fstat(self._descriptor).st_size
            os.close(self._descriptor)
            self._descriptor = -1
            shutil.rmtree(self._work, ignore_errors=True)


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Turn what rosbag2 raises, which has no other type, into OSError."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(errno.EIO, str(error)) from error

# SPDX-License-Identifier: Apache-2.0
"""Read bags that are not in plain MCAP files with ``rosbag2_py``, which a ROS distribution has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from turret_bringup.bags.metadata import SERIALIZATION


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

# SPDX-License-Identifier: Apache-2.0
"""An imitation of ``rosbag2_py`` of Jazzy, as far as the turret uses it, to be put into ``sys.modules``.

Signatures, returned types and errors are those of ``rosbag2_py/src/rosbag2_py/*.cpp`` and of rosbag2's
``sequential_writer.cpp``; wrong types are refused as pybind11 does. The library ``mcap`` reads and writes for it. As
rosbag2, it makes a folder for each bag, which must not exist, takes definitions of types from their packages, keeps a
chunk in memory until it is full, and writes ``metadata.yaml`` when it closes a bag.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer

from turret_common.messages.definitions import definition


class ConverterOptions:
    def __init__(self, input_serialization_format: str = '', output_serialization_format: str = '') -> None:
        _require(str, input_serialization_format, output_serialization_format)


class StorageOptions:
    def __init__(
            self, uri: str, storage_id: str = '', max_bagfile_size: int = 0, max_bagfile_duration: int = 0,
            max_cache_size: int = 0, storage_preset_profile: str = '', storage_config_uri: str = '') -> None:
        _require(str, uri, storage_id, storage_preset_profile, storage_config_uri)
        _require(int, max_bagfile_size, max_bagfile_duration, max_cache_size)
        self.uri, self.storage_id, self.storage_config_uri = uri, storage_id, storage_config_uri


class StorageFilter:
    def __init__(self, topics: list[str] | None = None) -> None:
        self.topics = topics or []
        _require(list, self.topics)


class TopicMetadata:
    def __init__(
            self, id: int, name: str, type: str, serialization_format: str,
            offered_qos_profiles: list[Any] | None = None, type_description_hash: str = '') -> None:
        _require(int, id)
        _require(str, name, type, serialization_format, type_description_hash)
        self.name, self.type, self.serialization_format = name, type, serialization_format
        self.offered_qos_profiles = offered_qos_profiles or []
        self.type_description_hash = type_description_hash


class TopicInformation(NamedTuple):
    topic_metadata: TopicMetadata
    message_count: int


class MessageDefinition(NamedTuple):
    topic_type: str
    encoding: str
    encoded_message_definition: str
    type_hash: str


class Nanoseconds(NamedTuple):
    """As far as it is used, ``rclpy.time.Time`` and ``rclpy.duration.Duration``."""

    nanoseconds: int


class BagMetadata(NamedTuple):
    storage_identifier: str
    relative_file_paths: list[str]
    starting_time: Nanoseconds
    duration: Nanoseconds
    message_count: int
    topics_with_message_count: list[TopicInformation]
    compression_mode: str = ''


def to_rclcpp_qos_vector(serialized: str, version: int) -> list[Any]:
    _require(str, serialized)
    _require(int, version)
    found = yaml.safe_load(serialized) or []
    assert all(isinstance(profile['reliability'], str if version >= 9 else int) for profile in found)
    return list(found)


class SequentialWriter:
    def open(self, storage: StorageOptions, converter: ConverterOptions) -> None:
        _require(StorageOptions, storage)
        _require(ConverterOptions, converter)
        self._folder = Path(storage.uri)
        if self._folder.is_dir():
            raise RuntimeError(f'Bag directory already exists ({self._folder}), can\'t overwrite existing bag')
        try:
            self._folder.mkdir(parents=True)
        except OSError as error:
            raise RuntimeError(f'filesystem error: {error}') from error
        options = yaml.safe_load(Path(storage.storage_config_uri).read_text()) if storage.storage_config_uri else {}
        assert options.keys() <= {'chunkSize', 'compression', 'compressionLevel'}
        self._stream = (self._folder / f'{self._folder.name}_0.mcap').open('xb')
        self._writer = Writer(
            self._stream, options['chunkSize'], CompressionType[options['compression'].upper()])
        self._writer.start('ros2', 'libmcap 1.1.0')
        self._stream.flush()
        self._channels: dict[str, int] = {}

    def create_topic(self, topic: TopicMetadata) -> None:
        _require(TopicMetadata, topic)
        schema = self._writer.register_schema(topic.type, 'ros2msg', definition(topic.type).encode())
        self._channels[topic.name] = self._writer.register_channel(
            topic.name, topic.serialization_format, schema, {
                'offered_qos_profiles': yaml.safe_dump(topic.offered_qos_profiles),
                'topic_type_hash': topic.type_description_hash})

    def write(self, topic: str, message: bytes, received_ns: int, sent_ns: int) -> None:
        _require(str, topic)
        _require(bytes, message)
        _require(int, received_ns, sent_ns)
        if topic not in self._channels:
            raise RuntimeError(f'Failed to write on topic \'{topic}\'. Call create_topic() before first write.')
        self._writer.add_message(self._channels[topic], received_ns, message, sent_ns)
        self._stream.flush()

    def close(self) -> None:
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._stream.close()
        if self._folder.is_dir():  # writing to a folder that is gone fails silently
            (self._folder / 'metadata.yaml').write_text('rosbag2_bagfile_information: {version: 9}\n')


class SequentialReader:
    def open(self, storage: StorageOptions, converter: ConverterOptions) -> None:
        _require(StorageOptions, storage)
        _require(ConverterOptions, converter)
        self._paths = _paths(storage.uri)
        self._topics: list[str] = []
        self._start_ns = 0
        self._read: list[tuple[str, bytes, int]] | None = None

    def get_all_message_definitions(self) -> list[MessageDefinition]:
        return [
            MessageDefinition(schema.name, schema.encoding, schema.data.decode(), '')
            for path in self._paths for schema in _summary(path).schemas.values()]

    def set_filter(self, wanted: StorageFilter) -> None:
        _require(StorageFilter, wanted)
        self._topics, self._read = wanted.topics, None

    def seek(self, stamp_ns: int) -> None:
        _require(int, stamp_ns)
        self._start_ns, self._read = stamp_ns, None

    def has_next(self) -> bool:
        if self._read is None:
            self._read = sorted((
                (channel.topic, message.data, message.log_time) for path in self._paths
                for _, channel, message in make_reader(path.open('rb')).iter_messages(self._topics or None)
                if message.log_time >= self._start_ns), key=lambda found: found[2])
        return bool(self._read)

    def read_next(self) -> tuple[str, bytes, int]:
        if not self.has_next() or self._read is None:
            raise RuntimeError('Bag is at end. No next message.')
        return self._read.pop(0)


class Info:
    def read_metadata(self, uri: str, storage_id: str) -> BagMetadata:
        _require(str, uri, storage_id)
        paths = _paths(uri)
        counts: dict[str, TopicInformation] = {}
        starts, ends = [], []
        for path in paths:
            summary = _summary(path)
            if summary.statistics.message_count:
                starts.append(summary.statistics.message_start_time)
                ends.append(summary.statistics.message_end_time)
            for number, channel in summary.channels.items():
                topic = TopicMetadata(
                    0, channel.topic, summary.schemas[channel.schema_id].name, 'cdr',
                    type_description_hash=channel.metadata.get('topic_type_hash', ''))
                count = summary.statistics.channel_message_counts.get(number, 0)
                before = counts[topic.name].message_count if topic.name in counts else 0
                counts[topic.name] = TopicInformation(topic, before + count)
        start_ns = min(starts, default=0)
        return BagMetadata(
            'mcap', [path.name for path in paths], Nanoseconds(start_ns), Nanoseconds(max(ends, default=0) - start_ns),
            sum(topic.message_count for topic in counts.values()), list(counts.values()))


def _paths(uri: str) -> list[Path]:
    path = Path(uri)
    if not path.is_dir():
        return [path]
    if not (path / 'metadata.yaml').exists():
        raise RuntimeError(f'Could not find metadata in bag directory {uri}')
    found = yaml.safe_load((path / 'metadata.yaml').read_text())['rosbag2_bagfile_information']
    return [path / name for name in found['relative_file_paths']]


def _summary(path: Path) -> Any:
    with path.open('rb') as stream:
        return make_reader(stream).get_summary()


def _require(kind: type, *values: object) -> None:
    """Refuse what is not of a type, as pybind11 does."""
    for value in values:
        if not isinstance(value, kind):
            raise TypeError(f'incompatible function arguments: {type(value).__name__} is not {kind.__name__}')

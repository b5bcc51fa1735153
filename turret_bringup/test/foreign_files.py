# SPDX-License-Identifier: Apache-2.0
"""Files as other recorders write them, for tests."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from bag_testing import START_NS, cdr_string
from mcap.writer import CompressionType, Writer
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_typestore

IDL = b'module demo_msgs { module msg { struct Demo { double x; }; }; };'
FLUSHED = 40
#: Messages on each topic of the bags in other storages.
COUNT = 60
NO_TIME = QosTime(0, 0)
LATCHED = Qos(
    QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL, NO_TIME, NO_TIME,
    QosLiveliness.AUTOMATIC, NO_TIME, False)
#: Options of the writer.
OPTIONS: list[dict[str, Any]] = [
    {}, {'compression': CompressionType.LZ4}, {'compression': CompressionType.NONE}, {'use_chunking': False}]


def rich_file(path: Path, **options: object) -> None:
    """Write what other recorders write: attachments, metadata, IDL, channel metadata, two types on a topic, JSON."""
    with path.open('wb') as stream:
        writer = Writer(stream, chunk_size=200, **options)  # type: ignore[arg-type]
        writer.start('ros2', 'other recorder 1.0')
        text = writer.register_schema('std_msgs/msg/String', 'ros2msg', b'string data')
        number = writer.register_schema('std_msgs/msg/Int32', 'ros2msg', b'int32 data')
        demo = writer.register_schema('demo_msgs/msg/Demo', 'ros2idl', IDL)
        channels = [
            (writer.register_channel('/chatter', 'cdr', text, {'mine': 'kept'}), cdr_string),
            (writer.register_channel('/chatter', 'cdr', number), lambda _: b'\0\1\0\0\7\0\0\0'),
            (writer.register_channel('/demo', 'cdr', demo), lambda _: b'\0\1\0\0' + struct.pack('<d', 1.5)),
            (writer.register_channel('/json', 'json', 0), lambda text: f'"{text}"'.encode())]
        writer.add_metadata('first', {'a': 'b'})
        for i in range(FLUSHED + 10):
            for number_, (channel, payload) in enumerate(channels):
                writer.add_message(channel, START_NS + i, payload(f'text {i}'), START_NS + i - 5, 1000 * number_ + i)
            if i == 20:
                writer.add_attachment(START_NS, START_NS, 'notes.txt', 'text/plain', b'not to be lost')
            writer.flush()  # type: ignore[no-untyped-call]
        writer.add_metadata('last', {'c': 'd'})
        writer.finish()  # type: ignore[no-untyped-call]


def ros2(path: Path, plugin: StoragePlugin = StoragePlugin.SQLITE3, mode: CompressionMode | None = None) -> Path:
    """Write a bag of ROS 2 with the library ``rosbags``; return its folder."""
    types = get_typestore(Stores.ROS2_JAZZY)
    writer = Writer2(path, version=9, storage_plugin=plugin)
    if mode is not None:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        header, text = (
            writer.add_connection(topic, kind, typestore=types, offered_qos_profiles=[LATCHED])
            for topic, kind in (('/header', 'std_msgs/msg/Header'), ('/text', 'std_msgs/msg/String')))
        for i in range(COUNT):
            time = types.types['builtin_interfaces/msg/Time'](sec=i, nanosec=5)
            for connection, message in (
                    (header, types.types['std_msgs/msg/Header'](stamp=time, frame_id=f'frame {i}')),
                    (text, types.types['std_msgs/msg/String'](data=f'text {i}'))):
                writer.write(
                    connection, START_NS + i * 10**8, types.serialize_cdr(message, connection.msgtype))
    return path


def ros1(path: Path) -> Path:
    """Write a ROS 1 bag; return its path."""
    types = get_typestore(Stores.ROS1_NOETIC)
    with Writer1(path) as writer:
        header = writer.add_connection('/header', 'std_msgs/msg/Header', typestore=types, latching=1)
        text = writer.add_connection('/text', 'std_msgs/msg/String', typestore=types)
        for i in range(COUNT):
            time = types.types['builtin_interfaces/msg/Time'](sec=i, nanosec=5)
            for connection, message in (
                    (header, types.types['std_msgs/msg/Header'](seq=i, stamp=time, frame_id=f'frame {i}')),
                    (text, types.types['std_msgs/msg/String'](data=f'text {i}'))):
                writer.write(
                    connection, START_NS + i * 10**8, types.serialize_ros1(message, connection.msgtype))
    return path

# SPDX-License-Identifier: Apache-2.0
"""Files as other recorders write them, for tests."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from bag_testing import START_NS, cdr_string
from mcap.writer import CompressionType, Writer

IDL = b'module demo_msgs { module msg { struct Demo { double x; }; }; };'
FLUSHED = 40
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

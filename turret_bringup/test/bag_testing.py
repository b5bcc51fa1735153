# SPDX-License-Identifier: Apache-2.0
"""Bags for tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from turret_bringup.bags.metadata import Qos, Topic
from turret_bringup.bags.writer import BagWriter

TEXT = Topic('/chatter', 'std_msgs/msg/String', 'string data\n', 'RIHS01_' + '0' * 64, (Qos(),))
FLAG = Topic('/flag', 'std_msgs/msg/Bool', 'bool data\n', qos=(Qos(reliability='best_effort'),))
START_NS = 1_700_000_000_000_000_000


def cdr_string(text: str) -> bytes:
    """Return a ``std_msgs/msg/String`` in CDR, little endian."""
    data = text.encode() + b'\0'
    return b'\0\1\0\0' + len(data).to_bytes(4, 'little') + data


def write_bag(folder: Path, count: int = 100, period_ns: int = 10_000_000, **writer: object) -> list[tuple[str, int]]:
    """Write a bag of texts and flags, flushed every 10 messages; return the topic and stamp of each message."""
    written = []
    with BagWriter(folder, (TEXT, FLAG), **writer) as bag:  # type: ignore[arg-type]
        for i in range(count):
            topic = FLAG if i % 5 == 4 else TEXT
            stamp_ns = START_NS + i * period_ns
            bag.write(topic.name, stamp_ns, bytes([0, 1, 0, 0, i % 2]) if topic is FLAG else cdr_string(f'text {i}'))
            written.append((topic.name, stamp_ns))
            if i % 10 == 9:
                bag.flush()
    return written


def stamps(messages: Iterable[object]) -> list[tuple[str, int]]:
    """Return the topic and stamp of each message."""
    return [(message.topic, message.stamp_ns) for message in messages]  # type: ignore[attr-defined]

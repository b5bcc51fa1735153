# SPDX-License-Identifier: Apache-2.0
"""Bags of the turret's own messages for tests of replays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, JointState, Joy

from turret_bringup.bags.metadata import Qos, Topic
from turret_bringup.bags.writer import BagWriter
from turret_common.messages.definitions import full_text
from turret_common.messages.ros_schema import schema
from turret_msgs.msg import FireGrant, FireRequest, GimbalCommand, LaserState, SafetyPermit, TurretStatus

START_NS = 1_700_000_000_000_000_000
LATCHED = Qos('keep_last', 1, durability='transient_local')
BEST_EFFORT = Qos('keep_last', 1, 'best_effort')
RELIABLE = Qos('keep_last', 5)


class Entry(NamedTuple):
    """One message of a bag: when, in s since its beginning, and what."""

    at_s: float
    topic: str
    message: Any
    qos: Qos = RELIABLE


def write(folder: Path, entries: Sequence[Entry]) -> Path:
    """Write a bag; return its folder. Bytes in place of a message are written as they are, as a TurretStatus."""
    topics = {}
    for entry in entries:
        cls = TurretStatus if isinstance(entry.message, bytes) else type(entry.message)
        kind = schema(cls)
        topics[entry.topic] = Topic(entry.topic, kind.name, full_text(kind), '', (entry.qos,))
    with BagWriter(folder, topics.values()) as writer:
        for entry in sorted(entries, key=lambda entry: entry.at_s):
            data = entry.message if isinstance(entry.message, bytes) else bytes(serialize_message(entry.message))
            writer.write(entry.topic, START_NS + round(1e9 * entry.at_s), data)
    return folder


def dangerous(seconds: float = 1.0, rate_hz: float = 20.0) -> list[Entry]:
    """Return everything that once moved a head or lit a laser, again and again, and the status beside it."""
    entries = [Entry(0.0, '/turret/laser/state', LaserState(), LATCHED)]
    for i in range(round(seconds * rate_hz)):
        at = i / rate_hz
        entries += [
            Entry(at, '/turret/safety/permit', SafetyPermit(
                epoch=77, seq=i, monotonic_ns=10**9 + i, laser_ok=True, motion_ok=True), BEST_EFFORT),
            Entry(at, '/turret/safety/fire_grant', FireGrant(epoch=77, seq=i, trigger=True), BEST_EFFORT),
            Entry(at, '/turret/gimbal/command', GimbalCommand(seq=i, mode=1, pan_rate=1.0, tilt_rate=1.0)),
            Entry(at, '/turret/joint_states', JointState(name=['pan_joint', 'tilt_joint'], position=[0.1, 0.2])),
            Entry(at, '/turret/controller/fire_request', FireRequest(seq=i)),
            Entry(at, '/turret/joy', Joy(axes=[1.0, 1.0], buttons=[1] * 8)),
            Entry(at, '/turret/status', TurretStatus(seq=i))]
    return entries


def images(seconds: float = 2.0) -> list[Entry]:
    """Return a status ten times a second and an image twice a second, stamped with the time of recording."""
    entries = []
    for i in range(round(10 * seconds)):
        entries.append(Entry(0.1 * i, '/turret/status', TurretStatus(seq=i)))
        if i % 5 == 4:
            image = CompressedImage(format='jpeg', data=b'no image')
            image.header.stamp = Time(sec=i)
            entries.append(Entry(0.1 * i + 0.01, '/turret/camera/image_raw/compressed', image))
    return entries

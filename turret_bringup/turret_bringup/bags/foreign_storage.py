# SPDX-License-Identifier: Apache-2.0
"""Read bags that are not in plain MCAP files: SQLite, compressed files, ROS 1.

The library ``rosbags`` reads all of them, ``rosbag2_py`` of a ROS distribution those of ROS 2, MCAP files too. What
they raise on a damaged file is not documented, so everything becomes a :class:`BagError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from turret_bringup.bags import ros_rosbag2
from turret_bringup.bags.libraries import has_rosbag2
from turret_bringup.bags.metadata import SERIALIZATION, BagError, Qos, Topic
from turret_bringup.bags.piece import Piece
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: A piece has about as many messages, or bytes of the file.
_PIECE_MESSAGES = 2000
_PIECE_BYTES = 4 << 20
_PIECES_LIMIT = 100_000
#: Beginning of a ROS 1 bag.
ROS1 = b'#ROSBAG'
SQLITE = b'SQLite format 3\0'
_HEADER = 'std_msgs/msg/Header'


class StoredMessage(NamedTuple):
    """A message as :meth:`ForeignStorage.load` gives it, with the attributes of one in an MCAP file."""

    channel_id: int
    log_time: int
    publish_time: int
    data: bytes


class ForeignStorage:
    """One bag, a folder or a file, open until the ``with`` statement ends.

    Attributes:
        path: of the folder or file.
        size: of all its files [bytes].
        topics: by channel id, those that can be read.
        counts: number of messages by channel id.
        pieces: the bag in parts of equal length in time.
        left_out: topics that cannot be read, and why.
    """

    def __init__(self, path: Path) -> None:
        """Prepare without touching the disk."""
        self.path = path
        self.size = 0
        self.topics: dict[int, Topic] = {}
        self.counts: dict[int, int] = {}
        self.pieces: list[Piece] = []
        self.left_out: dict[str, str] = {}
        self._connections: dict[int, Any] = {}
        self._is_ros1 = False
        self._kind = 'a bag that is not in plain MCAP files'
        self._reader: Any = None
        self._types: Any = None

    def __enter__(self) -> ForeignStorage:
        """Open the bag. Raises BagError: NOT_SUPPORTED without the library, DAMAGED."""
        if self.path.is_file():
            self._is_ros1 = begins_with(self.path, ROS1)
            is_sqlite = begins_with(self.path, SQLITE)
            self._kind = 'a ROS 1 bag' if self._is_ros1 else 'an SQLite database' if is_sqlite else 'a file'
        reader = self._library()
        files = list(self.path.iterdir()) if self.path.is_dir() else [self.path]
        self.size = sum(file.stat().st_size for file in files if file.is_file())
        with self._decoding():
            self._reader = reader(self.path)
            self._reader.open()
        return self

    def _library(self) -> Any:
        """Return the class that reads this kind of bag. Raises BagError, NOT_SUPPORTED, where none is installed."""
        if find_spec('rosbags') is not None:
            from rosbags.rosbag1 import Reader as Reader1
            from rosbags.rosbag2 import Reader as Reader2
            from rosbags.typesys import Stores, get_typestore
            self._types = get_typestore(Stores.EMPTY)
            return Reader1 if self._is_ros1 else Reader2
        if has_rosbag2() and not self._is_ros1:
            return ros_rosbag2.Reader
        raise BagError(
            ReasonCode.NOT_SUPPORTED,
            f'{self.path} is {self._kind}; to read it, install the Python package rosbags: pip install rosbags')

    def __exit__(self, *_: object) -> None:
        with self._decoding():
            self._reader.close()

    def read_index(self) -> None:
        """Read the topics and their numbers of messages. Raises BagError, DAMAGED."""
        with self._decoding():
            for number, connection in enumerate(self._reader.connections):
                try:
                    self.topics[number] = self._ros1_topic(connection) if self._is_ros1 else _topic(connection)
                    self.counts[number] = int(connection.msgcount)
                    self._connections[number] = connection
                except Exception as error:  # noqa: BLE001 - one topic that cannot be read costs no other
                    self.left_out[str(connection.topic)] = error.message if isinstance(error, TurretError) else (
                        f'its type cannot be read: {str(error)[:200]}')
            if self._reader.message_count:
                self.pieces = list(_pieces(
                    self._reader.start_time, self._reader.end_time - 1,
                    max(self._reader.message_count // _PIECE_MESSAGES, self.size // _PIECE_BYTES)))

    def load(self, piece: Piece) -> list[StoredMessage]:
        """Return the messages of a piece. Raises BagError, DAMAGED."""
        channels = {_key(connection): number for number, connection in self._connections.items()}
        first, last = piece.offset == 0, piece.end == len(self.pieces)
        with self._decoding():
            return [
                StoredMessage(channels[_key(connection)], stamp_ns, stamp_ns, self._cdr(connection, bytes(data)))
                for connection, stamp_ns, data in self._reader.messages(
                    list(self._connections.values()), None if first else piece.first_ns,
                    None if last else piece.last_ns + 1)]

    def _cdr(self, connection: Any, data: bytes) -> bytes:
        """Return a message in CDR; nothing for one of ROS 1 that cannot be converted, which then counts as damaged."""
        if not self._is_ros1:
            return data
        try:
            return bytes(self._types.ros1_to_cdr(data, connection.msgtype))
        except Exception:  # noqa: BLE001 - a damaged message costs no other
            return b''

    def _ros1_topic(self, connection: Any) -> Topic:
        from rosbags.typesys import get_types_from_msg
        new = get_types_from_msg(connection.msgdef.data, connection.msgtype)
        if _HEADER in new:  # the library leaves the number of a header out, which ROS 2 does not have
            constants, fields = new[_HEADER]
            new[_HEADER] = constants, [field for field in fields if field[0] != 'seq']
        self._types.register({name: kind for name, kind in new.items() if name not in self._types.fielddefs})
        definition, _ = self._types.generate_msgdef(connection.msgtype, ros_version=2)
        durability = 'transient_local' if connection.ext.latching else 'volatile'
        return Topic(connection.topic, connection.msgtype, definition, qos=(Qos(durability=durability),))

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        """Turn whatever the library raises into BagError, DAMAGED."""
        try:
            yield
        except BagError:
            raise
        except (Exception, MemoryError) as error:
            raise BagError(
                ReasonCode.DAMAGED,
                f'{self.path}, {self._kind}, is damaged: {str(error)[:200] or type(error).__name__}') from error


def begins_with(path: Path, start: bytes) -> bool:
    """Return whether a file begins so. Raises BagError, IO_ERROR."""
    try:
        with path.open('rb') as file:
            return file.read(len(start)) == start
    except OSError as error:
        raise BagError(ReasonCode.IO_ERROR, f'cannot read {path}: {error.strerror}') from error


def _pieces(first_ns: int, last_ns: int, count: int) -> Iterator[Piece]:
    """Divide a time into parts; ``offset`` and ``end`` number them."""
    count = max(1, min(count, _PIECES_LIMIT, last_ns - first_ns))
    limits = [first_ns + (last_ns + 1 - first_ns) * i // count for i in range(count + 1)]
    for number in range(count):
        yield Piece(0, number, number + 1, limits[number], limits[number + 1] - 1)


def _key(connection: Any) -> tuple[int, str, str]:
    return connection.id, connection.topic, connection.msgtype


def _topic(connection: Any) -> Topic:
    if connection.ext.serialization_format != SERIALIZATION:
        raise BagError(
            ReasonCode.NOT_SUPPORTED,
            f'messages in {connection.ext.serialization_format[:20]!r}, not {SERIALIZATION!r}')
    encoding = {'MSG': 'ros2msg', 'IDL': 'ros2idl'}.get(connection.msgdef.format.name, '')
    return Topic(
        connection.topic, connection.msgtype, connection.msgdef.data if encoding else '', connection.digest,
        tuple(map(_qos, connection.ext.offered_qos_profiles)), encoding or 'ros2msg')


def _qos(qos: Any) -> Qos:
    def nanoseconds(time: Any) -> int:
        return min(int(time.sec) * 10**9 + int(time.nsec), Qos().deadline_ns)
    return Qos(
        qos.history.name.lower(), qos.depth, qos.reliability.name.lower(), qos.durability.name.lower(),
        nanoseconds(qos.deadline), nanoseconds(qos.lifespan), qos.liveliness.name.lower(),
        nanoseconds(qos.liveliness_lease_duration))

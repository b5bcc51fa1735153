# SPDX-License-Identifier: Apache-2.0
"""Write bags as rosbag2 does: a folder with ``metadata.yaml`` and MCAP files, from messages that stay serialized.

The metadata is there from the start, and :meth:`BagWriter.flush` puts everything so far on the disk, so that whatever
ends the process, :func:`turret_bringup.bags.recovery.recover` repairs a bag of what was flushed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from turret_bringup.bags.file_writer import FileWriter
from turret_bringup.bags.libraries import is_rosbag2_needed
from turret_bringup.bags.metadata import FILE_NAME, BagError, Metadata, Topic
from turret_bringup.bags.ros_rosbag2 import Rosbag2FileWriter
from turret_common.reason_codes import ReasonCode

if TYPE_CHECKING:
    from mcap.records import Attachment


class BagWriter:
    """One bag being written. Use it from one thread; it may be a ``with`` statement's.

    Attributes:
        folder: of the bag.
        custom: ``custom_data`` of the metadata, as :meth:`write_metadata` and :meth:`close` will write it.
    """

    def __init__(
            self, folder: Path, topics: Iterable[Topic] = (), *, split_bytes: int = 0, split_s: float = 0.0,
            custom: Mapping[str, str] | None = None, distro: str = 'jazzy',
            repeated: Callable[[], Iterable[tuple[str, bytes]]] | None = None) -> None:
        """Prepare without touching the disk.

        Args:
            folder: of the bag, which must not exist yet; its name names the files.
            topics: known ones; more may be added later.
            repeated: gives further messages that each file but the first begins with, as topic and data, for example
                all parameters. The newest message of each latched topic is repeated in any case.
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
        self._files: list[FileWriter] = []
        self._closed_bytes = 0
        self._closed = False
        self._deleted = False
        self._has_new_topics = False
        self._folder_fd = -1
        self._repeated = repeated or (lambda: ())
        self._latched: dict[str, tuple[bytes, int]] = {}

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
    def flushed(self) -> int:
        """Number of messages that are on the disk."""
        return 0 if self._deleted else sum(file.flushed for file in self._files)

    def require_in_place(self) -> None:
        """Check that the bag is still where it was begun. Raises BagError, RECORDING_FAILED."""
        try:
            in_place = os.path.samestat(self.folder.stat(), os.fstat(self._folder_fd))
        except OSError:
            in_place = False
        self._deleted = not self._files[-1].is_present()
        if self._deleted:
            raise BagError(ReasonCode.RECORDING_FAILED, f'{self.folder} was deleted while it was being written')
        if not in_place:
            raise BagError(
                ReasonCode.RECORDING_FAILED, f'{self.folder} was renamed or detached while it was being written')

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
            raise BagError(ReasonCode.ALREADY_EXISTS, f'{self.folder} exists already') from None
        self._folder_fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        self._next_file()

    def add_topic(self, topic: Topic) -> None:
        """Add a topic to what may be written; one that is there already stays as it is."""
        if topic.name not in self._topics:
            self._topics[topic.name] = topic
            self._files[-1].add_topic(topic)
            self._has_new_topics = True

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
                or (self._split_ns and not 0 <= stamp_ns - file.start_ns < self._split_ns)):
            self._finish_file()
            self._next_file()
            file = self._files[-1]
            again = [(name, *latest) for name, latest in self._latched.items() if name != topic]
            again += [(name, data_, stamp_ns) for name, data_ in self._repeated() if name in self._topics]
            for name, data_, sent_ns in again:
                file.write(name, stamp_ns, data_, sent_ns)
        published_ns = stamp_ns if published_ns is None else published_ns
        file.write(topic, stamp_ns, data, published_ns)
        if is_latched(self._topics[topic]):
            self._latched[topic] = data, published_ns

    def add_attachment(self, attachment: Attachment) -> None:
        """Write an attachment into the present file."""
        self._files[-1].add_attachment(attachment)

    def add_record(self, name: str, values: dict[str, str]) -> None:
        """Write a metadata record into the present file."""
        self._files[-1].add_record(name, values)

    def flush(self) -> None:
        """Put everything written so far on the disk."""
        self._files[-1].flush()
        if self._has_new_topics:
            self.write_metadata()
            self._has_new_topics = False

    def metadata(self) -> Metadata:
        """Return the metadata as it is now."""
        counted = tuple(
            (topic, sum(file.counts.get(name, 0) for file in self._files)) for name, topic in self._topics.items())
        return Metadata(tuple(file.entry() for file in self._files), counted, self.custom, self._distro)

    def write_metadata(self) -> None:
        """Write ``metadata.yaml``."""
        _replace(self._folder_fd, FILE_NAME, self.metadata().text().encode())

    def close(self) -> None:
        """Complete the bag, in whatever folder it is now. Raises OSError; then :meth:`abort` releases it."""
        self._finish_file()
        self._closed = True
        self.write_metadata()
        os.close(self._folder_fd)

    def abort(self) -> None:
        """Release the bag as it is, to be repaired later."""
        if self._files:
            self._files[-1].abort()
        with contextlib.suppress(OSError):
            os.close(self._folder_fd)

    def _next_file(self) -> None:
        file = _file_writer(self.folder / f'{self.folder.name}_{len(self._files)}.mcap', self._folder_fd)
        file.open()
        self._files.append(file)
        for topic in self._topics.values():
            file.add_topic(topic)
        self.write_metadata()

    def _finish_file(self) -> None:
        self._closed_bytes += self._files[-1].finish(self.metadata().embedded_text())


def _file_writer(path: Path, folder_fd: int) -> FileWriter:
    """Return the writer of a file, with the library that is there."""
    if is_rosbag2_needed():
        return Rosbag2FileWriter(path, folder_fd)
    from turret_bringup.bags.mcap_writer import McapFileWriter
    return McapFileWriter(path, folder_fd)


def is_latched(topic: Topic) -> bool:
    """Return whether all publishers of a topic keep their newest message for late subscribers."""
    return bool(topic.qos) and all(qos.durability == 'transient_local' for qos in topic.qos)


def _replace(folder_fd: int, name: str, data: bytes) -> None:
    """Write a file of an open folder so that a reader sees the old or the new content and nothing between."""
    part = f'.{name}.part'
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600, dir_fd=folder_fd), 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(part, dir_fd=folder_fd)
        raise

# SPDX-License-Identifier: Apache-2.0
"""What the writers of one file of a bag have in common."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from turret_bringup.bags.metadata import FileEntry, Topic

if TYPE_CHECKING:
    from mcap.records import Attachment


class FileWriter(ABC):
    """One MCAP file being written. Its methods raise OSError where the disk refuses.

    Attributes:
        path: of the file when it was made; the folder may have been renamed since.
        counts: number of messages by topic.
        messages: number of messages.
        flushed: number of messages that are on the disk.
        start_ns: stamp of the first message.
        end_ns: stamp of the last message.
    """

    def __init__(self, path: Path, folder_fd: int) -> None:
        """Prepare without touching the disk.

        Args:
            path: of the file.
            folder_fd: descriptor of its folder.
        """
        self.path = path
        self.counts: dict[str, int] = {}
        self.messages = 0
        self.flushed = 0
        self.start_ns = 0
        self.end_ns = 0
        self._folder_fd = folder_fd

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes so far, without those that wait for their chunk to fill."""

    @abstractmethod
    def open(self) -> None:
        """Make the file, which must not exist. It is locked as long as it is being written."""

    @abstractmethod
    def add_topic(self, topic: Topic) -> None:
        """Make a topic known; once for each name."""

    @abstractmethod
    def write(self, topic: str, stamp_ns: int, data: bytes, published_ns: int) -> None:
        """Write one message of a topic that is known."""

    @abstractmethod
    def flush(self) -> None:
        """Put everything written so far on the disk."""

    @abstractmethod
    def descriptor(self) -> int:
        """Return the descriptor of the file while it is open."""

    @abstractmethod
    def abort(self) -> None:
        """Release the file without completing it."""

    @abstractmethod
    def add_attachment(self, attachment: Attachment) -> None:
        """Write an attachment."""

    @abstractmethod
    def add_record(self, name: str, values: dict[str, str]) -> None:
        """Write a metadata record."""

    @abstractmethod
    def finish(self, metadata_text: str) -> int:
        """Complete the file; return its size.

        Args:
            metadata_text: the bag's metadata as it is now, which rosbag2 keeps inside too.
        """

    def is_present(self) -> bool:
        """Return whether the file is still in its folder."""
        try:
            found = os.stat(self.path.name, dir_fd=self._folder_fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(found, os.fstat(self.descriptor()))

    def entry(self) -> FileEntry:
        """Return the entry of the file for the metadata."""
        return FileEntry(self.path.name, self.start_ns, self.end_ns, self.messages)

    def _count(self, topic: str, stamp_ns: int) -> None:
        """Count a message that was written."""
        self.counts[topic] += 1
        self.start_ns = min(self.start_ns, stamp_ns) if self.messages else stamp_ns
        self.end_ns = max(self.end_ns, stamp_ns)
        self.messages += 1

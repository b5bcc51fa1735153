# SPDX-License-Identifier: Apache-2.0
"""The stop on disk: whether one is in force, and the number of stops in this run."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: The file has this size from the beginning, so that a stop can be written to a full disk.
_SIZE = 4096


class StopRecord(NamedTuple):
    """State of the stop.

    Attributes:
        reason: why everything is stopped; None = no stop is in force.
        stops: number of stops in this run.
        estops: number of those that were emergency stops.
    """

    reason: str | None = None
    stops: int = 0
    estops: int = 0


#: The record before the first stop of a run.
NO_STOP = StopRecord()


class StopFile:
    """The file that keeps the stop over a restart of the safety node.

    Attributes:
        path: of the file.
        found: the record that was loaded is of the present run, so that an earlier process made it.
    """

    def __init__(self, path: Path, run: str) -> None:
        """Describe the file; nothing is read.

        Args:
            path: of the file.
            run: name of the present run; counts of an earlier run do not matter.
        """
        self.path = path
        self.found = False
        self._run = run

    def load(self) -> StopRecord:
        """Return the saved record. One that cannot be used counts as a stop, with counts that no receiver has seen."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return NO_STOP
        except OSError as error:
            return _lost(f'cannot be read: {error.strerror}')
        digest, _, text = data.rstrip(b' ').partition(b'\n')
        if digest != _digest(text):
            return _lost('is damaged')
        values = json.loads(text)
        if values['run'] != self._run:
            return StopRecord(values['reason'])
        self.found = True
        return StopRecord(values['reason'], values['stops'], values['estops'])

    def save(self, record: StopRecord) -> None:
        """Overwrite the file in place, which needs no free space once it exists.

        Raises:
            TurretError: IO_ERROR; what was saved before may be damaged, which counts as a stop.
        """
        text = json.dumps({'run': self._run, **record._asdict()}).encode()
        data = (_digest(text) + b'\n' + text).ljust(_SIZE)
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if os.pwrite(handle, data, 0) != len(data):
                    raise OSError('the record was written in part only')
                os.fdatasync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise TurretError(ReasonCode.IO_ERROR, f'the stop cannot be saved: {error}') from error


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()


def _lost(why: str) -> StopRecord:
    count = time.monotonic_ns() // 1_000_000_000 + 1_000_000  # beyond every real count
    return StopRecord(f'the record of the stop {why}', count, count)

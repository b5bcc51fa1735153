# SPDX-License-Identifier: Apache-2.0
"""Log records of Python modules in the log of a node: one line each, at a limited rate."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from typing import Any

#: Maximum rate of records [1/s] and size of a burst. Clients must not be able to fill the disk.
_RATE_HZ = 5.0
_BURST = 200.0
_MAX_LENGTH = 1000


class _Bucket:
    """Rate limit of the records of one logger and level."""

    def __init__(self) -> None:
        self._left = _BURST
        self._time_s = time.monotonic()
        self.suppressed = 0

    def spend(self) -> bool:
        """Return whether another record may be written."""
        now_s = time.monotonic()
        self._left = min(_BURST, self._left + (now_s - self._time_s) * _RATE_HZ)
        self._time_s = now_s
        if self._left < 1.0:
            self.suppressed += 1
            return False
        self._left -= 1.0
        return True


class RosLogHandler(logging.Handler):
    """Handler that writes records to the logger of a node."""

    def __init__(self, logger: Any) -> None:
        super().__init__()
        self._logger = logger
        self._buckets: defaultdict[tuple[str, int], _Bucket] = defaultdict(_Bucket)

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record at its level, in one line without a traceback."""
        bucket = self._buckets[record.name, record.levelno]
        if not bucket.spend():
            return
        text = one_line(record)
        if bucket.suppressed:
            text, bucket.suppressed = f'{text} ({bucket.suppressed} records before were suppressed)', 0
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        elif record.levelno >= logging.INFO:
            self._logger.info(text)
        else:
            self._logger.debug(text)


def one_line(record: logging.LogRecord) -> str:
    """Return a record as one line of printable text, with type and text of its exception."""
    text = f'{record.name.rpartition(".")[2]}: {record.getMessage()}'
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        text += f': {type(error).__name__}: {error}'
    printable = ''.join(
        character if character.isprintable() else ' ' if character.isspace() else '\N{REPLACEMENT CHARACTER}'
        for character in text[:_MAX_LENGTH])
    return printable.encode(errors='replace').decode()

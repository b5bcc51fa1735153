"""Log records of Python modules in the log of a node."""

from __future__ import annotations

import logging
from typing import Any


class RosLogHandler(logging.Handler):
    """Handler that writes records to the logger of a node."""

    def __init__(self, logger: Any) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record at its level."""
        text = f'{record.name.rpartition(".")[2]}: {self.format(record)}'
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        elif record.levelno >= logging.INFO:
            self._logger.info(text)
        else:
            self._logger.debug(text)

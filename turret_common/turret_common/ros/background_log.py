# SPDX-License-Identifier: Apache-2.0
"""The log of a node for its threads with deadlines."""

from __future__ import annotations

import contextlib
import queue
import threading

from rclpy.node import Node

_WAITING_MAX = 100


class BackgroundLog:
    """Logs in a thread of its own: finding the caller, formatting, writing and publishing a line may take long."""

    def __init__(self, node: Node) -> None:
        """Start the thread."""
        self._logger = node.get_logger()
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name='log', daemon=True)
        self._thread.start()

    def warning(self, text: str) -> None:
        """Log a warning soon. Never waits; with 100 lines waiting it is dropped."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(text)

    def close(self, timeout_s: float = 1.0) -> None:
        """Log what is waiting, then end; give up after ``timeout_s``."""
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (text := self._lines.get()) is not None:
            self._logger.warning(text)

# SPDX-License-Identifier: Apache-2.0
"""Standard output and error that never hold up the process: threads with deadlines must not wait for who reads them.

A terminal that was paused, a full pipe or a slow disk behind it blocks the writer. A logger of rclpy holds the
interpreter lock meanwhile, which stops all threads of the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading

_CAPACITY = 1 << 20


class _Forwarder(threading.Thread):
    """Passes on what is written to some file descriptors."""

    def __init__(self, descriptors: tuple[int, ...]) -> None:
        super().__init__(name='output', daemon=True)
        self._descriptors = descriptors
        self._target = os.dup(descriptors[0])
        self._source, sink = os.pipe()
        with contextlib.suppress(OSError):  # the limit of the user: it has 64 KiB then
            fcntl.fcntl(sink, fcntl.F_SETPIPE_SZ, _CAPACITY)
        os.set_blocking(sink, False)
        for descriptor in descriptors:
            os.dup2(sink, descriptor)
        os.close(sink)

    def run(self) -> None:
        reading = True
        while data := os.read(self._source, 1 << 16):
            while data and reading:
                try:
                    data = data[os.write(self._target, data):]
                except OSError:  # there is no reader any more: from now on it is discarded
                    reading = False

    def restore(self, timeout_s: float) -> None:
        """Let the descriptors be what they were, and wait until all is passed on."""
        for descriptor in self._descriptors:
            os.dup2(self._target, descriptor)
        self.join(timeout_s)


_forwarders: list[_Forwarder] = []


def detach_output() -> None:
    """Let a thread write what this process writes to standard output and error, until :func:`restore_output`.

    What does not fit into a pipe of 1 MiB without a reader is lost.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    for descriptors in ((1, 2),) if os.path.sameopenfile(1, 2) else ((1,), (2,)):  # in the order of writing
        _forwarders.append(_Forwarder(descriptors))
        _forwarders[-1].start()


def restore_output(timeout_s: float = 1.0) -> None:
    """End :func:`detach_output`; wait up to ``timeout_s`` until all has been written."""
    with contextlib.suppress(BlockingIOError):
        sys.stdout.flush()
        sys.stderr.flush()
    while _forwarders:
        _forwarders.pop().restore(timeout_s)

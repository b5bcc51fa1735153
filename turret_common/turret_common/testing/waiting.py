# SPDX-License-Identifier: Apache-2.0
"""Waiting on conditions with a deadline, and free ports, for tests that need no ROS."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable
from typing import Any

#: Below the ephemeral ports of Linux.
_SERVER_PORTS = range(20000, 32768)


def free_port() -> int:
    """Return a TCP port that is free on every address now.

    It lies below the ephemeral ports, so that no outgoing connection takes it before the server of the test does.
    """
    for port in random.sample(_SERVER_PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(('', port))
            return port
    raise RuntimeError('no port is free')


def wait_until(condition: Callable[[], Any], timeout_s: float = 10.0, what: str = 'condition') -> Any:
    """Return the first true value of ``condition``; raise AssertionError after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'{what}: not within {timeout_s:g} s')
        time.sleep(0.005)

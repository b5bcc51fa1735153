# SPDX-License-Identifier: Apache-2.0
"""Notifications to systemd, for a turret that runs as a service; without systemd they do nothing."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Send a state such as ``READY=1`` or ``WATCHDOG=1`` to systemd (the protocol of sd_notify)."""
    path = os.environ.get('NOTIFY_SOCKET', '')
    if not path:
        return
    address = '\0' + path[1:] if path.startswith('@') else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.connect(address)
        link.send(state.encode())

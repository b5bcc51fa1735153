# SPDX-License-Identifier: Apache-2.0
"""Notifications to systemd."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from turret_common.host import systemd


def test_a_state_arrives_at_the_socket_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(5.0)
        monkeypatch.setenv('NOTIFY_SOCKET', path)
        systemd.notify('WATCHDOG=1')
        assert manager.recv(100) == b'WATCHDOG=1'


def test_without_systemd_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('NOTIFY_SOCKET', raising=False)
    systemd.notify('READY=1')
    monkeypatch.setenv('NOTIFY_SOCKET', str(tmp_path / 'none'))
    systemd.notify('READY=1')

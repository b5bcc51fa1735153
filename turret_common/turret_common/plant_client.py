# SPDX-License-Identifier: Apache-2.0
"""Connection to the simulated hardware (the plant), which drivers with ``driver: sim`` use instead of pins and buses.

The plant listens on a Unix stream socket in the turret's runtime folder. Each request is one line of JSON with the key
``op``, each response one line of JSON with ``ok``; a refusal has ``ok`` false and ``error``.
``turret_control/plant/interface.py`` describes the operations.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.paths import runtime_dir
from turret_common.reason_codes import ReasonCode


class PlantError(TurretError, ConnectionError):
    """The simulated hardware is not reachable (IO_ERROR) or refused the request (INVALID_ARGUMENT)."""


def plant_socket(namespace: str) -> Path:
    """Return the path of the plant's socket for the namespace of a turret."""
    return runtime_dir(namespace) / 'plant.sock'


class PlantLink:
    """Connection of one driver to the plant, for one thread at a time.

    It connects at the first request and again after a failure.
    """

    def __init__(self, path: Path, timeout_s: float = 0.2) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._pending = b''

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        """Send one request and return its response.

        Raises:
            PlantError: no plant, no response in time, or a refusal.
        """
        try:
            link = self._socket or self._connect()
            link.sendall(fast_json.dumps({'op': op, **fields}) + b'\n')
            answer: dict[str, Any] = fast_json.loads(self._line(link))
        except (OSError, ValueError) as error:
            self.close()
            raise PlantError(ReasonCode.IO_ERROR, f'the simulated hardware does not respond: {error}') from error
        if not answer.pop('ok'):
            raise PlantError(ReasonCode.INVALID_ARGUMENT, str(answer.get('error')))
        return answer

    def close(self) -> None:
        """Close the connection. The simulated pins keep their levels, as real ones do."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._pending = b''

    def _connect(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(self._timeout_s)
        try:
            link.connect(str(self._path))
        except OSError:
            link.close()
            raise
        self._socket = link
        return link

    def _line(self, link: socket.socket) -> bytes:
        while b'\n' not in self._pending:
            data = link.recv(65536)
            if not data:
                raise ConnectionError('connection closed')
            self._pending += data
        line, self._pending = self._pending.split(b'\n', 1)
        return line

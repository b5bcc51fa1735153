# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the simulated hardware that answers as a test configures it."""

from __future__ import annotations

import contextlib
import copy
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turret_common.plant_client import plant_socket

SCENE: dict[str, Any] = {
    'pan': 0.0, 'tilt': 0.0, 'pan_rate': 0.0, 'tilt_rate': 0.0,
    'camera': {'horizontal_fov': 1.047, 'distortion': [0.0, 0.0, 0.0, 0.0, 0.0], 'roll': 0.0},
    'targets': [{
        'name': 'balloon', 'kind': 'balloon', 'azimuth': 0.1, 'elevation': 0.05, 'range': 3.0, 'width_m': 0.3,
        'height_m': 0.36, 'hue': 0.0, 'azimuth_rate': 0.0, 'elevation_rate': 0.0, 'visible': True}],
    'occluders': [], 'laser': {'on': False, 'power': 0.0, 'azimuth': 0.0, 'elevation': 0.0},
}


class PlantStandIn:
    """Answers ``scene`` with :attr:`scene`, at the same socket and in the same words as the plant."""

    def __init__(self, path: Path) -> None:
        self.scene = copy.deepcopy(SCENE)
        self.asked: list[int] = []
        stand_in = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                stand_in._links.append(self.connection)
                for line in self.rfile:
                    stand_in.asked.append(json.loads(line)['t'])
                    self.wfile.write(json.dumps({'ok': True, **stand_in.scene}).encode() + b'\n')

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        path.unlink(missing_ok=True)
        self._links: list[Any] = []
        self._server = Server(str(path), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def die(self) -> None:
        """End as a killed process does: every connection breaks, the socket's file stays."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def make_plant(own_state: Path) -> Iterator[Any]:
    """Start a :class:`PlantStandIn` for the namespace ``turret``; it ends with the test."""
    made: list[PlantStandIn] = []

    def make() -> PlantStandIn:
        made.append(PlantStandIn(plant_socket('turret')))
        return made[-1]
    yield make
    if made:
        made[-1].die()

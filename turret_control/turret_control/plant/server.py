# SPDX-License-Identifier: Apache-2.0
"""The simulated hardware as a process: a Unix socket that drivers talk to as if it were pins and buses.

One request per line, one answer per line, both JSON; the client is :class:`turret_common.plant_client.PlantLink`. A
request has the key ``op`` and the fields of that operation of :mod:`turret_control.plant.interface`; an answer
has ``ok``, and ``error`` (a sentence) where that is false. When a client goes, the pins keep their levels, but the
motion that it asked for ends, as step pulses end with the process that makes them.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.threads.real_time import wake_on_time
from turret_control.plant.interface import PlantPort
from turret_control.plant.plant import Plant
from turret_control.plant_parameters import PlantParameters

_MAX_REQUEST = 65536
#: Operations of a driver, in contrast to those that only look.
_DRIVING = ('move', 'enable', 'pin')


class PlantServer:
    """Owns a plant: lets its time pass and answers drivers, in one thread of its own."""

    def __init__(
            self, plant: Plant, path: Path, tick: Callable[[Plant], float], on_error: Callable[[BaseException], None],
            clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Prepare it; nothing runs before :meth:`start`.

        Args:
            plant: the simulated hardware.
            path: of the socket.
            tick: called with the plant as it is now; returns the time in s until the next call.
            on_error: called with the error that ended the thread.
            clock_ns: CLOCK_MONOTONIC in ns.
        """
        self._plant = plant
        self._port = PlantPort(plant, clock_ns)
        self._path = path
        self._tick = tick
        self._on_error = on_error
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._pending: dict[socket.socket, bytes] = {}
        self._client: socket.socket | None = None  # the one being served
        self._mover: socket.socket | None = None   # the one whose motion is under way
        self._drivers: set[socket.socket] = set()  # those that have driven a pin or a motor
        self._end_by_ns: int | None = None         # set at the end: drivers are served until then
        self._thread = threading.Thread(target=self._run, name='plant')

    def start(self) -> None:
        """Listen and run.

        Raises:
            TurretError: ALREADY_EXISTS, another plant answers at the same path.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(str(self._path)) == 0:
                raise TurretError(ReasonCode.ALREADY_EXISTS, f'a simulated turret already runs at {self._path}')
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)
        self._listener.listen()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread.start()

    def stop(self, drivers_s: float = 0.0) -> None:
        """Stop and remove the socket. Harmless when it never started.

        Args:
            drivers_s: maximum time in s during which drivers are still served until they have closed their connections.
        """
        if not self._thread.is_alive():
            return
        self._end_by_ns = self._clock_ns() + round(1e9 * drivers_s)
        self._waker.send(b'.')
        self._thread.join()
        for link in (*self._pending, self._listener, self._wake, self._waker):
            link.close()
        self._selector.close()
        self._path.unlink(missing_ok=True)

    def configure(self, config: PlantParameters) -> None:
        """Take live parameters, as :meth:`Plant.configure`; from any thread."""
        with self._lock:
            self._port.catch_up()
            self._plant.configure(config)

    def _run(self) -> None:
        wake_on_time()
        try:
            self._serve_all()
        except BaseException as error:  # noqa: BLE001  it would be lost with the thread
            self._on_error(error)

    def _serve_all(self) -> None:
        due = self._clock_ns()
        while self._end_by_ns is None or (self._drivers and self._clock_ns() < self._end_by_ns):
            for key, _ in self._selector.select(max(0.0, 1e-9 * (due - self._clock_ns()))):
                if key.fileobj is self._wake:
                    self._wake.recv(1)
                    continue
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._serve(key.fileobj)  # type: ignore[arg-type]
            now = self._clock_ns()
            if now >= due:
                with self._lock:
                    self._port.catch_up()
                    due = max(due + round(1e9 * self._tick(self._plant)), now)

    def _accept(self) -> None:
        link, _ = self._listener.accept()
        link.settimeout(0.1)
        self._pending[link] = b''
        self._selector.register(link, selectors.EVENT_READ)

    def _serve(self, link: socket.socket) -> None:
        try:
            data = link.recv(65536)
            *lines, rest = (self._pending[link] + data).split(b'\n')
            if not data or len(rest) > _MAX_REQUEST:
                raise ConnectionError
            self._pending[link] = rest
            self._client = link
            for line in lines:
                link.sendall(fast_json.dumps(self.answer(line)) + b'\n')
        except OSError:
            self._forget(link)

    def _forget(self, link: socket.socket) -> None:
        self._selector.unregister(link)
        del self._pending[link]
        self._drivers.discard(link)
        link.close()
        if link is self._mover:
            self._mover = None
            with self._lock:
                self._port.catch_up()
                self._plant.command('stop')

    def answer(self, line: bytes) -> dict[str, Any]:
        """Return the answer to one request."""
        try:
            request = fast_json.loads(line)
            with self._lock:
                answer = self._port.call(**request)
        except (TurretError, TypeError, ValueError) as error:
            return {'ok': False, 'error': str(error)}
        if request['op'] in _DRIVING and self._client is not None:
            self._drivers.add(self._client)
        if request['op'] == 'move':
            self._mover = self._client
        return {'ok': True, **answer}

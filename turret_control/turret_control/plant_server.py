"""The simulated hardware as a process: a Unix socket that drivers talk to as if it were pins and buses.

One request per line, one answer per line, both JSON; the client is :class:`turret_common.plant_link.PlantLink`. A
request has the key ``op``; an answer has ``ok``, and ``error`` (a sentence) where that is false. Angles in rad, rates
in rad/s, times in ns of CLOCK_MONOTONIC.

``read``
    Answers ``t``; ``pan``, ``tilt`` (counted since power-up: zero is not home), ``pan_rate``, ``tilt_rate``;
    ``enabled``; ``switches`` {``pan_lower``, ``pan_upper``, ``pan_home``, ``tilt_lower``, ``tilt_upper``,
    ``tilt_home``}; ``estop``. A home switch is a flag over the positive half of the axis: it closes at true zero.
``move`` with ``mode`` ("stop", "velocity", "position"), ``pan``, ``tilt`` (counted), ``pan_rate``, ``tilt_rate``
    Answers as ``read``. ``pan_acceleration`` and ``tilt_acceleration`` may be given. The motion ends when the client
    that asked for it goes, as pulses end with the process that makes them.
``enable`` with ``on``
    Answers as ``read``.
``pin`` with ``name``, ``level`` (0 to 1)
    Answers ``t``. The level stays when the client goes.
``pins``
    Answers for each pin ``level``, ``since_ns``, ``edges``, ``last_on_ns``, ``last_off_ns`` (null = never).
``scene`` with ``t``, up to a second back
    Answers as :meth:`turret_control.plant.Plant.scene`.
``set`` with ``name``, ``value``
    For tests and demonstrations: "estop" (bool), "push" ([pan, tilt]: turned by hand), "scenario", "scenario_seed",
    "scenario_amplitude", "scenario_rate".
"""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from turret_common import params
from turret_common.errors import TurretError
from turret_common.finite import require_finite
from turret_common.reason_codes import ReasonCode
from turret_control.plant import Plant, Reading

_LONGEST_REQUEST = 65536


class PlantServer:
    """Owns a plant: lets its time pass and answers drivers, in one thread of its own."""

    def __init__(
            self, plant: Plant, path: Path, tick: Callable[[Plant], float],
            clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Prepare it; nothing runs before :meth:`start`.

        Args:
            plant: the simulated hardware.
            path: of the socket.
            tick: called with the plant as it is now; returns after how many seconds it wants the next call.
            clock_ns: CLOCK_MONOTONIC in ns.
        """
        self._plant = plant
        self._path = path
        self._tick = tick
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._pending: dict[socket.socket, bytes] = {}
        self._client: socket.socket | None = None  # the one being served
        self._mover: socket.socket | None = None   # the one whose motion is under way
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

    def stop(self) -> None:
        """Stop and remove the socket. Harmless when it never started."""
        if not self._thread.is_alive():
            return
        self._waker.send(b'.')
        self._thread.join()
        for link in (*self._pending, self._listener, self._wake, self._waker):
            link.close()
        self._selector.close()
        self._path.unlink(missing_ok=True)

    def set_scenario(self, config: Any) -> None:
        """Start the scenario that the plant's parameters describe; from any thread."""
        with self._lock:
            self._plant.step(self._clock_ns())
            self._plant.set_scenario(config)

    def _run(self) -> None:
        due = self._clock_ns()
        while True:
            for key, _ in self._selector.select(max(0.0, 1e-9 * (due - self._clock_ns()))):
                if key.fileobj is self._wake:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._serve(key.fileobj)  # type: ignore[arg-type]
            now = self._clock_ns()
            if now >= due:
                with self._lock:
                    self._plant.step(now)
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
            if not data or len(rest) > _LONGEST_REQUEST:
                raise ConnectionError
            self._pending[link] = rest
            self._client = link
            for line in lines:
                link.sendall(json.dumps(self.answer(line)).encode() + b'\n')
        except OSError:
            self._forget(link)

    def _forget(self, link: socket.socket) -> None:
        self._selector.unregister(link)
        del self._pending[link]
        link.close()
        if link is self._mover:
            self._mover = None
            with self._lock:
                if self._plant.enabled:
                    self._plant.step(self._clock_ns())
                    self._plant.command('stop')

    def answer(self, line: bytes) -> dict[str, Any]:
        """Return the answer to one request."""
        try:
            request = json.loads(line)
            op = request.pop('op')
            if op not in self._OPERATIONS:
                raise ValueError(f'unknown op "{op}"')
            with self._lock:
                self._plant.step(self._clock_ns())
                return {'ok': True, **self._OPERATIONS[op](self, **request)}
        except (TurretError, ValueError, TypeError, KeyError, AttributeError) as error:
            return {'ok': False, 'error': str(error)}

    def _read(self) -> dict[str, Any]:
        return _as_answer(self._plant.read())

    def _move(self, mode: str, **fields: float) -> dict[str, Any]:
        self._plant.command(mode, **fields)
        self._mover = self._client
        return self._read()

    def _enable(self, on: bool) -> dict[str, Any]:
        self._plant.enable(on is True)
        return self._read()

    def _pin(self, name: str, level: float) -> dict[str, Any]:
        now = self._clock_ns()
        self._plant.set_pin(name, level, now)
        return {'t': now}

    def _pins(self) -> dict[str, Any]:
        return {name: {
            'level': pin.level, 'since_ns': pin.since_ns, 'edges': pin.edges,
            'last_on_ns': pin.last_on_ns, 'last_off_ns': pin.last_off_ns} for name, pin in self._plant.pins.items()}

    def _scene(self, t: int) -> dict[str, Any]:
        require_finite(t=t)
        return self._plant.scene(int(t))

    def _set(self, name: str, value: Any) -> dict[str, Any]:
        if name == 'estop':
            self._plant.estop = value is True
        elif name == 'push':
            self._plant.push(*value)
        elif name.startswith('scenario'):
            self._plant.set_scenario(params.replace(self._plant.config, {name: value}))
        else:
            raise ValueError(f'there is no "{name}" to set')
        return {}

    _OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {  # noqa: RUF012 - a constant table
        'read': _read, 'move': _move, 'enable': _enable, 'pin': _pin, 'pins': _pins, 'scene': _scene, 'set': _set}


def _as_answer(reading: Reading) -> dict[str, Any]:
    pan, tilt = reading.pan, reading.tilt
    return {
        't': reading.t_ns, 'pan': pan.position, 'tilt': tilt.position, 'pan_rate': pan.rate, 'tilt_rate': tilt.rate,
        'enabled': reading.enabled, 'estop': reading.estop,
        'switches': {
            'pan_lower': pan.lower, 'pan_upper': pan.upper, 'pan_home': pan.home,
            'tilt_lower': tilt.lower, 'tilt_upper': tilt.upper, 'tilt_home': tilt.home}}

# SPDX-License-Identifier: Apache-2.0
"""Load of ``./turret bench web --scenario hostile``: viewers that ask for much, beside an operator.

One viewer subscribes to the raw image as PNG, one in fragments, one sends 900 kB of nested lists twice a second, and
one subscribes with a long queue and never reads. The operator calls services meanwhile and receives the status. Run as
``python -m turret_bringup.bench.web.hostile JSON``; answers in JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
import threading
import time
from typing import Any

from turret_bringup.bench.web.load import SocketClient, open_websocket, receive, text_frame

#: Interval of each operator's call [s], and of the nested lists.
_CALL_S = 0.1
_NESTED_S = 0.5
_NESTED_LISTS = 300_000
_WARM_UP_S = 2.0
_DISCOVERED_S = 10.0
_NICE = 10
SERVICES = {
    'calls': '/rosapi/get_time', 'heartbeat': '/turret/safety/heartbeat', 'stop': '/turret/safety/stop',
    'lease': '/turret/safety/acquire_lease'}


def annoy(port: int, path: str, image: str) -> None:
    """Be the four viewers, until the process is terminated."""
    os.nice(_NICE)  # they are on other machines in reality
    png, fragments, nested, unread = (open_websocket(port, path) for _ in range(4))
    subscribe = {'op': 'subscribe', 'topic': image, 'type': 'sensor_msgs/msg/Image'}
    png.sendall(text_frame({**subscribe, 'compression': 'png'}))
    fragments.sendall(text_frame({**subscribe, 'fragment_size': 16}))
    unread.sendall(text_frame({**subscribe, 'queue_length': 1000}))
    for viewer in (png, fragments, nested):
        threading.Thread(target=_discard, args=(viewer,), daemon=True).start()
    message = text_frame({'op': 'x', 'a': [[]] * _NESTED_LISTS})
    while True:
        nested.sendall(message)
        time.sleep(_NESTED_S)


def _discard(connection: socket.socket) -> None:
    buffer = bytearray(1 << 20)
    while connection.recv_into(buffer):
        pass


class Operator:
    """A client that calls one service ten times a second and measures the answers.

    Attributes:
        latencies_s: latencies of the calls so far [s].
        refused: an answer that reports a failure; empty if there is none.
    """

    def __init__(self, port: int, path: str, service: str) -> None:
        self._socket = open_websocket(port, path)
        self._request = text_frame({'op': 'call_service', 'service': service, 'id': 'x'})
        self.latencies_s: list[float] = []
        self.refused = ''

    def wait_for_service(self) -> None:
        """Wait until the service exists."""
        deadline = time.monotonic() + _DISCOVERED_S
        while not self._call() and time.monotonic() < deadline:
            time.sleep(_CALL_S)
        self.refused = ''

    def run(self, until_s: float) -> None:
        """Call until a time [s of CLOCK_MONOTONIC]."""
        while (began := time.monotonic()) < until_s:
            self._call()
            self.latencies_s.append(time.monotonic() - began)
            time.sleep(max(0.0, began + _CALL_S - time.monotonic()))

    def _call(self) -> bool:
        self._socket.sendall(self._request)
        answer = self._socket.recv(1 << 16)
        if b'"result":true' in answer:
            return True
        self.refused = answer.decode(errors='replace')
        return False


def operate(port: int, path: str, topic: str, type_name: str, duration_s: float) -> dict[str, float]:
    """Call and receive for a time; return latencies [ms], and rate and latency of the status."""
    operators = {name: Operator(port, path, service) for name, service in SERVICES.items()}
    for operator in operators.values():
        operator.wait_for_service()
    until_s = time.monotonic() + duration_s
    threads = [threading.Thread(target=operator.run, args=(until_s,)) for operator in operators.values()]
    for thread in threads:
        thread.start()
    status = receive(lambda tally: SocketClient(port, path, topic, type_name, False, tally), 1, duration_s - 1.0)
    for thread in threads:
        thread.join()
    figures = {'status_per_s': status['messages_per_s'], 'status_p95_ms': status['p95_ms']}
    for name, operator in operators.items():
        if operator.refused:
            raise RuntimeError(f'{name}: {operator.refused}')
        ordered = sorted(operator.latencies_s)
        figures[f'{name}_p95_ms'] = 1e3 * ordered[int(0.95 * len(ordered))]
        figures[f'{name}_max_ms'] = 1e3 * ordered[-1]
    return figures


def main() -> int:
    """Run the load described by the argument."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    image, hostile = order.pop('image'), order.pop('hostile')
    viewers = multiprocessing.get_context('spawn').Process(target=annoy, args=(order['port'], order['path'], image))
    if hostile:
        viewers.start()
        time.sleep(_WARM_UP_S)
    try:
        sys.stdout.write(json.dumps(operate(**order)))
    finally:
        if hostile:
            viewers.terminate()
            viewers.join()
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

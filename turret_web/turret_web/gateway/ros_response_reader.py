# SPDX-License-Identifier: Apache-2.0
"""Reader of the responses of service calls, on its own thread.

The executor of the node is not involved: its queue is shared with everything that clients request, and it takes longer
per response.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from rclpy.client import Client
from rclpy.exceptions import InvalidHandle
from rclpy.node import Node

from turret_common.ros.internals import UnspunGroup, WaitSet, finish_calls
from turret_web.names import RosName


class ResponseReader:
    """Passes the responses of its clients to their callers."""

    def __init__(self, node: Node, name: str) -> None:
        """Start the thread, which gets a name."""
        self._node = node
        self._wait_set: WaitSet[Client] = WaitSet(node)
        self._clients: tuple[Client, ...] = ()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def create_client(self, cls: Any, service: RosName) -> Client:
        """Create a client whose responses are read, from any thread."""
        client = self._node.create_client(cls, service, callback_group=UnspunGroup())
        with self._lock:
            self._clients = (*self._clients, client)
            self._wait_set.watch(self._clients)
        return client

    def destroy_client(self, client: Client) -> None:
        """Destroy a client, from any thread."""
        with self._lock:
            self._clients = tuple(other for other in self._clients if other is not client)
            self._wait_set.watch(self._clients)
        self._node.destroy_client(client)

    def close(self) -> None:
        """Stop the thread. The node destroys the clients."""
        self._closed = True
        self._wait_set.wake()
        self._thread.join(2.0)
        if not self._thread.is_alive():
            self._wait_set.close()

    def _run(self) -> None:
        while not self._closed and self._node.context.ok():
            for client in self._wait_set.wait():
                with suppress(InvalidHandle):  # destroyed meanwhile
                    finish_calls(client)

# SPDX-License-Identifier: Apache-2.0
"""Operator lease of a client: acquired with the operator secret, kept with heartbeats, released at the end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from turret_bringup.client.ros_connection import Connection
from turret_common.errors import TurretError
from turret_common.operator_secret import obtain_secret
from turret_common.reason_codes import ReasonCode
from turret_msgs.srv import AcquireLease, Heartbeat, ReleaseLease

_HEARTBEAT_S = 0.05
_RELEASE_S = 1.0


class Operator:
    """The operator of a turret while it holds the lease.

    Attributes:
        lease_id: id of the lease, which the operator's commands contain; empty = not acquired yet.
        trigger: set it to True to hold the trigger (dead-man), to False to release it.
        nonce: the newest one received, which the next heartbeat returns.
        heartbeat: called 20 times a second to send a heartbeat; benchmarks replace it.
        last_beat_ns: CLOCK_MONOTONIC just before the newest accepted heartbeat was sent.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        """Prepare an operator without a lease.

        Args:
            connection: to the turret.
            name: shown in the panel and in the status.
        """
        self.lease_id = ''
        self.trigger = False
        self.nonce = ''
        self.heartbeat: Callable[[], None] = self.send_heartbeat
        self.last_beat_ns = 0
        self._connection = connection
        self._name = name
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, name='heartbeat', daemon=True)

    def acquire(self, take_over: bool = False) -> None:
        """Become the operator and start the heartbeats.

        Args:
            take_over: also while there is another operator.

        Raises:
            TurretError: the lease was refused, or there is no answer.
        """
        granted = self._connection.accepted(AcquireLease, 'safety/acquire_lease', AcquireLease.Request(
            secret=obtain_secret(self._connection.namespace), name=self._name, take_over=take_over))
        self.lease_id, self.nonce = granted.lease_id, granted.nonce
        if not self._thread.is_alive():
            self._thread.start()

    def release(self) -> None:
        """Stop the heartbeats and release the lease; without an answer it expires by itself."""
        self._released.set()
        if self._thread.is_alive():
            self._thread.join()
        with contextlib.suppress(TurretError):
            self._connection.send(
                ReleaseLease, 'safety/release_lease', ReleaseLease.Request(lease_id=self.lease_id), _RELEASE_S)

    def send_heartbeat(self) -> None:
        """Send a heartbeat with the newest nonce."""
        sent_ns = time.monotonic_ns()
        answer = self.send_nonce(self.nonce)
        if answer.nonce:
            self.nonce = answer.nonce
        if answer.success and answer.code != ReasonCode.HEARTBEAT_LOST:
            self.last_beat_ns = sent_ns

    def send_nonce(self, nonce: str) -> Any:
        """Send a heartbeat with any nonce and return the response."""
        return self._connection.send(Heartbeat, 'safety/heartbeat', Heartbeat.Request(
            lease_id=self.lease_id, nonce=nonce, trigger=self.trigger))

    def _keep_beating(self) -> None:
        while not self._released.wait(_HEARTBEAT_S):
            with contextlib.suppress(TurretError):  # the safety node may be restarting
                self.heartbeat()

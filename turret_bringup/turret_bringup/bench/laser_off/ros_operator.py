"""An operator at the end of ROS services: holds the lease, sends heartbeats, arms and fires."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from turret_common.errors import TurretError
from turret_common.operator_secret import obtain_secret
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_msgs import msg, srv

_BEAT_PERIOD_S = 0.05
_ANSWER_S = 2.0


class RosOperator:
    """One operator of one turret, with a ROS context and threads of its own.

    Attributes:
        trigger: whether the heartbeats say that it is held.
        beat: called 20 times a second; sends a heartbeat. Replace it to send them otherwise.
        last_beat_ns: CLOCK_MONOTONIC just before the newest heartbeat that counted was sent.
        laser: newest state of the laser; None = none yet.
        on_permit: called with each permit; may be replaced.
        node: at the other end of its services and topics.
    """

    def __init__(self, namespace: str, name: str) -> None:
        self.trigger = False
        self.beat: Callable[[], None] = self.beat_once
        self.last_beat_ns = 0
        self.laser: msg.LaserState | None = None
        self.on_permit: Callable[[msg.SafetyPermit], None] = lambda _: None
        self._namespace = namespace
        self._name = name
        self._lease_id = ''
        self._nonce = ''
        self._context = Context()
        rclpy.init(context=self._context)
        self.node = Node('operator', namespace=namespace, context=self._context)
        kinds: dict[str, Any] = {
            'safety/acquire_lease': srv.AcquireLease, 'safety/heartbeat': srv.Heartbeat, 'safety/stop': srv.Stop,
            'safety/reset': srv.ResetStop, 'laser/arm': srv.Arm, 'laser/disarm': srv.Disarm,
            'laser/set_power': srv.SetPower}
        self._requests = {name: (self.node.create_client(kind, name), kind.Request) for name, kind in kinds.items()}
        self.node.create_subscription(msg.LaserState, 'laser/state', self._on_laser, qos.STATE)
        self.node.create_subscription(
            msg.SafetyPermit, 'safety/permit', lambda permit: self.on_permit(permit), qos.PERMIT)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._spin, self._keep_beating)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop everything. The lease lapses."""
        self._ended.set()
        rclpy.try_shutdown(context=self._context)
        for thread in self._threads:
            thread.join()

    def call(self, service: str, **fields: Any) -> Any:
        """Call a service, with the lease where it wants one, and return its answer.

        Raises:
            TurretError: TIMED_OUT.
        """
        client, request_type = self._requests[service]
        request = request_type(**fields)
        if hasattr(request, 'lease_id'):
            request.lease_id = self._lease_id
        answered = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(_ANSWER_S):
            client.remove_pending_request(future)
            raise TurretError(ReasonCode.TIMED_OUT, f'{service} does not answer')
        return future.result()

    def acquire(self) -> None:
        """Become the operator, whoever is. Raises TurretError."""
        answer = self.call(
            'safety/acquire_lease', secret=obtain_secret(self._namespace), name=self._name, take_over=True)
        if not answer.success:
            raise TurretError(ReasonCode(answer.code), answer.message)
        self._lease_id, self._nonce = answer.lease_id, answer.nonce

    def beat_once(self) -> None:
        """Send one heartbeat as it should be."""
        sent_ns = time.monotonic_ns()
        answer = self.send_beat(self._nonce)
        self._nonce = answer.nonce
        if answer.success and answer.code != ReasonCode.HEARTBEAT_LOST:
            self.last_beat_ns = sent_ns

    def send_beat(self, nonce: str) -> Any:
        """Send a heartbeat with any nonce and return the answer."""
        return self.call('safety/heartbeat', nonce=nonce, trigger=self.trigger)

    @property
    def nonce(self) -> str:
        """The newest nonce received."""
        return self._nonce

    def _on_laser(self, state: msg.LaserState) -> None:
        self.laser = state

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def _keep_beating(self) -> None:
        while not self._ended.wait(_BEAT_PERIOD_S):
            if self._lease_id:
                try:
                    self.beat()
                except TurretError:
                    continue  # safety is away; the next one may be answered

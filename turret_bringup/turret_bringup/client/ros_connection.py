# SPDX-License-Identifier: Apache-2.0
"""ROS node of a client: topics, services and actions of a turret by their names, with timeouts."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, TypeVar

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from turret_bringup.settings.environment import environment
from turret_common.errors import TurretError
from turret_common.interface import QOS, TOPICS
from turret_common.messages.ros_schema import interface
from turret_common.reason_codes import ReasonCode
from turret_common.ros.node import NO_LOG_FILE
from turret_common.ros.qos import profile
from turret_common.ros.spinning import SpinningThread
from turret_common.threads.real_time import raise_middleware

_TOPICS = {topic.name: topic for topic in TOPICS}
_DEPTH = 10

ConnectionT = TypeVar('ConnectionT', bound='Connection')


@contextlib.contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables; those of ROS until the end of the ``with`` block: another turret may have others."""
    before = {name: os.environ.get(name) for name in values if name.startswith('ROS_')}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


class Connection:
    """A node of its own beside a running turret, with an executor in a thread. Use it in a ``with`` statement.

    Every method raises :class:`TurretError` (NOT_READY, TIMED_OUT) when the turret does not answer in time.

    Attributes:
        namespace: of the turret.
        timeout_s: maximum wait for any answer.
        node: the ROS node while connected.
    """

    def __init__(self, namespace: str, timeout_s: float) -> None:
        self.namespace = namespace
        self.timeout_s = timeout_s
        # Subscriptions and clients by name. They live as long as the node: destroying one while another thread spins
        # makes the executor fail.
        self._entities: dict[str, Any] = {}
        self._listeners: dict[str, list[Callable[[Any], None]]] = {}

    def __enter__(self: ConnectionT) -> ConnectionT:
        self._context = Context()
        with _variables(environment(self.namespace)):
            rclpy.init(args=list(NO_LOG_FILE), context=self._context)
            self.node = Node(f'client_{os.getpid()}', namespace=self.namespace, context=self._context)
        raise_middleware()
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self.node)
        self._spinning = SpinningThread(executor)
        return self

    def __exit__(self, *_: object) -> None:
        self._spinning.close()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def messages(self, topic: str) -> Generator[Any, None, None]:
        """Yield the messages of a topic of the turret as they arrive."""
        received: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with self.listening(topic, received.put):
            while True:
                try:
                    yield received.get(timeout=self.timeout_s)
                except queue.Empty:
                    raise self.absent(f'no message on {topic}') from None

    @contextlib.contextmanager
    def listening(self, topic: str, take: Callable[[Any], None]) -> Iterator[None]:
        """Pass the messages of a topic to ``take``, in the executor's thread, while the ``with`` block lasts."""
        listeners = self._listeners.setdefault(topic, [])
        listeners.append(take)

        def distribute(message: Any) -> None:
            for listener in list(listeners):
                listener(message)
        if topic not in self._entities:
            known = _TOPICS[topic]
            self._entities[topic] = self.node.create_subscription(
                interface(known.type, 'msg'), topic, distribute,
                profile(QOS[known.qos].reliable, latched=False, depth=_DEPTH))
        try:
            yield
        finally:
            listeners.remove(take)

    def wait_for(self, topic: str, condition: Callable[[Any], bool], timeout_s: float) -> Any:
        """Return the first message of a topic that meets a condition."""
        deadline = time.monotonic() + timeout_s
        with contextlib.closing(self.messages(topic)) as messages:
            for message in messages:
                if condition(message):
                    return message
                if time.monotonic() > deadline:
                    break
        raise TurretError(ReasonCode.TIMED_OUT, f'{topic} did not reach the expected state within {timeout_s:g} s')

    def send(self, service_type: Any, service: str, request: Any, timeout_s: float | None = None) -> Any:
        """Call a service and return its response, a refusal too."""
        timeout_s = timeout_s or self.timeout_s
        client = self.entity(service, lambda: self.node.create_client(service_type, service))
        if not client.wait_for_service(timeout_s):
            raise self.absent(f'no service {service}')
        response = self.wait(client.call_async(request), timeout_s)
        if response is None:
            raise TurretError(ReasonCode.TIMED_OUT, f'no response from {service} within {timeout_s:g} s')
        return response

    def accepted(self, service_type: Any, service: str, request: Any) -> Any:
        """Call a service and return its response. Also raises TurretError with the code of a refusal."""
        response = self.send(service_type, service, request)
        if not response.success:
            code = ReasonCode(response.code)
            raise TurretError(code, f'{service} was refused: {response.message or code.name}')
        return response

    def entity(self, name: str, make: Callable[[], Any]) -> Any:
        """Return the client of a service or action, made at its first use."""
        if name not in self._entities:
            self._entities[name] = make()
        return self._entities[name]

    @staticmethod
    def wait(future: Any, timeout_s: float | None) -> Any:
        """Return the result of a future; None after the timeout."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        return future.result() if done.wait(timeout_s) else None

    def absent(self, what: str) -> TurretError:
        """Return the error for a turret that does not answer."""
        return TurretError(
            ReasonCode.NOT_READY, f'{what} received within {self.timeout_s:g} s. Is a turret running in the namespace '
            f'"{self.namespace}"? Start one with ./turret up --namespace {self.namespace}, or run ./turret doctor')

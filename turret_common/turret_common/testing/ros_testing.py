# SPDX-License-Identifier: Apache-2.0
"""ROS in tests: an unused domain and one context per test."""

from __future__ import annotations

import builtins
import contextlib
import fcntl
import io
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from turret_common.messages.run_key import run_key
from turret_common.ros.deferred_response import defer_responses
from turret_common.ros.domains import DOMAINS, is_in_use
from turret_common.ros.internals import implementation
from turret_common.ros.node import NO_LOG_FILE
from turret_common.ros.permit_feed import sign_permit
from turret_common.ros.spinning import SpinningThread
from turret_common.testing.waiting import wait_until
from turret_msgs.msg import SafetyPermit

if TYPE_CHECKING:  # the benches use this module without it
    import pytest

_held: dict[int, Any] = {}


def claim_domain() -> int:
    """Return a ROS domain id that no process of this machine uses, reserved for this process until it is released."""
    for domain in DOMAINS:
        path = Path(tempfile.gettempdir()) / f'turret-test-domain-{domain}.lock'
        lock = path.open('a')
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if is_in_use(domain):  # by a graph that was not started by a test, or outlived it
            lock.close()
            continue
        _held[domain] = lock
        return domain
    raise RuntimeError('all ROS domains are in use')


def release_domain(domain: int) -> None:
    """Release a domain id of :func:`claim_domain`."""
    _held.pop(domain).close()


def signed(permit: SafetyPermit, namespace: str = 'turret') -> SafetyPermit:
    """Return a permit with the authentication code of the run, as the safety node issues it."""
    return sign_permit(permit, run_key(namespace))


class RosHarness:
    """A context with nodes that spin in a background thread."""

    def __init__(self, domain_id: int) -> None:
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        self.domain_id = domain_id
        self.context = Context()
        rclpy.init(args=list(NO_LOG_FILE), context=self.context, domain_id=domain_id)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._nodes: list[Node] = []
        self.probe = self.add(Node('probe', namespace='turret', context=self.context))
        self._spinning = SpinningThread(self._executor)

    def add(self, node: Node) -> Node:
        """Spin ``node`` until :meth:`close`, which destroys it."""
        self._nodes.append(node)
        self._executor.add_node(node)
        defer_responses(node)
        return node

    def collect(self, message_type: type, topic: str, qos: Any = 10) -> list[Any]:
        """Subscribe the probe and return the list that its messages are appended to."""
        messages: list[Any] = []
        self.probe.create_subscription(message_type, topic, messages.append, qos)
        return messages

    def call(self, service_type: Any, name: str, request: Any, timeout_s: float = 10.0) -> Any:
        """Call a service from the probe and return its response."""
        client = self.probe.create_client(service_type, name)
        assert client.wait_for_service(timeout_s), f'service {name} does not exist'
        future = client.call_async(request)
        wait_until(future.done, timeout_s, f'response of {name}')
        self.probe.destroy_client(client)
        return future.result()

    def close(self) -> None:
        """Stop spinning, destroy the nodes and shut the context down."""
        self._spinning.close()
        for node in self._nodes:
            node.destroy_node()
        rclpy.try_shutdown(context=self.context)


def blocking_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return a list to which each use of the log, of the graph and of a file is added: name of the thread, what it did.

    Threads with deadlines must do none of them: a log line waits for its reader, the graph for the middleware, a
    file for the disk.
    """
    calls: list[tuple[str, str]] = []

    def note(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def noted(*args: Any, **kwargs: Any) -> Any:
            calls.append((threading.current_thread().name, name))
            return original(*args, **kwargs)
        monkeypatch.setattr(owner, name, noted)

    note(implementation, 'rclpy_logging_rcutils_log')
    for name in ('get_publishers_info_by_topic', 'get_subscriptions_info_by_topic', 'count_publishers',
                 'count_subscribers', 'get_node_names_and_namespaces', 'get_topic_names_and_types'):
        note(Node, name)
    for module in (builtins, io):
        note(module, 'open')
    for name in ('open', 'write', 'fsync', 'replace', 'unlink'):
        note(os, name)
    return calls


@contextlib.contextmanager
def ros_harness() -> Iterator[RosHarness]:
    """Give a :class:`RosHarness` in an unused domain."""
    domain = claim_domain()
    try:
        harness = RosHarness(domain)
        try:
            yield harness
        finally:
            harness.close()
    finally:
        release_domain(domain)

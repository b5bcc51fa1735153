# SPDX-License-Identifier: Apache-2.0
"""The present parameters of the other nodes, for recordings."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from rcl_interfaces.msg import Parameter, ParameterEvent
from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.task import Future

from turret_bringup.bags.metadata import dump
from turret_common.ros.serialization import serialized

#: What is before the @ of an address; it is left out.
_CREDENTIALS = re.compile(r'://[^/@\s]+@')
#: Parameters that every node has and that do not describe the turret.
_OF_ROS = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')


class ParameterWatch:
    """Asks each node once, when it is there, and then listens to what changes, on the executor's thread."""

    def __init__(self, node: Node, names: Sequence[str]) -> None:
        """Begin to watch the nodes of these names in the node's namespace."""
        self._node = node
        self._prefix = node.get_namespace().rstrip('/')
        self._parameters: dict[str, dict[str, Parameter]] = {}
        self._names = names
        self._clients: dict[str, tuple[Client, Client]] = {}
        self._asked: set[str] = set()
        self._lock = threading.Lock()
        node.create_subscription(ParameterEvent, '/parameter_events', self._on_event, 100)

    def ask(self) -> None:
        """Ask the nodes that have come since the last time."""
        present = {name for name, namespace in self._node.get_node_names_and_namespaces()
                   if namespace.rstrip('/') == self._prefix}
        for name in self._names:
            if name in self._asked or name not in present:
                continue
            if name not in self._clients:  # each costs processor time with every message that the node receives
                self._clients[name] = (
                    self._node.create_client(ListParameters, f'{name}/list_parameters'),
                    self._node.create_client(GetParameters, f'{name}/get_parameters'))
            if all(client.service_is_ready() for client in self._clients[name]):
                self._asked.add(name)
                self._clients[name][0].call_async(ListParameters.Request()).add_done_callback(
                    lambda done, name=name: self._get(name, done))

    def values(self, node: str) -> dict[str, Any] | None:
        """Return what is known of a node; None where it has not answered; from any thread."""
        with self._lock:
            return self._plain_values(node) if node in self._parameters else None

    def text(self) -> str:
        """Return what is known as a parameter file; from any thread."""
        with self._lock:
            return dump({
                f'/**/{node}': {'ros__parameters': self._plain_values(node)} for node in sorted(self._parameters)})

    def _plain_values(self, node: str) -> dict[str, Any]:
        return {
            name: _plain(parameter_value_to_python(parameter.value))
            for name, parameter in self._parameters[node].items()}

    def events(self) -> list[bytes]:
        """Return what is known as one serialized ``ParameterEvent`` for each node, as if it had just declared them."""
        with self._lock:
            return [
                serialized(ParameterEvent(
                    stamp=self._node.get_clock().now().to_msg(), node=f'{self._prefix}/{node}',
                    new_parameters=list(parameters.values())))
                for node, parameters in sorted(self._parameters.items())]

    def update(self, node: str, parameters: Iterable[Parameter]) -> None:
        """Set the newest values of parameters of a node, without credentials in addresses; from any thread."""
        with self._lock:
            known = self._parameters.setdefault(node, {})
            for parameter in parameters:
                if not parameter.name.startswith(_OF_ROS):
                    parameter.value.string_value = _CREDENTIALS.sub('://', parameter.value.string_value)
                    known[parameter.name] = parameter

    def _get(self, name: str, listed: Future) -> None:
        names = listed.result().result.names

        def keep(done: Future) -> None:
            self.update(name, (
                Parameter(name=key, value=value) for key, value in zip(names, done.result().values, strict=True)))
            for client in self._clients.pop(name):
                self._node.destroy_client(client)
        self._clients[name][1].call_async(GetParameters.Request(names=names)).add_done_callback(keep)

    def _on_event(self, event: ParameterEvent) -> None:
        name = event.node.removeprefix(f'{self._prefix}/')
        if name in self._asked:
            self.update(name, (*event.new_parameters, *event.changed_parameters))


def _plain(value: Any) -> Any:
    """Return a value as YAML holds it."""
    return list(value) if hasattr(value, '__iter__') and not isinstance(value, str) else value

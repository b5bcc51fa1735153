"""The parameters of the other nodes, as they are now, for those who keep them with a recording."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.task import Future

from turret_bringup.bag_metadata import dump

_CREDENTIALS = re.compile(r'://[^/@\s]+@')
#: Parameters that every node has and that say nothing of the turret.
_OF_ROS = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')


class ParameterWatch:
    """Asks each node once, when it is there, and then listens to what changes, on the executor's thread."""

    def __init__(self, node: Node, names: Sequence[str]) -> None:
        """Begin to watch the nodes of these names in the node's namespace."""
        self._node = node
        self._prefix = node.get_namespace().rstrip('/')
        self._values: dict[str, dict[str, Any]] = {}
        self._listers = {name: node.create_client(ListParameters, f'{name}/list_parameters') for name in names}
        self._getters = {name: node.create_client(GetParameters, f'{name}/get_parameters') for name in names}
        self._asked: set[str] = set()
        self._lock = threading.Lock()
        node.create_subscription(ParameterEvent, '/parameter_events', self._on_event, 100)

    def ask(self) -> None:
        """Ask the nodes that have come since the last time."""
        for name, client in self._listers.items():
            if name not in self._asked and client.service_is_ready() and self._getters[name].service_is_ready():
                self._asked.add(name)
                client.call_async(ListParameters.Request()).add_done_callback(
                    lambda done, name=name: self._get(name, done))

    def text(self) -> str:
        """Return the values as a parameter file; from any thread."""
        with self._lock:
            return dump(
                {f'/**/{node}': {'ros__parameters': values} for node, values in sorted(self._values.items())})

    def _keep(self, node: str, values: Iterable[tuple[str, Any]]) -> None:
        with self._lock:
            self._values.setdefault(node, {}).update((name, _plain(value)) for name, value in values)

    def _get(self, name: str, listed: Future) -> None:
        names = [parameter for parameter in listed.result().result.names if not parameter.startswith(_OF_ROS)]

        def keep(done: Future) -> None:
            self._keep(name, zip(names, map(parameter_value_to_python, done.result().values), strict=True))
        self._getters[name].call_async(GetParameters.Request(names=names)).add_done_callback(keep)

    def _on_event(self, event: ParameterEvent) -> None:
        name = event.node.removeprefix(f'{self._prefix}/')
        if name in self._asked:
            self._keep(name, (
                (parameter.name, parameter_value_to_python(parameter.value))
                for parameter in (*event.new_parameters, *event.changed_parameters)
                if not parameter.name.startswith(_OF_ROS)))


def _plain(value: Any) -> Any:
    """Return a value as YAML holds it; what is before the @ of an address is left out."""
    if isinstance(value, str):
        return _CREDENTIALS.sub('://', value)
    return [_plain(element) for element in value] if hasattr(value, '__iter__') else value

"""The parameters of the other nodes, as they are now, for those who keep them with a recording."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml
from rcl_interfaces.msg import Parameter, ParameterEvent
from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.task import Future

_CREDENTIALS = re.compile(r'://[^/@\s]+@')
#: Parameters that every node has and that say nothing of the turret.
_OF_ROS = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')


class ParameterWatch:
    """Asks each node once, when it is there, and then listens to what changes. Use it from the executor's thread."""

    def __init__(self, node: Node, names: Sequence[str]) -> None:
        """Begin to watch the nodes of these names in the node's namespace."""
        self._node = node
        self._prefix = node.get_namespace().rstrip('/')
        self._values: dict[str, dict[str, Any]] = {}
        self._listers = {name: node.create_client(ListParameters, f'{name}/list_parameters') for name in names}
        self._getters = {name: node.create_client(GetParameters, f'{name}/get_parameters') for name in names}
        self._asked: set[str] = set()
        node.create_subscription(ParameterEvent, '/parameter_events', self._on_event, 100)

    def ask(self) -> None:
        """Ask the nodes that have come since the last time."""
        for name, client in self._listers.items():
            if name not in self._asked and client.service_is_ready() and self._getters[name].service_is_ready():
                self._asked.add(name)
                client.call_async(ListParameters.Request()).add_done_callback(
                    lambda done, name=name: self._get(name, done))

    def text(self) -> str:
        """Return the values as a parameter file."""
        return yaml.safe_dump(
            {f'/**/{node}': {'ros__parameters': values} for node, values in sorted(self._values.items())})

    def _get(self, name: str, listed: Future) -> None:
        names = [parameter for parameter in listed.result().result.names if not parameter.startswith(_OF_ROS)]

        def keep(done: Future) -> None:
            values = [parameter_value_to_python(value) for value in done.result().values]
            self._values.setdefault(name, {}).update(
                {key: _plain(value) for key, value in zip(names, values, strict=True)})
        self._getters[name].call_async(GetParameters.Request(names=names)).add_done_callback(keep)

    def _on_event(self, event: ParameterEvent) -> None:
        name = event.node.removeprefix(f'{self._prefix}/')
        if name in self._asked:
            self._values.setdefault(name, {}).update(
                {parameter.name: _changed(parameter) for parameter in (*event.new_parameters, *event.changed_parameters)
                 if not parameter.name.startswith(_OF_ROS)})


def _changed(parameter: Parameter) -> Any:
    return _plain(parameter_value_to_python(parameter.value))


def _plain(value: Any) -> Any:
    """Return a value as YAML holds it; what is before the @ of an address is left out."""
    if isinstance(value, str):
        return _CREDENTIALS.sub('://', value)
    return [_plain(element) for element in value] if hasattr(value, '__iter__') else value

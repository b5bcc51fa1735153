# SPDX-License-Identifier: Apache-2.0
"""The parameters that recorded inputs are run with again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turret_bringup.bags.messages import BagMessages, TurretMessages
from turret_bringup.bags.reader import Bag
from turret_bringup.settings.configuration import (
    ConfigurationError,
    Layer,
    assigned_layer,
    check,
    checked_value,
    parse_layer,
)
from turret_bringup.settings.graph import DEFAULT_NAMESPACE, GRAPH

#: The nodes whose cores can be run again.
CORES = tuple(spec for spec in GRAPH if spec.name in ('vision', 'controller'))
#: Parameters that every ROS node has, and that mean nothing here.
_EVERY_NODES = ('use_sim_time', 'start_type_description_service')
#: The recorder's entry in ``custom_data``: a parameter file.
_PARAMETERS = 'turret.parameters'
_EVENTS, _EVENT_TYPE = '/parameter_events', 'rcl_interfaces/msg/ParameterEvent'
#: The field of a ``ParameterValue`` that holds the value, by its type.
_FIELDS = (
    '', 'bool_value', 'integer_value', 'double_value', 'string_value', 'byte_array_value', 'bool_array_value',
    'integer_array_value', 'double_array_value', 'string_array_value')


def recorded_parameters(bag: Bag, prefix: str) -> dict[str, dict[str, Any]]:
    """Return the last recorded values of the parameters of vision and controller, by node and dotted name.

    Where a bag has no parameters, only the method is known, from the detections.

    Args:
        bag: that they are in.
        prefix: namespace of the turret, with a leading slash.
    """
    values: dict[str, dict[str, Any]] = {}
    nodes = [spec.name for spec in CORES]
    if _PARAMETERS in bag.custom:
        values = {
            node: dict(entries) for node, entries in parse_layer(bag.custom[_PARAMETERS], str(bag.path)).values.items()
            if node in nodes}
    decoder = BagMessages(bag)
    events = bag.topics.get(_EVENTS)
    for recorded in bag.messages([_EVENTS] if events and events.type == _EVENT_TYPE else []):
        event = decoder.values(recorded) or {'node': ''}
        node = event['node'].removeprefix(f'{prefix}/')
        if node in nodes:
            for parameter in (*event['new_parameters'], *event['changed_parameters']):
                kind = parameter['value']['type']
                if 0 < kind < len(_FIELDS):
                    values.setdefault(node, {})[parameter['name']] = parameter['value'][_FIELDS[kind]]
    if 'vision' not in values:
        for _, _, detections in TurretMessages(bag).values(['vision/detections']):
            return {**values, 'vision': {'method': detections['method']}} if detections['method'] else values
    return values


def usable(recorded: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the recorded values that these versions of the nodes take, and what they do not, a sentence each.

    Args:
        recorded: values by node and dotted name.
    """
    values: dict[str, dict[str, Any]] = {}
    notes = []
    for node, entries in recorded.items():
        for name, value in entries.items():
            if name in _EVERY_NODES:
                continue
            try:
                values.setdefault(node, {})[name] = checked_value(node, name, value)
            except ConfigurationError as error:
                notes.append(f'recorded parameter left out: {error.message}')
    return values, notes


def compose(
        recorded: Mapping[str, Mapping[str, Any]], assignments: Sequence[str] = (),
) -> tuple[dict[str, Any], list[str]]:
    """Return the parameter dataclasses of vision and controller by node, and what could not be used, a sentence each.

    Args:
        recorded: as for :func:`usable`.
        assignments: single values, ``node.parameter=value``, which win.

    Raises:
        ConfigurationError: an assignment is not allowed.
    """
    values, notes = usable(recorded)
    layers = [Layer('the bag', values), assigned_layer(assignments)]
    return dict(check(layers, DEFAULT_NAMESPACE, CORES).effective), notes

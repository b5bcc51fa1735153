"""The parameters that recorded inputs are run with again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turret_bringup.settings.configuration import ConfigurationError, Layer, assigned_layer, check, checked_value
from turret_bringup.settings.graph import DEFAULT_NAMESPACE, GRAPH

#: The nodes whose cores can be run again.
CORES = tuple(spec for spec in GRAPH if spec.name in ('vision', 'controller'))
#: Parameters that every ROS node has, and that mean nothing here.
_EVERY_NODES = ('use_sim_time', 'start_type_description_service')


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

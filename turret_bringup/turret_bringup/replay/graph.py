# SPDX-License-Identifier: Apache-2.0
"""The graph of a replay: the node that plays, those that run again, and a panel to look at it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from turret_bringup.settings.configuration import Configuration, Layer, assigned_layer, check
from turret_bringup.settings.graph import GRAPH, NodeSpec

#: Name in the command line of what runs again, and the node.
INTO = {'vision': 'vision', 'control': 'controller'}


def graph(into: Sequence[str], panel: bool) -> tuple[NodeSpec, ...]:
    """Return the nodes; ``into`` are nodes that run again."""
    player = NodeSpec('replay', 'turret_bringup', raw_images=True, ends_all=True)
    others = (spec for spec in GRAPH if spec.name in into or (panel and spec.name == 'web'))
    return (player, *(dataclasses.replace(spec, backend='') for spec in others))


def compose(
        namespace: str, player: Mapping[str, Any], recorded: Mapping[str, Mapping[str, Any]],
        assignments: Sequence[str], panel: bool) -> Configuration:
    """Return the checked configuration of a replay.

    Args:
        namespace: of the turret that was recorded.
        player: parameters of the node ``replay``.
        recorded: parameters of nodes that run again, as :func:`turret_bringup.replay.settings.usable` gives them.
        assignments: single values, ``node.parameter=value``, which win.
        panel: whether to have one.

    Raises:
        ConfigurationError: a value is not allowed.
    """
    into = player.get('into', ())
    values: dict[str, dict[str, Any]] = {node: dict(recorded.get(node, {})) for node in into}
    for node in into:
        values[node]['use_sim_time'] = float(player.get('clock_hz', 1.0)) > 0.0
    if 'controller' in into:
        values['controller']['start_mode'] = 'idle'  # until the recorded mode is known
    layers = [Layer('the bag', values), Layer('command line', {'replay': dict(player)}), assigned_layer(assignments)]
    return check(layers, namespace, graph(into, panel))

# SPDX-License-Identifier: Apache-2.0
"""The graph of nodes, described once; the supervisor and ``turret.launch.py`` read it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from turret_bringup.bags.libraries import can_record
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Namespace of a turret unless another is chosen.
DEFAULT_NAMESPACE = 'turret'


class Group(NamedTuple):
    """Nodes that run on the same host.

    Attributes:
        name: of the group.
        remote: whether it may run on another host than the hardware. Where it may not, its nodes need the safety
            node's permit, which is valid on the host that issues it only.
    """

    name: str
    remote: bool


HARDWARE, PERCEPTION, CONTROL, OPERATOR = (
    Group('hardware', False), Group('perception', True), Group('control', False), Group('operator', True))
GROUPS = (HARDWARE, PERCEPTION, CONTROL, OPERATOR)


def groups_named(text: str) -> tuple[Group, ...]:
    """Return the groups of a list of names separated by commas; all groups where it is empty.

    Raises:
        TurretError: UNKNOWN_NAME, a group does not exist.
    """
    names = [name.strip() for name in text.split(',') if name.strip()]
    known = [group.name for group in GROUPS]
    for name in names:
        if name not in known:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'there is no group "{name}"; the groups are {", ".join(known)}')
    return tuple(group for group in GROUPS if group.name in names or not names)


@dataclass(frozen=True)
class NodeSpec:
    """One node, which is one process.

    Attributes:
        name: of the node and of its executable; the module is ``<package>.<name>_node``.
        package: that it belongs to.
        group: that it starts with.
        backend: its parameter that names the hardware it talks to; empty when it talks to none. The value ``sim``
            means the simulated hardware, the node ``plant``.
        raw_images: whether it publishes raw images, which need a large Fast DDS shared-memory segment.
        simulation_only: whether it is the simulated hardware itself, which starts when some backend is ``sim``, and
            ends after everything that drives it.
        ends_all: whether its exit stops all other nodes.
        when: returns whether the node starts, from the parameters of all nodes by name; None = always.
    """

    name: str
    package: str
    group: Group = OPERATOR
    backend: str = ''
    raw_images: bool = False
    simulation_only: bool = False
    ends_all: bool = False
    when: Callable[[Mapping[str, Any]], bool] | None = None

    @property
    def module(self) -> str:
        """The module that ``python -m`` runs."""
        return f'{self.package}.{self.name}_node'

    def parameters(self) -> type:
        """Import and return the node's parameter dataclass, ``<package>.<name>_parameters.<Name>Parameters``."""
        module = importlib.import_module(f'{self.package}.{self.name}_parameters')
        cls: type = getattr(module, f'{self.name.capitalize()}Parameters')
        return cls


def _keeps_people_clear(parameters: Mapping[str, Any]) -> bool:
    wanted: str = parameters['safety'].exclusion
    return wanted == 'always' or (wanted == 'hardware' and parameters['laser'].hardware)


def _can_record(_: Mapping[str, Any]) -> bool:
    return can_record()


GRAPH: tuple[NodeSpec, ...] = (
    NodeSpec('plant', 'turret_control', HARDWARE, simulation_only=True),
    NodeSpec('safety', 'turret_control', HARDWARE, backend='estop_driver'),
    NodeSpec('laser', 'turret_control', HARDWARE, backend='driver'),
    NodeSpec('gimbal', 'turret_control', HARDWARE, backend='driver'),
    NodeSpec('camera', 'turret_camera', HARDWARE, backend='source', raw_images=True),
    NodeSpec('vision', 'turret_vision', PERCEPTION),
    NodeSpec('exclusion', 'turret_vision', HARDWARE, when=_keeps_people_clear),
    NodeSpec('controller', 'turret_control', CONTROL),
    NodeSpec('status', 'turret_control'),
    NodeSpec('web', 'turret_web'),
    NodeSpec('bag', 'turret_bringup', when=_can_record),
)

#: Nodes that only look, started beside a running turret by ``view.launch.py`` and ``./turret view``.
VIEWERS: tuple[NodeSpec, ...] = (NodeSpec('markers', 'turret_bringup'),)

# SPDX-License-Identifier: Apache-2.0
"""The graph of nodes, described once; the supervisor and ``turret.launch.py`` read it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: Namespace of a turret unless another is chosen.
DEFAULT_NAMESPACE = 'turret'


@dataclass(frozen=True)
class NodeSpec:
    """One node, which is one process.

    Attributes:
        name: of the node and of its executable; the module is ``<package>.<name>_node``.
        package: that it belongs to.
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


#: Python packages that bags need. No package of Ubuntu 24.04 contains them, so there they are optional.
BAG_LIBRARIES = ('mcap', 'lz4', 'zstandard')


def missing_bag_libraries() -> list[str]:
    """Return those of the packages for bags that are not installed."""
    return [name for name in BAG_LIBRARIES if importlib.util.find_spec(name) is None]


def _can_record(_: Mapping[str, Any]) -> bool:
    return not missing_bag_libraries()


GRAPH: tuple[NodeSpec, ...] = (
    NodeSpec('plant', 'turret_control', simulation_only=True),
    NodeSpec('safety', 'turret_control', backend='estop_driver'),
    NodeSpec('laser', 'turret_control', backend='driver'),
    NodeSpec('gimbal', 'turret_control', backend='driver'),
    NodeSpec('camera', 'turret_camera', backend='source', raw_images=True),
    NodeSpec('vision', 'turret_vision'),
    NodeSpec('exclusion', 'turret_vision', when=_keeps_people_clear),
    NodeSpec('controller', 'turret_control'),
    NodeSpec('status', 'turret_control'),
    NodeSpec('web', 'turret_web'),
    NodeSpec('bag', 'turret_bringup', when=_can_record),
)

#: Nodes that only look, started beside a running turret by ``view.launch.py`` and ``./turret view``.
VIEWERS: tuple[NodeSpec, ...] = (NodeSpec('markers', 'turret_bringup'),)

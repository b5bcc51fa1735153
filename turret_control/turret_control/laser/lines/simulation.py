# SPDX-License-Identifier: Apache-2.0
"""The laser lines of the simulated hardware."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from turret_common.plant_client import PlantLink, plant_socket
from turret_control.laser.lines.line import LaserLines, LineParameters

#: The simulated hardware must answer within the time that the guardian allows.
_TIMEOUT_S = 0.04


class SimLines(LaserLines):
    """The lines ``laser`` and ``indicator`` of the simulated hardware, which has no watchdog."""

    name: ClassVar[str] = 'sim'
    hardware: ClassVar[bool] = False
    dimmable: ClassVar[bool] = True

    @classmethod
    def make(cls, parameters: LineParameters, namespace: str) -> LaserLines:
        return cls(plant_socket(namespace))

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._link = PlantLink(socket_path, _TIMEOUT_S)

    def set_laser(self, level: float) -> None:
        self._link.call('pin', name='laser', level=level)

    def set_indicator(self, on: bool) -> None:
        self._link.call('pin', name='indicator', level=float(on))

    def description(self) -> dict[str, Any]:
        return {'driver': 'sim', 'socket': str(self._path)}

    def close(self) -> None:
        self.set_laser(0.0)
        self.set_indicator(False)
        self._link.close()

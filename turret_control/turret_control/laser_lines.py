"""The laser's pins: what a driver must be able to do, and the simulated one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from turret_common.plant_link import PlantLink, plant_socket
from turret_control.laser_parameters import LaserParameters

#: The simulated hardware must answer within the time that the guardian grants.
_TIMEOUT_S = 0.04


class LaserLines(Protocol):
    """The fire line and the indicator of one laser. Every call may raise an OSError, and is then repeated."""

    #: Whether a real laser hangs on it.
    hardware: bool

    def set_laser(self, level: float) -> None:
        """Drive the fire line: 0 dark, 1 full power."""

    def set_indicator(self, lit: bool) -> None:
        """Switch the emission indicator."""

    def description(self) -> dict[str, Any]:
        """Return what the guardian needs to drive the same line low."""


class SimLines:
    """The pins ``laser`` and ``indicator`` of the simulated hardware."""

    hardware = False

    def __init__(self, socket_path: str) -> None:
        self._path = socket_path
        self._link = PlantLink(Path(socket_path), _TIMEOUT_S)

    def set_laser(self, level: float) -> None:
        self._link.call('pin', name='laser', level=level)

    def set_indicator(self, lit: bool) -> None:
        self._link.call('pin', name='indicator', level=float(lit))

    def description(self) -> dict[str, Any]:
        return {'driver': 'sim', 'socket': self._path}


def make_lines(parameters: LaserParameters, namespace: str) -> LaserLines:
    """Return the driver that the parameters name."""
    return SimLines(str(plant_socket(namespace)))

# SPDX-License-Identifier: Apache-2.0
"""The interface of laser lines: the outputs that switch the laser and its indicator."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol


class LinePins(Protocol):
    """What laser lines read of the laser's parameters, besides their own groups.

    Get a group with :func:`turret_common.registry.group_of`.
    """

    @property
    def laser_pin(self) -> int:
        """BCM number of the fire line."""

    @property
    def indicator_pin(self) -> int:
        """BCM number of the emission indicator."""

    @property
    def watchdog_pin(self) -> int:
        """BCM number of the watchdog line; -1 = none."""


class LaserLines(abc.ABC):
    """Fire line, emission indicator and watchdog line of one laser. All calls come from one thread.

    Attributes:
        name: value of the parameter ``driver``.
        groups: parameter groups by name.
        hardware: whether a real laser is driven, through the GPIO lines that the parameters name.
        dimmable: whether the power can be set between none and full.
    """

    name: ClassVar[str]
    groups: ClassVar[Mapping[str, type]] = {}
    hardware: ClassVar[bool] = True
    dimmable: ClassVar[bool] = False

    @classmethod
    @abc.abstractmethod
    def make(cls, parameters: LinePins, namespace: str) -> LaserLines:
        """Take the lines, with emission off.

        Args:
            parameters: parameters of the laser.
            namespace: namespace of the turret, which identifies its simulated hardware.

        Raises:
            TurretError: DRIVER_FAULT, a line cannot be claimed; NOT_SUPPORTED, the guardian could not take the line.
        """

    @abc.abstractmethod
    def set_laser(self, level: float) -> None:
        """Drive the fire line: 0 = emission off, 1 = full power. Raises OSError when that fails."""

    @abc.abstractmethod
    def set_indicator(self, on: bool) -> None:
        """Switch the emission indicator. Raises OSError when that fails."""

    def beat(self) -> None:  # noqa: B027 - lines without a watchdog have nothing to do
        """Toggle the watchdog line, if there is one. Raises OSError when that fails."""

    @abc.abstractmethod
    def description(self) -> dict[str, Any]:
        """Return how the guardian can drive the fire line low (:func:`turret_control.laser.guardian.line_of`)."""

    @abc.abstractmethod
    def close(self) -> None:
        """Switch emission and indicator off and release the lines."""

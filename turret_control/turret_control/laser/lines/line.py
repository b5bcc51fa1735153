# SPDX-License-Identifier: Apache-2.0
"""The interface of laser lines: the outputs that switch the laser and its indicator."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol


class LineParameters(Protocol):
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

    @property
    def max_pulse_s(self) -> float:
        """Maximum pulse length [s]."""

    @property
    def max_duty(self) -> float:
        """Maximum fraction of any 10 s with emission on."""


class LaserLines(abc.ABC):
    """Fire line, emission indicator and watchdog line of one laser. All calls come from one thread.

    Attributes:
        name: value of the parameter ``driver``.
        groups: parameter groups by name.
        hardware: whether a real laser is driven.
        dimmable: whether the power can be set between none and full.
        measured_watchdog: a hardware watchdog belongs to the lines, and :meth:`make` refuses one that does not act.
    """

    name: ClassVar[str]
    groups: ClassVar[Mapping[str, type]] = {}
    hardware: ClassVar[bool] = True
    dimmable: ClassVar[bool] = False
    measured_watchdog: ClassVar[bool] = False

    @classmethod
    def pins(cls, parameters: LineParameters) -> Iterator[tuple[str, int]]:
        """Yield the parameter name and BCM number of each GPIO line; negative numbers are not connected."""
        yield from ()

    @classmethod
    def devices(cls, parameters: LineParameters) -> Iterator[str]:
        """Yield the path, or a pattern of paths, of each device that the lines open."""
        yield from ()

    @classmethod
    @abc.abstractmethod
    def make(cls, parameters: LineParameters, namespace: str) -> LaserLines:
        """Take the lines, with emission off.

        Args:
            parameters: parameters of the laser.
            namespace: namespace of the turret, which identifies its simulated hardware.

        Raises:
            TurretError: DRIVER_FAULT, a line cannot be claimed; NOT_SUPPORTED, the guardian could not take the line;
                NO_WATCHDOG, their own watchdog does not act.
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

    def where(self, name: str) -> str:
        """Return in words where the fire line (``laser``), the ``indicator`` or the ``watchdog`` line is."""
        return 'simulated'

    @abc.abstractmethod
    def close(self) -> None:
        """Switch emission and indicator off and release the lines."""

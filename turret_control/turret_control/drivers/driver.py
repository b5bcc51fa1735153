# SPDX-License-Identifier: Apache-2.0
"""The interface of gimbal drivers: motors of both axes, their parameters, pins and hardware checks."""

from __future__ import annotations

import abc
import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion


class Switch(enum.IntEnum):
    """State of a switch; the values are those of ``AxisState.SWITCH_*``."""

    UNKNOWN = 0
    NONE = 1
    OPEN = 2
    PRESSED = 3
    UNREADABLE = 4

    @property
    def stops(self) -> bool:
        """Whether it stops the axis: pressed, or unreadable and so taken as pressed."""
        return self in (Switch.PRESSED, Switch.UNREADABLE)


class PositionSource(enum.IntEnum):
    """Where a driver's positions come from; the values are those of ``AxisState.POSITION_*``."""

    UNKNOWN = 0
    MEASURED = 1
    COUNTED = 2
    COMMANDED = 3


class AxisSample(NamedTuple):
    """What a driver knows of one axis.

    Attributes:
        position: rad since power-up; its zero is home only for drivers that are absolute.
        velocity: rad/s.
        lower, upper: limit switches.
        home: the flag over the positive half of the axis.
    """

    position: float
    velocity: float
    lower: Switch = Switch.NONE
    upper: Switch = Switch.NONE
    home: Switch = Switch.NONE


class GimbalSample(NamedTuple):
    """State of the head at ``t_ns`` of CLOCK_MONOTONIC.

    Attributes:
        t_ns: time of the sample.
        pan, tilt: the axes.
        enabled: the motors are powered.
        known: the motors hold the axes at the positions given. False while a driver cannot know where the head is, such
            as servos that are still moving to their first commanded angle.
    """

    t_ns: int
    pan: AxisSample
    tilt: AxisSample
    enabled: bool
    known: bool = True


class Register(NamedTuple):
    """One register of a motor driver chip; ``value`` is None when reading it failed."""

    axis: str
    name: str
    address: int
    value: int | None


class DriverParameters(Protocol):
    """What drivers read of the gimbal's parameters, besides their own groups.

    Get a group with :func:`turret_common.registry.group_of`.
    """

    @property
    def pan(self) -> GimbalAxis:
        """Pan axis."""

    @property
    def tilt(self) -> GimbalAxis:
        """Tilt axis."""


class Dialog(NamedTuple):
    """How a hardware check communicates: ``say`` shows a line, ``ask`` returns the answer, ``sleep`` waits [s]."""

    say: Callable[[str], None]
    ask: Callable[[str], str]
    sleep: Callable[[float], None]


def pin_param(description: str) -> Any:
    """Declare a parameter for the BCM number of a GPIO line; -1 = not connected."""
    return param(-1, description, minimum=-1, maximum=27)


class GimbalDriver(abc.ABC):
    """A motor driver of both axes. One thread calls it, except for the registers, which any thread may use.

    A driver keeps the motion of each axis within the speed and acceleration that it is given and brakes in time for the
    target, whatever it was doing before. It enforces the expiry of its orders by itself: no call may block the thread
    that makes the motion. It may be closed at any time, also when it never opened.

    The class declares everything that the rest of the turret needs to know of a driver; the registry finds it. Where
    several parts of an interface do not apply to a driver, their defaults do.

    Attributes:
        name: value of the parameter ``driver``.
        groups: its parameter groups by name.
        hardware: whether it moves real motors.
        hardware_checks: checks of ``./turret hw`` besides the switches and the axes, by name. Each gets the closed
            driver, shows what it finds and returns whether all is well.
        position_source: where its positions come from.
        carries_laser: whether its head may carry a real laser.
        resolution: smallest step of pan and tilt [rad]; 0 where it is too fine to matter.
    """

    name: ClassVar[str]
    groups: ClassVar[Mapping[str, type]] = {}
    hardware: ClassVar[bool]
    hardware_checks: ClassVar[Mapping[str, Callable[[GimbalDriver, Dialog], bool]]] = {}
    position_source: ClassVar[PositionSource]
    carries_laser: ClassVar[bool] = True
    resolution: tuple[float, float] = (0.0, 0.0)

    @classmethod
    @abc.abstractmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        """Return the driver, not opened yet.

        Args:
            parameters: parameters of the gimbal.
            namespace: namespace of the turret, which identifies its simulated hardware.
        """

    @classmethod  # noqa: B027 - a driver may have nothing to refuse
    def check_parameters(cls, parameters: DriverParameters) -> None:
        """Refuse parameters with which the driver cannot work.

        Raises:
            ValueError: names the parameter and the reason.
        """

    @classmethod
    def pins(cls, parameters: DriverParameters) -> Iterator[tuple[str, int]]:
        """Yield the parameter name and BCM number of each GPIO line; negative numbers are not connected."""
        yield from ()

    @classmethod
    def devices(cls, parameters: DriverParameters) -> Iterator[str]:
        """Yield the path, or a pattern of paths, of each device that the driver opens."""
        yield from ()

    @abc.abstractmethod
    def open(self) -> None:
        """Take the hardware, with the motors off.

        Raises:
            TurretError: DRIVER_FAULT, it is not there.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Stop, switch the motors off and release the hardware."""

    @abc.abstractmethod
    def enable(self, on: bool) -> None:
        """Switch the power of the motors. Off also ends all motion."""

    @abc.abstractmethod
    def command(self, pan: AxisMotion, tilt: AxisMotion, until_ns: int) -> None:
        """Replace the motion of both axes. No effect while the motors are off.

        Args:
            pan: motion of the pan axis; its target is a position as in :class:`AxisSample`.
            tilt: motion of the tilt axis.
            until_ns: expiry on CLOCK_MONOTONIC: from then on the axes brake to a standstill, whatever thread hangs.
        """

    @abc.abstractmethod
    def read(self) -> GimbalSample:
        """Return the present state.

        Raises:
            TurretError: DRIVER_FAULT, the hardware is lost; the driver must be closed and opened again.
        """

    def exchange(self, pan: AxisMotion, tilt: AxisMotion, until_ns: int) -> GimbalSample:
        """Do :meth:`command` and :meth:`read` together."""
        self.command(pan, tilt, until_ns)
        return self.read()

    def registers(self) -> list[Register]:
        """Return the registers of the driver chips.

        Raises:
            TurretError: NOT_SUPPORTED, there are none.
        """
        raise TurretError(ReasonCode.NOT_SUPPORTED, f'driver "{self.name}" has no registers')

    def write_register(self, axis: str, address: int, value: int) -> None:
        """Write a register of the driver chip of an axis. Raises as :meth:`registers`, or DRIVER_FAULT."""
        raise TurretError(ReasonCode.NOT_SUPPORTED, f'driver "{self.name}" has no registers')

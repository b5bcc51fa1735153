"""What every kind of motor driver of the gimbal offers, so that nobody else need know which one it is."""

from __future__ import annotations

import abc
import enum
from typing import ClassVar, NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
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
    """What a driver knew at ``t_ns`` of CLOCK_MONOTONIC."""

    t_ns: int
    pan: AxisSample
    tilt: AxisSample
    enabled: bool


class Register(NamedTuple):
    """One register of a motor driver chip; ``value`` is None when reading it failed."""

    axis: str
    name: str
    address: int
    value: int | None


class GimbalDriver(abc.ABC):
    """A motor driver of both axes. All calls come from one thread.

    A driver keeps each axis's motion within the speed and acceleration that it is given and brakes in time for the
    target, whatever it was doing before. It may be closed at any time, also when it never opened.

    Attributes:
        name: as in the parameter ``driver``.
        hardware: whether it moves real motors.
        position_source: where its positions come from.
        resolution: smallest step of pan and tilt [rad]; 0 where it is too fine to matter.
    """

    name: ClassVar[str]
    hardware: ClassVar[bool]
    position_source: ClassVar[PositionSource]
    resolution: tuple[float, float] = (0.0, 0.0)

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
        """Switch the motors' current. Off also ends all motion."""

    @abc.abstractmethod
    def command(self, pan: AxisMotion, tilt: AxisMotion) -> None:
        """Do this from now on; targets are positions as in :class:`AxisSample`. No effect while the motors are off."""

    @abc.abstractmethod
    def read(self) -> GimbalSample:
        """Return what is known now.

        Raises:
            TurretError: DRIVER_FAULT, the hardware is lost; the driver must be closed and opened again.
        """

    def exchange(self, pan: AxisMotion, tilt: AxisMotion) -> GimbalSample:
        """Do :meth:`command` and :meth:`read` in one go."""
        self.command(pan, tilt)
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

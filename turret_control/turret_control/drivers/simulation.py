# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver of the simulated hardware."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar, Protocol

from turret_common.errors import TurretError
from turret_common.plant_client import PlantLink, plant_socket
from turret_common.reason_codes import ReasonCode
from turret_control.devices.motion_profile import AxisMotion
from turret_control.drivers.driver import (
    AxisSample,
    DriverParameters,
    GimbalDriver,
    GimbalSample,
    PositionSource,
    Switch,
)


class Link(Protocol):
    """Connection to a plant: :class:`turret_common.plant_client.PlantLink`, or a port of one in the same process."""

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        """Do one operation and return its answer; raise TurretError when that fails."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class SimDriver(GimbalDriver):
    """Talks to the plant, which counts steps like a stepper driver."""

    name: ClassVar[str] = 'sim'
    hardware: ClassVar[bool] = False
    position_source: ClassVar[PositionSource] = PositionSource.COUNTED

    @classmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        return cls(PlantLink(plant_socket(namespace)))

    def __init__(self, link: Link) -> None:
        """Drive the plant at the other end of ``link``."""
        self._link = link

    def open(self) -> None:
        self._call('enable', on=False)

    def close(self) -> None:
        with contextlib.suppress(TurretError):  # where nothing is, nothing needs switching off
            self._call('enable', on=False)
        self._link.close()

    def enable(self, on: bool) -> None:
        self._call('enable', on=on)

    def command(self, pan: AxisMotion, tilt: AxisMotion, until_ns: int) -> None:
        self.exchange(pan, tilt, until_ns)

    def exchange(self, pan: AxisMotion, tilt: AxisMotion, until_ns: int) -> GimbalSample:
        return _sample(self._call(
            'move', mode='position', pan=pan.target, tilt=tilt.target, pan_rate=pan.speed, tilt_rate=tilt.speed,
            pan_acceleration=pan.acceleration, tilt_acceleration=tilt.acceleration, until=until_ns))

    def read(self) -> GimbalSample:
        return _sample(self._call('read'))

    def _call(self, op: str, **fields: Any) -> dict[str, Any]:
        try:
            return self._link.call(op, **fields)
        except TurretError as error:
            raise TurretError(ReasonCode.DRIVER_FAULT, error.message) from error


def _sample(answer: dict[str, Any]) -> GimbalSample:
    return GimbalSample(answer['t'], _axis(answer, 'pan'), _axis(answer, 'tilt'), answer['enabled'])


def _axis(answer: dict[str, Any], name: str) -> AxisSample:
    switches = answer['switches']
    lower, upper, home = (
        Switch.PRESSED if switches[f'{name}_{which}'] else Switch.OPEN for which in ('lower', 'upper', 'home'))
    return AxisSample(answer[name], answer[f'{name}_rate'], lower, upper, home)

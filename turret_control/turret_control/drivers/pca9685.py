# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver for hobby servos on a PCA9685 board."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from turret_common.params import param
from turret_common.registry import group_of
from turret_common.threads.clock import Clock
from turret_control.devices.pca9685 import Pca9685, open_bus
from turret_control.drivers.driver import DriverParameters, GimbalDriver
from turret_control.drivers.servo import FRAME_NS, ServoDriver, ServoOutputs, ServoParameters


@dataclasses.dataclass(frozen=True)
class Pca9685Parameters:
    """The servo board."""

    bus: int = param(1, 'Number of the I2C bus', minimum=0, maximum=20)
    address: int = param(0x40, 'I2C address of the board', minimum=0x03, maximum=0x77)
    pan_channel: int = param(0, 'Channel of the pan servo', minimum=0, maximum=15)
    tilt_channel: int = param(1, 'Channel of the tilt servo', minimum=0, maximum=15)

    def __post_init__(self) -> None:
        if self.pan_channel == self.tilt_channel:
            raise ValueError('pca9685.pan_channel and tilt_channel must differ')


class Pca9685Driver(ServoDriver):
    """Drives two servos as :class:`ServoDriver` does; the board keeps making the last pulses when this process dies."""

    name: ClassVar[str] = 'pca9685'
    groups: ClassVar[Mapping[str, type]] = {'servo': ServoParameters, 'pca9685': Pca9685Parameters}

    @classmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        return cls(group_of(parameters, ServoParameters), group_of(parameters, Pca9685Parameters))

    @classmethod
    def pins(cls, parameters: DriverParameters) -> Iterator[tuple[str, int]]:
        yield from ()

    @classmethod
    def devices(cls, parameters: DriverParameters) -> Iterator[str]:
        yield f'/dev/i2c-{group_of(parameters, Pca9685Parameters).bus}'

    def __init__(
            self, servos: ServoParameters, board: Pca9685Parameters, bus: Any = None,
            clock: Clock | None = None) -> None:
        """Drive the channels that ``board`` names.

        Args:
            servos: pulses.
            board: bus, address and channels.
            bus: the I2C bus; None for this machine's.
            clock: None for this machine's.
        """
        super().__init__(servos, None, clock)
        self._board = board
        self._bus = bus

    def _open_outputs(self) -> ServoOutputs:
        return Pca9685(
            self._bus or open_bus(self._board.bus, self._board.address),
            (self._board.pan_channel, self._board.tilt_channel), 1e9 / FRAME_NS)

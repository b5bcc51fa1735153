# SPDX-License-Identifier: Apache-2.0
"""A gimbal on a simulated head, stepped without threads or waiting."""

from __future__ import annotations

import math
from collections.abc import Callable

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.drivers.driver import GimbalDriver, GimbalSample
from turret_control.drivers.simulation import SimDriver
from turret_control.gimbal.axis import AxisView
from turret_control.gimbal.gimbal import Gimbal, GimbalView
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.motion import Command, CommandMode
from turret_control.plant.interface import PlantPort
from turret_control.plant.plant import Hidden, Plant
from turret_control.plant_parameters import PlantAxis, PlantParameters

PERIOD_NS = 8_000_000
NAN = math.nan


def has_failed(driver: GimbalDriver) -> bool:
    """Return whether a driver reports a fault instead of the state of its axes."""
    try:
        driver.read()
    except TurretError as error:
        return error.code is ReasonCode.DRIVER_FAULT
    return False


class Rig:
    """Steps gimbal, driver and plant as the node does.

    Attributes:
        permit: what the permit says of motion.
        stopped: whether it reports a stop.
        fault: falsifies what the driver saw.
    """

    def __init__(
            self, pan: PlantAxis | None = None, tilt: PlantAxis | None = None, hidden: Hidden | None = None,
            **parameters: object) -> None:
        self.now_ns = 0
        self.permit = ReasonCode.OK
        self.stopped = self.estop = False
        config = PlantParameters(
            pan=pan or PlantAxis(start=0.07), tilt=tilt or PlantAxis(lower_switch=-0.8, upper_switch=1.05, start=-0.05))
        self.plant = Plant(config, 0, hidden or Hidden())
        self.driver = SimDriver(PlantPort(self.plant, lambda: self.now_ns))
        self.driver.open()
        self.gimbal = Gimbal(GimbalParameters(**{
            'tilt': GimbalAxis(lower=-0.7, upper=0.95), **parameters}))  # type: ignore[arg-type]
        self._sample = self.driver.read()
        self._powered = False
        self._seq = 0
        self.fault: Callable[[GimbalSample], GimbalSample] = lambda sample: sample

    def tick(self) -> None:
        """Let 8 ms pass."""
        self.now_ns += PERIOD_NS
        self.gimbal.observe_stops(self.stopped, self.estop)
        motions = self.gimbal.tick(self._sample, self.permit, self.now_ns)
        if motions.enabled != self._powered:
            self.driver.enable(motions.enabled)
            self._powered = motions.enabled
        until_ns = self.now_ns + 100_000_000
        self._sample = self.fault(
            self.driver.exchange(motions.pan, motions.tilt, until_ns) if self._powered else self.driver.read())

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Let time pass, at most until a condition holds."""
        for _ in range(round(1e9 * seconds / PERIOD_NS)):
            if until is not None and until():
                return
            self.tick()
        assert until is None, 'the condition was not met in time'

    def ask(
            self, mode: int, pan: float = NAN, tilt: float = NAN, pan_rate: float = NAN, tilt_rate: float = NAN,
            seconds: float = PERIOD_NS * 1e-9) -> None:
        """Send a command again and again, as the controller does."""
        for _ in range(round(1e9 * seconds / PERIOD_NS)):
            self._seq += 1
            self.gimbal.command(
                Command(mode, pan, tilt, pan_rate, tilt_rate, self._seq, 1, self.now_ns), self.now_ns)
            self.tick()

    def rotate(self, pan_rate: float, tilt_rate: float = 0.0, seconds: float = 0.5) -> None:
        """Turn at a rate."""
        self.ask(CommandMode.VELOCITY, pan_rate=pan_rate, tilt_rate=tilt_rate, seconds=seconds)

    def home(self, calibrate: bool = False) -> TurretError | None:
        """Home or calibrate; return how it ended."""
        ends: list[TurretError | None] = []
        self.tick()
        (self.gimbal.start_calibration if calibrate else self.gimbal.start_homing)(ends.append)
        self.run(60.0, until=lambda: bool(ends))
        return ends[0]

    @property
    def view(self) -> GimbalView:
        return self.gimbal.view(self.now_ns)

    @property
    def pan(self) -> AxisView:
        return self.view.pan

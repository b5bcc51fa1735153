# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver for steppers on a Raspberry Pi Pico with the firmware of ``firmware/pico``.

The Pico makes the steps, reads limit switches and emergency stop by itself, and switches everything off when no frame
arrives for 50 ms, whatever happens to this computer. Frames carry a sequence number, so that a process that repeats
itself counts as one that is silent. Positions are counted steps since the Pico started; each time the motors were off,
home is lost.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from turret_common.errors import TurretError
from turret_common.params import group, param
from turret_common.reason_codes import ReasonCode
from turret_common.registry import group_of
from turret_common.threads.clock import Clock
from turret_control.devices.motion_profile import AxisMotion
from turret_control.drivers.driver import (
    AxisSample,
    Dialog,
    DriverParameters,
    GimbalDriver,
    GimbalSample,
    PositionSource,
    Switch,
)
from turret_control.drivers.threaded import ThreadedDriver
from turret_control.pico import protocol
from turret_control.pico.link import BAUD, WHY_OFF, PicoLink, PicoState, require_watchdog
from turret_control.servo_bus.wire import SerialWire, Wire

_PERIOD_NS = 5_000_000
_SILENT_NS = 60_000_000     # without an answer this long, the Pico has switched everything off
_MAX = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class PicoAxis:
    """The stepper of one axis; pins, direction and switches are in ``config.py`` of the Pico."""

    steps_per_revolution: int = param(200, 'Full steps per revolution of the motor', minimum=4, maximum=1000)
    microsteps: int = param(16, 'Microsteps per full step, as configured on the driver', minimum=1, maximum=256)
    gear_ratio: float = param(1.0, 'Revolutions of the motor per revolution of the axis', minimum=0.01, maximum=1000.0)

    @property
    def step_angle(self) -> float:
        """Angle of the axis per step [rad]."""
        return 2.0 * math.pi / (self.steps_per_revolution * self.microsteps * self.gear_ratio)


@dataclasses.dataclass(frozen=True)
class PicoParameters:
    """Two steppers on a Raspberry Pi Pico."""

    port: str = param('/dev/ttyACM0', 'Serial port of the Pico; one under /dev/serial/by-id keeps its name')
    max_step_rate: float = param(
        10_000.0, 'Maximum step rate of the motors', unit='Hz', minimum=10.0, maximum=40_000.0)
    pan: PicoAxis = group(PicoAxis)
    tilt: PicoAxis = group(PicoAxis)


def show_pico(driver: GimbalDriver, dialog: Dialog) -> bool:
    """Show the caps of the Pico and measure its watchdog, with the motors off."""
    assert isinstance(driver, PicoDriver)
    link = driver.connect()
    try:
        identity = link.hello()
        dialog.say(f'Pulse cap {identity.pulse_cap_ms} ms, duty cap {identity.duty_per_mille / 10:g} % of '
                   f'{identity.window_ms / 1000:g} s, longest loop {identity.max_loop_us / 1000:.1f} ms.')
        require_watchdog(link, dialog.sleep)
        dialog.say('Without frames for 60 ms its watchdog acted.')
        return True
    finally:
        link.close()


class PicoDriver(ThreadedDriver):
    """Sends the motion of both axes to a Pico every 5 ms."""

    name: ClassVar[str] = 'pico'
    failed: ClassVar[str] = 'the Pico is unplugged'
    groups: ClassVar[Mapping[str, type]] = {'pico': PicoParameters}
    hardware: ClassVar[bool] = True
    hardware_checks: ClassVar[Mapping[str, Callable[[GimbalDriver, Dialog], bool]]] = {'pico': show_pico}
    position_source: ClassVar[PositionSource] = PositionSource.COUNTED

    @classmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        return cls(group_of(parameters, PicoParameters))

    @classmethod
    def check_parameters(cls, parameters: DriverParameters) -> None:
        pico = group_of(parameters, PicoParameters)
        for name, motor, axis in (('pan', pico.pan, parameters.pan), ('tilt', pico.tilt, parameters.tilt)):
            max_rate = axis.max_velocity / motor.step_angle
            if max_rate > pico.max_step_rate:
                raise ValueError(
                    f'{name}.max_velocity {axis.max_velocity:g} rad/s takes {max_rate:.0f} steps/s, more than '
                    f'pico.max_step_rate {pico.max_step_rate:.0f}')

    @classmethod
    def devices(cls, parameters: DriverParameters) -> Iterator[str]:
        yield group_of(parameters, PicoParameters).port

    def __init__(
            self, parameters: PicoParameters, open_wire: Callable[[str, int], Wire] = SerialWire,
            clock: Clock | None = None) -> None:
        """Drive the Pico that ``parameters`` name.

        Args:
            parameters: port and gearing.
            open_wire: opens the serial port.
            clock: None for this machine's.
        """
        super().__init__(_PERIOD_NS, clock)
        self._parameters = parameters
        self._open_wire = open_wire
        self._motors = (parameters.pan, parameters.tilt)
        self.resolution = (parameters.pan.step_angle, parameters.tilt.step_angle)
        self._link: PicoLink | None = None
        self._fitted = 0
        self._sample: GimbalSample | None = None
        self._answered_ns = 0

    def connect(self) -> PicoLink:
        """Return a connection to the Pico, for checks while the driver is closed. Raises as :meth:`open`."""
        return PicoLink(self._open_wire(self._parameters.port, BAUD))

    def _take(self) -> None:
        link = self.connect()
        try:
            self._fitted = link.hello().fitted
            state = next((state for state in (link.drive(0) for _ in range(5)) if state is not None), None)
            if state is None:
                raise TurretError(ReasonCode.DRIVER_FAULT, 'the Pico does not answer')
        except BaseException:
            link.close()
            raise
        self._link = link
        self._observe(state, False)

    def _release(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = self._sample = None

    def _switch(self, on: bool) -> None:
        assert self._link is not None
        wanted = protocol.MOTORS if on else 0
        for _ in range(3):
            state = self._link.drive(wanted)
            if state is not None and state.flags & protocol.MOTORS_ON == wanted:
                self._observe(state, on)
                return
            if on and state is not None:
                raise TurretError(
                    ReasonCode.DRIVER_FAULT, f'the Pico keeps the motors off: {WHY_OFF.get(state.reason)}')
        raise TurretError(ReasonCode.DRIVER_FAULT, 'the Pico does not answer')

    def _newest(self) -> GimbalSample:
        assert self._sample is not None
        return self._sample

    def _cycle(self) -> None:
        assert self._link is not None
        state = self._link.drive(protocol.MOTORS if self._enabled else 0, 0, *(
            _steps(motion, motor.step_angle)
            for motion, motor in zip(self._motions(self._clock.now_ns()), self._motors, strict=True)))
        if state is not None:
            if self._enabled and not state.flags & protocol.MOTORS_ON:
                raise TurretError(
                    ReasonCode.DRIVER_FAULT, f'the Pico switched the motors off: {WHY_OFF.get(state.reason)}')
            self._observe(state, self._enabled)
        elif self._clock.now_ns() - self._answered_ns > _SILENT_NS:
            raise TurretError(ReasonCode.DRIVER_FAULT, 'the Pico does not answer any more')

    def _observe(self, state: PicoState, enabled: bool) -> None:
        self._answered_ns = self._clock.now_ns()
        pan, tilt = (
            AxisSample(
                position * motor.step_angle, velocity * motor.step_angle,
                *(self._contact(state.switches, bit << shift) for bit in (
                    protocol.PAN_LOWER, protocol.PAN_UPPER, protocol.PAN_HOME)))
            for position, velocity, motor, shift in (
                (state.pan, state.pan_velocity, self._motors[0], 0),
                (state.tilt, state.tilt_velocity, self._motors[1], 3)))
        self._sample = GimbalSample(self._answered_ns, pan, tilt, enabled)

    def _contact(self, pressed: int, bit: int) -> Switch:
        if not self._fitted & bit:
            return Switch.NONE
        return Switch.PRESSED if pressed & bit else Switch.OPEN


def _steps(motion: AxisMotion, step_angle: float) -> tuple[int, int, int]:
    """Return target, speed and acceleration of a motion in steps."""
    target = max(-_MAX, min(_MAX, round(motion.target / step_angle)))
    return target, min(_MAX, int(motion.speed / step_angle)), max(1, min(_MAX, int(motion.acceleration / step_angle)))

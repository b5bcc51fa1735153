# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver for stepper drivers with STEP, DIR and ENABLE inputs (A4988, DRV8825, TMC2209 and similar).

A thread makes the pulses: it plans a millisecond at a time, sleeps until each step is due and makes it. How fast and
how evenly that goes depends on the machine; ``./turret bench steps`` measures it. A process that dies or is stopped
makes no more pulses.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from turret_common.params import group, param
from turret_common.registry import group_of
from turret_common.threads.clock import Clock
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.gpio_pins import GPIO_DEVICES, pin_errors, pin_factory, taking
from turret_control.devices.motion_profile import stand_still
from turret_control.drivers.driver import (
    AxisSample,
    DriverParameters,
    GimbalDriver,
    GimbalSample,
    PositionSource,
    Switch,
    pin_param,
)
from turret_control.drivers.stepping import Debouncer, StepEvent, StepPlanner
from turret_control.drivers.threaded import ThreadedDriver

_SEGMENT_NS = 1_000_000
_RESTING_SEGMENT_NS = 5_000_000
_LATE_NS = 5_000_000  # steps that are later than this are not made up for
_STALLED_NS = 20_000_000  # a motor without steps for this time has stopped


@dataclasses.dataclass(frozen=True)
class StepDirAxis:
    """The stepper of one axis. Pins are BCM numbers; -1 = not connected."""

    step_pin: int = pin_param('GPIO (BCM number) of the STEP output; -1 = not connected')
    direction_pin: int = pin_param('GPIO (BCM number) of the DIR output; -1 = not connected')
    enable_pin: int = pin_param('GPIO (BCM number) of the ENABLE output; -1 = not connected')
    lower_switch_pin: int = pin_param('GPIO (BCM number) of the lower limit switch; -1 = not connected')
    upper_switch_pin: int = pin_param('GPIO (BCM number) of the upper limit switch; -1 = not connected')
    home_pin: int = pin_param('GPIO (BCM number) of the home flag; -1 = not connected')
    invert: bool = param(False, 'Inverted direction: DIR is low for the positive direction')
    steps_per_revolution: int = param(200, 'Full steps per revolution of the motor', minimum=4, maximum=1000)
    microsteps: int = param(16, 'Microsteps per full step, as configured on the driver', minimum=1, maximum=256)
    gear_ratio: float = param(1.0, 'Revolutions of the motor per revolution of the axis', minimum=0.01, maximum=1000.0)

    @property
    def step_angle(self) -> float:
        """Angle of the axis per step [rad]."""
        return 2.0 * math.pi / (self.steps_per_revolution * self.microsteps * self.gear_ratio)


@dataclasses.dataclass(frozen=True)
class StepDirParameters:
    """Two steppers on STEP, DIR and ENABLE pins."""

    pan: StepDirAxis = group(StepDirAxis)
    tilt: StepDirAxis = group(StepDirAxis)
    enable_active_low: bool = param(True, 'ENABLE active low: the motors are powered while it is low')
    switches_normally_closed: bool = param(True, 'Normally closed switches, so that a broken wire counts as pressed')
    debounce_s: float = param(0.003, 'Debounce time of a switch', unit='s', minimum=0.0, maximum=0.05)
    max_step_rate: float = param(
        4000.0, 'Maximum step rate of machine and motor; see "./turret bench steps"', unit='Hz', minimum=10.0,
        maximum=50000.0)
    microstep_pins: tuple[int, ...] = param(
        (), 'GPIOs (BCM numbers) of MS1, MS2, ..., which set the microsteps of both drivers', minimum=0, maximum=27)
    microstep_levels: tuple[int, ...] = param((), 'Levels of microstep_pins, 0 or 1', minimum=0, maximum=1)

    def __post_init__(self) -> None:
        if len(self.microstep_pins) != len(self.microstep_levels):
            raise ValueError('microstep_levels needs one level for each of microstep_pins')

    def check(self, name: str, motor: StepDirAxis, axis: GimbalAxis) -> None:
        """Refuse what an axis needs and does not have.

        Raises:
            ValueError: a pin is missing, or the steps would have to be too fast.
        """
        needed = {'step_pin': motor.step_pin, 'direction_pin': motor.direction_pin, 'enable_pin': motor.enable_pin}
        if axis.limit_switches:
            needed |= {'lower_switch_pin': motor.lower_switch_pin, 'upper_switch_pin': motor.upper_switch_pin}
        if axis.reference == 'flag':
            needed['home_pin'] = motor.home_pin
        missing = [pin for pin, number in needed.items() if number < 0]
        if missing:
            raise ValueError(f'step_dir.{name} needs {" and ".join(missing)}')
        max_rate = axis.max_velocity / motor.step_angle
        if max_rate > self.max_step_rate:
            raise ValueError(
                f'{name}.max_velocity {axis.max_velocity:g} rad/s takes {max_rate:.0f} steps/s, more than '
                f'step_dir.max_step_rate {self.max_step_rate:.0f}')


class _Wires:
    """The pins of one axis; the motor has no current until :attr:`enable` is switched on."""

    def __init__(self, pins: StepDirAxis, common: StepDirParameters, take: Callable[..., Any]) -> None:
        """Take the pins, ENABLE first. ``take(kind, pin, **how)`` makes a gpiozero device."""
        from gpiozero import InputDevice, OutputDevice  # only where there are pins

        self._forward = not pins.invert
        self._closed_is_pressed = not common.switches_normally_closed
        self._level: bool | None = None  # of the direction pin
        self._gap_ns = round(1e9 / common.max_step_rate)
        self.free_ns = 0                 # when the motor can follow another pulse
        self.enable = take(OutputDevice, pins.enable_pin, active_high=not common.enable_active_low)
        self.step = take(OutputDevice, pins.step_pin)
        self.direction = take(OutputDevice, pins.direction_pin)
        self._contacts = [
            None if pin < 0 else take(InputDevice, pin, pull_up=True)
            for pin in (pins.lower_switch_pin, pins.upper_switch_pin, pins.home_pin)]
        self._debouncers = [Debouncer(common.debounce_s) for _ in self._contacts]
        self.switches = [Switch.NONE if contact is None else Switch.UNREADABLE for contact in self._contacts]

    def read_switches(self, now_s: float) -> None:
        """Bring :attr:`switches` (lower, upper, home) up to date. Contacts are between pin and ground."""
        for i, contact in enumerate(self._contacts):
            if contact is None:
                continue
            try:
                pressed: bool | None = contact.is_active == self._closed_is_pressed
            except pin_errors():
                pressed = None
            self.switches[i] = self._debouncers[i].update(pressed, now_s)

    def pulse(self, direction: int, now_ns: int) -> None:
        """Make one step. The writes themselves take longer than any stepper driver asks for."""
        level = (direction > 0) == self._forward
        if level is not self._level:
            self.direction.pin.state = self._level = level
        self.free_ns = now_ns + self._gap_ns
        self.step.pin.state = True
        self.step.pin.state = False


class _Axis(NamedTuple):
    wires: _Wires
    planner: StepPlanner

    def sample(self) -> AxisSample:
        return AxisSample(self.planner.position, self.planner.velocity, *self.wires.switches)


class StepDirDriver(ThreadedDriver):
    """Counts the steps that it makes; one count, whatever cuts a motion short."""

    name: ClassVar[str] = 'step_dir'
    failed: ClassVar[str] = 'no steps are made'
    groups: ClassVar[Mapping[str, type]] = {'step_dir': StepDirParameters}
    hardware: ClassVar[bool] = True
    position_source: ClassVar[PositionSource] = PositionSource.COUNTED

    @classmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        return cls(group_of(parameters, StepDirParameters))

    @classmethod
    def check_parameters(cls, parameters: DriverParameters) -> None:
        steps = group_of(parameters, StepDirParameters)
        steps.check('pan', steps.pan, parameters.pan)
        steps.check('tilt', steps.tilt, parameters.tilt)

    @classmethod
    def pins(cls, parameters: DriverParameters) -> Iterator[tuple[str, int]]:
        steps = group_of(parameters, StepDirParameters)
        for pin in steps.microstep_pins:
            yield 'step_dir.microstep_pins', pin
        for name, axis in (('pan', steps.pan), ('tilt', steps.tilt)):
            for field in dataclasses.fields(axis):
                if field.name.endswith('_pin'):
                    yield f'step_dir.{name}.{field.name}', getattr(axis, field.name)

    @classmethod
    def devices(cls, parameters: DriverParameters) -> Iterator[str]:
        yield GPIO_DEVICES

    def __init__(self, parameters: StepDirParameters, factory: Any = None, clock: Clock | None = None) -> None:
        """Drive the pins that ``parameters`` name.

        Args:
            parameters: pins and gearing.
            factory: gpiozero's pin factory; None for this machine's.
            clock: None for this machine's.
        """
        super().__init__(_SEGMENT_NS, clock)
        self._parameters = parameters
        self._factory = factory
        self._axes: tuple[_Axis, ...] = ()
        self._pins = contextlib.ExitStack()
        self._cut = False  # power or steps were interrupted since the last segment: the motors stand still
        self.resolution = (parameters.pan.step_angle, parameters.tilt.step_angle)

    def _take(self) -> None:
        from gpiozero import OutputDevice

        factory = self._factory or pin_factory()
        parameters = self._parameters
        with contextlib.ExitStack() as pins, taking('the motor pins'):
            def take(kind: Any, pin: int, **how: Any) -> Any:
                return pins.enter_context(kind(pin, pin_factory=factory, **how))

            axes = tuple(
                _Axis(_Wires(axis, parameters, take), StepPlanner(axis.step_angle))
                for axis in (parameters.pan, parameters.tilt))
            for pin, level in zip(parameters.microstep_pins, parameters.microstep_levels, strict=True):
                take(OutputDevice, pin, initial_value=bool(level))
            for axis in axes:
                axis.wires.read_switches(1e-9 * self._clock.now_ns())
                pins.callback(axis.wires.enable.off)  # before any pin is released
            self._axes, self._pins = axes, pins.pop_all()

    def _release(self) -> None:
        """Release the pins, which float then: a pull-up must keep the motors off."""
        self._axes = ()
        self._pins.close()

    def _switch(self, on: bool) -> None:
        self._cut = True
        for axis in self._axes:
            axis.wires.enable.value = on

    def _newest(self) -> GimbalSample:
        pan, tilt = self._axes
        return GimbalSample(self._clock.now_ns(), pan.sample(), tilt.sample(), self._enabled)

    # The pulses, in the thread

    def _period(self, due_ns: int) -> int:
        late_ns = self._clock.now_ns() - due_ns
        if late_ns > _STALLED_NS:
            self._cut = True
        begin_ns = due_ns if late_ns <= _LATE_NS else due_ns + late_ns
        length_ns = _RESTING_SEGMENT_NS if self._resting(begin_ns) else _SEGMENT_NS
        self._make_segment(begin_ns, length_ns)
        return begin_ns + length_ns

    def _cycle(self) -> None:
        """Nothing: the hardware is held for each step, and not for a whole period."""

    def _resting(self, begin_ns: int) -> bool:
        ordered = any(motion.speed > 0.0 for motion in self._motions(begin_ns))
        return not ordered and all(axis.planner.velocity == 0.0 for axis in self._axes)

    def _make_segment(self, begin_ns: int, length_ns: int) -> None:
        """Make the steps of a short while."""
        if self._cut or not self._enabled:
            self._cut = False
            for axis in self._axes:
                axis.planner.halt()
        events: list[tuple[StepEvent, _Axis]] = []
        for axis, motion in zip(self._axes, self._motions(begin_ns), strict=True):
            axis.wires.read_switches(1e-9 * begin_ns)
            ahead = axis.wires.switches[1 if motion.target > axis.planner.position else 0]
            if ahead.stops:
                motion = stand_still(motion.acceleration)
            events += [(event, axis) for event in axis.planner.plan(motion, 1e-9 * length_ns)]
        for event, axis in sorted(events, key=lambda pair: pair[0].offset_s):
            due_ns = max(begin_ns + round(1e9 * event.offset_s), axis.wires.free_ns)
            self._clock.sleep_until(due_ns)
            with self._lock:
                now_ns = self._clock.now_ns()
                self._cut = self._cut or now_ns - due_ns > _STALLED_NS
                if self._cut or not self._enabled:
                    return
                axis.wires.pulse(event.direction, now_ns)
                axis.planner.made(event)

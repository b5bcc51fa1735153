# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver for hobby servos on two GPIO lines.

A servo takes a pulse for an angle and gives no feedback: positions are commanded ones. It moves to its angle at full
speed, so the motion is shaped here, one pulse frame after the other. A released servo gets no pulses. Where the head is
then cannot be known: when the servos are enabled again they move from there to the last commanded angle, at first the
middle. Sparse pulses make them do that slowly, and positions count as known only at the end of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol

from turret_common.params import group, param
from turret_common.registry import group_of
from turret_common.threads.clock import Clock
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.gpio_pins import GPIO_DEVICES, finish_pulses, pin_errors, pin_factory, taking
from turret_control.devices.motion_profile import MotionProfile
from turret_control.drivers.driver import (
    AxisSample,
    DriverParameters,
    GimbalDriver,
    GimbalSample,
    PositionSource,
    pin_param,
)
from turret_control.drivers.threaded import ThreadedDriver

FRAME_NS = 20_000_000
#: Time from enabling until the servos have reached the first angle [ns].
_SOFT_START_NS = 2_000_000_000
#: During the soft start one frame in so many has a pulse: at its begin, and fewer and fewer until its end.
_SPARSEST = 8
#: Frames between two checks that the pulses are made.
_CHECK_EVERY = 25


@dataclasses.dataclass(frozen=True)
class ServoAxis:
    """The servo of one axis."""

    pin: int = pin_param('GPIO (BCM number) of the pulse output for driver servo; -1 = not connected')
    min_pulse_s: float = param(0.001, 'Minimum pulse length', unit='s', minimum=0.0003, maximum=0.003)
    max_pulse_s: float = param(0.002, 'Maximum pulse length', unit='s', minimum=0.0003, maximum=0.003)
    travel: float = param(
        1.571, 'Travel between minimum and maximum pulse length', unit='rad', minimum=0.1, maximum=6.3)
    invert: bool = param(False, 'Inverted direction: longer pulses move the axis in the negative direction')

    def __post_init__(self) -> None:
        if not self.min_pulse_s < self.max_pulse_s:
            raise ValueError('min_pulse_s must be below max_pulse_s')


@dataclasses.dataclass(frozen=True)
class ServoParameters:
    """Two servos."""

    pan: ServoAxis = group(ServoAxis)
    tilt: ServoAxis = group(ServoAxis)

    def check(self, name: str, servo: ServoAxis, axis: GimbalAxis, needs_pin: bool) -> None:
        """Refuse what servos cannot do.

        Raises:
            ValueError: a pin is missing, home would need a switch, or the soft limits are beyond the servo's travel.
        """
        if needs_pin and servo.pin < 0:
            raise ValueError(f'servo.{name} needs pin')
        if axis.reference != 'absolute' or axis.limit_switches:
            raise ValueError(f'{name}: a servo needs reference "absolute" and no limit_switches')
        if not abs(axis.reference_angle) + max(-axis.lower, axis.upper) <= 0.5 * servo.travel:
            raise ValueError(f'{name}: the soft limits are beyond the servo\'s travel of {servo.travel:g} rad')


class ServoOutputs(Protocol):
    """The pulse outputs of both servos."""

    def pulse(self, axis: int, width_s: float | None) -> None:
        """Give servo 0 (pan) or 1 (tilt) pulses of this width [s]; None for none.

        The pulse under way is completed, since a shortened one would make the servo jump.
        """
        ...

    def check(self) -> None:
        """Raise TurretError, DRIVER_FAULT, when the pulses are not made any more."""
        ...

    def close(self) -> None:
        """End all pulses, wait until they are complete, and release the hardware."""
        ...


def pulse_width(axis: ServoAxis, angle: float) -> float:
    """Return the pulse in s for an angle in rad, within what the servo may be given."""
    share = 0.5 + (-angle if axis.invert else angle) / axis.travel
    return axis.min_pulse_s + min(1.0, max(0.0, share)) * (axis.max_pulse_s - axis.min_pulse_s)


class PinOutputs:
    """Servo pulses on two pins."""

    def __init__(self, parameters: ServoParameters, factory: Any) -> None:
        """Take the pins, low.

        Raises:
            TurretError: DRIVER_FAULT, a pin cannot be had.
        """
        from gpiozero import OutputDevice  # only where there are pins

        self._frequency = 1e9 / FRAME_NS
        self._pins: list[Any] = []
        with contextlib.ExitStack() as taken, taking('the servo pins'):
            for axis in (parameters.pan, parameters.tilt):
                device = OutputDevice(axis.pin, initial_value=False, pin_factory=factory)
                self._pins.append(taken.enter_context(device).pin)
                self._pins[-1].frequency = self._frequency
                taken.callback(setattr, self._pins[-1], 'frequency', None)
            self._taken = taken.pop_all()

    def pulse(self, axis: int, width_s: float | None) -> None:
        pin = self._pins[axis]
        if width_s is None:
            finish_pulses(pin)
        else:
            pin.state = width_s * self._frequency

    def check(self) -> None:
        pass  # this process makes the pulses

    def close(self) -> None:
        with contextlib.suppress(*pin_errors()):
            for axis in (0, 1):
                self.pulse(axis, None)
            time.sleep(1e-9 * FRAME_NS)
        with contextlib.suppress(*pin_errors()):
            self._taken.close()


class ServoDriver(ThreadedDriver):
    """Guides two servos along a shaped motion at 50 Hz."""

    name: ClassVar[str] = 'servo'
    failed: ClassVar[str] = 'no pulses are made'
    groups: ClassVar[Mapping[str, type]] = {'servo': ServoParameters}
    hardware: ClassVar[bool] = True
    position_source: ClassVar[PositionSource] = PositionSource.COMMANDED

    @classmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        return cls(group_of(parameters, ServoParameters))

    @classmethod
    def check_parameters(cls, parameters: DriverParameters) -> None:
        servos = group_of(parameters, ServoParameters)
        needs_pin = any(True for _ in cls.pins(parameters))
        servos.check('pan', servos.pan, parameters.pan, needs_pin)
        servos.check('tilt', servos.tilt, parameters.tilt, needs_pin)

    @classmethod
    def pins(cls, parameters: DriverParameters) -> Iterator[tuple[str, int]]:
        servos = group_of(parameters, ServoParameters)
        yield 'servo.pan.pin', servos.pan.pin
        yield 'servo.tilt.pin', servos.tilt.pin

    @classmethod
    def devices(cls, parameters: DriverParameters) -> Iterator[str]:
        yield GPIO_DEVICES

    def __init__(self, parameters: ServoParameters, factory: Any = None, clock: Clock | None = None) -> None:
        """Drive the pins that ``parameters`` name.

        Args:
            parameters: pins and pulses.
            factory: gpiozero's pin factory; None for this machine's.
            clock: None for this machine's.
        """
        super().__init__(FRAME_NS, clock)
        self._servos = (parameters.pan, parameters.tilt)
        self._parameters = parameters
        self._factory = factory
        self._outputs: ServoOutputs | None = None
        self._profiles = (MotionProfile(), MotionProfile())
        self._widths: list[float | None] = [None, None]  # of the pulses that are being made [s]
        self._enabled_ns = 0
        self._frames = 0  # since the servos were enabled

    def _open_outputs(self) -> ServoOutputs:
        return PinOutputs(self._parameters, self._factory or pin_factory())

    def _take(self) -> None:
        self._outputs = self._open_outputs()

    def _release(self) -> None:
        if self._outputs is not None:
            self._outputs.close()
            self._outputs = None

    def _switch(self, on: bool) -> None:
        if on:
            self._enabled_ns, self._frames = self._clock.now_ns(), 0
        for axis, profile in enumerate(self._profiles):
            profile.velocity = 0.0
            if not on and self._outputs is not None:
                self._outputs.pulse(axis, None)
                self._widths[axis] = None

    def _newest(self) -> GimbalSample:
        pan, tilt = (AxisSample(profile.position, profile.velocity) for profile in self._profiles)
        now_ns = self._clock.now_ns()
        return GimbalSample(now_ns, pan, tilt, self._enabled, known=self._started(now_ns))

    def _started(self, now_ns: int) -> bool:
        """Return whether the soft start is over."""
        return self._enabled and now_ns - self._enabled_ns >= _SOFT_START_NS

    def _cycle(self) -> None:
        if not self._enabled:
            return
        now_ns = self._clock.now_ns()
        started = self._started(now_ns)
        if not started:
            left = 1.0 - (now_ns - self._enabled_ns) / _SOFT_START_NS
            pulsed = self._frames % max(1, round(left * _SPARSEST)) == 0
        else:
            pulsed = True
        self._frames += 1
        if self._frames % _CHECK_EVERY == 0 and self._outputs is not None:
            self._outputs.check()
        for axis, (profile, motion) in enumerate(zip(self._profiles, self._motions(now_ns), strict=True)):
            if started:
                profile.advance(motion, 1e-9 * FRAME_NS)
            width_s = pulse_width(self._servos[axis], profile.position) if pulsed else None
            if width_s != self._widths[axis] and self._outputs is not None:
                self._outputs.pulse(axis, width_s)
                self._widths[axis] = width_s

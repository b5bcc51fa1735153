# SPDX-License-Identifier: Apache-2.0
"""What the gimbal drivers of serial bus servos have in common: two servos with feedback on one wire.

The servos run in their position mode. A thread reads both, shapes the motion and sends the next goals, a few
milliseconds apart, with the speed of the order as the maximum that the servos themselves keep. A process that dies or
is stopped leaves them at the last goal. Positions and speeds are measured by the servos; they count as known only after
the servos were read with their motors on. End positions, torque, temperature and voltage limits are written to the
servos, so that they hold without this process too.
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
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import MotionProfile
from turret_control.drivers.driver import (
    AxisSample,
    Dialog,
    DriverParameters,
    GimbalDriver,
    GimbalSample,
    PositionSource,
    Register,
)
from turret_control.drivers.threaded import ThreadedDriver
from turret_control.servo_bus.bus import COUNTS_PER_REVOLUTION, OVERLOAD, ServoBus, ServoLimits, ServoState
from turret_control.servo_bus.wire import SerialWire, Wire

_COUNTS_PER_RAD = COUNTS_PER_REVOLUTION / (2.0 * math.pi)
_LOST_ANSWERS = 3           # at least so many in a row, since this process may have stood still itself
_FIRST_SPEED = 0.2          # rad/s, the maximum until the first order
_MAX_LEAD = 0.35            # rad, how far the goal may be ahead of the head
_OUTSIDE = 20               # counts beyond the end positions at which a head may still be powered
_JUMP, _MAX_SPEED = 130, 26_000  # counts, and counts/s: no servo turns by more, or faster
_FAR_OUTSIDE = 200          # counts beyond them that no powered servo reports
_AXES = ('pan', 'tilt')


@dataclasses.dataclass(frozen=True)
class BusServoAxis:
    """The servo of one axis."""

    id: int = param(1, 'ID of the servo on the bus', minimum=0, maximum=253)
    center: int = param(
        2048, 'Position of the servo at which the driver position is zero, in counts', minimum=0, maximum=4095)
    lower: float = param(
        -1.75, 'Lower end position that is written to the servo, from center', unit='rad', minimum=-3.14, maximum=0.0)
    upper: float = param(
        1.75, 'Upper end position that is written to the servo, from center', unit='rad', minimum=0.0, maximum=3.14)
    invert: bool = param(False, 'Inverted direction: higher counts are negative angles')

    @property
    def ends(self) -> tuple[int, int]:
        """Lower and upper end position in counts."""
        ends = sorted(self.counts(angle) for angle in (self.lower, self.upper))
        return ends[0], ends[1]

    def counts(self, angle: float) -> int:
        """Return the position in counts for an angle in rad."""
        return self.center + round((-angle if self.invert else angle) * _COUNTS_PER_RAD)

    def angle(self, counts: float) -> float:
        """Return the angle in rad for a position in counts."""
        return self.rate(counts - self.center)

    def rate(self, counts: float) -> float:
        """Return the angle or velocity in rad or rad/s for a difference or velocity in counts or counts/s."""
        return (-counts if self.invert else counts) / _COUNTS_PER_RAD


@dataclasses.dataclass(frozen=True)
class BusServoParameters:
    """Two servos with feedback on a serial bus."""

    port: str = param('/dev/ttyACM0', 'Serial port of the bus adapter; one under /dev/serial/by-id keeps its name')
    baud: int = param(1_000_000, 'Baud rate of the servos', unit='Bd', minimum=9600, maximum=4_500_000)
    period_s: float = param(0.01, 'Time between two bus cycles', unit='s', minimum=0.002, maximum=0.05)
    answer_timeout_s: float = param(
        0.02, 'Time until a servo answers, with the latency of the adapter', unit='s', minimum=0.001, maximum=0.04)
    silence_s: float = param(
        0.5, 'Time without an answer after which a servo counts as lost', unit='s', minimum=0.05, maximum=2.0)
    tolerance: float = param(
        0.01, 'Distance from the target at which a motion is complete: under load a servo rests beside its goal',
        unit='rad', minimum=0.002, maximum=0.1)
    max_torque: float = param(
        0.8, 'Torque limit that is written to the servos, as a fraction of the maximum', minimum=0.05, maximum=1.0)
    max_temperature: int = param(
        65, 'Temperature at which a servo switches its motor off', unit='deg C', minimum=40, maximum=100)
    min_voltage: float = param(
        6.0, 'Supply voltage below which a servo reports a fault', unit='V', minimum=3.5, maximum=30.0)
    max_voltage: float = param(
        13.5, 'Supply voltage above which a servo reports a fault', unit='V', minimum=4.0, maximum=32.0)
    pan: BusServoAxis = group(BusServoAxis)
    tilt: BusServoAxis = group(BusServoAxis, id=2)

    def __post_init__(self) -> None:
        if not self.min_voltage < self.max_voltage:
            raise ValueError('min_voltage must be below max_voltage')

    def check(self, prefix: str, axes: Mapping[str, GimbalAxis], bus: type[ServoBus]) -> None:
        """Refuse what the servos cannot do.

        Args:
            prefix: name of the parameter group, for the message.
            axes: the axes by name.
            bus: the protocol.

        Raises:
            ValueError: names the parameter and the reason.
        """
        if self.pan.id == self.tilt.id:
            raise ValueError(f'{prefix}.pan.id and tilt.id must differ')
        if self.baud not in bus.bauds.values():
            raise ValueError(f'{prefix}.baud must be one of {", ".join(map(str, sorted(bus.bauds.values())))}')
        for name, axis in axes.items():
            servo: BusServoAxis = getattr(self, name)
            if servo.id > bus.max_id:
                raise ValueError(f'{prefix}.{name}.id must not be above {bus.max_id}')
            if axis.reference not in ('absolute', 'declared') or axis.limit_switches:
                raise ValueError(f'{name}: a bus servo needs reference "absolute" or "declared" and no limit_switches')
            if not 0 <= servo.ends[0] < servo.ends[1] < COUNTS_PER_REVOLUTION:
                raise ValueError(f'{prefix}.{name}: the end positions are not within one revolution of the servo')
            home = -axis.reference_angle
            if axis.reference == 'absolute' and not (
                    servo.lower <= home + axis.lower and home + axis.upper <= servo.upper):
                raise ValueError(f'{name}: the soft limits are beyond the end positions in {prefix}.{name}')


def show_servos(driver: GimbalDriver, dialog: Dialog) -> bool:
    """Show position, supply and temperature of both servos, with the motors off, while the head is moved by hand."""
    assert isinstance(driver, BusServoDriver)
    driver.open()
    try:
        dialog.say('The motors are off. Both servos answer. Move the head by hand: to the left, then up.')
        begin = driver.read()
        lowest, highest = [[axis.position for axis in (begin.pan, begin.tilt)] for _ in range(2)]
        for step in range(100):
            sample = driver.read()
            for i, axis in enumerate((sample.pan, sample.tilt)):
                lowest[i], highest[i] = min(lowest[i], axis.position), max(highest[i], axis.position)
            if step % 20 == 0:
                for name, state in driver.states().items():
                    dialog.say(f'{name:5}{state.position:5} counts {state.voltage:5.1f} V {state.temperature:3.0f} C')
            dialog.sleep(0.1)
        for name, low, high in zip(_AXES, lowest, highest, strict=True):
            dialog.say(f'{name}: moved by {math.degrees(high - low):.1f} degrees')
        end = driver.read()
        for name, was, now in (('pan', begin.pan, end.pan), ('tilt', begin.tilt, end.tilt)):
            if now.position < was.position - 0.05:
                dialog.say(f'{name}: the angle fell; if the head moved left or up, set invert of this axis')
        return True
    finally:
        driver.close()


class BusServoDriver(ThreadedDriver):
    """Guides two servos along a shaped motion.

    Attributes:
        bus: the protocol.
        parameter_class: dataclass of the driver's parameter group, which has the name of the driver.
    """

    failed: ClassVar[str] = 'the adapter of the servo bus is lost'
    bus: ClassVar[type[ServoBus]]
    parameter_class: ClassVar[type[BusServoParameters]]
    hardware: ClassVar[bool] = True
    hardware_checks: ClassVar[Mapping[str, Callable[[GimbalDriver, Dialog], bool]]] = {'servos': show_servos}
    position_source: ClassVar[PositionSource] = PositionSource.MEASURED

    @classmethod
    def make(cls, parameters: DriverParameters, namespace: str) -> GimbalDriver:
        return cls(group_of(parameters, cls.parameter_class))

    @classmethod
    def check_parameters(cls, parameters: DriverParameters) -> None:
        group_of(parameters, cls.parameter_class).check(
            cls.name, {'pan': parameters.pan, 'tilt': parameters.tilt}, cls.bus)

    @classmethod
    def devices(cls, parameters: DriverParameters) -> Iterator[str]:
        yield group_of(parameters, cls.parameter_class).port

    def __init__(
            self, parameters: BusServoParameters, open_wire: Callable[[str, int], Wire] = SerialWire,
            clock: Clock | None = None) -> None:
        """Drive the servos that ``parameters`` name.

        Args:
            parameters: port, servos and limits.
            open_wire: opens the serial port at a baud rate.
            clock: None for this machine's.
        """
        super().__init__(round(1e9 * parameters.period_s), clock)
        self._parameters = parameters
        self._servos = (parameters.pan, parameters.tilt)
        self._ids = (parameters.pan.id, parameters.tilt.id)
        self._open_wire = open_wire
        self.resolution = (parameters.tolerance, parameters.tolerance)
        self._bus: ServoBus | None = None
        self._profiles = (MotionProfile(), MotionProfile())
        self._speeds = [_FIRST_SPEED, _FIRST_SPEED]  # maximum of each servo [rad/s]
        self._states: dict[int, ServoState] = {}
        self._answered_ns = [0, 0]  # when each answered last
        self._lost = [0, 0]  # answers in a row
        self._sample: GimbalSample | None = None

    def _take(self) -> None:
        bus = self.bus(self._open_wire(self._parameters.port, self._parameters.baud), self._parameters.answer_timeout_s)
        try:
            for name, axis in zip(_AXES, self._servos, strict=True):
                if bus.ping(axis.id) is None and bus.ping(axis.id) is None:
                    raise TurretError(
                        ReasonCode.DRIVER_FAULT, f'the {name} servo (ID {axis.id}) does not answer at '
                        f'{self._parameters.baud} Bd; see "./turret hw bus scan"')
                bus.configure(axis.id, self._limits(axis))
            self._bus = bus
            self._measure_all()
        except BaseException:
            self._bus = None
            bus.close()
            raise

    def _limits(self, axis: BusServoAxis) -> ServoLimits:
        parameters = self._parameters
        return ServoLimits(
            *axis.ends, parameters.max_torque, parameters.max_temperature, parameters.min_voltage,
            parameters.max_voltage)

    def _release(self) -> None:
        if self._bus is not None:
            self._bus.close()
        self._bus = self._sample = None

    def _switch(self, on: bool) -> None:
        """Switch the motors; they hold the head where it is, whatever their last goals were.

        Raises:
            TurretError: DRIVER_FAULT, a servo does not confirm it, or the head is beyond its end positions.
        """
        assert self._bus is not None
        if on:
            self._start(self._bus)
        else:
            self._forget_power()
            self._bus.set_torque(self._ids, False)

    def _start(self, bus: ServoBus) -> None:
        self._measure_all()
        self._forget_power()
        for i, (name, axis) in enumerate(zip(_AXES, self._servos, strict=True)):
            counts = self._states[axis.id].position
            lower, upper = axis.ends
            if not lower - _OUTSIDE <= counts <= upper + _OUTSIDE:
                raise TurretError(
                    ReasonCode.DRIVER_FAULT, f'{name} is at {math.degrees(axis.angle(counts)):.0f} degrees, beyond its '
                    'end positions: move the head to its middle by hand')
            self._profiles[i].position, self._profiles[i].velocity = axis.angle(counts), 0.0
            self._speeds[i] = _FIRST_SPEED
        self._send_goals(bus)
        bus.set_torque(self._ids, True)
        self._send_goals(bus)

    def _forget_power(self) -> None:
        """Mark the newest sample as one of motors that hold nothing."""
        if self._sample is not None:
            self._sample = self._sample._replace(known=False)

    def _newest(self) -> GimbalSample:
        assert self._sample is not None
        return self._sample if self._sample.known else self._sample._replace(enabled=self._enabled)

    def states(self) -> dict[str, ServoState]:
        """Return the newest state of each servo by axis."""
        return {name: self._states[axis.id] for name, axis in zip(_AXES, self._servos, strict=True)}

    def registers(self) -> list[Register]:
        found = []
        for name, axis in zip(_AXES, self._servos, strict=True):
            value: int | None = 0
            for field, place in self.bus.table.items():
                if value is not None:  # a servo that does not answer is not asked again and again
                    value = self._value(axis.id, field)
                found.append(Register(name, field, place.address, value))
        return found

    def _value(self, servo: int, field: str) -> int | None:
        with self._lock:
            try:
                value = None if self._bus is None else self._bus.get(servo, field)
            except (TurretError, OSError):
                return None
        return None if value is None else value & 0xFFFF_FFFF  # as unsigned 32-bit numbers in messages

    def write_register(self, axis: str, address: int, value: int) -> None:
        raise TurretError(ReasonCode.READ_ONLY, 'the control table of a servo is written from the parameters only')

    # The bus, in the thread

    def _cycle(self) -> None:
        assert self._bus is not None
        self._measure(self._bus)
        if not self._enabled:
            return
        motions = self._motions(self._clock.now_ns())
        for i, (axis, profile, motion) in enumerate(zip(self._servos, self._profiles, motions, strict=True)):
            if motion.speed > 0.0:
                motion = motion._replace(target=max(axis.lower, min(axis.upper, motion.target)))
                self._speeds[i] = motion.speed
            if abs(profile.position - axis.angle(self._states[axis.id].position)) > _MAX_LEAD:
                profile.velocity = 0.0  # something holds the head: it must not catch up in one move
            else:
                profile.advance(motion, 1e-9 * self._period_ns)
        self._send_goals(self._bus)

    def _send_goals(self, bus: ServoBus) -> None:
        goals = {}
        for axis, profile, speed in zip(self._servos, self._profiles, self._speeds, strict=True):
            lower, upper = axis.ends
            goals[axis.id] = (max(lower, min(upper, axis.counts(profile.position))), speed * _COUNTS_PER_RAD)
        bus.move(goals)

    def _measure_all(self) -> None:
        """Read both servos, again where an answer is lost. Raises TurretError when one does not answer."""
        assert self._bus is not None
        self._answered_ns = [0, 0]
        for _ in range(3):
            self._measure(self._bus, starting=True)
            if all(self._answered_ns):
                return
        missing = [name for name, answered_ns in zip(_AXES, self._answered_ns, strict=True) if not answered_ns]
        raise TurretError(
            ReasonCode.DRIVER_FAULT, f'the servo of {" and ".join(missing)} does not answer with its state: do two '
            'servos have the same ID?')

    def _measure(self, bus: ServoBus, starting: bool = False) -> None:
        """Read both servos and note the time at which they measured.

        Raises:
            TurretError: DRIVER_FAULT, a servo reports a fault or has lost its power, or, unless ``starting``, has been
                silent for too long.
        """
        begin_ns = self._clock.now_ns()
        states = bus.states(self._ids)
        now_ns = self._clock.now_ns()
        for i, (name, axis) in enumerate(zip(_AXES, self._servos, strict=True)):
            who = f'the {name} servo (ID {axis.id})'
            silent_s = 1e-9 * (now_ns - self._answered_ns[i])
            if axis.id in states:
                self._answered_ns[i], self._lost[i] = max(1, now_ns), 0
                _refuse_fault(who, states[axis.id], self._enabled)
                if self._enabled:
                    _refuse_position(who, axis, states[axis.id].position, self._states[axis.id].position, silent_s)
                continue
            self._lost[i] += 1
            if not starting and self._lost[i] >= _LOST_ANSWERS and silent_s > self._parameters.silence_s:
                raise TurretError(ReasonCode.DRIVER_FAULT, f'{who} does not answer any more')
        self._states.update(states)
        if len(states) == len(self._ids):
            pan, tilt = (
                AxisSample(axis.angle(states[axis.id].position), axis.rate(states[axis.id].velocity))
                for axis in self._servos)
            self._sample = GimbalSample((begin_ns + now_ns) // 2, pan, tilt, self._enabled, known=self._enabled)


def _refuse_position(who: str, axis: BusServoAxis, position: int, before: int, passed_s: float) -> None:
    """Raise where a powered servo reports a position that it cannot have reached.

    Args:
        who: the servo in words.
        axis: its axis.
        position: in counts.
        before: the position that it reported before.
        passed_s: time since then.
    """
    lower, upper = axis.ends
    if not lower - _FAR_OUTSIDE <= position <= upper + _FAR_OUTSIDE:
        raise TurretError(
            ReasonCode.DRIVER_FAULT, f'{who} reports position {position}, far beyond its end positions {lower} and '
            f'{upper}')
    if abs(position - before) > _JUMP + _MAX_SPEED * passed_s:
        raise TurretError(
            ReasonCode.DRIVER_FAULT, f'{who} reports that it turned by {abs(position - before)} counts in '
            f'{1e3 * passed_s:.0f} ms: do two servos have the same ID?')


def _refuse_fault(who: str, state: ServoState, enabled: bool) -> None:
    """Raise what a servo reports as a fault, and the loss of its power."""
    values = f'{state.voltage:.1f} V, {state.temperature:.0f} deg C, load {100.0 * state.load:.0f} %'
    faults = [fault for fault in state.faults if enabled or fault != OVERLOAD]  # powering it again ends an overload
    if faults:
        raise TurretError(ReasonCode.DRIVER_FAULT, f'{who} reports: {", ".join(faults)} ({values})')
    if enabled and not state.torque:
        raise TurretError(ReasonCode.DRIVER_FAULT, f'{who} switched its motor off, or was reset ({values})')

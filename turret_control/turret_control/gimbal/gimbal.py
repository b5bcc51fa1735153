# SPDX-License-Identifier: Apache-2.0
"""The gimbal: the last authority over the motors, and the state of the axes.

A command becomes a motion only when its numbers are finite and within the limits; it expires after 200 ms; it needs the
permit, powered motors and a reference. In all other cases the axes stand still, with a reason. Moving at a rate is
passed on as a motion to the soft limit in that direction, for which the driver brakes in time. A position is valid only
while the motors hold the axes: with them switched off, for whatever reason, home is unknown.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from turret_common import params
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion
from turret_control.drivers.driver import AxisSample, GimbalSample, Switch
from turret_control.gimbal.axis import Axis, AxisCondition, AxisView
from turret_control.gimbal.homing import Step, calibrate_axis, home_axis
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.motion import Command, CommandMode

COMMAND_TIMEOUT_NS = 200_000_000
#: Time between two ticks: joint_states at 101 Hz.
PERIOD_S = 0.0099
_FOREIGN_NS = 1_000_000_000  # how long the axes stand still after a foreign command


class Activity(enum.IntEnum):
    """What drives the axes; the values are those of ``GimbalState.MOTION_*``."""

    NONE = 0
    COMMAND = 1
    HOMING = 2
    CALIBRATING = 3


class Motions(NamedTuple):
    """Order to the driver: the motion of each axis in driver positions, and whether the motors are powered."""

    pan: AxisMotion
    tilt: AxisMotion
    enabled: bool


class Feedback(NamedTuple):
    """Progress of a procedure: the axis and phase under way, and the fraction that is done."""

    axis: str
    phase: str
    progress: float


class GimbalView(NamedTuple):
    """State of the gimbal for reports; times in s, NaN where there is none."""

    pan: AxisView
    tilt: AxisView
    activity: Activity
    command_age_s: float
    idle_release_s: float
    home_count: int
    code: ReasonCode
    message: str


_ESTOP = TurretError(
    ReasonCode.ESTOP_PRESSED, 'the emergency stop switched the motors off: reset the stop, then home the head')
_Steps = tuple[Step, Step]
_Work = Generator[_Steps, GimbalSample, None]


@dataclasses.dataclass
class _Procedure:
    activity: Activity
    work: _Work
    done: Callable[[TurretError | None], None]
    deadline_ns: int
    started: bool = False


class Gimbal:
    """The state of the gimbal. Not for several threads at once; times are ns of CLOCK_MONOTONIC.

    Attributes:
        feedback: how far the procedure under way is; None when there is none.
    """

    def __init__(self, parameters: GimbalParameters, resolution: tuple[float, float] = (0.0, 0.0)) -> None:
        """Start without a driver and without home.

        Args:
            parameters: of the node.
            resolution: smallest steps of pan and tilt that the driver makes [rad].
        """
        self.feedback: Feedback | None = None
        self._pan = Axis('pan', parameters.pan, resolution[0])
        self._tilt = Axis('tilt', parameters.tilt, resolution[1])
        self._axes = (self._pan, self._tilt)
        self._command: tuple[Command, int] | None = None  # the newest, and when it was made
        self._newest = (0, -1)  # epoch and number of the newest command, also when it was meant for an old home
        self._foreign_ns = -_FOREIGN_NS  # when a foreign command arrived last
        self._procedure: _Procedure | None = None
        self._permit = ReasonCode.PERMIT_MISSING
        self._now_ns = self._moved_ns = 0
        self._enabled = self._was_enabled = self._held = False
        self._following = False
        self._error: TurretError | None = None
        self._driver_error: TurretError | None = TurretError(ReasonCode.NOT_READY, 'the driver has not reported yet')
        self._why_off = TurretError(ReasonCode.NOT_ENABLED, 'the motors are off')
        self._why_lost = TurretError(ReasonCode.NOT_HOMED, 'the head must be homed')
        self._home_when_permitted = parameters.home_on_start
        self._home_count = 0
        self._estop = self._held = False
        self.parameters = parameters

    @property
    def parameters(self) -> GimbalParameters:
        """The parameters in force; they may be replaced at any time."""
        return self._parameters

    @parameters.setter
    def parameters(self, parameters: GimbalParameters) -> None:
        self._parameters = parameters
        self._pan.config, self._tilt.config = parameters.pan, parameters.tilt

    # What others ask for

    def command(self, command: Command, now_ns: int) -> None:
        """Take a command that has arrived, whose authenticity was checked; each tick decides whether it may act.

        One that is not newer than the last is a replay, or of another controller: see :meth:`observe_foreign_command`.
        One that was delayed, or claims to come from the future, is ignored.
        """
        order = (command.epoch, command.seq)
        if order <= self._newest:
            self.observe_foreign_command(now_ns)
            return
        made_ns = now_ns if command.monotonic_ns is None else command.monotonic_ns
        if 0 <= now_ns - made_ns <= COMMAND_TIMEOUT_NS:
            self._newest, self._command = order, (command, made_ns)

    def observe_foreign_command(self, now_ns: int) -> None:
        """Note a command that is not the controller's: the axes stand still for a while, with SECOND_PUBLISHER."""
        self._foreign_ns = now_ns

    def set_enabled(self, on: bool) -> None:
        """Switch the motors. Off ends everything, and home is lost because the head can then be moved by hand.

        Raises:
            TurretError: DRIVER_FAULT or NOT_READY without a driver, ESTOP_PRESSED while the emergency stop is open.
        """
        if on:
            self._require_driver()
            if self._estop:
                raise _ESTOP
            self._moved_ns = self._now_ns
            self._enabled = True
        else:
            self._home_when_permitted = False
            self._switch_off(TurretError(ReasonCode.NOT_ENABLED, 'the motors are off'))

    def set_home(self) -> dict[str, float]:
        """Make the present direction pan 0, tilt 0; return the parameters that make it last.

        Raises:
            TurretError: BUSY while the head moves, NOT_ENABLED while nothing holds it, NOT_HOMED where home comes from
                a switch that was not found yet.
        """
        self._require_driver()
        if not self._held:
            raise self._why_off.again() if not self._enabled else TurretError(
                ReasonCode.BUSY, 'the motors are being powered')
        if self._procedure is not None or self._moving():
            raise TurretError(ReasonCode.BUSY, 'the head must stand still')
        changes: dict[str, float] = {}
        for axis in self._axes:
            if not axis.homed and axis.config.reference != 'declared':
                raise TurretError(ReasonCode.NOT_HOMED, f'{axis.name} must be homed first')
            changes.update(axis.shifted())
        self.parameters = params.replace(self.parameters, changes)
        for axis in self._axes:
            axis.set_home()
        self._home_count += 1
        self._command = None  # it was meant for the old home
        return changes

    def start_homing(self, done: Callable[[TurretError | None], None]) -> None:
        """Switch the motors on, find the reference of both axes and go to pan 0, tilt 0.

        Args:
            done: called once at the end, with the error if it failed; what was known before then still holds.

        Raises:
            TurretError: BUSY, DRIVER_FAULT, NOT_READY, or why motion is not permitted.
        """
        self._start(Activity.HOMING, self._home(), done)

    def start_calibration(self, done: Callable[[TurretError | None], None]) -> None:
        """Measure the range of both axes between their switches, then as :meth:`start_homing`."""
        self._start(Activity.CALIBRATING, self._calibrate(), done)

    def cancel(self) -> None:
        """End the procedure under way, if any, with CANCELLED."""
        self._abort(TurretError(ReasonCode.CANCELLED, 'cancelled'))

    def observe_stops(self, stopped: bool, estop: bool) -> None:
        """Take the stops of the safety node; before each :meth:`tick`.

        A head that was to home by itself then waits for the operator. An emergency stop cuts the supply of the motors:
        they are switched off, so that they are not powered again before an operator acts, and home is unknown.

        Args:
            stopped: a stop is in force, or there was one since the last call.
            estop: likewise for the emergency stop.
        """
        self._estop = estop
        if estop:
            self._home_when_permitted = False
            self._switch_off(_ESTOP)
        procedure = self._procedure
        if stopped and (self._home_when_permitted or (
                procedure is not None and procedure.done == self._homed_on_start)):
            self._home_when_permitted = False
            self._abort(TurretError(ReasonCode.CANCELLED, 'stopped'))
            self._why_off = self._why_lost = TurretError(
                ReasonCode.NOT_HOMED, 'a stop kept the head from homing by itself: reset the stop, then home the head')

    # What the driver's loop does

    def tick(self, sample: GimbalSample, permit: ReasonCode, now_ns: int) -> Motions:
        """Take the newest sample of the driver and return the order to it.

        Args:
            sample: the sample.
            permit: why motion is not permitted; OK when it is.
            now_ns: present time.
        """
        self._now_ns, self._permit = now_ns, permit
        self._driver_error = None
        self._held = self._enabled and sample.enabled and sample.known
        self._pan.sample, self._tilt.sample = sample.pan, sample.tilt
        if self._was_enabled and not sample.enabled:
            self._switch_off(TurretError(ReasonCode.DRIVER_FAULT, 'the motors lost their power'))
        self._release_when_idle()
        if self._home_when_permitted and permit is ReasonCode.OK and self._procedure is None:
            self._home_when_permitted = False
            self.start_homing(self._homed_on_start)
        pan, tilt = self._proceed(sample) or self._follow_command(now_ns)
        self._was_enabled = self._enabled
        return Motions(pan, tilt, self._enabled)

    def driver_lost(self, error: TurretError) -> None:
        """Note that the driver is lost: nothing is known any more, and nothing moves before an operator acts."""
        self._home_when_permitted = self._home_when_permitted and self._driver_error is not None
        self._switch_off(error)
        self._driver_error = error
        for axis in self._axes:
            axis.forget()

    def view(self, now_ns: int) -> GimbalView:
        """Return the state for reports."""
        error = self._driver_error or self._error
        idle_s = self._parameters.idle_release_s
        pan, tilt = (axis.view(self._condition(axis), self._enabled) for axis in self._axes)
        return GimbalView(
            pan, tilt, self._activity(),
            1e-9 * (now_ns - self._command[1]) if self._command else math.nan,
            max(0.0, idle_s - 1e-9 * (now_ns - self._moved_ns)) if self._enabled and idle_s else math.nan,
            self._home_count,
            error.code if error else ReasonCode.OK, error.message if error else '')

    # Inside

    def _require_driver(self) -> None:
        if self._driver_error is not None:
            raise self._driver_error.again()

    def _moving(self) -> bool:
        return self._pan.moving or self._tilt.moving

    def _activity(self) -> Activity:
        if self._procedure is not None:
            return self._procedure.activity
        return Activity.COMMAND if self._following else Activity.NONE

    def _switch_off(self, why: TurretError) -> None:
        self._enabled = self._was_enabled = self._held = False
        self._why_off = why
        self._abort(why)
        for axis in self._axes:
            axis.lose_home()
        self._why_lost = TurretError(ReasonCode.NOT_HOMED, 'the head must be homed')

    def _release_when_idle(self) -> None:
        if not self._enabled or self._procedure is not None or self._moving():
            self._moved_ns = self._now_ns
        idle_s = self._parameters.idle_release_s
        if idle_s and self._now_ns - self._moved_ns >= 1e9 * idle_s:
            self._switch_off(TurretError(
                ReasonCode.IDLE_RELEASED, f'the motors were released after {idle_s:g} s without motion'))

    # Commands

    def _follow_command(self, now_ns: int) -> tuple[AxisMotion, AxisMotion]:
        """Return the motions of the newest command, or a standstill with the reason in ``_error``."""
        self._following = False
        self._pan.at_limit = self._tilt.at_limit = False
        self._error = None
        try:
            return self._commanded(now_ns)
        except TurretError as error:
            self._error = error
            return self._pan.still(), self._tilt.still()

    def _commanded(self, now_ns: int) -> tuple[AxisMotion, AxisMotion]:
        if not self._enabled:
            raise self._why_off.again()
        if self._permit is not ReasonCode.OK:
            raise TurretError(self._permit, 'motion is not permitted')
        if now_ns - self._foreign_ns < _FOREIGN_NS:
            raise TurretError(ReasonCode.SECOND_PUBLISHER, 'gimbal/command carries commands of another sender')
        if not (self._pan.homed and self._tilt.homed):
            raise self._why_lost.again()
        if self._command is None:
            return self._pan.still(), self._tilt.still()
        command, made_ns = self._command
        if now_ns - made_ns > COMMAND_TIMEOUT_NS:
            raise TurretError(ReasonCode.COMMAND_STALE, 'no command within 200 ms')
        motions = (
            self._axis_motion(self._pan, command.mode, command.pan, command.pan_rate),
            self._axis_motion(self._tilt, command.mode, command.tilt, command.tilt_rate))
        self._following = command.mode != CommandMode.STOP
        for axis in self._axes:
            if axis.at_limit:
                self._error = TurretError(ReasonCode.SOFT_LIMIT, f'{axis.name} is at its soft limit')
        return motions

    def _axis_motion(self, axis: Axis, mode: int, target: float, rate: float) -> AxisMotion:
        try:
            return axis.motion(mode, target, rate)
        except TurretError as error:
            if not axis.homed:
                self._why_lost = error
            raise

    # Procedures

    def _start(self, activity: Activity, work: _Work, done: Callable[[TurretError | None], None]) -> None:
        self._require_driver()
        if self._procedure is not None:
            raise TurretError(ReasonCode.BUSY, f'{self._procedure.activity.name.lower()} is under way')
        if self._permit is not ReasonCode.OK:
            raise TurretError(self._permit, 'motion is not permitted')
        self._enabled = True
        self._error = None
        self._home_when_permitted = False
        deadline_ns = self._now_ns + round(1e9 * self._parameters.search_timeout_s)
        self._procedure = _Procedure(activity, work, done, deadline_ns)

    def _homed_on_start(self, error: TurretError | None) -> None:
        """Try again if only the permit was withdrawn."""
        self._home_when_permitted = error is not None and error.code is self._permit

    def _proceed(self, sample: GimbalSample) -> tuple[AxisMotion, AxisMotion] | None:
        """Return the motions of the procedure under way; None when there is none, or none any more."""
        procedure = self._procedure
        if procedure is None:
            return None
        try:
            if self._permit is not ReasonCode.OK:
                raise TurretError(self._permit, 'motion is not permitted')
            if self._now_ns > procedure.deadline_ns:
                raise TurretError(ReasonCode.TIMED_OUT, f'not done within {self._parameters.search_timeout_s:g} s')
            steps = procedure.work.send(sample) if procedure.started else next(procedure.work)
            procedure.started = True
        except StopIteration:
            self._finish(None)
            return None
        except TurretError as error:
            self._finish(error)
            return None
        slower = min(zip(self._axes, steps, strict=True), key=lambda pair: pair[1].progress)
        self.feedback = Feedback(slower[0].name, slower[1].phase, slower[1].progress)
        return steps[0].motion, steps[1].motion

    def _abort(self, error: TurretError) -> None:
        if self._procedure is not None:
            self._finish(error)

    def _finish(self, error: TurretError | None) -> None:
        procedure, self._procedure, self.feedback = self._procedure, None, None
        if error is not None and error.code not in (ReasonCode.CANCELLED, self._permit):
            self._why_lost = error
        if procedure is not None:
            procedure.done(error)

    def _home(self) -> _Work:
        yield from self._power_up()
        found = yield from self._both(home_axis, share=0.9)
        for axis, home in zip(self._axes, found, strict=True):
            axis.found_home(home)
        self._home_count += 1
        self._command = None  # it was meant for the old home
        yield from self._center()

    def _calibrate(self) -> _Work:
        yield from self._power_up()
        found = yield from self._both(calibrate_axis, share=0.9)
        for axis, span in zip(self._axes, found, strict=True):
            axis.adopt(span)
        self._home_count += 1
        self._command = None
        yield from self._center()

    def _power_up(self) -> _Work:
        """Wait until the motors hold the axes at known positions."""
        while not self._held:
            pan, tilt = (Step(axis.still(), 'power_up', 0.0) for axis in self._axes)
            yield pan, tilt

    def _both(
            self, procedure: Callable[[GimbalAxis, AxisSample], Generator[Step, AxisSample, Any]],
            share: float) -> Generator[_Steps, GimbalSample, list[Any]]:
        """Run a procedure on both axes at the same time; return what each found."""
        works = [procedure(axis.config, axis.sample) for axis in self._axes]
        steps = [Step(axis.still(), '', 0.0) for axis in self._axes]
        found: list[Any] = [None, None]
        samples: list[AxisSample | None] = [None, None]
        running = [0, 1]
        while True:
            for i in list(running):
                try:
                    step = works[i].send(samples[i])  # type: ignore[arg-type]
                    steps[i] = step._replace(progress=share * step.progress)
                except StopIteration as end:
                    found[i] = end.value
                    running.remove(i)
                    steps[i] = Step(self._axes[i].still(), steps[i].phase, share)
            if not running:
                return found
            sample = yield steps[0], steps[1]
            samples = [sample.pan, sample.tilt]

    def _center(self) -> _Work:
        while self._moving() or any(abs(axis.position) > axis.tolerance for axis in self._axes):
            motions = [
                self._axis_motion(axis, CommandMode.POSITION, 0.0, axis.config.homing_velocity) for axis in self._axes]
            yield Step(motions[0], 'center', 0.95), Step(motions[1], 'center', 0.95)

    def _condition(self, axis: Axis) -> AxisCondition:
        if self._driver_error is not None:
            starting = self._driver_error.code is ReasonCode.NOT_READY
            return AxisCondition.UNKNOWN if starting else AxisCondition.FAULT
        if Switch.UNREADABLE in (axis.sample.lower, axis.sample.upper, axis.sample.home):
            return AxisCondition.FAULT
        if not self._enabled:
            return AxisCondition.DISABLED
        if self._procedure is not None:
            homing = self._procedure.activity is Activity.HOMING
            return AxisCondition.HOMING if homing else AxisCondition.CALIBRATING
        if axis.moving:
            return AxisCondition.MOVING
        return AxisCondition.LIMIT if axis.at_limit else AxisCondition.HOLDING

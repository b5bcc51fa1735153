# SPDX-License-Identifier: Apache-2.0
"""No sequence of commands, permits, procedures and defects breaks a rule of the gimbal.

The rules are restated from what reaches the driver, and from what only the simulated mechanics know.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

from gimbal_rig import NAN, PERIOD_NS, Rig
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion
from turret_control.drivers.driver import AxisSample, GimbalSample, Switch
from turret_control.gimbal.gimbal import Activity, Motions
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.motion import Command, CommandMode

AXIS = GimbalAxis(lower=-0.4, upper=0.5, max_velocity=2.0, max_acceleration=20.0, homing_velocity=2.0)
COMMAND_NS = 200_000_000
#: A motion is passed on to the driver up to one tick after what allowed it.
LATE_NS = PERIOD_NS

numbers = st.one_of(st.floats(), st.floats(-2.5, 2.5), st.just(0.0))


class Watched(Rig):
    """Keeps the last command to the driver, and the sample before it."""

    orders: Motions | None = None
    seen: GimbalSample | None = None

    def tick(self) -> None:
        gimbal_tick = self.gimbal.tick

        def spy(sample: GimbalSample, permit: ReasonCode, now_ns: int) -> Motions:
            self.seen, self.orders = sample, gimbal_tick(sample, permit, now_ns)
            return self.orders
        self.gimbal.tick = spy  # type: ignore[method-assign]
        try:
            super().tick()
        finally:
            self.gimbal.tick = gimbal_tick  # type: ignore[method-assign]


class GimbalMachine(RuleBasedStateMachine):
    """Drives a gimbal at random and watches what reaches its motors every 8 ms."""

    @initialize(homed=st.sampled_from([True, True, True, False]))
    def start(self, homed: bool) -> None:
        self.rig = Watched()
        self.rig.gimbal.parameters = GimbalParameters(pan=AXIS, tilt=AXIS)
        self.commanded_ns = -COMMAND_NS
        self.commands = 0
        self.pushed = False
        self.beyond = False
        self.ends: list[Any] = []
        self.started = 0
        if homed:
            self.home()
            self.pass_time(400, False)

    @rule(ticks=st.integers(1, 40), commanding=st.booleans())
    def pass_time(self, ticks: int, commanding: bool) -> None:
        for _ in range(ticks):
            if commanding and self.commands:
                self.send(self.last)
            self.rig.tick()
            self.judge()

    def send(self, command: Command) -> None:
        self.commands += 1
        self.last = command
        self.rig.gimbal.command(
            command._replace(seq=self.commands, monotonic_ns=self.rig.now_ns), self.rig.now_ns)
        self.commanded_ns = self.rig.now_ns

    @rule(mode=st.sampled_from([0, 1, 1, 2, 2, 3]), pan=numbers, tilt=numbers, pan_rate=numbers, tilt_rate=numbers)
    def command(self, mode: int, pan: float, tilt: float, pan_rate: float, tilt_rate: float) -> None:
        self.send(Command(mode, pan, tilt, pan_rate, tilt_rate, 0))
        self.pass_time(5, True)

    @rule(rate=st.floats(-2.0, 2.0), ticks=st.integers(20, 120))
    def rotate(self, rate: float, ticks: int) -> None:
        self.send(Command(CommandMode.VELOCITY, NAN, NAN, rate, -rate, 0))
        self.pass_time(ticks, True)

    @rule(rate=st.sampled_from([-0.3, 0.3, 1.0]))
    def turn_and_fall_silent(self, rate: float) -> None:
        self.go(0.0)
        self.send(Command(CommandMode.VELOCITY, NAN, NAN, rate, -rate, 0))
        self.pass_time(5, True)
        self.pass_time(40, False)

    @rule(position=st.floats(-0.4, 0.5))
    def go(self, position: float) -> None:
        self.send(Command(CommandMode.POSITION, position, -0.5 * position, NAN, NAN, 0))
        self.pass_time(40, True)

    @rule(kind=st.sampled_from(['replayed', 'late', 'from the future', 'foreign']),
          off_ns=st.integers(COMMAND_NS + 1, 10**12), rate=st.floats(-2.0, 2.0), ticks=st.integers(1, 60))
    def intrude(self, kind: str, off_ns: int, rate: float, ticks: int) -> None:
        """Send commands that are not the controller's; they do not count as fresh."""
        for _ in range(ticks if self.commands else 0):
            now_ns = self.rig.now_ns
            if kind == 'foreign':
                self.rig.gimbal.observe_foreign_command(now_ns)
            else:
                made_ns = {'replayed': now_ns, 'late': now_ns - off_ns, 'from the future': now_ns + off_ns}[kind]
                seq = self.commands if kind == 'replayed' else self.commands + 10**6
                self.rig.gimbal.command(Command(CommandMode.VELOCITY, NAN, NAN, rate, -rate, seq, 0, made_ns), now_ns)
            self.pass_time(1, False)

    @rule(estop=st.booleans())
    def stop(self, estop: bool) -> None:
        """Stop, and reset it while the controller keeps running."""
        self.rig.stopped, self.rig.estop = True, estop
        self.pass_time(2, True)
        self.rig.stopped = self.rig.estop = False
        self.pass_time(20, True)
        if estop:
            assert not self.rig.pan.enabled
            assert not self.rig.pan.homed
            assert not self.rig.plant.enabled

    @rule(permit=st.sampled_from(
        [ReasonCode.OK, ReasonCode.OK, ReasonCode.PERMIT_STALE, ReasonCode.MOTION_NOT_PERMITTED]))
    def permit(self, permit: ReasonCode) -> None:
        self.rig.permit = permit

    @rule(on=st.booleans())
    def power(self, on: bool) -> None:
        with contextlib.suppress(TurretError):
            self.rig.gimbal.set_enabled(on)
        if not on:
            assert not self.rig.pan.homed
            assert not self.rig.view.tilt.homed

    @rule(calibrate=st.booleans(), ticks=st.integers(1, 300))
    def home(self, calibrate: bool = False, ticks: int = 1) -> None:
        self.beyond = True
        self.rig.tick()
        with contextlib.suppress(TurretError):
            (self.rig.gimbal.start_calibration if calibrate else self.rig.gimbal.start_homing)(self.ends.append)
            self.started += 1
        self.pass_time(ticks, False)

    @rule()
    def cancel(self) -> None:
        self.rig.gimbal.cancel()
        assert self.rig.view.activity in (Activity.NONE, Activity.COMMAND)

    @rule()
    def set_home(self) -> None:
        with contextlib.suppress(TurretError):
            self.rig.gimbal.set_home()
            assert self.rig.pan.position == 0.0
            assert self.rig.view.tilt.position == 0.0

    @rule(switch=st.sampled_from([Switch.OPEN, Switch.OPEN, Switch.PRESSED, Switch.UNREADABLE]), upper=st.booleans())
    def break_a_switch(self, switch: Switch, upper: bool) -> None:
        def fault(sample: GimbalSample) -> GimbalSample:
            if switch is Switch.OPEN:
                return sample
            pan = sample.pan._replace(upper=switch) if upper else sample.pan._replace(lower=switch)
            return sample._replace(pan=pan)
        self.rig.fault = fault

    @rule()
    def lose_the_driver(self) -> None:
        self.rig.gimbal.driver_lost(TurretError(ReasonCode.DRIVER_FAULT, 'unplugged'))
        assert not self.rig.pan.homed

    @rule(angle=st.floats(-0.2, 0.2))
    def push_the_head(self, angle: float) -> None:
        self.rig.plant.push(angle, 0.0)
        self.pushed = True

    # The rules

    def judge(self) -> None:
        rig = self.rig
        orders, seen = rig.orders, rig.seen
        assert orders is not None
        assert seen is not None
        view = rig.view
        commanded = view.activity in (Activity.NONE, Activity.COMMAND)
        for motion, axis, sample in ((orders.pan, view.pan, seen.pan), (orders.tilt, view.tilt, seen.tilt)):
            self.judge_motion(motion, sample, commanded)
            if motion.speed == 0.0:
                continue
            assert rig.permit is ReasonCode.OK, 'the permit'
            assert orders.enabled, 'power'
            if commanded:
                assert axis.homed, 'a reference'
                assert rig.now_ns - self.commanded_ns <= COMMAND_NS + LATE_NS, 'a fresh command'
                low, high = axis.limits.lower + axis.home, axis.limits.upper + axis.home
                assert low - 1e-9 <= motion.target <= high + 1e-9, 'the soft limits'

    def judge_motion(self, motion: AxisMotion, sample: AxisSample, commanded: bool) -> None:
        assert all(map(math.isfinite, motion)), 'numbers'
        assert 0.0 <= motion.speed <= AXIS.max_velocity + 1e-9, 'the largest velocity'
        assert 0.0 < motion.acceleration <= AXIS.max_acceleration, 'the largest acceleration'
        if motion.speed > 0.0 and commanded:
            ahead = sample.upper if motion.target > sample.position else sample.lower
            assert not ahead.stops, 'a switch'

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, 'ends') or self.rig.seen is None:
            return
        view = self.rig.view
        for axis in (view.pan, view.tilt):
            assert axis.limits.lower <= axis.limits.upper
            assert math.isnan(axis.position) == (not axis.homed)
        running = view.activity in (Activity.HOMING, Activity.CALIBRATING)
        assert len(self.ends) + running == self.started, 'each procedure ends once'

    @invariant()
    def it_stays_within_reach(self) -> None:
        """What the axes do truly keeps within the soft limits, once homed and not turned by hand.

        Procedures go beyond them, to the switches; one that is cut short on its way leaves the head there.
        """
        if not hasattr(self, 'ends') or self.pushed:
            return
        view, truth = self.rig.view, self.rig.plant.truth()
        if view.activity in (Activity.HOMING, Activity.CALIBRATING):
            return
        assert abs(truth.pan_rate) <= AXIS.max_velocity * 1.05
        within = view.pan.limits.lower - 0.1 <= view.pan.position <= view.pan.limits.upper + 0.1
        self.beyond = self.beyond and not (within and truth.pan_rate == 0.0)
        if view.pan.homed and self.rig.orders is not None and self.rig.orders.pan.speed > 0.0:
            assert within or self.beyond


TestGimbalRules = GimbalMachine.TestCase
TestGimbalRules.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)

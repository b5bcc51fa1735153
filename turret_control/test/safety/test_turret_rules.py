# SPDX-License-Identifier: Apache-2.0
"""No sequence of what people and nodes do breaks a rule of the safety chain: safety, laser and gimbal at one clock.

Permits reach both drivers over links that lose, delay and reorder them. The rules are restated from what is seen at
the pins and motors, and from what this test did itself: for how long each thing that must be so has not been so.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import pytest
from gimbal_rig import NAN, PERIOD_NS, Rig
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from safety_bench import AIM, CAMERA

from turret_common.errors import TurretError
from turret_common.permit import Permit, PermitMonitor, lease_digest
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.drivers.driver import GimbalSample
from turret_control.gimbal.gimbal import Activity, Motions
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.laser.state_machine import Grant, GrantSource, LaserCore, LaserState, Lines
from turret_control.laser_parameters import LaserParameters
from turret_control.motion import Command, CommandMode
from turret_control.safety.interlocks import Estop, GimbalReport, LaserReport, SafetyCore
from turret_control.safety.lease import OperatorLease
from turret_control.safety.stop_file import NO_STOP
from turret_control.safety.zones import Zone, ZoneKind
from turret_control.safety_parameters import SafetyParameters

MS = 1_000_000
AXIS = GimbalAxis(lower=-0.4, upper=0.5, max_velocity=2.0, max_acceleration=20.0, homing_velocity=2.0)
LASER = LaserParameters(power=0.5, power_cap=0.6, cooldown_s=0.5, pulse_cap_s=0.5, duty_cap=0.2, pulse_s=0.1)
ZONE = Zone('window', ZoneKind.NO_FIRE, 0.2, 0.45, -0.3, 0.3)
#: Margin around zones for a position that is counted, not measured.
MARGIN = 2.0 * math.radians(2.0)
PERMIT_MS = 100
#: For how long there may still be light, or motion, after something that must be so has ended, in ms.
LIGHT_MS = {
    'armed': PERMIT_MS, 'not stopped': PERMIT_MS, 'e-stop released': PERMIT_MS, 'operator': 300 + PERMIT_MS,
    'pose': 150 + PERMIT_MS, 'gimbal': 500 + PERMIT_MS, 'laser': 500 + PERMIT_MS, 'homed': 500 + PERMIT_MS,
    'asked for': 0}
MOTION_MS = {
    'not stopped': PERMIT_MS, 'e-stop released': PERMIT_MS, 'gimbal': 500 + PERMIT_MS, 'laser': 500 + PERMIT_MS}

#: What may happen during emission: methods of the machine, and their arguments.
TROUBLES: tuple[tuple[Any, ...], ...] = (
    ('stop',), ('stop_and_reset', None, 40), ('stop_and_reset', 90, 0), ('press', Estop.PRESSED),
    ('press', Estop.UNREADABLE), ('attend', False, False), ('attend', True, True), ('acquire', 'Bob'), ('release',),
    ('disarm',), ('deliver_permits', None, None), ('deliver_permits', 300, 300), ('deliver_permits', 90, 90),
    ('silence', {'gimbal'}), ('silence', {'laser'}), ('silence', {'pose'}), ('restart_safety',), ('power', False),
    ('lose_the_driver',), ('break_the_laser',), ('fall_silent',), ('go', 0.3), ('rotate', 1.5), ('home',),
    ('fire_again_and_again',), ('fire_automatically',))


class Link:
    """How permits reach a driver; ``delay_ms`` None = not at all."""

    def __init__(self) -> None:
        self.permits = PermitMonitor()
        self.delay_ms: int | None = 0
        self._under_way: list[tuple[int, dict[str, Any]]] = []

    def send(self, permit: dict[str, Any]) -> None:
        if self.delay_ms is not None:
            self._under_way.append((permit['monotonic_ns'] + self.delay_ms * MS, permit))

    def deliver(self, now_ns: int) -> None:
        for due in [due for due in self._under_way if due[0] <= now_ns]:
            self._under_way.remove(due)
            self.permits.update(Permit(**due[1]), now_ns)


class Head(Rig):
    """Keeps the last command to the motors."""

    commanded: Motions

    def tick(self) -> None:
        def spy(sample: GimbalSample, permit: ReasonCode, now_ns: int) -> Motions:
            self.commanded = gimbal_tick(sample, permit, now_ns)
            return self.commanded
        gimbal_tick, self.gimbal.tick = self.gimbal.tick, spy  # type: ignore[method-assign]
        try:
            super().tick()
        finally:
            self.gimbal.tick = gimbal_tick  # type: ignore[method-assign]


class TurretMachine(RuleBasedStateMachine):
    """Drives a whole turret at random, in steps of 8 ms."""

    @initialize(zone=st.booleans())
    def start(self, zone: bool) -> None:
        self.head = Head(pan=None, tilt=None)
        self.head.gimbal.parameters = GimbalParameters(pan=AXIS, tilt=AXIS)
        self.links = self.to_laser, self.to_gimbal = Link(), Link()
        self.laser = LaserCore(LASER, self.to_laser.permits)
        self.silent: set[str] = set()
        self.epoch = self.seq = self.steps = self.commands = 0
        self.command: Command | None = None
        self.commanded_ns = self.lit_since_ms = -10**12
        self.estop, self.stopped, self.armed = Estop.RELEASED, False, False
        self.good_ns = dict.fromkeys(LIGHT_MS, -10**12)
        self.beam: list[float] = []
        self.zones: tuple[Zone, ...] = (ZONE,) if zone else ()
        self.moved = self.homed = False
        self.restart_safety()
        self.acquire('Ada')
        self.pass_time(40)
        self.home()
        self.pass_time(2500)

    @property
    def now(self) -> int:
        return self.head.now_ns

    # What happens by itself

    @rule(ms=st.sampled_from([8, 50, 120, 400, 1200]))
    def pass_time(self, ms: int) -> None:
        for _ in range(ms * MS // PERIOD_NS):
            self.step()

    def step(self) -> None:
        self.steps += 1
        head, now = self.head, self.now + PERIOD_NS
        for link in self.links:
            link.deliver(now)
        head.permit = self.to_gimbal.permits.motion_code(now)
        head.stopped, head.estop = self.to_gimbal.permits.take_stop(), self.to_gimbal.permits.take_estop()
        if self.command is not None:
            self.commands += 1
            self.commanded_ns = now
            head.gimbal.command(self.command._replace(seq=self.commands, monotonic_ns=now), now)
        head.tick()
        self.report()
        if self.present and self.steps % 10 == 0:
            self.beat()
        if self.steps % 2 == 0:
            self.decide()
        lines = self.laser.tick(now)
        self.judge_light(lines)
        self.judge_motion()

    def report(self) -> None:
        core, view, now = self.core, self.head.view, self.now
        axes = view.pan, view.tilt
        homed = all(axis.homed and axis.enabled for axis in axes)
        if 'gimbal' not in self.silent:
            accelerations = (AXIS.max_acceleration, AXIS.max_acceleration)
            core.observe_gimbal(GimbalReport(
                False, homed, False, accelerations, (1.0, view.home_count), (0.0,)), now)
            self.good_ns['gimbal'], self.homed = now, homed
        if 'laser' not in self.silent:
            armed = self.laser.state not in (LaserState.OFF, LaserState.FAULT)
            core.observe_laser(LaserReport(
                False, armed, armed and self.laser.state is not LaserState.ARMING, False,
                self.laser.state is LaserState.FIRING), now)
            self.good_ns['laser'] = now
        if 'pose' not in self.silent:
            self.pose = Pose(*(axis.position for axis in axes), *(axis.velocity for axis in axes))
            core.observe_pose(self.pose, 0.0, now)
            self.good_ns['pose'] = now
        core.observe_camera(CAMERA, now)
        core.observe_aim(AIM, now)
        core.observe_tracks(0.0, now)
        for name, good in (('homed', homed), ('not stopped', not self.stopped), ('armed', self.armed),
                           ('e-stop released', self.estop is Estop.RELEASED)):
            if good:
                self.good_ns[name] = now

    def beat(self) -> None:
        lease = self.core.lease
        with contextlib.suppress(TurretError):
            self.nonce, counted = lease.beat(self.lease_id, self.nonce, self.trigger, self.now)
            if counted:
                self.good_ns['operator'] = self.now
            self.grant(GrantSource.OPERATOR, lease.trigger(self.now))

    def grant(self, source: GrantSource, trigger: bool) -> None:
        self.seq += 1
        if trigger:
            self.ask(200)
        burst = self.core.burst_count if source is GrantSource.AUTO else 0
        self.laser.grant(Grant(self.epoch, self.seq, self.now, source, trigger, burst), self.now)

    def ask(self, ms: float) -> None:
        self.good_ns['asked for'] = max(self.good_ns['asked for'], self.now + round(ms * MS))

    def decide(self) -> None:
        """Let the safety node publish a permit, and check that it may be."""
        now = self.now
        laser_ok, motion_ok, reasons = self.core.decide(now)
        assert motion_ok or not laser_ok
        assert bool(reasons) is not laser_ok, 'a reason for everything that is withheld'
        if motion_ok:
            assert not self.stopped, 'a stop'
            assert self.estop is Estop.RELEASED, 'the emergency stop'
            assert min(self.good_ns['gimbal'], self.good_ns['laser']) > now - 500 * MS, 'drivers that report'
        if laser_ok:
            assert now - self.good_ns['operator'] < 300 * MS, 'the heartbeat'
            assert now - self.good_ns['pose'] < 150 * MS, 'the pose'
            assert self.homed, 'a reference, as far as is known'
            assert not self.in_zone(self.pose, MARGIN), 'the margin around zones'
        self.seq += 1
        permit = {
            'epoch': self.epoch, 'seq': self.seq, 'monotonic_ns': now, 'laser_ok': laser_ok, 'motion_ok': motion_ok,
            'lease_digest': lease_digest(self.core.lease.lease_id), 'reasons': reasons,
            'stop_count': self.core.record.stops, 'estop_count': self.core.record.estops}
        for link in self.links:
            link.send(permit)
        renewed = self.core.renew_burst(now)
        if renewed is not None:
            self.grant(GrantSource.AUTO, renewed)

    def in_zone(self, pose: Pose, margin: float) -> bool:
        return any(zone.pan_min - margin < pose.pan < zone.pan_max + margin
                   and zone.tilt_min - margin < pose.tilt < zone.tilt_max + margin for zone in self.zones)

    # The rules

    def judge(self, bounds_ms: dict[str, int]) -> None:
        for name, bound_ms in bounds_ms.items():
            assert self.now - self.good_ns[name] <= bound_ms * MS + PERIOD_NS, f'not {name}'

    def judge_light(self, lines: Lines) -> None:
        self.beam.append(lines.laser)
        if not lines.indicator:
            self.lit_since_ms = self.now // MS
        if lines.laser == 0.0:
            return
        self.judge(LIGHT_MS)
        permit = self.to_laser.permits.newest
        assert permit is not None
        assert permit.laser_ok, 'a permit for emission'
        assert permit.motion_ok, 'a permit for motion'
        assert 0 <= self.now - permit.monotonic_ns < PERMIT_MS * MS, 'a fresh permit'
        assert not abs(self.head.plant.truth().pan - self.head.pan.position) > 0.05, 'a position that is held'
        assert self.now // MS - self.lit_since_ms >= 3000, 'the delay with the indicator on'
        assert lines.laser <= LASER.power_cap, 'the power cap'
        tick_s = 1e-9 * PERIOD_NS
        assert sum(level > 0.0 for level in self.beam[-round(10.0 / tick_s):]) * tick_s <= 2.0 + tick_s, 'the duty cap'
        assert not all(self.beam[-round(0.5 / tick_s) - 2:]), 'the pulse cap'
        if self.to_laser.delay_ms == 0 and self.now - self.good_ns['pose'] == 0:
            view = self.head.view
            assert not self.in_zone(Pose(view.pan.position, view.tilt.position), 0.0), 'a zone'

    def judge_motion(self) -> None:
        commanded, view = self.head.commanded, self.head.view
        if commanded.pan.speed == commanded.tilt.speed == 0.0:
            return
        self.moved = True
        self.judge(MOTION_MS)
        permit = self.to_gimbal.permits.newest
        assert permit is not None
        assert permit.motion_ok, 'a permit for motion'
        assert 0 <= self.now - permit.monotonic_ns < PERMIT_MS * MS, 'a fresh permit'
        if view.activity in (Activity.NONE, Activity.COMMAND):
            assert view.pan.homed, 'a reference'
            assert view.tilt.homed, 'a reference'
            assert self.now - self.commanded_ns <= 200 * MS + PERIOD_NS, 'a fresh command'

    # What people do

    @rule(name=st.sampled_from(['Ada', 'Bob']))
    def acquire(self, name: str) -> None:
        self.lease_id, self.nonce = self.core.acquire('secret', name, True, self.now)
        self.present, self.trigger, self.armed = True, False, False

    @rule()
    def release(self) -> None:
        with contextlib.suppress(TurretError):
            self.core.release(self.lease_id)
            self.armed = False

    @rule(present=st.booleans(), trigger=st.booleans())
    def attend(self, present: bool, trigger: bool) -> None:
        self.present, self.trigger = present, trigger

    @rule()
    def stop(self) -> None:
        self.core.stop('enough')
        self.stopped, self.armed = True, False
        assert not self.core.auto_fire
        self.decide()

    @rule(estop=st.sampled_from([Estop.PRESSED, Estop.RELEASED, Estop.RELEASED, Estop.UNREADABLE]))
    def press(self, estop: Estop) -> None:
        self.estop = estop
        self.core.observe_estop(estop)
        if estop is not Estop.RELEASED:
            self.stopped, self.armed = True, False
        self.decide()

    @rule(angle=st.floats(-0.8, 0.8))
    def push(self, angle: float) -> None:
        """Turn the head by hand while nothing holds it."""
        if not self.head.plant.enabled:
            self.head.plant.push(angle, 0.0)

    @rule(mine=st.sampled_from([True, True, False]))
    def reset(self, mine: bool) -> None:
        """Clear a stop. That arms nothing, as ``armed`` remembers."""
        with contextlib.suppress(TurretError):
            self.core.reset(self.lease_id if mine else 'wrong', self.core.record.stops)
            assert mine, 'the operator alone'
            self.stopped = False

    @rule()
    def arm(self) -> None:
        with contextlib.suppress(TurretError):
            self.laser.arm(self.now)
            self.armed = True

    @rule()
    def disarm(self) -> None:
        self.laser.disarm(self.now)
        self.armed = False
        assert self.laser.tick(self.now) == Lines(0.0, False)

    @rule(pulses=st.integers(1, 4), pulse_s=st.floats(0.01, 0.6), gap_s=st.floats(0.02, 0.2))
    def fire(self, pulses: int, pulse_s: float, gap_s: float) -> None:
        with contextlib.suppress(TurretError):
            self.laser.fire(pulses, pulse_s, gap_s, self.now)
            self.ask(1000 * pulses * (pulse_s + gap_s) + 2 * pulses * PERIOD_NS / MS)

    def fire_in_earnest(self) -> None:
        """Set everything right, home, arm, and fire while the head turns."""
        self.press(Estop.RELEASED)
        if self.core.lease.name != 'Ada' or not self.present:
            self.acquire('Ada')
        self.attend(True, False)
        self.reset(True)
        self.silent = set()
        self.deliver_permits(0, 0)
        self.go(-0.3)
        self.wait_for(lambda: self.to_gimbal.permits.motion_ok(self.now))
        if not self.head.pan.homed:
            self.home()
        self.wait_for(lambda: self.head.view.activity in (Activity.NONE, Activity.COMMAND))
        self.wait_for(lambda: self.to_laser.permits.laser_ok(self.now))
        self.arm()
        self.wait_for(lambda: self.laser.state is LaserState.ARMED)
        self.rotate(0.2)
        self.fire(1, 0.5, 0.02)
        self.pass_time(40)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        for _ in range(60):
            self.pass_time(100)
            if condition():
                return

    @rule(troubles=st.lists(st.sampled_from(TROUBLES), min_size=1, max_size=3), ms=st.sampled_from([0, 30, 120]))
    def fire_into_trouble(self, troubles: list[tuple[Any, ...]], ms: int) -> None:
        self.fire_in_earnest()
        for name, *arguments in troubles:
            getattr(self, name)(*arguments)
            self.pass_time(ms)
        self.pass_time(500)

    @rule()
    def fire_again_and_again(self) -> None:
        for _ in range(6):
            self.fire(1, 0.5, 0.02)
            self.pass_time(1050)

    @rule()
    def fire_automatically(self) -> None:
        with contextlib.suppress(TurretError):
            self.core.set_auto_fire(self.lease_id, True, self.now)
        for _ in range(3):
            self.pass_time(24)
            try:
                self.core.request_fire(self.steps, 'cat', 0.0, 0.001, self.now)
            except TurretError:
                continue
            assert not self.stopped
            self.grant(GrantSource.AUTO, True)

    @rule(zones=st.sampled_from([(), (ZONE,)]))
    def set_zones(self, zones: tuple[Zone, ...]) -> None:
        with contextlib.suppress(TurretError):
            self.core.set_zones(self.lease_id, zones)
            self.zones = zones

    # What the head does

    @rule(position=st.floats(-0.4, 0.5))
    def go(self, position: float) -> None:
        self.command = Command(CommandMode.POSITION, position, 0.0, NAN, NAN, 0)

    @rule(rate=st.floats(-2.0, 2.0))
    def rotate(self, rate: float) -> None:
        self.command = Command(CommandMode.VELOCITY, NAN, NAN, rate, 0.0, 0)

    @rule()
    def fall_silent(self) -> None:
        self.command = None

    @rule()
    def home(self) -> None:
        with contextlib.suppress(TurretError):
            self.head.gimbal.start_homing(lambda _: None)

    @rule(on=st.booleans())
    def power(self, on: bool) -> None:
        with contextlib.suppress(TurretError):  # refused after an emergency stop, until the head is homed
            self.head.gimbal.set_enabled(on)

    @rule()
    def lose_the_driver(self) -> None:
        self.head.gimbal.driver_lost(TurretError(ReasonCode.DRIVER_FAULT, 'unplugged'))
        self.step()

    # What goes wrong

    @rule(laser_ms=st.sampled_from([0, 0, 30, 90, 300, None]), gimbal_ms=st.sampled_from([0, 0, 30, 90, 300, None]))
    def deliver_permits(self, laser_ms: int | None, gimbal_ms: int | None) -> None:
        self.to_laser.delay_ms, self.to_gimbal.delay_ms = laser_ms, gimbal_ms

    @rule(delay_ms=st.sampled_from([90, None]), ms=st.integers(0, 80))
    def stop_and_reset(self, delay_ms: int | None, ms: int) -> None:
        """Clear a stop at once, while its report is late or lost."""
        self.deliver_permits(delay_ms, delay_ms)
        self.stop()
        self.pass_time(ms)
        self.reset(True)
        self.deliver_permits(0, 0)

    @rule(silent=st.sets(st.sampled_from(['gimbal', 'laser', 'pose'])))
    def silence(self, silent: set[str]) -> None:
        self.silent = silent

    @rule()
    def restart_safety(self) -> None:
        """A new process, which kept zones and stop."""
        self.epoch += 1
        record = self.core.record if self.epoch > 1 else NO_STOP
        self.core = SafetyCore(SafetyParameters(), OperatorLease('secret'), self.zones, record)
        self.core.observe_estop(self.estop)
        self.armed = self.present = self.trigger = False
        self.lease_id = self.nonce = ''

    @rule()
    def break_the_laser(self) -> None:
        self.laser.fault(ReasonCode.IO_ERROR, 'no pin', self.now)
        assert self.laser.tick(self.now) == Lines(0.0, False)
        self.laser.clear_fault()
        self.armed = False


def test_each_trouble_while_the_head_moves_and_the_laser_is_on() -> None:
    machine = TurretMachine()
    machine.start(True)
    for trouble in TROUBLES:
        machine.moved = False
        machine.fire_in_earnest()
        assert machine.moved
        assert machine.beam[-1] > 0.0, trouble
        getattr(machine, trouble[0])(*trouble[1:])
        machine.pass_time(600)


@pytest.mark.parametrize('delay_ms', [90, None])
@pytest.mark.parametrize('ms', [0, 40, 80])
def test_a_stop_ends_the_fire_even_when_it_is_cleared_before_it_is_heard_of(delay_ms: int | None, ms: int) -> None:
    machine = TurretMachine()
    machine.start(False)
    machine.fire_in_earnest()
    machine.stop_and_reset(delay_ms, ms)
    machine.pass_time(200)
    assert machine.laser.state is LaserState.OFF
    assert machine.head.commanded.pan.speed == 0.0


TestTurretRules = TurretMachine.TestCase
TestTurretRules.settings = settings(max_examples=30, stateful_step_count=12, deadline=None)

# SPDX-License-Identifier: Apache-2.0
"""Controller core with ideal motors: commands, and when there must be none."""

from __future__ import annotations

import contextlib
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_common.params import replace
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_common.track_state import TrackState
from turret_control.actions.auto_tune import AutoTune
from turret_control.actions.pattern_task import PatternOptions, PatternTask
from turret_control.actions.patterns import Area, Kind, Waypoint
from turret_control.aiming.selection import Candidate
from turret_control.controller.controller import Controller
from turret_control.controller.cycle import Inputs, Outputs, run_cycle
from turret_control.controller.head_command import GimbalReadiness
from turret_control.controller.pacing import Pacing
from turret_control.controller.target_follower import Tracking
from turret_control.controller.task import Mode
from turret_control.controller_parameters import ControllerParameters
from turret_control.devices.motion_profile import AxisMotion, MotionProfile
from turret_control.motion import AxisLimits, Command, CommandMode, HeadLimits

LIMITS = HeadLimits(AxisLimits(-1.5, 1.5, 3.0, 30.0), AxisLimits(-0.7, 0.9, 3.0, 30.0))
DT = 0.01
anything = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-2.0, 2.0)


def target(azimuth: float, elevation: float = 0.0, rate: float = 0.0, unseen_s: float = 0.0) -> Candidate:
    state = TrackState.COASTING if unseen_s else TrackState.TRACKING
    return Candidate('1', state, 'balloon', 0.9, azimuth, elevation, rate, 0.0, 0.1, 0.1, unseen_s)


class Bench:
    """Control cycles with motors that follow their commands at once."""

    def __init__(self, pan: float = 0.0, tilt: float = 0.0, **changes: object) -> None:
        parameters = replace(ControllerParameters(), {
            'start_mode': 'track', 'aim.delay.actuator_s': 0.0, **changes})
        self.controller = Controller(parameters)
        self.pacing = Pacing()
        self.outputs: Outputs | None = None
        self.axes = (MotionProfile(pan), MotionProfile(tilt))
        self.now = 10.0
        self.sent: list[Command] = []

    @property
    def pose(self) -> tuple[float, float]:
        return self.axes[0].position, self.axes[1].position

    def cycle(self, tracks: list[Candidate] | None = None, permit: ReasonCode = ReasonCode.OK, report: bool = True,
              dt: float = DT, stopped: bool = False) -> Command:
        self.now += dt
        pan, tilt = self.axes
        poses = [(self.now - 0.001, Pose(pan.position, tilt.position, pan.velocity, tilt.velocity))] if report else []
        images = [(self.now - 0.002, tracks)] if tracks is not None else []
        self.outputs = run_cycle(self.controller, Inputs(
            self.now, permit, stopped, gimbal=GimbalReadiness(LIMITS, ReasonCode.OK), poses=poses, tracks=images))
        command = self.outputs.command
        self.pacing.update(self.controller.mode, command)
        self.sent.append(command)
        for axis, limits, goal, rate in zip(
                self.axes, LIMITS, (command.pan, command.tilt), (command.pan_rate, command.tilt_rate), strict=True):
            motion = AxisMotion(0.0, 0.0, limits.max_acceleration)
            if command.mode is CommandMode.VELOCITY:
                motion = AxisMotion(math.copysign(100.0, rate), abs(rate), limits.max_acceleration)
            elif command.mode is CommandMode.POSITION:
                motion = AxisMotion(goal, rate, limits.max_acceleration)
            axis.advance(motion, dt)
        return command

    def run(self, seconds: float, tracks: list[Candidate] | None = None) -> None:
        for _ in range(round(seconds / DT)):
            self.cycle(tracks)


def test_the_head_reaches_a_target_and_requests_fire() -> None:
    bench = Bench()
    bench.run(1.5, [target(0.4, 0.2)])
    assert bench.pose == (pytest.approx(0.4, abs=0.002), pytest.approx(0.2, abs=0.002))
    assert bench.controller.status.on_target
    assert bench.outputs is not None
    assert bench.outputs.fire is not None


def test_after_a_stop_the_head_stays_until_the_next_request() -> None:
    bench = Bench()
    bench.run(0.2, [target(0.4, 0.2)])
    bench.cycle([target(0.4, 0.2)], stopped=True)
    bench.run(1.5, [target(0.4, 0.2)])
    assert bench.controller.mode is Mode.IDLE
    assert bench.sent[-1].mode is CommandMode.STOP
    assert bench.outputs is not None
    assert bench.outputs.fire is None
    bench.controller.set_mode(Mode.TRACK)
    bench.run(1.5, [target(0.4, 0.2)])
    assert bench.pose == (pytest.approx(0.4, abs=0.002), pytest.approx(0.2, abs=0.002))


def hold_stick(bench: Bench, seconds: float, stopped: bool = False) -> list[ReasonCode]:
    """Jog 20 times a second for a while; return how each was answered."""
    answers = []
    for i in range(round(seconds / DT)):
        if i % 5 == 0:
            try:
                bench.controller.jog(0.5, 0.0, bench.now)
                answers.append(ReasonCode.OK)
            except TurretError as error:
                answers.append(error.code)
        bench.cycle(stopped=stopped, permit=ReasonCode.MOTION_NOT_PERMITTED if stopped else ReasonCode.OK)
    return answers


@pytest.mark.parametrize('restarted', [False, True])
def test_a_jog_that_is_held_over_a_stop_and_its_reset_moves_nothing_until_it_is_released(restarted: bool) -> None:
    bench = Bench(start_mode='idle')
    bench.run(0.1)
    assert set(hold_stick(bench, 0.5)) == {ReasonCode.OK}
    if restarted:  # after the stop and its reset: the new process hears of the stop once
        axes = bench.axes
        bench = Bench(start_mode='track')
        bench.axes = axes
        bench.cycle(stopped=True)
    else:
        bench.cycle(stopped=True, permit=ReasonCode.MOTION_NOT_PERMITTED)
        assert set(hold_stick(bench, 0.5, stopped=True)) == {ReasonCode.MOTION_NOT_PERMITTED}
    bench.run(0.05)
    stopped_at = bench.pose
    assert set(hold_stick(bench, 1.0)) == {ReasonCode.WRONG_MODE}
    assert bench.controller.mode is Mode.IDLE
    assert bench.pose == stopped_at
    bench.run(0.3)  # released
    assert set(hold_stick(bench, 0.5)) == {ReasonCode.OK}
    assert bench.pose[0] > stopped_at[0] + 0.1


@pytest.mark.parametrize('jogged', [False, True])
def test_a_jog_that_begins_after_a_stop_moves_the_head(jogged: bool) -> None:
    bench = Bench(start_mode='idle')
    bench.run(0.1)
    if jogged:
        hold_stick(bench, 0.2)
    for _ in range(70):
        bench.cycle(stopped=True, permit=ReasonCode.MOTION_NOT_PERMITTED)
    bench.run(0.05)
    assert set(hold_stick(bench, 0.3)) == {ReasonCode.OK}


def test_rates_of_zero_release_a_jog_that_was_stopped() -> None:
    bench = Bench(start_mode='idle')
    bench.run(0.1)
    hold_stick(bench, 0.2, stopped=True)
    bench.run(0.05)
    assert set(hold_stick(bench, 0.1)) == {ReasonCode.WRONG_MODE}
    bench.controller.jog(0.0, 0.0, bench.now)
    bench.controller.jog(0.0, 0.5, bench.now)
    assert bench.controller.mode is Mode.MANUAL


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(anything, anything, anything), max_size=40))
def test_no_track_breaks_a_limit(inputs: list[tuple[float, float, float]]) -> None:
    bench = Bench(max_rate=2.0)
    for azimuth, elevation, rate in inputs:
        command = bench.cycle([target(azimuth, elevation, rate)])
        if command.mode is CommandMode.VELOCITY:
            assert abs(command.pan_rate) <= 2.0
            assert abs(command.tilt_rate) <= 2.0
        for axis, limits in zip(bench.axes, LIMITS, strict=True):
            assert limits.lower - 1e-3 <= axis.position <= limits.upper + 1e-3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(['jog', 'nudge', 'move_to', 'track']), anything, anything), max_size=40))
def test_no_request_breaks_a_limit(inputs: list[tuple[str, float, float]]) -> None:
    bench = Bench()
    bench.cycle()
    for name, pan, tilt in inputs:
        with contextlib.suppress(TurretError):
            if name == 'track':
                bench.controller.set_mode(Mode.TRACK)
                bench.controller.target.observe(bench.now, [target(pan, tilt)], bench.now)
            else:
                getattr(bench.controller, name)(pan, tilt, *([0.0] if name == 'move_to' else []), bench.now)
        command = bench.cycle()
        for axis, limits, goal, rate in zip(
                bench.axes, LIMITS, (command.pan, command.tilt), (command.pan_rate, command.tilt_rate), strict=True):
            if command.mode is not CommandMode.STOP:
                assert abs(rate) <= limits.max_velocity
            if command.mode is CommandMode.POSITION:
                assert limits.lower <= goal <= limits.upper
            assert limits.lower - 1e-3 <= axis.position <= limits.upper + 1e-3


@pytest.mark.parametrize('code', [ReasonCode.PERMIT_STALE, ReasonCode.MOTION_NOT_PERMITTED])
def test_without_a_permit_the_head_stops_and_the_goal_is_cleared(code: ReasonCode) -> None:
    bench = Bench()
    bench.cycle()
    bench.controller.move_to(1.0, 0.0, 0.0, bench.now)
    assert bench.cycle().mode is CommandMode.POSITION
    assert bench.cycle(permit=code).mode is CommandMode.STOP
    assert bench.controller.code is code
    assert bench.cycle().mode is CommandMode.STOP


def test_images_alone_trigger_the_cycles_while_the_commands_are_steady() -> None:
    bench = Bench()
    assert bench.pacing.extra_s == 0.0
    bench.run(0.02, [target(0.4)])
    assert bench.pacing.extra_s == 0.0, 'the head accelerates'
    bench.run(1.5, [target(0.4)])
    steady = bench.pacing.extra_s
    assert 0.02 < steady < 0.1, 'the head is stationary on its target'
    bench.cycle(permit=ReasonCode.PERMIT_STALE)
    assert bench.sent[-2].mode is CommandMode.VELOCITY
    assert bench.pacing.extra_s == 0.0, 'the head has just been stopped'
    bench.cycle(permit=ReasonCode.PERMIT_STALE)
    assert bench.pacing.extra_s == steady, 'the head has been stopped for longer'
    for cycle in range(100):
        bench.cycle([target(0.4, 0.002 * cycle)])
    assert bench.pacing.extra_s == steady, 'the head moves at a steady rate'
    for axis in ('azimuth', 'elevation'):
        bench.cycle([target(**{'azimuth': 0.4, 'elevation': 0.2, axis: 0.6})])
        assert bench.pacing.extra_s == 0.0, f'the {axis} has jumped'
        bench.run(1.5, [target(0.4, 0.2)])
        assert bench.pacing.extra_s == steady


def test_a_request_never_waits_for_an_image() -> None:
    bench = Bench()
    bench.cycle()
    for mode in (Mode.IDLE, Mode.MANUAL, Mode.OVERLAY):
        bench.controller.set_mode(mode)
        bench.run(0.1)
        assert bench.pacing.extra_s == 0.0
    bench.controller.jog(0.1, 0.0, bench.now)
    bench.run(0.1)
    assert bench.sent[-1].mode is CommandMode.VELOCITY
    assert bench.pacing.extra_s == 0.0


def test_stale_tracks_a_silent_gimbal_and_nan_stop_the_head() -> None:
    bench = Bench()
    bench.run(0.1, [target(1.0)])
    assert bench.sent[-1].mode is CommandMode.VELOCITY
    bench.run(0.35)
    assert (bench.sent[-1].mode, bench.controller.code) == (CommandMode.STOP, ReasonCode.VISION_STALE)
    bench.cycle([target(1.0)])
    assert bench.cycle([target(math.nan)]).mode is CommandMode.STOP
    for _ in range(12):
        command = bench.cycle([target(1.0)], report=False)
    assert (command.mode, bench.controller.code) == (CommandMode.STOP, ReasonCode.STALE_INPUT)


def test_tracks_from_the_future_are_ignored() -> None:
    bench = Bench()
    bench.cycle()
    bench.controller.target.observe(bench.now + 5.0, [target(1.0)], bench.now)
    assert bench.cycle().mode is CommandMode.STOP


def test_coasting_is_bounded() -> None:
    bench = Bench()
    bench.run(0.2, [target(0.3)])
    assert bench.cycle([target(0.3, unseen_s=0.5)]).mode is CommandMode.VELOCITY
    assert bench.controller.tracking is Tracking.COASTING
    assert bench.cycle([target(0.3, unseen_s=1.1)]).mode is CommandMode.STOP


@settings(max_examples=25, deadline=None)
@given(st.floats(-1.4, 1.4), st.floats(-0.6, 0.8))
def test_returning_to_home_on_loss_never_leads_away_from_it(pan: float, tilt: float) -> None:
    bench = Bench(pan, tilt, recenter_on_loss=True, recenter_delay_s=0.0)
    distances = [bench.pose]
    for _ in range(600):
        bench.cycle([])
        distances.append(bench.pose)
    for before, after in itertools.pairwise(distances):
        assert abs(after[0]) <= abs(before[0]) + 1e-9
        assert abs(after[1]) <= abs(before[1]) + 1e-9
    assert bench.pose == (pytest.approx(0.0, abs=1e-3), pytest.approx(0.0, abs=1e-3))
    assert bench.controller.tracking is Tracking.RECENTERING


@settings(max_examples=25, deadline=None)
@given(st.floats(-1.5, 1.5), st.floats(-0.7, 0.9))
def test_a_direction_is_reached_exactly_on_both_axes(pan: float, tilt: float) -> None:
    bench = Bench(0.3, -0.2)
    bench.cycle()
    bench.controller.move_to(pan, tilt, 0.0, bench.now)
    bench.run(2.5)
    assert bench.pose == (pytest.approx(pan, abs=1e-6), pytest.approx(tilt, abs=1e-6))


def test_an_invalid_goal_is_refused_and_changes_nothing() -> None:
    bench = Bench()
    bench.cycle()
    for pan, code in ((math.nan, ReasonCode.NOT_FINITE), (2.0, ReasonCode.OUT_OF_RANGE)):
        with pytest.raises(TurretError) as refusal:
            bench.controller.move_to(pan, 0.0, 0.0, bench.now)
        assert refusal.value.code is code
    assert bench.controller.mode is Mode.TRACK


def test_the_aim_does_not_depend_on_the_image_rate() -> None:
    ends = []
    for every in (2, 3, 6):
        bench = Bench()
        for i in range(200):
            bench.cycle([target(0.3 + 0.2 * bench.now - 2.0, rate=0.2)] if i % every == 0 else None)
        ends.append(bench.pose[0] - (0.3 + 0.2 * bench.now - 2.0))
    assert max(map(abs, ends)) < math.radians(0.5)


def pattern(kind: Kind = Kind.PRESETS, loop: bool = False, pause_on_target: bool = False) -> PatternTask:
    return PatternTask(PatternOptions(
        kind, Area(0.0, 0.0, 0.3, 0.2), (Waypoint(0.3, 0.1), Waypoint(-0.2, -0.1)), 1.0, 0.1, loop, pause_on_target, 1))


@pytest.mark.parametrize('kind', list(Kind))
def test_a_pattern_completes_one_pass(kind: Kind) -> None:
    bench, task = Bench(), pattern(kind)
    bench.cycle()
    bench.controller.start(task, bench.now)
    assert bench.controller.mode is Mode.PATTERN
    for _ in range(4000):
        bench.cycle()
        if task.done:
            break
    assert (task.passes, task.error) == (1, None)


def test_a_pattern_ends_at_once_when_cancelled() -> None:
    bench, task = Bench(), pattern(loop=True)
    bench.cycle()
    bench.controller.start(task, bench.now)
    bench.run(0.3)
    bench.controller.cancel()
    assert bench.cycle().mode is CommandMode.STOP
    assert task.error is not None
    assert task.error.code is ReasonCode.CANCELLED


def test_a_pattern_pauses_on_a_target_and_continues() -> None:
    bench, task = Bench(), pattern(pause_on_target=True)
    bench.cycle()
    bench.controller.start(task, bench.now)
    bench.run(0.2)
    bench.run(0.8, [target(0.6, 0.3)])
    assert task.state.paused
    assert bench.pose[0] == pytest.approx(0.6, abs=0.01)
    step = task.state.step
    bench.run(1.5, [])
    assert not task.state.paused
    assert task.state.step >= step
    bench.run(4.0, [])
    assert task.passes == 1


def test_tuning_finds_a_gain_within_its_travel() -> None:
    bench, task = Bench(), AutoTune('tilt', 0.1)
    bench.cycle()
    bench.controller.start(task, bench.now)
    for _ in range(1500):
        bench.cycle()
        assert abs(bench.pose[1]) <= 0.1
        if task.done:
            break
    tuned = task.result()
    assert 1.0 < tuned.kp < tuned.ultimate_gain
    assert tuned.ultimate_period_s > 0.0

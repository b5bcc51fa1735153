# SPDX-License-Identifier: Apache-2.0
"""No request takes the head beyond its limits, and every unknown state ends at standstill."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import math
import types

import pytest
from gimbal_rig import NAN, Rig
from hypothesis import given, settings
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion
from turret_control.drivers.driver import AxisSample, Switch
from turret_control.gimbal.axis import AxisCondition, allowed_by_switches, axis_motion
from turret_control.gimbal.gimbal import Activity, Gimbal
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.motion import AxisLimits, Command, CommandMode
from turret_control.plant.plant import STEP_NS
from turret_control.plant_parameters import PlantAxis

LIMITS = AxisLimits(-1.0, 1.5, 2.0, 20.0)
ANY_FLOAT = st.one_of(st.floats(), st.sampled_from([0.0, NAN, math.inf, -math.inf, 1e300]), st.floats(-4.0, 4.0))


@pytest.fixture
def homed() -> Rig:
    rig = Rig()
    assert rig.home() is None
    return rig


# One command to one motion


@given(st.integers(-1, 4), ANY_FLOAT, ANY_FLOAT, st.floats(-1.2, 1.7))
def test_every_motion_is_within_the_limits_or_refused(mode: int, target: float, rate: float, position: float) -> None:
    try:
        motion = axis_motion(mode, 'pan', target, rate, position, LIMITS)
    except TurretError:
        return
    assert 0.0 <= motion.speed <= LIMITS.max_velocity
    assert motion.acceleration == LIMITS.max_acceleration
    assert motion.speed == 0.0 or LIMITS.lower <= motion.target <= LIMITS.upper


@pytest.mark.parametrize(('mode', 'target', 'rate', 'code'), [
    (CommandMode.VELOCITY, 0.0, NAN, ReasonCode.NOT_FINITE),
    (CommandMode.VELOCITY, 0.0, math.inf, ReasonCode.NOT_FINITE),
    (CommandMode.VELOCITY, 0.0, 2.001, ReasonCode.OUT_OF_RANGE),
    (CommandMode.VELOCITY, 0.0, -2.001, ReasonCode.OUT_OF_RANGE),
    (CommandMode.POSITION, NAN, 1.0, ReasonCode.NOT_FINITE),
    (CommandMode.POSITION, math.inf, 1.0, ReasonCode.NOT_FINITE),
    (CommandMode.POSITION, 1.501, 1.0, ReasonCode.SOFT_LIMIT),
    (CommandMode.POSITION, -1.001, 1.0, ReasonCode.SOFT_LIMIT),
    (CommandMode.POSITION, 0.0, -0.1, ReasonCode.OUT_OF_RANGE),
    (CommandMode.POSITION, 0.0, math.inf, ReasonCode.NOT_FINITE),
    (3, 0.0, 0.0, ReasonCode.UNKNOWN_NAME)])
def test_what_makes_no_sense_is_refused(mode: int, target: float, rate: float, code: ReasonCode) -> None:
    with pytest.raises(TurretError) as refusal:
        axis_motion(mode, 'pan', target, rate, 0.0, LIMITS)
    assert refusal.value.code is code


def test_what_each_mode_means() -> None:
    assert axis_motion(CommandMode.STOP, 'pan', NAN, NAN, 0.0, LIMITS).speed == 0.0
    assert axis_motion(CommandMode.VELOCITY, 'pan', NAN, 2.0, 0.0, LIMITS) == AxisMotion(1.5, 2.0, 20.0, True)
    assert axis_motion(CommandMode.VELOCITY, 'pan', NAN, -0.5, 0.0, LIMITS) == AxisMotion(-1.0, 0.5, 20.0, True)
    assert axis_motion(CommandMode.POSITION, 'pan', 0.7, 0.5, 0.0, LIMITS) == AxisMotion(0.7, 0.5, 20.0)
    assert axis_motion(CommandMode.POSITION, 'pan', 0.7, NAN, 0.0, LIMITS) == AxisMotion(0.7, 2.0, 20.0)


@pytest.mark.parametrize('position', [1.5, 1.6])
def test_at_or_beyond_a_soft_limit_only_the_way_back_is_open(position: float) -> None:
    assert axis_motion(CommandMode.VELOCITY, 'pan', NAN, 1.0, position, LIMITS).speed == 0.0
    assert axis_motion(CommandMode.VELOCITY, 'pan', NAN, -1.0, position, LIMITS).speed == 1.0


@pytest.mark.parametrize('switch', [Switch.PRESSED, Switch.UNREADABLE])
def test_a_switch_stops_only_what_leads_towards_it(switch: Switch) -> None:
    lower, upper = AxisSample(0.2, 0.0, lower=switch), AxisSample(0.2, 0.0, upper=switch)
    left, right = AxisMotion(1.0, 1.0, 1.0), AxisMotion(-1.0, 1.0, 1.0)
    assert allowed_by_switches(left, lower)
    assert not allowed_by_switches(right, lower)
    assert not allowed_by_switches(left, upper)
    assert allowed_by_switches(right, upper)
    assert allowed_by_switches(AxisMotion(-1.0, 0.0, 1.0), lower)


# Whole sequences, on a simulated head


COMMANDS = st.lists(st.tuples(
    st.integers(0, 3), ANY_FLOAT, ANY_FLOAT, ANY_FLOAT, ANY_FLOAT, st.integers(0, 40)), max_size=8)


@settings(max_examples=40, deadline=None)
@given(COMMANDS)
def test_no_sequence_of_commands_exceeds_a_limit(commands: list[tuple[int, float, float, float, float, int]]) -> None:
    rig = Rig(pan=PlantAxis(start=0.0), tilt=PlantAxis(lower_switch=-0.8, upper_switch=1.05, start=0.0))
    assert rig.home() is None
    plant, step = rig.plant, rig.plant.step
    seen: list[tuple[float, float, float, float]] = []

    def watched(now_ns: int) -> None:
        while plant.t_ns + STEP_NS <= now_ns:
            step(plant.t_ns + STEP_NS)
            pan, tilt = plant.read()[1:3]
            seen.append((pan.position, pan.rate, tilt.position, tilt.rate))

    plant.step = watched  # type: ignore[method-assign]
    for *command, ticks in commands:
        for _ in range(ticks):
            rig.ask(*command)  # type: ignore[arg-type]
    rig.run(0.5)
    pan, tilt = rig.view.pan, rig.view.tilt
    for axis, position, rate in ((pan, 0, 1), (tilt, 2, 3)):
        lower, upper, velocity, acceleration = axis.limits
        rates = [state[rate] for state in seen]
        assert all(lower - 1e-9 <= state[position] - axis.home <= upper + 1e-9 for state in seen)
        assert max(map(abs, rates)) <= velocity + 1e-9
        assert all(abs(b - a) <= acceleration * 1.001e-3 for a, b in itertools.pairwise(rates))
        assert rates[-1] == 0.0


def test_it_turns_as_asked(homed: Rig) -> None:
    homed.rotate(0.5, -0.2, seconds=0.5)
    assert (homed.pan.velocity, homed.view.tilt.velocity) == (pytest.approx(0.5), pytest.approx(-0.2))
    assert homed.view.activity is Activity.COMMAND
    assert (homed.pan.condition, homed.pan.moving) == (AxisCondition.MOVING, True)
    homed.ask(CommandMode.POSITION, 0.4, 0.3, seconds=1.5)
    assert (homed.pan.position, homed.view.tilt.position) == (pytest.approx(0.4), pytest.approx(0.3))
    assert homed.pan.condition is AxisCondition.HOLDING
    assert homed.plant.truth().pan == pytest.approx(0.4, abs=2e-3)


def test_a_command_lasts_200_ms(homed: Rig) -> None:
    homed.rotate(1.0, seconds=0.3)
    homed.run(0.192)
    assert homed.pan.velocity == pytest.approx(1.0)
    homed.run(0.12)
    assert homed.pan.velocity == 0.0
    assert homed.view.code is ReasonCode.COMMAND_STALE
    assert homed.view.command_age_s > 0.2
    assert homed.view.activity is Activity.NONE


@pytest.mark.parametrize('permit', [
    ReasonCode.PERMIT_MISSING, ReasonCode.PERMIT_STALE, ReasonCode.MOTION_NOT_PERMITTED])
def test_without_the_permit_it_stands_still_but_keeps_its_place(homed: Rig, permit: ReasonCode) -> None:
    homed.rotate(1.0, seconds=0.3)
    homed.permit = permit
    homed.rotate(1.0, seconds=0.2)
    assert homed.pan.velocity == 0.0
    assert homed.view.code is permit
    assert homed.pan.enabled
    assert homed.pan.homed
    homed.permit = ReasonCode.OK
    homed.rotate(1.0, seconds=0.2)
    assert homed.pan.velocity == pytest.approx(1.0)


@pytest.mark.parametrize(('command', 'code'), [
    ((CommandMode.VELOCITY, NAN, NAN, NAN, 0.0), ReasonCode.NOT_FINITE),
    ((CommandMode.VELOCITY, NAN, NAN, 0.0, 99.0), ReasonCode.OUT_OF_RANGE),
    ((CommandMode.POSITION, 3.0, 0.0, 1.0, 1.0), ReasonCode.SOFT_LIMIT),
    ((9, 0.0, 0.0, 0.0, 0.0), ReasonCode.UNKNOWN_NAME)])
def test_a_bad_command_stops_both_axes(
        homed: Rig, command: tuple[int, float, float, float, float], code: ReasonCode) -> None:
    homed.rotate(1.0, 0.5, seconds=0.3)
    homed.ask(*command, seconds=0.15)
    assert (homed.pan.velocity, homed.view.tilt.velocity) == (0.0, 0.0)
    assert homed.view.code is code
    assert homed.view.message


def test_it_brakes_for_the_soft_limit_and_says_so(homed: Rig) -> None:
    homed.rotate(3.0, seconds=1.5)
    assert homed.pan.position == pytest.approx(1.65, abs=1e-6)
    assert homed.pan.condition is AxisCondition.LIMIT
    assert homed.view.tilt.condition is AxisCondition.HOLDING
    assert homed.view.code is ReasonCode.SOFT_LIMIT
    homed.rotate(-1.0, seconds=0.2)
    assert homed.view.code is ReasonCode.OK
    assert homed.pan.condition is AxisCondition.MOVING


def test_start_switches_nothing_on() -> None:
    rig = Rig()
    rig.rotate(1.0, seconds=0.5)
    assert not rig.plant.enabled
    assert rig.view.code is ReasonCode.NOT_ENABLED
    assert rig.pan.condition is AxisCondition.DISABLED


def test_without_a_reference_no_command_is_obeyed() -> None:
    rig = Rig()
    rig.tick()
    rig.gimbal.set_enabled(True)
    rig.rotate(1.0, seconds=0.3)
    assert rig.plant.enabled
    assert rig.pan.velocity == 0.0
    assert rig.view.code is ReasonCode.NOT_HOMED
    assert math.isnan(rig.pan.position)


def tracebacks() -> int:
    """Return how many tracebacks are alive: each keeps the local variables of a call."""
    gc.collect()
    return sum(isinstance(thing, types.TracebackType) for thing in gc.get_objects())


@pytest.mark.parametrize('enabled', [False, True])
def test_a_head_that_refuses_commands_for_long_takes_no_more_memory(enabled: bool) -> None:
    rig = Rig()
    rig.tick()
    rig.gimbal.set_enabled(enabled)
    rig.rotate(1.0, seconds=0.3)
    before = tracebacks()
    rig.rotate(1.0, seconds=1.0)
    assert rig.view.code is (ReasonCode.NOT_HOMED if enabled else ReasonCode.NOT_ENABLED)
    assert tracebacks() <= before


@pytest.mark.parametrize('lost', [False, True])
def test_refused_requests_take_no_memory(lost: bool) -> None:
    rig = Rig()
    rig.tick()
    if lost:
        rig.gimbal.driver_lost(TurretError(ReasonCode.DRIVER_FAULT, 'unplugged'))

    def refused() -> None:
        with pytest.raises(TurretError):
            rig.gimbal.set_home()

    refused()
    before = tracebacks()
    for _ in range(20):
        refused()
    assert tracebacks() <= before


def test_switching_off_stops_and_loses_home(homed: Rig) -> None:
    homed.rotate(1.0, seconds=0.3)
    homed.gimbal.set_enabled(False)
    homed.rotate(1.0, seconds=0.1)
    assert not homed.plant.enabled
    assert homed.pan.velocity == 0.0
    assert (homed.pan.homed, homed.view.code) == (False, ReasonCode.NOT_ENABLED)
    homed.gimbal.set_enabled(True)
    homed.rotate(1.0, seconds=0.1)
    assert homed.view.code is ReasonCode.NOT_HOMED


def send(rig: Rig, epoch: int, seq: int, rate: float, age_ns: int = 0) -> None:
    """Send one command and let a tick pass."""
    made_ns = rig.now_ns - age_ns
    rig.gimbal.command(Command(CommandMode.VELOCITY, NAN, NAN, rate, 0.0, seq, epoch, made_ns), rig.now_ns)
    rig.tick()


def test_a_restarted_controller_is_obeyed_two_controllers_are_not(homed: Rig) -> None:
    for epoch in (10, 11):
        for seq in range(1, 20):
            send(homed, epoch, seq, 0.5)
    assert (homed.view.code, homed.pan.velocity) == (ReasonCode.OK, 0.5)
    for seq in range(20, 40):
        send(homed, 11, seq, 0.5)
        send(homed, 10, seq, -0.5)
    assert homed.view.code is ReasonCode.SECOND_PUBLISHER
    homed.run(0.5)
    assert homed.pan.velocity == 0.0


@pytest.mark.parametrize(('epoch', 'seq'), [(10, 19), (10, 1), (9, 100), (0, 0), (0, 10**6)])
def test_a_replayed_command_moves_nothing_and_is_a_reported_fault_for_a_second(
        homed: Rig, epoch: int, seq: int) -> None:
    homed.gimbal.command(Command(CommandMode.STOP, seq=19, epoch=10, monotonic_ns=homed.now_ns), homed.now_ns)
    send(homed, epoch, seq, 0.5)
    assert homed.view.code is ReasonCode.SECOND_PUBLISHER
    for later in range(1, 124):  # 0.984 s: those of the controller do not move it either
        send(homed, 10, 19 + later, 0.5)
        assert (homed.view.code, homed.pan.velocity) == (ReasonCode.SECOND_PUBLISHER, 0.0)
    for later in range(124, 140):
        send(homed, 10, 19 + later, 0.5)
    assert homed.view.code is ReasonCode.OK
    assert homed.pan.velocity > 0.1


def test_a_command_that_others_sent_stops_a_moving_head(homed: Rig) -> None:
    homed.rotate(0.5)
    homed.gimbal.observe_foreign_command(homed.now_ns)
    homed.rotate(0.5, seconds=0.9)
    assert (homed.view.code, homed.pan.velocity) == (ReasonCode.SECOND_PUBLISHER, 0.0)
    homed.rotate(0.5)
    assert (homed.view.code, homed.pan.velocity) == (ReasonCode.OK, 0.5)


@pytest.mark.parametrize('age_ns', [-1, -10**12, 200_000_001, 10**12])
def test_a_command_that_is_late_or_from_the_future_moves_nothing_and_displaces_none(homed: Rig, age_ns: int) -> None:
    for seq in range(1, 50):
        send(homed, 10, 1000 + seq, 0.5, age_ns)
        assert homed.pan.velocity == 0.0
    for seq in range(1, 50):
        send(homed, 10, seq, 0.3)
    assert (homed.view.code, homed.pan.velocity) == (ReasonCode.OK, pytest.approx(0.3))


def test_a_command_counts_from_when_it_was_made_not_from_its_arrival(homed: Rig) -> None:
    send(homed, 10, 1, 0.5, age_ns=150_000_000)
    assert homed.view.command_age_s == pytest.approx(0.158)
    for _ in range(5):
        homed.tick()
    assert homed.view.code is ReasonCode.OK
    for _ in range(2):
        homed.tick()
    assert homed.view.code is ReasonCode.COMMAND_STALE


def test_a_limit_switch_within_the_soft_limits_means_that_steps_were_lost(homed: Rig) -> None:
    homed.plant.push(0.3, 0.0)
    homed.rotate(1.0, seconds=2.5)
    assert homed.pan.velocity == 0.0
    assert homed.plant.truth().pan < 1.75 + 0.09
    assert not homed.pan.homed
    assert homed.view.tilt.homed
    assert homed.view.code is ReasonCode.LIMIT_SWITCH
    homed.rotate(-1.0, seconds=0.2)
    assert homed.pan.velocity == 0.0
    assert homed.home() is None
    assert homed.plant.truth().pan == pytest.approx(0.0, abs=2e-3)


def test_motors_that_lose_their_power_are_noticed(homed: Rig) -> None:
    homed.plant.enable(False)
    homed.run(0.05)
    assert not homed.pan.enabled
    assert not homed.pan.homed
    assert homed.view.code is ReasonCode.DRIVER_FAULT


def test_the_head_is_released_when_it_stands_still_too_long() -> None:
    rig = Rig(idle_release_s=5.0)
    assert rig.home() is None
    for _ in range(4):
        rig.rotate(0.1, seconds=1.0)
        rig.rotate(-0.1, seconds=1.0)
    assert rig.plant.enabled
    rig.rotate(0.0, seconds=4.5)
    assert 0.0 < rig.view.idle_release_s < 1.0
    assert rig.plant.enabled
    rig.rotate(0.0, seconds=1.0)
    assert not rig.plant.enabled
    assert not rig.pan.homed
    assert rig.view.code is ReasonCode.IDLE_RELEASED
    assert math.isnan(rig.view.idle_release_s)


def test_idle_release_can_be_switched_off() -> None:
    rig = Rig(idle_release_s=1.0)
    assert rig.home() is None
    rig.gimbal.parameters = dataclasses.replace(rig.gimbal.parameters, idle_release_s=0.0)
    assert math.isnan(rig.view.idle_release_s)
    rig.run(2.0)
    assert rig.plant.enabled


def test_set_home_moves_zero_and_keeps_the_physical_limits(homed: Rig) -> None:
    homed.ask(CommandMode.POSITION, 0.3, -0.1, seconds=1.0)
    before = homed.view
    changes = homed.gimbal.set_home()
    assert changes == {
        'pan.lower': pytest.approx(-1.95), 'pan.upper': pytest.approx(1.35), 'pan.reference_angle': pytest.approx(-0.3),
        'tilt.lower': pytest.approx(-0.6), 'tilt.upper': pytest.approx(1.05),
        'tilt.reference_angle': pytest.approx(0.1)}
    for old, new in zip(before[:2], homed.view[:2], strict=True):
        assert new.position == 0.0
        assert new.limits.upper + new.home == pytest.approx(old.limits.upper + old.home)
        assert new.limits.lower + new.home == pytest.approx(old.limits.lower + old.home)
    homed.ask(CommandMode.POSITION, 0.2, 0.0, seconds=1.0)
    assert homed.home() is None
    assert homed.plant.truth().pan == pytest.approx(0.3, abs=3e-3)
    assert homed.plant.truth().tilt == pytest.approx(-0.1, abs=3e-3)


def test_set_home_needs_a_head_that_stands_still_and_has_a_position(homed: Rig) -> None:
    homed.rotate(0.5, seconds=0.2)
    with pytest.raises(TurretError) as refusal:
        homed.gimbal.set_home()
    assert refusal.value.code is ReasonCode.BUSY
    homed.gimbal.set_enabled(False)
    homed.run(0.2)
    with pytest.raises(TurretError) as refusal:
        homed.gimbal.set_home()
    assert refusal.value.code is ReasonCode.NOT_ENABLED
    homed.gimbal.set_enabled(True)
    homed.run(0.2)
    with pytest.raises(TurretError) as refusal:
        homed.gimbal.set_home()
    assert refusal.value.code is ReasonCode.NOT_HOMED


def test_a_declared_home_needs_no_search() -> None:
    rig = Rig(pan=PlantAxis(start=0.4))
    axis = GimbalAxis(reference='declared')
    rig.gimbal.parameters = dataclasses.replace(rig.gimbal.parameters, pan=axis, tilt=axis)
    rig.tick()
    with pytest.raises(TurretError) as refusal:
        rig.gimbal.set_home()  # nothing holds the head
    assert refusal.value.code is ReasonCode.NOT_ENABLED
    rig.gimbal.set_enabled(True)
    rig.run(0.05)
    assert 'pan.reference_angle' not in rig.gimbal.set_home()
    assert (rig.pan.position, rig.view.tilt.position) == (0.0, 0.0)


def test_a_lost_driver_leaves_nothing_known(homed: Rig) -> None:
    homed.gimbal.driver_lost(TurretError(ReasonCode.DRIVER_FAULT, 'unplugged'))
    view = homed.view
    assert (view.code, view.message) == (ReasonCode.DRIVER_FAULT, 'unplugged')
    assert (view.pan.condition, view.pan.enabled, view.pan.homed) == (AxisCondition.FAULT, False, False)
    assert (view.pan.lower_switch, math.isnan(view.pan.velocity)) == (Switch.UNKNOWN, True)
    for request in (lambda: homed.gimbal.set_enabled(True), homed.gimbal.set_home):
        with pytest.raises(TurretError) as refusal:
            request()
        assert refusal.value.code is ReasonCode.DRIVER_FAULT


def test_before_the_driver_reports_nothing_is_known() -> None:
    gimbal = Gimbal(GimbalParameters())
    assert gimbal.view(0).pan.condition is AxisCondition.UNKNOWN
    with pytest.raises(TurretError) as refusal:
        gimbal.start_homing(lambda error: None)
    assert refusal.value.code is ReasonCode.NOT_READY


def test_an_unreadable_switch_is_a_fault_that_stops_the_way_towards_it(homed: Rig) -> None:
    homed.fault = lambda sample: sample._replace(pan=sample.pan._replace(upper=Switch.UNREADABLE))
    homed.rotate(1.0, seconds=0.1)
    assert homed.pan.velocity == 0.0
    assert homed.view.code is ReasonCode.SWITCH_UNREADABLE
    assert homed.pan.condition is AxisCondition.FAULT
    error = homed.home()
    assert error is not None
    assert error.code is ReasonCode.SWITCH_UNREADABLE


def test_home_on_start_waits_for_the_permit_and_tries_again_when_it_goes() -> None:
    rig = Rig(home_on_start=True)
    rig.permit = ReasonCode.PERMIT_MISSING
    rig.run(0.3)
    assert not rig.plant.enabled
    rig.permit = ReasonCode.OK
    rig.run(0.2)
    assert rig.view.activity is Activity.HOMING
    rig.permit = ReasonCode.PERMIT_STALE
    rig.run(0.3)
    assert (rig.view.activity, rig.pan.velocity) == (Activity.NONE, 0.0)
    rig.permit = ReasonCode.OK
    rig.run(3.0, until=lambda: rig.pan.homed and rig.view.activity is Activity.NONE)
    rig.gimbal.set_enabled(False)
    rig.run(0.5)
    assert not rig.plant.enabled


@pytest.mark.parametrize('begun', [False, True])
def test_after_a_stop_the_head_is_homed_only_when_that_is_asked_for(begun: bool) -> None:
    rig = Rig(home_on_start=True)
    if begun:
        rig.run(0.2)
        assert rig.view.activity is Activity.HOMING
    rig.permit, rig.stopped = ReasonCode.MOTION_NOT_PERMITTED, True
    rig.run(0.5)
    rig.permit, rig.stopped = ReasonCode.OK, False  # reset
    rig.run(1.0)
    assert (rig.view.activity, rig.pan.velocity, rig.pan.homed) == (Activity.NONE, 0.0, False)
    assert (rig.view.code, 'home the head' in rig.view.message) == (ReasonCode.NOT_HOMED, True)
    assert rig.home() is None
    assert rig.pan.homed


def test_after_a_driver_fault_the_head_is_homed_only_when_that_is_asked_for() -> None:
    rig = Rig(home_on_start=True)
    rig.run(3.0, until=lambda: rig.pan.homed and rig.view.activity is Activity.NONE)
    lost = TurretError(ReasonCode.DRIVER_FAULT, 'unplugged')
    rig.gimbal.driver_lost(lost)
    rig.gimbal.driver_lost(lost)
    rig.run(1.0)
    assert (rig.view.activity, rig.pan.homed, rig.plant.enabled) == (Activity.NONE, False, False)


def test_a_driver_that_is_absent_at_first_still_homes_on_start() -> None:
    rig = Rig(home_on_start=True)
    rig.gimbal.driver_lost(TurretError(ReasonCode.DRIVER_FAULT, 'not there yet'))
    rig.run(3.0, until=lambda: rig.pan.homed)


@pytest.mark.parametrize('reference', ['flag', 'declared', 'absolute'])
def test_the_emergency_stop_switches_the_motors_off_and_loses_home(reference: str) -> None:
    rig = Rig()
    switches = reference != 'absolute'
    rig.gimbal.parameters = dataclasses.replace(
        rig.gimbal.parameters, pan=GimbalAxis(reference=reference, limit_switches=switches),
        tilt=GimbalAxis(reference=reference, limit_switches=switches))
    assert rig.home() is None
    homes = rig.view.home_count
    rig.estop = rig.stopped = True
    rig.permit = ReasonCode.MOTION_NOT_PERMITTED
    rig.run(0.1)
    assert not rig.plant.enabled
    assert not rig.pan.homed
    with pytest.raises(TurretError) as refusal:
        rig.gimbal.set_enabled(True)
    assert refusal.value.code is ReasonCode.ESTOP_PRESSED
    rig.plant.push(0.6, 0.1)
    rig.estop = rig.stopped = False  # released and reset
    rig.permit = ReasonCode.OK
    rig.rotate(0.5, seconds=0.5)
    assert not rig.plant.enabled
    assert math.isnan(rig.pan.position)
    assert rig.view.code is ReasonCode.ESTOP_PRESSED
    rig.gimbal.set_enabled(True)
    rig.rotate(0.5, seconds=0.5)
    assert (rig.pan.homed, rig.pan.velocity) == (False, 0.0)
    assert rig.home() is None
    assert rig.view.home_count == homes + 1


@pytest.mark.parametrize('reference', ['flag', 'declared', 'absolute'])
def test_released_motors_have_no_home_whatever_the_reference(reference: str) -> None:
    rig = Rig(idle_release_s=1.0)
    switches = reference != 'absolute'
    rig.gimbal.parameters = dataclasses.replace(
        rig.gimbal.parameters, pan=GimbalAxis(reference=reference, limit_switches=switches),
        tilt=GimbalAxis(reference=reference, limit_switches=switches))
    assert rig.home() is None
    rig.run(1.5)
    assert not rig.plant.enabled
    assert (rig.pan.homed, rig.pan.enabled) == (False, False)


def test_home_waits_until_the_positions_are_known() -> None:
    rig = Rig()
    rig.fault = lambda sample: sample._replace(known=False)
    ends: list[TurretError | None] = []
    rig.tick()
    rig.gimbal.start_homing(ends.append)
    rig.run(0.5)
    assert rig.gimbal.feedback is not None
    assert rig.gimbal.feedback.phase == 'power_up'
    assert (rig.pan.velocity, ends) == (0.0, [])
    rig.fault = lambda sample: sample
    rig.run(10.0, until=lambda: ends == [None])


def test_motors_that_were_switched_off_do_not_home_by_themselves() -> None:
    rig = Rig(home_on_start=True)
    rig.permit = ReasonCode.PERMIT_MISSING
    rig.run(0.1)
    rig.gimbal.set_enabled(False)
    rig.permit = ReasonCode.OK
    rig.run(0.3)
    assert not rig.plant.enabled


def test_soft_limits_that_leave_no_room_are_refused() -> None:
    with pytest.raises(ValueError, match='lower must be below upper'):
        GimbalAxis(lower=0.0, upper=0.0)
    with pytest.raises(ValueError, match='needs limit_switches'):
        GimbalAxis(reference='lower_switch', limit_switches=False)

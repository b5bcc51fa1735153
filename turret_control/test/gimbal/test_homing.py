# SPDX-License-Identifier: Apache-2.0
"""Homing ends at true zero from wherever it starts; calibration finds both ends; failures change nothing."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from gimbal_rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.axis_parameters import GimbalAxis
from turret_control.drivers.driver import Switch
from turret_control.gimbal.axis import AxisCondition
from turret_control.gimbal.gimbal import Activity
from turret_control.motion import CommandMode
from turret_control.plant.plant import Hidden
from turret_control.plant_parameters import PlantAxis

LOWER, UPPER = -0.6, 0.9
ANGLES = {'flag': 0.0, 'lower_switch': LOWER, 'upper_switch': UPPER}
#: Counting starts anywhere, the switch is seen up to 8 ms late at 0.1 rad/s, and the head lags.
REPEATS = 2e-3


def make(reference: str, start: float, hidden: Hidden | None = None, **axis: object) -> Rig:
    plant = PlantAxis(lower_switch=LOWER, upper_switch=UPPER, start=start)
    config = GimbalAxis(
        lower=LOWER + 0.1, upper=UPPER - 0.1, reference=reference, reference_angle=ANGLES.get(reference, 0.0),
        **axis)  # type: ignore[arg-type]
    rig = Rig(pan=plant, hidden=hidden)
    rig.gimbal.parameters = dataclasses.replace(rig.gimbal.parameters, pan=config)
    return rig


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(ANGLES)),
    st.one_of(st.floats(LOWER + 1e-6, UPPER - 1e-6), st.sampled_from([LOWER + 1e-6, UPPER - 1e-6, 0.0, -1e-6])),
    st.floats(0.0, 0.004))
def test_it_ends_at_true_zero_from_anywhere(reference: str, start: float, backlash: float) -> None:
    rig = make(reference, start, Hidden(backlash=backlash))
    assert rig.home() is None
    assert rig.plant.truth().pan == pytest.approx(0.0, abs=REPEATS + backlash)
    assert rig.pan.position == pytest.approx(0.0, abs=5e-4)
    assert rig.pan.homed
    assert not rig.pan.calibrated
    assert rig.view.activity is Activity.NONE


@pytest.mark.parametrize('reference', sorted(ANGLES))
@pytest.mark.parametrize('start', [LOWER, UPPER])
def test_it_starts_on_a_pressed_switch(reference: str, start: float) -> None:
    rig = make(reference, 0.0)
    rig.plant.push(1.001 * start, 0.0)
    assert rig.home() is None
    assert rig.plant.truth().pan == pytest.approx(0.0, abs=REPEATS)


def test_a_newcomer_waits_less_than_a_second() -> None:
    rig = Rig()
    assert rig.home() is None
    assert rig.now_ns < 1_000_000_000


def test_homing_reports_where_it_is() -> None:
    rig, seen = make('lower_switch', 0.3), []
    rig.tick()
    rig.gimbal.start_homing(lambda error: None)
    while rig.view.activity is Activity.HOMING:
        rig.tick()
        if rig.gimbal.feedback is not None:
            seen.append(rig.gimbal.feedback)
            assert rig.pan.condition is AxisCondition.HOMING
    phases = list(dict.fromkeys(feedback.phase for feedback in seen))
    assert phases == ['power_up', 'seek', 'back_off', 'approach', 'center']
    assert all(a.progress <= b.progress for a, b in itertools.pairwise(seen))
    assert rig.gimbal.feedback is None


@pytest.mark.parametrize('reference', [*ANGLES, 'declared'])
def test_calibration_finds_both_ends_whatever_the_reference(reference: str) -> None:
    rig = make(reference, 0.1)
    rig.gimbal.parameters = dataclasses.replace(
        rig.gimbal.parameters, pan=dataclasses.replace(rig.gimbal.parameters.pan, lower=-3.0, upper=3.0))
    assert rig.home(calibrate=True) is None
    middle = 0.5 * (LOWER + UPPER) if reference == 'declared' else 0.0
    assert rig.plant.truth().pan == pytest.approx(middle, abs=REPEATS)
    assert rig.pan.limits.lower == pytest.approx(LOWER + 0.05 - middle, abs=REPEATS)
    assert rig.pan.limits.upper == pytest.approx(UPPER - 0.05 - middle, abs=REPEATS)
    assert rig.pan.calibrated
    rig.rotate(1.0, seconds=2.0)
    assert rig.view.code is ReasonCode.SOFT_LIMIT
    assert rig.plant.truth().pan == pytest.approx(UPPER - 0.05, abs=2.0 * REPEATS)


def test_calibration_never_widens_the_configured_limits() -> None:
    rig = make('flag', 0.1)
    assert rig.home(calibrate=True) is None
    assert (rig.pan.limits.lower, rig.pan.limits.upper) == (LOWER + 0.1, UPPER - 0.1)


def test_calibration_is_of_this_power_up() -> None:
    rig = make('flag', 0.1)
    assert rig.home(calibrate=True) is None
    rig.gimbal.driver_lost(TurretError(ReasonCode.DRIVER_FAULT, 'unplugged'))
    assert not rig.pan.calibrated


def test_a_declared_home_that_is_lost_takes_the_calibration_with_it() -> None:
    rig = make('declared', 0.1)
    assert rig.home(calibrate=True) is None
    rig.gimbal.set_enabled(False)
    rig.run(0.1)
    assert not rig.pan.calibrated
    rig.plant.push(0.4, 0.0)
    assert rig.home() is None
    assert (rig.pan.limits.lower, rig.pan.limits.upper) == (LOWER + 0.1, UPPER - 0.1)


def test_home_by_a_switch_keeps_the_calibration() -> None:
    rig = make('lower_switch', 0.1)
    assert rig.home(calibrate=True) is None
    rig.gimbal.set_enabled(False)
    rig.run(0.1)
    rig.plant.push(0.4, 0.0)
    assert rig.home() is None
    assert rig.pan.calibrated


def test_a_home_declared_again_leaves_the_ends_where_they_are() -> None:
    rig = make('declared', 0.1)
    rig.gimbal.parameters = dataclasses.replace(
        rig.gimbal.parameters, pan=dataclasses.replace(rig.gimbal.parameters.pan, lower=-3.0, upper=3.0))
    assert rig.home(calibrate=True) is None
    middle = 0.5 * (LOWER + UPPER)
    rig.ask(CommandMode.POSITION, 0.3, 0.0, seconds=2.0)
    assert rig.home() is None
    assert rig.plant.truth().pan == pytest.approx(middle + 0.3, abs=REPEATS)
    assert rig.pan.limits.upper == pytest.approx(UPPER - 0.05 - middle - 0.3, abs=REPEATS)
    assert rig.pan.limits.lower == pytest.approx(LOWER + 0.05 - middle - 0.3, abs=REPEATS)


@pytest.mark.parametrize('start', [LOWER, UPPER])
@pytest.mark.parametrize('reference', [*ANGLES, 'declared'])
def test_calibration_starts_on_a_pressed_switch_and_may_be_cancelled_there(reference: str, start: float) -> None:
    rig = make(reference, 0.0)
    rig.plant.push(1.001 * start, 0.0)
    ends: list[TurretError | None] = []
    rig.tick()
    rig.gimbal.start_calibration(ends.append)
    rig.run(0.05)
    rig.gimbal.cancel()
    rig.run(0.2)
    assert [error.code for error in ends if error] == [ReasonCode.CANCELLED]
    assert (rig.pan.velocity, rig.pan.calibrated) == (0.0, False)
    assert rig.home(calibrate=True) is None
    assert rig.pan.calibrated


def test_calibration_needs_switches() -> None:
    rig = make('flag', 0.1, limit_switches=False)
    error = rig.home(calibrate=True)
    assert error is not None
    assert error.code is ReasonCode.NOT_SUPPORTED


def test_a_home_outside_the_switches_fails_the_calibration() -> None:
    rig = make('lower_switch', 0.1)
    rig.gimbal.parameters = dataclasses.replace(
        rig.gimbal.parameters, pan=dataclasses.replace(rig.gimbal.parameters.pan, reference_angle=0.02))
    error = rig.home(calibrate=True)
    assert error is not None
    assert error.code is ReasonCode.CALIBRATION_FAILED
    assert not rig.pan.calibrated
    assert not rig.pan.homed


@pytest.mark.parametrize(('calibrate', 'code'), [
    (False, ReasonCode.HOMING_FAILED), (True, ReasonCode.CALIBRATION_FAILED)])
@pytest.mark.parametrize('stuck', [Switch.OPEN, Switch.PRESSED])
def test_a_stuck_switch_fails_and_the_old_data_hold(calibrate: bool, code: ReasonCode, stuck: Switch) -> None:
    rig = make('upper_switch', 0.1, search_range=2.0)
    assert rig.home(calibrate=True) is None
    before = rig.pan
    rig.fault = lambda sample: sample._replace(pan=sample.pan._replace(upper=stuck))
    error = rig.home(calibrate)
    assert error is not None
    assert error.code is code
    rig.run(0.2)
    assert rig.pan.velocity == 0.0
    assert (rig.pan.home, rig.pan.limits, rig.pan.calibrated) == (before.home, before.limits, True)


@pytest.mark.parametrize('reference', ['flag', 'lower_switch'])
def test_a_switch_that_is_not_fitted_cannot_be_found(reference: str) -> None:
    rig = make(reference, 0.1)
    rig.fault = lambda sample: sample._replace(pan=sample.pan._replace(lower=Switch.NONE, home=Switch.NONE))
    rig.run(0.02)
    error = rig.home()
    assert error is not None
    assert error.code is ReasonCode.HOMING_FAILED
    assert rig.view.code is ReasonCode.HOMING_FAILED


def test_an_end_before_the_flag_fails() -> None:
    rig = make('flag', -0.3)
    rig.fault = lambda sample: sample._replace(pan=sample.pan._replace(home=Switch.OPEN))
    error = rig.home()
    assert error is not None
    assert error.code is ReasonCode.HOMING_FAILED
    assert rig.plant.truth().pan < UPPER + 0.09


def test_an_absolute_driver_is_at_home_where_its_zero_is() -> None:
    rig = make('absolute', 0.1)
    counted = rig.plant.read().pan.position - rig.plant.truth().pan
    rig.gimbal.parameters = dataclasses.replace(
        rig.gimbal.parameters, pan=dataclasses.replace(rig.gimbal.parameters.pan, reference_angle=-counted))
    assert rig.home() is None
    assert rig.plant.truth().pan == pytest.approx(0.0, abs=1e-3)
    rig.gimbal.set_enabled(False)
    assert not rig.pan.homed


def test_a_procedure_can_be_cancelled_and_the_axes_stand() -> None:
    rig = make('lower_switch', 0.5)
    ends: list[TurretError | None] = []
    rig.tick()
    rig.gimbal.start_homing(ends.append)
    rig.run(0.3)
    assert abs(rig.pan.velocity) > 0.5
    with pytest.raises(TurretError) as refusal:
        rig.gimbal.start_calibration(ends.append)
    assert refusal.value.code is ReasonCode.BUSY
    rig.gimbal.cancel()
    rig.run(0.2)
    assert [error.code for error in ends if error] == [ReasonCode.CANCELLED]
    assert (rig.pan.velocity, rig.view.activity, rig.pan.homed) == (0.0, Activity.NONE, False)
    assert rig.view.code is ReasonCode.NOT_HOMED


@pytest.mark.parametrize('permit', [ReasonCode.PERMIT_STALE, ReasonCode.MOTION_NOT_PERMITTED])
def test_a_procedure_ends_with_the_permit(permit: ReasonCode) -> None:
    rig = make('lower_switch', 0.5)
    ends: list[TurretError | None] = []
    rig.tick()
    rig.gimbal.start_homing(ends.append)
    rig.run(0.3)
    rig.permit = permit
    rig.run(0.2)
    assert [error.code for error in ends if error] == [permit]
    assert rig.pan.velocity == 0.0
    with pytest.raises(TurretError) as refusal:
        rig.gimbal.start_homing(ends.append)
    assert refusal.value.code is permit


def test_switching_off_ends_a_procedure() -> None:
    rig = make('lower_switch', 0.5)
    ends: list[TurretError | None] = []
    rig.tick()
    rig.gimbal.start_homing(ends.append)
    rig.run(0.3)
    rig.gimbal.set_enabled(False)
    rig.run(0.1)
    assert [error.code for error in ends if error] == [ReasonCode.NOT_ENABLED]
    assert not rig.plant.enabled


def test_a_procedure_has_a_deadline() -> None:
    rig = make('lower_switch', 0.5, homing_velocity=0.01)
    rig.gimbal.parameters = dataclasses.replace(rig.gimbal.parameters, search_timeout_s=2.0)
    error = rig.home()
    assert error is not None
    assert error.code is ReasonCode.TIMED_OUT
    assert rig.now_ns < 2_100_000_000


def test_commands_wait_while_a_procedure_runs_and_old_ones_do_not_act_after_it() -> None:
    rig = make('flag', 0.3)
    ends: list[TurretError | None] = []
    rig.tick()
    rig.gimbal.start_homing(ends.append)
    while not rig.pan.homed:
        rig.ask(CommandMode.POSITION, 0.5, 0.3)
    rig.run(0.5, until=lambda: bool(ends))
    assert ends == [None]
    for _ in range(10):
        rig.tick()
        assert rig.pan.position == pytest.approx(0.0, abs=5e-4)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from safety_bench import (
    AIM,
    CAMERA,
    GIMBAL,
    MS,
    PARAMETERS,
    ZONE,
    Bench,
    emission_withheld,
    hardware_bench,
    live_bench,
)

from turret_common.errors import TurretError
from turret_common.geometry import Bearing
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_control.safety.interlocks import Estop, LaserReport, SafetyCore
from turret_control.safety.lease import OperatorLease
from turret_control.safety.zones import version_of

CONTROLLER = '/turret/controller'


def test_with_everything_in_order_everything_is_permitted() -> None:
    verdict = Bench().core.decide(10**12 + 20 * MS)
    assert verdict == (True, True, ())


def test_before_any_report_nothing_is_permitted() -> None:
    core = SafetyCore(PARAMETERS, OperatorLease('secret'))
    laser_ok, motion_ok, reasons = core.decide(10**12)
    assert not laser_ok
    assert not motion_ok
    assert set(reasons) == {
        ReasonCode.NOT_READY, ReasonCode.DRIVER_SILENT, ReasonCode.NO_OPERATOR, ReasonCode.NOT_HOMED,
        ReasonCode.NO_POSE}


def test_the_very_first_pose_may_be_unknown() -> None:
    core = SafetyCore(PARAMETERS, OperatorLease('secret'))
    core.observe_pose(Pose(math.nan, 0.0), 0.001, 10**12)
    assert ReasonCode.NO_POSE in core.decide(10**12).reasons


def test_automatic_fire_is_off_at_the_start() -> None:
    core = SafetyCore(PARAMETERS, OperatorLease('secret'))
    assert core.auto_fire is False
    assert core.not_now == ''


def test_the_states_of_the_emergency_stop_are_those_of_the_message() -> None:
    assert [estop.value for estop in Estop] == [0, 1, 2, 3, 4]


# What withholds motion, and with it emission


def motion_withheld(bench: Bench, reason: ReasonCode) -> bool:
    laser_ok, motion_ok, reasons = bench.core.decide(bench.now)
    return not laser_ok and not motion_ok and reasons[0] is reason


@pytest.mark.parametrize(('estop', 'reason'), [
    (Estop.PRESSED, ReasonCode.ESTOP_PRESSED), (Estop.UNREADABLE, ReasonCode.ESTOP_UNREADABLE),
    (Estop.UNKNOWN, ReasonCode.NOT_READY)])
def test_the_emergency_stop_withholds_everything(estop: Estop, reason: ReasonCode) -> None:
    bench = Bench()
    bench.core.estop = estop
    assert motion_withheld(bench, reason)


def test_a_turret_without_an_emergency_stop_input_runs() -> None:
    bench = Bench(estop_driver='none')
    bench.core.estop = Estop.NONE
    assert bench.reasons() == []
    assert SafetyCore(replace(PARAMETERS, estop_driver='none'), OperatorLease('s')).estop is Estop.NONE


@pytest.mark.parametrize('driver', ['gimbal', 'laser'])
def test_a_driver_is_silent_after_half_a_second(driver: str) -> None:
    bench = Bench().wait(499, but=driver)
    assert bench.reasons() == []
    bench.wait(1, but=driver)
    assert motion_withheld(bench, ReasonCode.DRIVER_SILENT)


def test_a_stop_is_latched_until_the_operator_resets_it() -> None:
    bench = Bench()
    bench.core.stop('smoke\x1b')
    assert motion_withheld(bench, ReasonCode.SOFTWARE_STOP)
    assert bench.core.stop_reason == 'smoke'
    assert motion_withheld(bench.wait(5000), ReasonCode.SOFTWARE_STOP)
    assert bench.refusal(bench.core.reset, 'wrong', 1) is ReasonCode.WRONG_LEASE
    assert motion_withheld(bench, ReasonCode.SOFTWARE_STOP)
    bench.core.reset(bench.lease_id, bench.core.record.stops)
    assert bench.reasons() == []


def test_a_stop_that_is_cleared_at_once_holds_for_a_second_so_that_lost_permits_do_not_hide_it() -> None:
    bench = Bench()
    bench.core.stop('smoke')
    bench.core.reset(bench.lease_id, bench.core.record.stops)
    assert bench.core.stop_reason is None
    assert motion_withheld(bench, ReasonCode.SOFTWARE_STOP)
    assert motion_withheld(bench.wait(999), ReasonCode.SOFTWARE_STOP)
    assert bench.wait(1).reasons() == []


def test_a_stop_needs_no_reason_and_keeps_a_short_one() -> None:
    bench = Bench()
    bench.core.stop('')
    assert bench.core.stop_reason == 'no reason given'
    assert motion_withheld(bench, ReasonCode.SOFTWARE_STOP)
    bench.core.stop(1000 * 'x')
    assert bench.core.stop_reason == 200 * 'x'


def test_a_stop_from_before_a_restart_still_holds() -> None:
    assert motion_withheld(Bench(stop_reason='smoke'), ReasonCode.SOFTWARE_STOP)


# What withholds emission alone


def test_the_operator_must_be_there() -> None:
    bench = Bench().wait(300, but='heartbeat')
    assert emission_withheld(bench, ReasonCode.HEARTBEAT_LOST)
    bench.wait(700, but='heartbeat')
    assert emission_withheld(bench, ReasonCode.HEARTBEAT_LOST, ReasonCode.NO_OPERATOR)
    bench.wait(9000, but='heartbeat')
    assert emission_withheld(bench, ReasonCode.NO_OPERATOR)
    assert bench.core.lease.name == ''


def test_the_gimbal_must_be_homed() -> None:
    bench = Bench()
    bench.reports['gimbal'] = GIMBAL._replace(homed=False)
    assert emission_withheld(bench.wait(), ReasonCode.NOT_HOMED)


@pytest.mark.parametrize('pose', [Pose(math.nan, 0.0), Pose(0.0, math.inf), Pose(0.0, 0.0, math.nan)])
def test_the_pose_must_be_known(pose: Pose) -> None:
    bench = Bench()
    bench.reports['pose'] = pose
    assert emission_withheld(bench.wait(), ReasonCode.NO_POSE)


def test_a_pose_of_no_known_age_is_none() -> None:
    bench = Bench()
    bench.core.observe_pose(Pose(0.0, 0.0), math.nan, bench.now)
    assert emission_withheld(bench, ReasonCode.NO_POSE)


def test_the_pose_must_be_fresh() -> None:
    bench = Bench().wait(148, but='pose')
    assert bench.reasons() == []
    assert emission_withheld(bench.wait(2, but='pose'), ReasonCode.NO_POSE)


def test_a_pose_is_as_old_as_its_stamp_and_never_from_the_future() -> None:
    bench = Bench()
    bench.core.observe_pose(Pose(0.0, 0.0), 0.151, bench.now)
    assert emission_withheld(bench, ReasonCode.NO_POSE)
    bench.core.observe_pose(Pose(0.0, 0.0), -0.01, bench.now)
    assert bench.reasons() == []
    bench.core.observe_pose(Pose(0.0, 0.0), -0.02, bench.now)
    assert emission_withheld(bench, ReasonCode.NO_POSE)


def test_an_unknown_pose_is_not_clear_of_zones() -> None:
    bench = Bench([ZONE]).wait(150, but='pose')
    assert emission_withheld(bench, ReasonCode.NO_POSE, ReasonCode.NO_FIRE_ZONE)


@pytest.mark.parametrize(('pan', 'fires'), [(0.45, True), (0.47, False)])
def test_zones_withhold_with_the_margin(pan: float, fires: bool) -> None:
    bench = Bench([ZONE])
    bench.reports['pose'] = Pose(pan, 0.0)
    assert (bench.wait().reasons() == []) is fires
    assert fires or emission_withheld(bench, ReasonCode.NO_FIRE_ZONE)


@pytest.mark.parametrize('pan', [0.42, 0.44])
def test_the_margin_is_doubled_where_the_position_is_not_measured(pan: float) -> None:
    bench = Bench([ZONE])
    bench.reports['gimbal'] = GIMBAL._replace(measured=False)
    bench.reports['pose'] = Pose(pan, 0.0)
    assert (bench.wait().reasons() == []) is (pan < 0.43)


def test_zones_withhold_for_the_distance_to_a_stop() -> None:
    bench = Bench([ZONE])
    bench.reports['pose'] = Pose(0.3, 0.0, 1.0, 0.0)  # 0.15 s at 1 rad/s, and 1 / (2 * 10) rad more
    assert emission_withheld(bench.wait(), ReasonCode.NO_FIRE_ZONE)
    bench.reports['pose'] = Pose(0.25, 0.0, 1.0, 0.0)
    assert bench.wait().reasons() == []
    bench.reports['gimbal'] = GIMBAL._replace(decelerations=(2.0, 10.0))
    assert emission_withheld(bench.wait(), ReasonCode.NO_FIRE_ZONE)


def test_zones_withhold_in_tilt_too() -> None:
    bench = Bench([ZONE])
    bench.reports['pose'] = Pose(0.75, 0.4, 0.0, -1.0)
    assert emission_withheld(bench.wait(), ReasonCode.NO_FIRE_ZONE)
    bench.reports['pose'] = Pose(0.75, 0.46, 0.0, -1.0)
    assert bench.wait().reasons() == []


def test_vision_must_be_fresh_while_firing_automatically() -> None:
    bench = Bench().wait(1000, but='tracks')
    assert bench.reasons() == []
    bench.auto_fire()
    assert emission_withheld(bench, ReasonCode.VISION_STALE)
    bench.wait()
    assert bench.reasons() == []
    bench.wait(190, but='tracks')
    assert bench.reasons() == []
    assert emission_withheld(bench.wait(10, but='tracks'), ReasonCode.VISION_STALE)


@pytest.mark.parametrize('age_s', [-0.02, 0.51])
def test_tracks_from_the_future_or_long_ago_are_refused(age_s: float) -> None:
    bench = Bench().auto_fire()
    bench.reports['tracks'] = age_s
    assert emission_withheld(bench.wait(300), ReasonCode.VISION_STALE)


def test_clocks_that_are_read_one_after_the_other_make_no_future() -> None:
    bench = Bench().auto_fire()
    bench.reports['tracks'] = -0.01
    assert bench.wait(300).reasons() == []
    bench.aim_at().core.request_fire(1, 'cat', -0.01, 0.0, bench.now)


def test_a_step_of_the_wall_clock_withholds_for_a_second() -> None:
    bench = Bench()
    bench.clock_offset += 50 * MS
    assert bench.wait().reasons() == []
    for step in (-51 * MS, 51 * MS):
        bench.clock_offset += step
        assert emission_withheld(bench.wait(), ReasonCode.CLOCK_JUMPED)
        assert emission_withheld(bench.wait(980), ReasonCode.CLOCK_JUMPED)
        assert bench.wait().reasons() == []


def test_a_foreign_permit_withholds_for_a_second() -> None:
    bench = Bench()
    bench.core.observe_foreign_message(bench.now)
    assert emission_withheld(bench.wait(999), ReasonCode.SECOND_PUBLISHER)
    assert bench.wait(1).reasons() == []


def test_a_stranger_who_publishes_is_seen_at_once_and_a_namesake_after_a_while() -> None:
    bench = Bench()
    bench.core.observe_publishers({'joint_states': ['/turret/gimbal'], 'gimbal/command': []}, CONTROLLER, bench.now)
    assert bench.reasons() == []
    bench.core.observe_publishers({'joint_states': ['/turret/gimbal', '/x']}, CONTROLLER, bench.now)
    assert emission_withheld(bench, ReasonCode.SECOND_PUBLISHER)
    twice = {'joint_states': ['/turret/gimbal', '/turret/gimbal']}
    bench.core.observe_publishers(twice, CONTROLLER, bench.now)
    assert bench.reasons() == []
    bench.wait(24_980)
    bench.core.observe_publishers(twice, CONTROLLER, bench.now)
    assert bench.reasons() == []
    assert emission_withheld(bench.wait(20), ReasonCode.SECOND_PUBLISHER)
    bench.core.observe_publishers({'joint_states': ['/turret/gimbal']}, CONTROLLER, bench.now)
    assert bench.reasons() == []


@pytest.mark.parametrize('names', [['/turret/rival'], ['/other/controller'], [CONTROLLER, '/turret/rival'], ['']])
def test_motion_commands_of_another_node_than_the_controller_withdraw_everything(names: list[str]) -> None:
    bench = Bench()
    bench.core.observe_publishers({'gimbal/command': [CONTROLLER]}, CONTROLLER, bench.now)
    assert bench.reasons() == []
    bench.core.observe_publishers({'gimbal/command': names}, CONTROLLER, bench.now)
    assert motion_withheld(bench, ReasonCode.SECOND_PUBLISHER)
    assert bench.reasons() == [ReasonCode.SECOND_PUBLISHER]
    bench.core.observe_publishers({'gimbal/command': []}, CONTROLLER, bench.now)
    assert bench.reasons() == []


# A real laser


def test_a_real_laser_needs_a_confirmed_region() -> None:
    bench = hardware_bench()
    assert emission_withheld(bench, ReasonCode.REGION_NOT_CONFIRMED)
    bench.core.confirm_region(bench.lease_id, bench.now)
    assert bench.core.region_confirmed
    assert bench.reasons() == []


@pytest.mark.parametrize('changes', [
    {'gimbal': GIMBAL}, {'camera': CAMERA}])
def test_a_real_laser_with_a_simulated_part_does_not_fire(changes: dict[str, Any]) -> None:
    bench = live_bench()
    bench.reports.update(changes)
    assert emission_withheld(bench.wait(), ReasonCode.BACKEND_MIXED)


@pytest.mark.parametrize('estop_driver', ['sim', 'none'])
def test_a_real_laser_needs_a_real_emergency_stop(estop_driver: str) -> None:
    bench = Bench(estop_driver=estop_driver, exclusion='never')
    bench.reports.update(
        gimbal=GIMBAL._replace(hardware=True), laser=LaserReport(True, False), camera=CAMERA._replace(hardware=True))
    bench.wait().core.confirm_region(bench.lease_id, bench.now)
    assert emission_withheld(bench, ReasonCode.BACKEND_MIXED)


def test_a_real_laser_needs_a_camera_that_reports() -> None:
    bench = live_bench().wait(2999, but='camera')
    assert bench.reasons() == []
    assert emission_withheld(bench.wait(1, but='camera'), ReasonCode.BACKEND_MIXED)


def test_a_camera_that_never_reported_does_not_vouch_for_a_real_laser() -> None:
    bench = Bench(estop_driver='gpio')
    del bench.reports['camera']
    bench.core = SafetyCore(replace(PARAMETERS, estop_driver='gpio', exclusion='never'), OperatorLease('secret'))
    bench.core.estop = Estop.RELEASED
    bench.lease_id, bench.nonce = bench.core.acquire('secret', 'Ada', False, bench.now)
    bench.reports.update(gimbal=GIMBAL._replace(hardware=True), laser=LaserReport(True, False))
    bench.wait().core.confirm_region(bench.lease_id, bench.now)
    assert emission_withheld(bench, ReasonCode.BACKEND_MIXED)


@pytest.mark.parametrize('changes', [
    {'gimbal': GIMBAL._replace(hardware=True, geometry=(2.0, -1.5, 1.5))},
    {'gimbal': GIMBAL._replace(hardware=True, geometry=(1.0, -1.4, 1.5))},
    {'gimbal': GIMBAL._replace(hardware=True, homed=False)},
    {'aim': AIM._replace(geometry=(0.0, 0.01))},
    {'aim': AIM._replace(boresight=Bearing(0.0, 0.01))},
])
def test_a_confirmed_region_is_void_once_the_geometry_changes(changes: dict[str, Any]) -> None:
    bench = live_bench()
    before = {name: bench.reports[name] for name in changes}
    bench.reports.update(changes)
    bench.wait(but=' '.join({'gimbal', 'aim'} - set(changes)))
    assert not bench.core.region_confirmed
    bench.reports.update(before)
    assert emission_withheld(bench.wait(), ReasonCode.REGION_NOT_CONFIRMED), 'changing back does not confirm it again'


def test_an_unknown_part_of_the_geometry_is_no_change_of_it() -> None:
    bench = hardware_bench()
    bench.reports['aim'] = AIM._replace(geometry=(math.nan, 0.0))
    bench.wait().core.confirm_region(bench.lease_id, bench.now)
    bench.reports['aim'] = AIM._replace(geometry=(float('nan'), 0.0))
    assert bench.wait().reasons() == []


def test_new_zones_void_a_confirmed_region() -> None:
    bench = live_bench()
    bench.core.set_zones(bench.lease_id, [ZONE])
    assert emission_withheld(bench, ReasonCode.REGION_NOT_CONFIRMED)


def test_a_region_is_confirmed_by_the_operator_for_a_homed_gimbal_that_reports() -> None:
    bench = hardware_bench()
    assert bench.refusal(bench.core.confirm_region, 'wrong', bench.now) is ReasonCode.WRONG_LEASE
    bench.reports['gimbal'] = GIMBAL._replace(homed=False)
    bench.wait()
    assert bench.refusal(bench.core.confirm_region, bench.lease_id, bench.now) is ReasonCode.NOT_HOMED
    bench.reports['gimbal'] = GIMBAL
    bench.wait().wait(500, but='gimbal')
    assert bench.refusal(bench.core.confirm_region, bench.lease_id, bench.now) is ReasonCode.DRIVER_SILENT
    assert not bench.core.region_confirmed


def test_simulation_needs_a_confirmed_region_when_set_so() -> None:
    assert emission_withheld(Bench(confirm_region_in_simulation=True), ReasonCode.REGION_NOT_CONFIRMED)


def core_alone() -> tuple[SafetyCore, str]:
    """Return a core without any report yet, and its operator's lease."""
    core = SafetyCore(replace(PARAMETERS, estop_driver='gpio', exclusion='never'), OperatorLease('secret'))
    core.estop = Estop.RELEASED
    lease_id, nonce = core.acquire('secret', 'Ada', False, 10**12)
    core.lease.beat(lease_id, nonce, False, 10**12)
    return core, lease_id


def test_nothing_is_known_of_a_gimbal_or_laser_that_never_reported() -> None:
    core, lease_id = core_alone()
    for request, code in (
            (lambda: core.confirm_region(lease_id, 10**12), ReasonCode.DRIVER_SILENT),
            (lambda: core.set_auto_fire(lease_id, True, 10**12), ReasonCode.NOT_ARMED)):
        with pytest.raises(TurretError) as refused:
            request()
        assert refused.value.code is code
    core.observe_aim(AIM, 10**12)
    core.set_zones(lease_id, [ZONE])
    core.observe_pose(Pose(0.0, 0.0), 0.0, 10**12)
    assert ReasonCode.NO_FIRE_ZONE in core.decide(10**12).reasons


def test_a_region_that_was_confirmed_for_no_laser_has_no_end() -> None:
    core, lease_id = core_alone()
    core.observe_gimbal(GIMBAL, 10**12)
    core.confirm_region(lease_id, 10**12)
    assert math.isnan(core.confirm_remaining_s(10**12))


@pytest.mark.parametrize('driver', ['gimbal', 'laser'])
def test_one_driver_alone_is_not_enough(driver: str) -> None:
    core, _ = core_alone()
    if driver == 'gimbal':
        core.observe_gimbal(GIMBAL, 10**12)
    else:
        core.observe_laser(LaserReport(hardware=True, armed=False), 10**12)
        assert ReasonCode.BACKEND_MIXED in core.decide(10**12).reasons
    assert ReasonCode.DRIVER_SILENT in core.decide(10**12).reasons


# Zones


def test_zones_are_changed_by_the_operator_while_disarmed() -> None:
    bench = Bench()
    assert bench.refusal(bench.core.set_zones, bench.lease_id, [ZONE]) is ReasonCode.WRONG_MODE
    bench.reports['laser'] = LaserReport(hardware=False, armed=False)
    bench.wait()
    assert bench.refusal(bench.core.set_zones, 'wrong', [ZONE]) is ReasonCode.WRONG_LEASE
    broken = replace(ZONE, pan_min=math.nan)
    assert bench.refusal(bench.core.set_zones, bench.lease_id, [broken]) is ReasonCode.NOT_FINITE
    assert bench.core.zones == ()
    bench.core.set_zones(bench.lease_id, [ZONE])
    assert bench.core.zones == (ZONE,)


def test_zones_that_another_operator_changed_are_not_replaced() -> None:
    bench = Bench()
    bench.reports['laser'] = LaserReport(hardware=False, armed=False)
    bench.wait()
    base = version_of(bench.core.zones)
    bench.core.set_zones(bench.lease_id, [ZONE], base)
    other = replace(ZONE, name='other')
    assert bench.refusal(bench.core.set_zones, bench.lease_id, [other], base) is ReasonCode.STALE_INPUT
    assert bench.core.zones == (ZONE,)
    bench.core.set_zones(bench.lease_id, [other], version_of([ZONE]))
    assert bench.core.zones == (other,)


# The emergency stop is latched


@pytest.mark.parametrize(('estop', 'words'), [
    (Estop.PRESSED, 'was pressed'), (Estop.UNREADABLE, 'cannot be read')])
def test_releasing_the_emergency_stop_starts_nothing(estop: Estop, words: str) -> None:
    bench = Bench()
    bench.core.observe_estop(estop)
    assert ReasonCode.SOFTWARE_STOP in bench.reasons()
    assert not bench.core.decide(bench.now).motion_ok
    bench.core.observe_estop(Estop.RELEASED)
    assert not bench.wait(5000).core.decide(bench.now).motion_ok
    assert bench.core.stop_reason == f'the emergency stop {words}'
    bench.core.reset(bench.lease_id, bench.core.record.stops)
    assert bench.core.decide(bench.now).motion_ok


def test_an_emergency_stop_that_was_not_read_yet_withholds_motion_and_is_not_latched() -> None:
    bench = Bench()
    bench.core.observe_estop(Estop.UNKNOWN)
    assert motion_withheld(bench, ReasonCode.NOT_READY)
    bench.core.observe_estop(Estop.RELEASED)
    assert bench.reasons() == []


@pytest.mark.parametrize('estop', [Estop.PRESSED, Estop.UNREADABLE])
def test_the_emergency_stop_voids_home_and_the_region_until_another_home_is_found(estop: Estop) -> None:
    bench = live_bench()
    bench.core.observe_estop(estop)
    bench.wait()
    assert ReasonCode.NOT_HOMED in bench.reasons()
    bench.core.observe_estop(Estop.RELEASED)
    bench.core.reset(bench.lease_id, bench.core.record.stops)
    bench.wait(2000)  # the gimbal still reports its old home
    assert bench.reasons() == [ReasonCode.NOT_HOMED, ReasonCode.REGION_NOT_CONFIRMED]
    assert bench.refusal(bench.core.confirm_region, bench.lease_id, bench.now) is ReasonCode.NOT_HOMED
    bench.reports['gimbal'] = bench.reports['gimbal']._replace(home_id=(5.0, 2))
    assert bench.wait().reasons() == [ReasonCode.REGION_NOT_CONFIRMED]
    bench.core.confirm_region(bench.lease_id, bench.now)
    assert bench.wait().reasons() == []


def test_a_home_that_was_found_while_the_emergency_stop_was_open_is_void() -> None:
    bench = Bench()
    bench.core.observe_estop(Estop.PRESSED)
    bench.reports['gimbal'] = GIMBAL._replace(home_id=(5.0, 2))
    bench.wait()
    bench.core.observe_estop(Estop.RELEASED)
    bench.core.reset(bench.lease_id, bench.core.record.stops)
    assert bench.wait(2000).reasons()[-1] is ReasonCode.NOT_HOMED


def test_the_emergency_stop_voids_the_home_of_a_gimbal_that_reports_only_afterwards() -> None:
    core, _ = core_alone()
    core.observe_estop(Estop.PRESSED)
    core.observe_estop(Estop.RELEASED)
    core.observe_gimbal(GIMBAL, 10**12)
    assert ReasonCode.NOT_HOMED in core.decide(10**12).reasons
    core.observe_gimbal(GIMBAL._replace(home_id=(5.0, 2)), 10**12)
    assert ReasonCode.NOT_HOMED not in core.decide(10**12).reasons


def test_another_home_voids_the_region() -> None:
    bench = live_bench()
    bench.reports['gimbal'] = bench.reports['gimbal']._replace(home_id=(5.0, 2))
    assert bench.wait().reasons() == [ReasonCode.REGION_NOT_CONFIRMED]


def test_stops_are_counted() -> None:
    bench = Bench(stop_reason='smoke')
    assert bench.core.record == ('smoke', 0, 0)
    bench.core.stop('fire')
    bench.core.observe_estop(Estop.PRESSED)
    bench.core.observe_estop(Estop.PRESSED)
    bench.core.observe_estop(Estop.UNREADABLE)
    assert bench.core.record == ('fire', 2, 1)
    bench.core.observe_estop(Estop.RELEASED)
    bench.core.observe_estop(Estop.UNREADABLE)
    assert bench.core.record == ('fire', 3, 2)


def test_a_reset_does_not_clear_a_stop_that_came_meanwhile() -> None:
    bench = Bench()
    bench.core.stop('smoke')
    known = bench.core.record.stops
    bench.core.stop('fire')
    assert bench.refusal(bench.core.reset, bench.lease_id, known) is ReasonCode.BUSY
    assert bench.core.stop_reason == 'fire'


def test_a_stop_that_is_reset_while_the_button_is_pressed_comes_back() -> None:
    bench = Bench()
    bench.core.observe_estop(Estop.PRESSED)
    bench.core.reset(bench.lease_id, bench.core.record.stops)
    bench.core.observe_estop(Estop.PRESSED)
    assert bench.core.stop_reason == 'the emergency stop was pressed'


def test_the_emergency_stop_keeps_the_reason_of_an_earlier_stop() -> None:
    bench = Bench()
    bench.core.stop('smoke')
    bench.core.observe_estop(Estop.PRESSED)
    assert bench.core.stop_reason == 'smoke'

# SPDX-License-Identifier: Apache-2.0
"""Automatic fire: off at every start, and one burst for each decision that everything agrees to."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from safety_bench import AIM, CAMERA, LASER, MS, PARAMETERS, ZONE, Bench

from turret_common.errors import TurretError
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_control.safety.interlocks import Estop, LaserReport, SafetyCore
from turret_control.safety.lease import OperatorLease


def test_automatic_fire_is_off_until_the_present_operator_of_an_armed_laser_switches_it_on() -> None:
    bench = Bench()
    assert not bench.core.auto_fire
    assert bench.refusal(bench.core.set_auto_fire, 'wrong', True, bench.now) is ReasonCode.WRONG_LEASE
    bench.wait(300, but='heartbeat')
    assert bench.refusal(bench.core.set_auto_fire, bench.lease_id, True, bench.now) is ReasonCode.HEARTBEAT_LOST
    bench.wait()  # late
    bench.wait()
    bench.core.stop('')
    assert bench.refusal(bench.core.set_auto_fire, bench.lease_id, True, bench.now) is ReasonCode.SOFTWARE_STOP
    bench.core.reset(bench.lease_id, bench.core.record.stops)
    bench.reports['laser'] = LaserReport(hardware=False, armed=False)
    bench.wait()
    assert bench.refusal(bench.core.set_auto_fire, bench.lease_id, True, bench.now) is ReasonCode.NOT_ARMED
    assert not bench.core.auto_fire
    bench.reports['laser'] = LASER
    assert bench.wait().auto_fire().core.auto_fire
    bench.core.set_auto_fire(bench.lease_id, False, bench.now)
    assert not bench.core.auto_fire


@pytest.mark.parametrize('end', [
    lambda bench: bench.core.stop(''),
    lambda bench: bench.core.release(bench.lease_id),
    lambda bench: bench.core.acquire('secret', 'Bob', True, bench.now),
    lambda bench: bench.core.observe_laser(LaserReport(False, False), bench.now),
    lambda bench: bench.wait(300, but='heartbeat').reasons(),
    lambda bench: (setattr(bench.core, 'estop', Estop.PRESSED), bench.reasons()),
    lambda bench: bench.wait(600, but='gimbal').reasons(),
])
def test_automatic_fire_ends_with_whatever_it_needs(end: Any) -> None:
    bench = Bench().auto_fire()
    bench.reasons()
    assert bench.core.auto_fire
    end(bench)
    assert not bench.core.auto_fire


def test_automatic_fire_can_always_be_switched_off() -> None:
    bench = Bench().auto_fire().wait(1000, but='heartbeat laser')
    bench.core.stop('')
    bench.core.set_auto_fire(bench.lease_id, False, bench.now)
    assert not bench.core.auto_fire


def test_switching_automatic_fire_forgets_why_it_did_not_fire() -> None:
    bench = Bench().auto_fire().wait()
    bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 1.0, bench.now)
    assert 'off by' in bench.core.not_now
    assert bench.auto_fire().core.not_now == ''
    bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 1.0, bench.now)
    bench.core.stop('')
    assert bench.core.not_now == ''


def test_a_decision_is_granted_once() -> None:
    bench = Bench().auto_fire().aim_at()
    bench.core.request_fire(1, 'cat', 0.05, 0.001, bench.now)
    bench.wait()
    assert bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 0.001, bench.now) is ReasonCode.BUSY
    bench.core.request_fire(2, 'cat', 0.05, 0.001, bench.now)


def granted(stamp_ns: int) -> Bench:
    """Return a bench whose request 1, on the image of ``stamp_ns``, was granted."""
    bench = Bench().auto_fire()
    for i in (2, 1):
        request = (-i, 'cat', 0.001, 0.001, bench.now, stamp_ns - 20 * i * MS)
        assert bench.refusal(bench.core.request_fire, *request) is ReasonCode.NOT_READY
    bench.core.request_fire(1, 'cat', 0.001, 0.001, bench.now, stamp_ns)
    return bench


@pytest.mark.parametrize(('seq', 'older_ms', 'again'), [
    (2, 0, True), (0, 0, False), (7, 1, False), (7, 249, False), (0, -1, True)])
def test_a_decision_that_is_not_newer_than_the_one_that_was_granted_is_not_granted(
        seq: int, older_ms: int, again: bool) -> None:
    """Requests that were recorded since are authentic too; a controller that restarted counts from the start."""
    bench = granted(10**18)
    request = (seq, 'cat', 0.001, 0.001, bench.now, 10**18 - older_ms * MS)
    if again:
        bench.core.request_fire(*request)
    else:
        assert bench.refusal(bench.core.request_fire, *request) is ReasonCode.BUSY
    bench.core.request_fire(8, 'cat', 0.001, 0.001, bench.now, 10**18 + 20 * MS)


def test_requests_that_are_repeated_do_not_make_images_in_a_row() -> None:
    """However long after their stamp was read the time is: two images, again and again."""
    bench = Bench().auto_fire()
    for i in range(20):
        stamp_ns = 10**18 + i % 2 * 20 * MS
        assert bench.refusal(
            bench.core.request_fire, i, 'cat', 0.001, 0.001, bench.now + 100 * i, stamp_ns) is ReasonCode.NOT_READY
    bench.core.request_fire(20, 'cat', 0.001, 0.001, bench.now, 10**18 + 21 * MS)


def test_a_clock_that_was_set_back_does_not_keep_the_images_from_counting() -> None:
    bench = granted(10**18)
    request = (7, 'cat', 0.001, 0.001, bench.now, 10**18 - 251 * MS)
    assert bench.refusal(bench.core.request_fire, *request) is ReasonCode.NOT_READY, 'none is that old'
    for i in range(2):
        assert bench.refusal(
            bench.core.request_fire, 2 + i, 'cat', 0.001, 0.001, bench.now, 10**17 + i * MS) is ReasonCode.NOT_READY
    bench.core.request_fire(4, 'cat', 0.001, 0.001, bench.now, 10**17 + 9 * MS)


@pytest.mark.parametrize(('stamp_age_s', 'aim_error', 'code'), [
    (math.nan, 0.0, ReasonCode.NOT_FINITE), (0.05, math.nan, ReasonCode.NOT_FINITE),
    (-0.02, 0.0, ReasonCode.STALE_INPUT), (0.26, 0.0, ReasonCode.STALE_INPUT),
    (0.05, PARAMETERS.aim_error_max * 1.01, ReasonCode.NOT_READY), (0.05, -0.001, ReasonCode.NOT_READY)])
def test_a_decision_on_poor_grounds_is_refused(stamp_age_s: float, aim_error: float, code: ReasonCode) -> None:
    bench = Bench().auto_fire().aim_at()
    assert bench.refusal(bench.core.request_fire, 1, 'cat', stamp_age_s, aim_error, bench.now) is code
    assert bench.core.not_now


def test_a_decision_on_the_edge_of_good_grounds_is_granted() -> None:
    bench = Bench().auto_fire().aim_at()
    bench.wait(200)
    bench.core.request_fire(1, 'cat', 0.25, PARAMETERS.aim_error_max, bench.now)
    assert bench.core.not_now == ''


@pytest.mark.parametrize('images', [0, 1])
def test_the_aim_must_be_good_in_three_images(images: int) -> None:
    bench = Bench().auto_fire().aim_at(images=images)
    assert bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 0.001, bench.now) is ReasonCode.NOT_READY
    assert 'settling' in bench.core.not_now


def test_one_image_is_not_counted_twice() -> None:
    bench = Bench().auto_fire().aim_at()
    bench.core.request_fire(1, 'cat', 0.05, 0.001, bench.now)
    bench.core.set_auto_fire(bench.lease_id, True, bench.now)
    for i in range(5):
        assert bench.refusal(bench.core.request_fire, 2 + i, 'cat', 0.05, 0.001, bench.now) is ReasonCode.NOT_READY


def test_one_image_that_grows_older_is_not_counted_twice_whatever_the_aim_error() -> None:
    bench = Bench().auto_fire()
    for i in range(5):
        refusal = bench.refusal(
            bench.core.request_fire, 1 + i, 'cat', 0.05 + 0.02 * i, 0.001 - 0.0001 * i, bench.now)
        assert refusal is ReasonCode.NOT_READY
        bench.wait(20)


@pytest.mark.parametrize('disturb', [
    lambda bench: bench.core.request_fire(9, 'cat', 0.05, 1.0, bench.now),
    lambda bench: bench.core.request_fire(9, 'dog', 0.05, 0.001, bench.now),
    lambda bench: bench.wait(260) and None,
    lambda bench: bench.core.set_auto_fire(bench.lease_id, True, bench.now),
], ids=['bad aim', 'other target', 'gap', 'switched'])
def test_the_images_must_be_in_a_row(disturb: Any) -> None:
    bench = Bench().auto_fire().aim_at()
    with contextlib.suppress(TurretError):
        disturb(bench)
    bench.aim_at().core.request_fire(10, 'cat', 0.05, 0.001, bench.now)


def test_automatic_fire_needs_the_head_on_the_target() -> None:
    bench = Bench().auto_fire().aim_at()
    bench.reports['aim'] = AIM._replace(following=False)
    bench.wait()
    assert bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 0.001, bench.now) is ReasonCode.WRONG_MODE


@pytest.mark.parametrize(('on_base', 'calibrated', 'fires'), [
    (False, False, True), (True, False, False), (True, True, True)])
def test_a_camera_on_the_base_needs_a_calibrated_boresight(on_base: bool, calibrated: bool, fires: bool) -> None:
    bench = Bench().auto_fire().aim_at()
    bench.reports.update(camera=CAMERA._replace(on_base=on_base), aim=AIM._replace(calibrated=calibrated))
    bench.wait()
    if fires:
        bench.core.request_fire(1, 'cat', 0.05, 0.001, bench.now)
    else:
        assert bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 0.001, bench.now) is ReasonCode.NO_CALIBRATION


def test_automatic_fire_needs_a_camera_that_reports() -> None:
    bench = Bench().auto_fire().aim_at().wait(2960, but='camera')
    bench.core.set_auto_fire(bench.lease_id, True, bench.now)
    assert bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 0.001, bench.now) is ReasonCode.NOT_READY
    bench.wait(40, but='camera')
    assert bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 0.001, bench.now) is ReasonCode.NO_CALIBRATION


def test_automatic_fire_needs_a_controller() -> None:
    bench = Bench()
    bench.core = SafetyCore(PARAMETERS, OperatorLease('secret'))
    bench.core.estop = Estop.RELEASED
    bench.lease_id, bench.nonce = bench.core.acquire('secret', 'Ada', False, bench.now)
    bench.wait(but='aim').auto_fire().wait(but='aim')
    assert bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 0.001, bench.now) is ReasonCode.WRONG_MODE


def test_automatic_fire_needs_everything_that_emission_needs() -> None:
    bench = Bench([ZONE]).auto_fire().aim_at()
    bench.reports['pose'] = Pose(0.75, 0.0)
    bench.wait()
    assert bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 0.001, bench.now) is ReasonCode.NO_FIRE_ZONE


def test_nothing_fires_automatically_while_it_is_off_and_nothing_is_reported() -> None:
    bench = Bench()
    assert bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 0.001, bench.now) is ReasonCode.WRONG_MODE
    assert bench.core.not_now == ''


def test_changing_the_operator_needs_the_secret() -> None:
    bench = Bench().auto_fire()
    assert bench.refusal(bench.core.acquire, 'guess', 'Bob', True, bench.now) is ReasonCode.WRONG_SECRET
    assert bench.refusal(bench.core.release, 'wrong') is ReasonCode.WRONG_LEASE
    assert bench.core.auto_fire


# A burst continues only while everything that permitted it holds


def firing(bench: Bench) -> Bench:
    """Begin an automatic burst, which the laser reports."""
    bench.auto_fire().aim_at()
    bench.core.request_fire(1, 'cat', 0.05, 0.001, bench.now)
    bench.reports['laser'] = LASER._replace(firing=True)
    return bench.wait()


def test_a_burst_is_renewed_until_the_laser_has_ended_it() -> None:
    bench = Bench()
    assert bench.core.renew_burst(bench.now) is None
    firing(bench)
    assert bench.core.burst_count == 1
    assert bench.core.renew_burst(bench.now) is True
    assert bench.wait(5000).core.renew_burst(bench.now) is True
    bench.reports['laser'] = LASER
    assert bench.wait().core.renew_burst(bench.now) is None


def test_a_burst_that_the_laser_does_not_begin_is_not_renewed_for_long() -> None:
    bench = Bench().auto_fire().aim_at()
    bench.core.request_fire(1, 'cat', 0.05, 0.001, bench.now)
    assert bench.wait(480).core.renew_burst(bench.now) is True
    assert bench.wait(20).core.renew_burst(bench.now) is None


@pytest.mark.parametrize('end', [
    lambda bench: bench.core.set_auto_fire(bench.lease_id, False, bench.now),
    lambda bench: bench.core.stop(''),
    lambda bench: (bench.reports.update(aim=AIM._replace(target='dog')), bench.wait()),
    lambda bench: (bench.reports.update(aim=AIM._replace(following=False)), bench.wait()),
    lambda bench: bench.wait(600, but='aim'),
    lambda bench: bench.wait(600, but='tracks'),
    lambda bench: bench.wait(1100, but='heartbeat'),
    lambda bench: (bench.reports.update(pose=Pose(0.7, 0.0)), bench.wait())])
def test_a_burst_is_withdrawn_once_when_what_permitted_it_ends(end: Any) -> None:
    bench = firing(Bench(zones=(ZONE,)))
    end(bench)
    results = [bench.core.renew_burst(bench.now) for _ in range(3)]
    assert results[1:] == [None, None]
    assert results[0] is False


def test_automatic_fire_ends_unless_the_operator_acts() -> None:
    bench = Bench(auto_fire_timeout_s=10.0)
    assert math.isnan(bench.core.auto_fire_remaining_s(bench.now))
    bench.auto_fire().wait(9_900).reasons()
    assert bench.core.auto_fire
    assert bench.core.auto_fire_remaining_s(bench.now) == pytest.approx(0.1)
    bench.core.note_act(bench.now)
    bench.wait(9_900).reasons()
    assert bench.core.auto_fire
    bench.auto_fire()  # switched on again: an act too
    bench.wait(9_980).reasons()
    assert bench.core.auto_fire
    bench.wait(20).reasons()
    assert not bench.core.auto_fire
    assert 'no act within 10 s' in bench.core.not_now


def test_a_controller_that_fell_silent_does_not_fire() -> None:
    bench = Bench().auto_fire().aim_at()
    bench.wait(600, but='aim')
    assert bench.refusal(bench.core.request_fire, 1, 'cat', 0.05, 0.001, bench.now) is ReasonCode.WRONG_MODE

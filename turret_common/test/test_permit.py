# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from turret_common.errors import TurretError
from turret_common.messages.run_key import mac
from turret_common.permit import PERMIT_LIFETIME_NS, Permit, PermitMonitor, lease_digest, permit_mac
from turret_common.reason_codes import ReasonCode

ISSUED = 5_000_000_000


def monitor(**changes: Any) -> PermitMonitor:
    result = PermitMonitor()
    update(result, **changes)
    return result


def update(target: PermitMonitor, **changes: Any) -> None:
    fields = {
        'epoch': 1, 'seq': 1, 'monotonic_ns': ISSUED, 'laser_ok': True, 'motion_ok': True,
        'lease_digest': lease_digest('lease'), 'reasons': ()}
    at_ns = changes.pop('at_ns', ISSUED)
    target.update(Permit(**{**fields, **changes}), at_ns)


def test_nothing_is_permitted_before_the_first_permit() -> None:
    assert PermitMonitor().motion_code(ISSUED) is ReasonCode.PERMIT_MISSING
    assert PermitMonitor().laser_code(ISSUED) is ReasonCode.PERMIT_MISSING


@pytest.mark.parametrize(('age_ns', 'ok'), [
    (-1, False), (0, True), (PERMIT_LIFETIME_NS - 1, True), (PERMIT_LIFETIME_NS, False)])
def test_a_permit_lives_100_ms_and_never_comes_from_the_future(age_ns: int, ok: bool) -> None:
    assert PERMIT_LIFETIME_NS == 100_000_000
    assert monitor().motion_ok(ISSUED + age_ns) is ok
    assert monitor().laser_ok(ISSUED + age_ns) is ok


@pytest.mark.parametrize(('laser_ok', 'motion_ok', 'laser', 'motion'), [
    (True, True, ReasonCode.OK, ReasonCode.OK),
    (False, True, ReasonCode.FIRE_NOT_PERMITTED, ReasonCode.OK),
    (True, False, ReasonCode.MOTION_NOT_PERMITTED, ReasonCode.MOTION_NOT_PERMITTED),
])
def test_emission_needs_both_flags(laser_ok: bool, motion_ok: bool, laser: ReasonCode, motion: ReasonCode) -> None:
    permit = monitor(laser_ok=laser_ok, motion_ok=motion_ok)
    assert permit.laser_code(ISSUED) is laser
    assert permit.motion_code(ISSUED) is motion


@pytest.mark.parametrize(('epoch', 'seq', 'taken'), [
    (1, 6, True), (1, 5, False), (1, 4, False), (2, 1, True), (0, 9, False)])
def test_only_a_newer_permit_replaces_the_one_in_force(epoch: int, seq: int, taken: bool) -> None:
    permit = monitor(seq=5)
    update(permit, epoch=epoch, seq=seq, laser_ok=False)
    assert permit.laser_ok(ISSUED) is not taken


@pytest.mark.parametrize(('lease', 'age_ns', 'digest', 'code'), [
    ('lease', PERMIT_LIFETIME_NS, lease_digest('lease'), ReasonCode.PERMIT_STALE),
    ('', 0, '', ReasonCode.NO_OPERATOR),
    ('other', 0, lease_digest('lease'), ReasonCode.WRONG_LEASE),
    ('', 0, lease_digest('lease'), ReasonCode.WRONG_LEASE),
])
def test_who_is_not_the_operator_is_refused(lease: str, age_ns: int, digest: str, code: ReasonCode) -> None:
    with pytest.raises(TurretError) as refusal:
        monitor(lease_digest=digest).check_lease(lease, ISSUED + age_ns)
    assert refusal.value.code is code


def test_a_permit_that_arrives_while_the_operator_is_checked_is_not_from_the_future() -> None:
    monitor().check_lease('lease', ISSUED - 1_000_000)


def test_the_operator_cannot_be_checked_before_the_first_permit() -> None:
    with pytest.raises(TurretError) as refusal:
        PermitMonitor().check_lease('lease', ISSUED)
    assert refusal.value.code is ReasonCode.PERMIT_MISSING


def test_the_operator_passes_even_while_nothing_is_permitted() -> None:
    monitor(laser_ok=False, motion_ok=False).check_lease('lease', ISSUED)


def test_no_lease_has_no_digest() -> None:
    assert lease_digest('') == ''
    assert lease_digest('lease') != lease_digest('other')


@pytest.mark.parametrize(('reason', 'stop', 'estop'), [
    (ReasonCode.SOFTWARE_STOP, True, False), (ReasonCode.ESTOP_PRESSED, True, True),
    (ReasonCode.ESTOP_UNREADABLE, True, True), (ReasonCode.DRIVER_SILENT, False, False)])
def test_a_stop_in_force_is_reported_each_time(reason: ReasonCode, stop: bool, estop: bool) -> None:
    permit = monitor(reasons=(ReasonCode.NO_POSE, reason))
    assert [permit.take_stop(), permit.take_stop()] == [stop, stop]
    assert [permit.take_estop(), permit.take_estop()] == [estop, estop]


def test_nothing_is_stopped_without_a_permit_or_a_stop() -> None:
    for permit in (PermitMonitor(), monitor()):
        assert not permit.take_stop()
        assert not permit.take_estop()


def test_a_stop_that_was_reset_meanwhile_is_reported_once() -> None:
    permit = monitor(stop_count=1)  # also to a process that starts only now
    assert [permit.take_stop(), permit.take_stop(), permit.take_estop()] == [True, False, False]
    update(permit, seq=2, stop_count=3, estop_count=1)
    assert [permit.take_stop(), permit.take_stop()] == [True, False]
    assert [permit.take_estop(), permit.take_estop()] == [True, False]


@pytest.mark.parametrize('age_ns', [-1, -10**12, PERMIT_LIFETIME_NS, 10**12])
def test_a_permit_that_is_stale_or_from_the_future_on_arrival_displaces_none(age_ns: int) -> None:
    permit = monitor()
    update(permit, epoch=2, monotonic_ns=ISSUED - age_ns)
    update(permit, seq=2)
    assert permit.newest is not None
    assert (permit.newest.epoch, permit.newest.seq) == (1, 2)
    assert permit.motion_ok(ISSUED)


def test_every_value_is_authenticated() -> None:
    permit = monitor(reasons=(1, 2)).newest
    assert permit is not None
    changed = [
        permit._replace(epoch=2), permit._replace(seq=2), permit._replace(monotonic_ns=1),
        permit._replace(laser_ok=False), permit._replace(motion_ok=False), permit._replace(lease_digest=''),
        permit._replace(reasons=(1,)), permit._replace(reasons=(1, 2, 0)), permit._replace(stop_count=1),
        permit._replace(estop_count=1)]
    codes = {mac(b'key', 'permit', value.values()) for value in (permit, *changed)}
    assert len(codes) == 1 + len(changed)


def test_the_code_of_a_permit_is_that_of_its_values_under_the_key() -> None:
    permit = monitor(reasons=(1, 2)).newest
    assert permit is not None
    assert permit_mac(permit, b'key') == mac(b'key', 'SafetyPermit', permit.values())
    assert permit_mac(permit, b'key') not in (permit_mac(permit, b'other'), permit_mac(permit._replace(seq=9), b'key'))


def test_an_order_lasts_as_long_as_the_permit_that_allowed_it() -> None:
    assert PermitMonitor().until_ns == 0
    assert monitor().until_ns == ISSUED + PERMIT_LIFETIME_NS

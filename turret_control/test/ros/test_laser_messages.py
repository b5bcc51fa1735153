# SPDX-License-Identifier: Apache-2.0
"""The authentication code of a fire grant, and the laser's state as a message."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any

import pytest

from turret_common.permit import PermitMonitor
from turret_common.reason_codes import ReasonCode
from turret_control.laser.ros_messages import grant_of, grant_valid, laser_state, sign_grant
from turret_control.laser.state_machine import Grant, LaserCore, LaserSnapshot, LaserState
from turret_control.laser_parameters import LaserParameters
from turret_msgs import msg

KEY = b'k' * 32


def grant() -> msg.FireGrant:
    return sign_grant(msg.FireGrant(
        epoch=5, seq=6, monotonic_ns=7, source=msg.FireGrant.SOURCE_AUTO, trigger=True, burst=8), KEY)


def test_a_grant_is_what_its_message_contains() -> None:
    assert grant_of(grant()) == Grant(5, 6, 7, msg.FireGrant.SOURCE_AUTO, True, 8)


@pytest.mark.parametrize('change', [
    {'epoch': 6}, {'seq': 7}, {'monotonic_ns': 8}, {'source': 1}, {'trigger': False}, {'burst': 9}, {'mac': ''},
    {'mac': '0' * 32}])
def test_every_field_of_a_grant_is_covered(change: dict[str, Any]) -> None:
    assert grant_valid(grant(), KEY)
    assert not grant_valid(grant(), b'o' * 32)
    forged = copy.deepcopy(grant())
    for field, value in change.items():
        setattr(forged, field, value)
    assert not grant_valid(forged, KEY)


def test_a_state_shows_each_value_under_its_own_name() -> None:
    snapshot = LaserSnapshot(
        state=LaserState.FIRING, emitting=True, indicator=False, session_remaining_s=1.0, power=0.25,
        arming_remaining_s=2.0, arm_remaining_s=3.0, cooldown_remaining_s=4.0, duty=0.125, fire_count=5,
        dry_fire_count=6, code=ReasonCode.COOLDOWN, message='text')
    parameters = LaserParameters(
        watchdog_fitted=True, watchdog_pin=24, power_cap=0.5, duty_cap=0.0625, pulse_s=0.03125, burst_count=7,
        burst_gap_s=0.75, cooldown_s=1.5, dry_run=True)
    state = laser_state(parameters, snapshot)
    for field in dataclasses.fields(LaserSnapshot) if dataclasses.is_dataclass(LaserSnapshot) else ():
        assert getattr(state, field.name) == getattr(snapshot, field.name)
    shown = (
        state.state, state.emitting, state.indicator, state.session_remaining_s, state.power, state.arming_remaining_s,
        state.arm_remaining_s, state.cooldown_remaining_s, state.duty, state.fire_count, state.dry_fire_count,
        state.code, state.message)
    assert shown == (LaserState.FIRING, True, False, 1.0, 0.25, 2.0, 3.0, 4.0, 0.125, 5, 6, ReasonCode.COOLDOWN, 'text')
    set_up = (
        state.driver, state.hardware, state.dry_run, state.watchdog_fitted, state.no_watchdog_accepted, state.profile,
        state.power_cap, state.duty_cap, state.pulse_s, state.burst_count, state.burst_gap_s, state.cooldown_s)
    assert set_up == ('sim', False, True, True, False, 'standard', 0.5, 0.0625, 0.03125, 7, 0.75, 1.5)
    assert math.isfinite(state.arm_remaining_s)


def test_a_laser_is_ready_when_nothing_is_in_the_way() -> None:
    for code in (ReasonCode.OK, ReasonCode.COOLDOWN):
        snapshot = dataclasses.replace(LaserCore(LaserParameters(), PermitMonitor()).snapshot(0), code=code)
        assert laser_state(LaserParameters(), snapshot).ready is (code is ReasonCode.OK)


def test_a_watchdog_that_was_measured_is_reported_as_fitted() -> None:
    for parameters, fitted in ((LaserParameters(driver='pico'), True), (LaserParameters(), False)):
        snapshot = LaserCore(parameters, PermitMonitor()).snapshot(0)
        assert laser_state(parameters, snapshot).watchdog_fitted is fitted

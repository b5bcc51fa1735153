# SPDX-License-Identifier: Apache-2.0
"""Unsafe parameters refuse to start, and say which rule they break."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from turret_common.errors import TurretError
from turret_common.params import ParameterError, build, specs
from turret_common.reason_codes import ReasonCode
from turret_control.laser.lines.gpio_pwm import PwmParameters
from turret_control.laser_parameters import DUTY_WINDOW_S, LaserParameters, check_start

#: The limits that no parameter file can move, restated.
LIMITS = {
    'power': (0.0, 1.0), 'power_cap': (0.0, 1.0), 'pulse_s': (0.005, 1.0), 'burst_count': (1, 10),
    'burst_gap_s': (0.02, 2.0), 'cooldown_s': (0.5, 60.0), 'pulse_cap_s': (0.005, 1.0), 'duty_cap': (0.01, 0.2),
    'arm_delay_s': (3.0, 30.0), 'arm_expiry_s': (5.0, 30.0), 'laser_pin': (0, 27), 'indicator_pin': (0, 27),
    'watchdog_pin': (-1, 27), 'gpio_pwm.frequency': (100.0, 10000.0), 'declared_mw': (0.0, 100000.0),
}
GUARDS = (
    'driver', 'laser_pin', 'indicator_pin', 'watchdog_pin', 'watchdog_fitted', 'no_watchdog_accepted', 'dry_run',
    'power_cap', 'pulse_cap_s', 'duty_cap', 'arm_delay_s', 'arm_expiry_s', 'profile', 'declared_mw')


def test_the_defaults_are_safe() -> None:
    parameters = LaserParameters()
    assert parameters.power == 0.0
    assert (parameters.pulse_cap_s, parameters.duty_cap, parameters.cooldown_s) == (1.0, 0.2, 1.0)
    assert (parameters.power_cap, parameters.burst_gap_s) == (1.0, 0.1)
    assert (PwmParameters().frequency, parameters.watchdog_pin) == (1000.0, -1)
    assert (parameters.arm_delay_s, parameters.arm_expiry_s) == (3.0, 30.0)
    assert not parameters.hardware
    assert not (parameters.watchdog_fitted)
    assert not (parameters.no_watchdog_accepted)
    assert not (parameters.dry_run)
    assert DUTY_WINDOW_S == 10.0


@pytest.mark.parametrize('name', LIMITS)
def test_the_limits_are_those_of_the_design(name: str) -> None:
    info = specs(LaserParameters)[name].info
    assert (info.minimum, info.maximum) == LIMITS[name]


@pytest.mark.parametrize('name', GUARDS)
def test_a_guard_does_not_change_at_run_time_nor_come_from_a_saved_file(name: str) -> None:
    info = specs(LaserParameters)[name].info
    assert not info.live
    assert not info.saved


@pytest.mark.parametrize('driver', ['pca9685', 'hardware_pwm', 'gpio', ''])
def test_generators_that_go_on_by_themselves_cannot_drive_a_laser(driver: str) -> None:
    with pytest.raises(ParameterError, match='driver'):
        build(LaserParameters, {'driver': driver, 'watchdog_fitted': True})


def test_what_a_user_tunes_changes_at_run_time() -> None:
    live = {name for name, spec in specs(LaserParameters).items() if spec.info.live}
    assert live == {'pulse_s', 'burst_count', 'burst_gap_s', 'cooldown_s'}


@pytest.mark.parametrize(('values', 'rule'), [
    ({'power': 0.6, 'power_cap': 0.5}, 'power_cap'),
    ({'pulse_s': 0.6, 'pulse_cap_s': 0.5, 'burst_count': 1}, 'pulse_cap_s'),
    ({'pulse_s': 0.201, 'burst_count': 10}, 'duty_cap'),
])
def test_values_that_do_not_go_together_are_refused(values: dict[str, Any], rule: str) -> None:
    with pytest.raises(ParameterError, match=rule):
        build(LaserParameters, values)


def test_values_at_the_limit_go_together() -> None:
    build(LaserParameters, {'power': 0.5, 'power_cap': 0.5})
    build(LaserParameters, {'pulse_s': 0.5, 'pulse_cap_s': 0.5, 'burst_count': 1})
    build(LaserParameters, {'pulse_s': 0.2, 'burst_count': 10})


def test_a_real_laser_needs_a_watchdog_or_its_owners_word() -> None:
    with pytest.raises(TurretError) as refused:
        LaserParameters(driver='gpio_pwm')
    assert refused.value.code is ReasonCode.NO_WATCHDOG
    assert LaserParameters(driver='gpio_pwm', watchdog_fitted=True, watchdog_pin=24).hardware
    assert LaserParameters(driver='gpio_pwm', no_watchdog_accepted=True).hardware


@pytest.mark.parametrize('driver', ['gpio_pwm', 'gpio_digital', 'servo_relay'])
def test_a_declared_watchdog_that_nothing_feeds_is_none(driver: str) -> None:
    with pytest.raises(ParameterError, match='watchdog_pin') as refused:
        build(LaserParameters, {'driver': driver, 'watchdog_fitted': True})
    assert refused.value.code is ReasonCode.NO_WATCHDOG
    fed = {'driver': driver, 'watchdog_fitted': True, 'watchdog_pin': 0}
    assert build(LaserParameters, fed).has_watchdog
    assert not build(LaserParameters, {**fed, 'watchdog_fitted': False, 'dry_run': True}).has_watchdog
    assert not build(LaserParameters, {'driver': driver, 'watchdog_fitted': True, 'dry_run': True}).has_watchdog


@pytest.mark.parametrize('changes', [{'power_cap': 0.9}, {'power': 0.5}])
@pytest.mark.parametrize('driver', ['gpio_digital', 'servo_relay'])
def test_a_laser_that_only_switches_cannot_be_dimmed_or_capped(driver: str, changes: dict[str, Any]) -> None:
    values = {'driver': driver, 'watchdog_fitted': True, 'watchdog_pin': 24}
    with pytest.raises(ParameterError, match='only switches'):
        build(LaserParameters, {**values, **changes})
    for power in (0.0, 1.0):
        assert not build(LaserParameters, {**values, 'power': power}).dimmable
    assert build(LaserParameters, {**values, **changes, 'driver': 'gpio_pwm'}).dimmable
    assert build(LaserParameters, changes).dimmable


@pytest.mark.parametrize('pins', [
    {'laser_pin': 23}, {'indicator_pin': 18}, {'watchdog_pin': 18}, {'watchdog_pin': 23},
    {'laser_pin': 0, 'indicator_pin': 0}])
def test_two_functions_on_one_pin_are_refused(pins: dict[str, int]) -> None:
    with pytest.raises(ParameterError, match='different pins'):
        build(LaserParameters, pins)
    build(LaserParameters, {'watchdog_pin': 0})


@pytest.mark.parametrize(('declared_mw', 'accepted'), [(0.0, False), (0.001, True), (1.0, True), (1.001, False)])
def test_the_class_2_profile_is_for_lasers_declared_as_such(declared_mw: float, accepted: bool) -> None:
    values = {'profile': 'class2_play', 'declared_mw': declared_mw}
    if accepted:
        assert build(LaserParameters, values).class2_play
    else:
        with pytest.raises(ParameterError, match='declared_mw'):
            build(LaserParameters, values)
    assert not build(LaserParameters, {'declared_mw': declared_mw}).class2_play


def test_only_the_class_2_profile_gives_longer_light() -> None:
    standard = LaserParameters(pulse_cap_s=0.5, duty_cap=0.1)
    assert (standard.max_pulse_s, standard.max_duty) == (0.5, 0.1)
    play = LaserParameters(profile='class2_play', declared_mw=1.0)
    assert (play.max_pulse_s, play.max_duty) == (60.0, 1.0)
    assert (standard.declared_mw, standard.profile) == (0.0, 'standard')


def test_a_real_laser_needs_its_guardian_and_real_time() -> None:
    real = LaserParameters(driver='gpio_pwm', watchdog_fitted=True, watchdog_pin=24)
    check_start(real, guarded=True, use_sim_time=False, in_real_time=True)
    for guarded, use_sim_time, in_real_time, code, why in (
            (False, False, True, ReasonCode.GUARDIAN_LOST, 'guardian'),
            (True, True, True, ReasonCode.NOT_SUPPORTED, 'use_sim_time'),
            (True, False, False, ReasonCode.NOT_SUPPORTED, 'permission to run in real time')):
        with pytest.raises(TurretError, match=why) as refused:
            check_start(real, guarded, use_sim_time, in_real_time)
        assert refused.value.code is code
    check_start(dataclasses.replace(real, dry_run=True), guarded=True, use_sim_time=False, in_real_time=False)
    check_start(LaserParameters(), guarded=False, use_sim_time=True, in_real_time=False)

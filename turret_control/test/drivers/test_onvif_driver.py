# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver of PTZ cameras with an imitated ONVIF device."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gimbal_rig import has_failed
from onvif_device import OnvifDevice

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until
from turret_control import wiring
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.devices.onvif import OnvifCamera, password_digest
from turret_control.drivers.onvif import OnvifAxis, OnvifDriver, OnvifParameters
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.laser_parameters import LaserParameters
from turret_control.safety_parameters import SafetyParameters

STILL = stand_still(10.0)


@pytest.fixture
def device() -> Iterator[OnvifDevice]:
    device = OnvifDevice()
    yield device
    device.close()


def make(device: OnvifDevice, folder: Path, password: str = 'secret') -> OnvifDriver:
    file = folder / 'password'
    file.write_text(f'{password}\n')
    return OnvifDriver(OnvifParameters(
        url=f'{device.address}/device', user='admin', password_file=str(file), period_s=0.05, request_timeout_s=5.0,
        state_timeout_s=3.0, pan=OnvifAxis(range=4.0, max_speed=1.0, invert=True),
        tilt=OnvifAxis(range=2.0, max_speed=0.5)), 'turret')


@pytest.fixture
def driver(device: OnvifDevice, tmp_path: Path) -> Iterator[OnvifDriver]:
    driver = make(device, tmp_path)
    driver.open()
    yield driver
    driver.close()


def go(driver: OnvifDriver, pan: float, tilt: float) -> bool:
    driver.command(AxisMotion(pan, 0.8, 2.0), AxisMotion(tilt, 0.4, 2.0), time.monotonic_ns() + 500_000_000)
    time.sleep(0.02)
    sample = driver.read()
    return abs(sample.pan.position - pan) < 0.03 and abs(sample.tilt.position - tilt) < 0.03


def test_the_digest_is_that_of_the_specification() -> None:
    nonce = bytes.fromhex('00112233445566778899aabbccddeeff')
    assert password_digest(nonce, '2026-01-01T00:00:00Z', 'secret') == 'bzKYoFG0A6GgSO5uVloyibliKis='


def test_the_camera_is_guided_to_a_target_with_measured_positions(
        device: OnvifDevice, driver: OnvifDriver) -> None:
    driver.enable(True)
    wait_until(lambda: go(driver, 0.5, -0.2), 30.0)
    assert device.position[0] == pytest.approx(-0.25, abs=0.05), 'pan is positive to the left'
    assert device.position[1] == pytest.approx(-0.2, abs=0.05)


def test_an_order_that_is_not_renewed_ends(device: OnvifDevice, driver: OnvifDriver) -> None:
    driver.enable(True)
    driver.command(AxisMotion(1.7, 0.4, 2.0), STILL, time.monotonic_ns() + 300_000_000)
    wait_until(lambda: 'Stop' in device.requests, 20.0)
    assert driver.read().pan.position < 1.0


def test_nothing_is_moved_before_it_is_enabled(device: OnvifDevice, driver: OnvifDriver) -> None:
    driver.command(AxisMotion(1.0, 0.4, 2.0), STILL, 2**62)
    wait_until(lambda: device.requests.count('GetStatus') > 5, 20.0)
    assert 'ContinuousMove' not in device.requests


def test_a_wrong_password_is_one_sentence(device: OnvifDevice, tmp_path: Path) -> None:
    with pytest.raises(TurretError, match='the camera refuses: Sender not Authorized') as refusal:
        make(device, tmp_path, 'wrong').open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


@pytest.mark.parametrize(('what', 'text'), [
    ('without_ptz', 'cannot be moved by ONVIF'), ('without_position', 'no positions of the camera arrive')])
def test_a_camera_that_cannot_do_it_is_refused(
        device: OnvifDevice, tmp_path: Path, what: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_control.drivers.ros_head._OPEN_S', 0.5)
    setattr(device, what, True)
    with pytest.raises(TurretError, match=text):
        make(device, tmp_path).open()


def test_a_camera_that_falls_silent_is_a_driver_fault(device: OnvifDevice, driver: OnvifDriver) -> None:
    driver.enable(True)
    device.silent = True

    wait_until(lambda: has_failed(driver), 30.0)


@pytest.mark.parametrize('reported', [
    ('nan', '0'), ('0', 'inf'), ('-1e308', '0'), ('180', '12'), ('', '0'), ('north', '0')])
def test_positions_that_cannot_be_are_a_driver_fault_and_then_it_recovers(
        device: OnvifDevice, driver: OnvifDriver, reported: tuple[str, str]) -> None:
    camera = OnvifCamera(f'{device.address}/device', 'admin', 'secret', 5.0)
    camera.connect()
    driver.enable(True)
    device.reported = reported
    with pytest.raises(TurretError, match=r'not a number|not between') as fault:
        camera.position()
    assert fault.value.code is ReasonCode.DRIVER_FAULT
    camera.close()
    device.reported = None
    driver.close()
    driver.open()
    assert abs(driver.read().pan.position) < 2.0


@pytest.mark.parametrize('prolog', [
    '<?xml version="1.0" encoding="nonsense"?>', '<?xml version="1.0" encoding="utf-7"?>', '<html>', '\x00',
    '<!DOCTYPE a [<!ENTITY b "' + 'x' * 9000 + '"><!ENTITY c "' + '&b;' * 9000 + '">]>'])
def test_answers_that_are_no_xml_are_one_sentence(device: OnvifDevice, tmp_path: Path, prolog: str) -> None:
    device.prolog = prolog
    if 'DOCTYPE' in prolog:  # an entity that is not used costs nothing
        driver = make(device, tmp_path)
        driver.open()
        driver.close()
        return
    with pytest.raises(TurretError) as refusal:
        make(device, tmp_path).open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


def test_an_address_without_a_camera_is_a_driver_fault() -> None:
    with pytest.raises(TurretError, match='does not answer'):
        OnvifDriver(OnvifParameters(url='http://127.0.0.1:9/x'), 'turret').open()


def test_a_real_laser_is_refused() -> None:
    axis = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.7, upper=0.7)
    gimbal = GimbalParameters(driver='onvif', pan=axis, tilt=axis)
    laser = LaserParameters(driver='gpio_digital', dry_run=True)
    with pytest.raises(TurretError, match='carries no laser') as refusal:
        wiring.pins(gimbal, laser, SafetyParameters())
    assert refusal.value.code is ReasonCode.INVALID_ARGUMENT
    assert wiring.pins(gimbal, LaserParameters(), SafetyParameters()) == {}
    with pytest.raises(ValueError, match='reference "absolute" or "declared"'):
        dataclasses.replace(gimbal, pan=GimbalAxis())
    assert math.isfinite(gimbal.onvif.period_s)  # type: ignore[attr-defined]

# SPDX-License-Identifier: Apache-2.0
"""The gimbal driver of PTZ cameras with an imitated ONVIF device."""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gimbal_rig import has_failed
from imitated_head import ImitatedHead
from onvif_device import (
    DEGREES,
    GENERIC,
    SPEED,
    SPEED_DEGREES,
    VELOCITY,
    VELOCITY_DEGREES,
    OnvifDevice,
    Space,
)
from wired_pins import Lockstep

from turret_common.errors import TurretError
from turret_common.host import minimum_versions
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until
from turret_control import wiring
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.devices.onvif import OnvifCamera
from turret_control.drivers.onvif import OnvifAxis, OnvifDriver, OnvifParameters
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.laser_parameters import LaserParameters
from turret_control.safety_parameters import SafetyParameters

pytest.importorskip('onvif')  # of onvif-zeep-async, which is optional

STILL = stand_still(10.0)


class SteppedCamera(Lockstep, OnvifDriver):
    """The driver in lockstep."""


class Rig:
    """The driver and a camera without its network."""

    def __init__(self, reach: float = 9.0, **changes: Any) -> None:
        self.driver = SteppedCamera(
            OnvifParameters(period_s=0.01, pan=OnvifAxis(**changes)), 'turret', lambda parameters, namespace: self.head)
        self.head = ImitatedHead(self.driver.lockstep, 0.01, 'velocity')
        self.head.can_go, self.head.reach = True, ((-reach, reach), (-reach, reach))
        self.driver.open()
        self.driver.enable(True)

    def go(self, target: float, seconds: float, turning: bool = False, until_s: float = 1e9) -> float:
        until_ns = self.driver.lockstep.now_ns() + round(1e9 * until_s)
        self.driver.command(AxisMotion(target, 0.5, 5.0, turning), STILL, until_ns)
        self.driver.lockstep.go_on(seconds)
        return self.driver.read().pan.position


def test_an_absolute_move_has_one_goal_and_ends_at_it() -> None:
    rig = Rig()
    assert rig.go(1.0, 3.0) == pytest.approx(1.0, abs=0.02)
    assert set(rig.head.went) == {(1.0, 0.0)}
    went = len(rig.head.went)
    rig.go(0.9, 1.0)
    assert len(rig.head.went) == went, 'it is near'
    assert rig.go(-0.5, 4.0, turning=True) == pytest.approx(-0.5, abs=0.02)
    assert len(rig.head.went) == went, 'the end of a motion at a rate is not a goal'
    rig.driver.close()


def test_an_absolute_move_ends_at_once_with_its_order() -> None:
    rig = Rig()
    rig.go(1.5, 0.5, until_s=0.5)
    rig.driver.lockstep.go_on(0.02)
    begin = rig.driver.read().pan.position
    assert 0.2 < begin < 0.3
    rig.driver.lockstep.go_on(1.0)
    assert rig.driver.read().pan.position == pytest.approx(begin, abs=0.005)
    rig.driver.close()


@pytest.mark.parametrize('invert', [False, True])
def test_absolute_moves_keep_the_end_positions_of_parameters_and_camera(invert: bool) -> None:
    for rig, end in ((Rig(upper=0.6, invert=invert), 0.6), (Rig(reach=0.4, invert=invert), 0.4)):
        assert rig.go(1.2, 3.0) == pytest.approx(end, abs=0.02)
        assert {abs(pan) for pan, _ in rig.head.went} == {end}
        rig.driver.close()


@pytest.fixture
def device() -> Iterator[OnvifDevice]:
    device = OnvifDevice()
    yield device
    device.close()


def make(device: OnvifDevice, folder: Path, password: str = 'secret', **changes: Any) -> OnvifDriver:
    file = folder / 'password'
    file.write_text(f'{password}\n')
    parameters = OnvifParameters(
        url=f'{device.address}/onvif/device_service', user='admin', password_file=str(file), period_s=0.05,
        request_timeout_s=5.0, state_timeout_s=3.0, pan=OnvifAxis(max_speed=math.pi / 2.0, invert=True),
        tilt=OnvifAxis(range=math.pi, max_speed=math.pi / 4.0))
    return OnvifDriver(dataclasses.replace(parameters, **changes), 'turret')


def powered(device: OnvifDevice, folder: Path, **changes: Any) -> OnvifDriver:
    """Return a driver that is connected, with power."""
    driver = make(device, folder, **changes)
    driver.open()
    driver.enable(True)
    return driver


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


def test_the_camera_is_guided_to_a_target_with_measured_positions(
        device: OnvifDevice, driver: OnvifDriver) -> None:
    driver.enable(True)
    wait_until(lambda: go(driver, 0.5, -0.2), 60.0)
    assert math.radians(device.degrees[0]) == pytest.approx(-0.5, abs=0.05), 'pan is positive to the left'
    assert math.radians(device.degrees[1]) == pytest.approx(-0.2, abs=0.05)


def test_an_order_that_is_not_renewed_ends(device: OnvifDevice, driver: OnvifDriver) -> None:
    driver.enable(True)
    driver.command(AxisMotion(1.7, 0.4, 2.0), STILL, time.monotonic_ns() + 300_000_000)
    wait_until(lambda: 'Stop' in device.requests, 60.0)
    assert driver.read().pan.position < 1.0


def test_nothing_is_moved_before_it_is_enabled(device: OnvifDevice, driver: OnvifDriver) -> None:
    driver.command(AxisMotion(1.0, 0.4, 2.0), STILL, 2**62)
    wait_until(lambda: device.requests.count('GetStatus') > 5, 60.0)
    assert 'ContinuousMove' not in device.requests


def test_a_wrong_password_is_one_sentence(device: OnvifDevice, tmp_path: Path) -> None:
    with pytest.raises(TurretError, match='the camera refuses: Sender not Authorized') as refusal:
        make(device, tmp_path, 'wrong').open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


@pytest.mark.parametrize(('what', 'text'), [
    ('without_ptz', 'cannot be moved by ONVIF'), ('without_position', 'does not report its position')])
def test_a_camera_that_cannot_do_it_is_refused(
        device: OnvifDevice, tmp_path: Path, what: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_control.drivers.ros_head._OPEN_S', 0.5)
    setattr(device, what, True)
    with pytest.raises(TurretError, match=text):
        make(device, tmp_path).open()


def test_a_camera_that_falls_silent_is_a_driver_fault(device: OnvifDevice, driver: OnvifDriver) -> None:
    driver.enable(True)
    device.silent = True

    wait_until(lambda: has_failed(driver), 60.0)


@pytest.mark.parametrize('reported', [
    ('nan', '0'), ('0', 'inf'), ('-1e308', '0'), ('180', '12'), ('', '0'), ('north', '0')])
def test_positions_that_cannot_be_are_a_driver_fault_and_then_it_recovers(
        device: OnvifDevice, tmp_path: Path, reported: tuple[str, str]) -> None:
    driver = powered(device, tmp_path, state_timeout_s=2.0)
    device.reported = reported
    wait_until(lambda: has_failed(driver), 60.0)
    with pytest.raises(TurretError) as fault:
        driver.read()
    assert fault.value.code is ReasonCode.DRIVER_FAULT
    device.reported = None
    driver.close()
    driver.open()
    assert abs(driver.read().pan.position) < 2.0
    driver.close()


ENTITIES = '<!DOCTYPE a [<!ENTITY a "' + 'x' * 1000 + '">' + ''.join(
    f'<!ENTITY {new} "{f"&{old};" * 40}">' for old, new in zip('abcdef', 'bcdefg', strict=True)) + ']>'


@pytest.mark.parametrize('prolog', [
    '<?xml version="1.0" encoding="nonsense"?><', '<html>', '\x00', ENTITIES, ENTITIES + '<a b="&g;"/>',
    ENTITIES + '<a>&g;</a>', 'x' * (1 << 21), '<!DOCTYPE a SYSTEM "file:///etc/passwd">&a;'])
def test_answers_that_are_not_usable_are_one_sentence(device: OnvifDevice, tmp_path: Path, prolog: str) -> None:
    device.prolog = prolog
    with pytest.raises(TurretError) as refusal:
        make(device, tmp_path).open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert len(refusal.value.message) < 400
    assert '\n' not in refusal.value.message


def test_an_address_without_a_camera_is_a_driver_fault() -> None:
    with pytest.raises(TurretError, match='does not answer'):
        OnvifDriver(OnvifParameters(url='http://127.0.0.1:9/onvif/device_service'), 'turret').open()


@pytest.mark.parametrize('url', [
    'http://127.0.0.1/x', '192.168.1.64', 'rtsp://127.0.0.1/onvif/device_service', 'http:///onvif/device_service', '',
    'http://127.0.0.1:99999/onvif/device_service', 'http://[::1/onvif/device_service'])
def test_what_is_not_the_address_of_a_device_service_is_refused(url: str) -> None:
    with pytest.raises(TurretError, match='is not') as refusal:
        OnvifDriver(OnvifParameters(url=url), 'turret').open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


def test_without_the_library_it_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minimum_versions, 'MINIMUM', {'ONVIF cameras': {'onvif-zeep-async': (99, 0)}})
    with pytest.raises(TurretError, match=r'onvif-zeep-async 99.0 or newer is required.*setup --hardware') as refusal:
        OnvifDriver(OnvifParameters(), 'turret').open()
    assert refusal.value.code is ReasonCode.NOT_SUPPORTED


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


def steer(driver: OnvifDriver, pan: float, speed: float = 1.2, turning: bool = False) -> float:
    """Order a motion of pan for half a second; return where pan is."""
    driver.command(AxisMotion(pan, speed, 5.0, turning), STILL, time.monotonic_ns() + 500_000_000)
    time.sleep(0.02)
    return driver.read().pan.position


@pytest.mark.parametrize(('absolute', 'continuous', 'speeds'), [
    ((GENERIC,), (VELOCITY,), (SPEED,)), ((DEGREES,), (VELOCITY_DEGREES,), (SPEED_DEGREES,)),
    ((GENERIC, DEGREES), (VELOCITY_DEGREES, VELOCITY), (SPEED, SPEED_DEGREES)),
    ((DEGREES, GENERIC), (VELOCITY, VELOCITY_DEGREES), (SPEED_DEGREES, SPEED))])
def test_a_far_position_is_one_absolute_move_in_the_spaces_of_the_camera(
        device: OnvifDevice, tmp_path: Path, absolute: tuple[Space, ...], continuous: tuple[Space, ...],
        speeds: tuple[Space, ...]) -> None:
    device.absolute, device.continuous, device.speeds = absolute, continuous, speeds
    device.default = absolute[0].uri
    driver = powered(device, tmp_path, tilt=OnvifAxis(range=math.pi, max_speed=math.pi / 4.0, lower=-0.5, upper=1.5))
    wait_until(lambda: abs(steer(driver, 1.0, 0.8) - 1.0) < 0.03, 60.0)
    driver.close()
    assert 1 <= device.requests.count('AbsoluteMove') <= 3
    assert math.radians(device.degrees[0]) == pytest.approx(-1.0, abs=0.05)
    assert device.goals[0] == pytest.approx((math.degrees(-1.0), 0.0), abs=0.2)
    assert device.limits[0][0] == pytest.approx(math.degrees(0.8), rel=0.01), 'at the speed that was ordered'


def test_motion_at_a_rate_is_continuous(device: OnvifDevice, tmp_path: Path) -> None:
    device.absolute = (GENERIC,)
    driver = powered(device, tmp_path)
    wait_until(lambda: steer(driver, 1.5, turning=True) > 0.4, 60.0)
    driver.close()
    assert 'ContinuousMove' in device.requests
    assert 'AbsoluteMove' not in device.requests


def test_without_a_speed_absolute_moves_are_not_used(device: OnvifDevice, tmp_path: Path) -> None:
    device.absolute, device.speeds = (GENERIC,), ()
    driver = powered(device, tmp_path)
    wait_until(lambda: abs(steer(driver, 0.6) - 0.6) < 0.03, 60.0)
    driver.close()
    assert 'AbsoluteMove' not in device.requests, 'it would be as fast as the camera likes'


@pytest.mark.parametrize('speeds', [(), (SPEED,)])
def test_a_camera_with_absolute_moves_only_follows_in_steps(
        device: OnvifDevice, tmp_path: Path, speeds: tuple[Space, ...]) -> None:
    device.absolute, device.continuous, device.speeds = (GENERIC,), (), speeds
    driver = powered(device, tmp_path)
    wait_until(lambda: abs(steer(driver, 0.6) - 0.6) < 0.03, 60.0)
    assert math.radians(device.degrees[0]) == pytest.approx(-0.6, abs=0.05)
    wait_until(lambda: steer(driver, -1.0, turning=True) < 0.3, 60.0)
    driver.close()
    assert 'ContinuousMove' not in device.requests
    assert not device.moving


@pytest.mark.parametrize('end', ['expiry', 'off', 'close', 'status', 'hang'])
def test_an_absolute_move_is_stopped_when_its_order_ends(
        device: OnvifDevice, tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    device.absolute = (GENERIC,)
    driver = powered(device, tmp_path)
    wait_until(lambda: steer(driver, 1.7, 0.2) is not None and 'AbsoluteMove' in device.requests, 60.0)
    if end == 'off':
        driver.enable(False)
    elif end == 'close':
        driver.close()
    elif end == 'status':  # nothing is known of the camera any more
        device.answers['GetStatus'] = 500, device.fault('internal error')
    elif end == 'hang':  # the thread of the driver
        monkeypatch.setattr(driver, '_motions', lambda now_ns: time.sleep(4.0))
    wait_until(lambda: 'Stop' in device.requests and not device.moving, 60.0)
    assert abs(math.radians(device.degrees[0])) < 1.5, 'short of its goal'
    device.answers.clear()
    driver.close()


def test_a_stop_that_fails_is_repeated(device: OnvifDevice, tmp_path: Path) -> None:
    device.absolute = (GENERIC,)
    driver = powered(device, tmp_path)
    wait_until(lambda: steer(driver, 1.7, 0.2) is not None and 'AbsoluteMove' in device.requests, 60.0)
    device.answers['Stop'] = 500, device.fault('busy')
    driver.enable(False)
    wait_until(lambda: device.requests.count('Stop') >= 2, 60.0)
    del device.answers['Stop']
    wait_until(lambda: not device.moving, 60.0)
    driver.close()


def test_an_absolute_move_that_the_camera_gave_up_is_repeated(device: OnvifDevice, tmp_path: Path) -> None:
    device.absolute = (GENERIC,)
    driver = powered(device, tmp_path)
    wait_until(lambda: steer(driver, 1.5) > 0.1, 60.0)
    device.interrupt()
    wait_until(lambda: abs(steer(driver, 1.5) - 1.5) < 0.03, 60.0)
    driver.close()


@pytest.mark.parametrize('move_status', ['UNKNOWN', '', 'IDLE', 'MOVING'])
def test_it_arrives_whatever_the_camera_says_of_its_motion(
        device: OnvifDevice, tmp_path: Path, move_status: str) -> None:
    device.absolute, device.move_status = (GENERIC,), move_status
    driver = powered(device, tmp_path)
    wait_until(lambda: abs(steer(driver, 0.8) - 0.8) < 0.03, 60.0)
    driver.close()


def test_absolute_moves_that_are_announced_and_refused_are_replaced_by_continuous_ones(
        device: OnvifDevice, tmp_path: Path) -> None:
    device.absolute = (GENERIC,)
    device.answers['AbsoluteMove'] = 500, device.fault('not implemented')
    driver = powered(device, tmp_path)
    wait_until(lambda: abs(steer(driver, 0.6) - 0.6) < 0.03, 60.0)
    driver.close()
    assert device.requests.count('AbsoluteMove') == 1


@pytest.mark.parametrize(('status', 'body'), [
    (400, 'fault'), (401, ''), (403, '<html>forbidden</html>'), (500, 'fault'), (200, '<html>hello</html>'),
    (200, ''), (200, '{"a": 1}'), (302, '')])
def test_moves_that_are_refused_are_a_driver_fault(
        device: OnvifDevice, tmp_path: Path, status: int, body: str) -> None:
    driver = powered(device, tmp_path, state_timeout_s=2.0)
    device.answers['ContinuousMove'] = status, device.fault('no right to move') if body == 'fault' else body.encode()

    def fails() -> bool:
        driver.command(AxisMotion(1.0, 0.4, 2.0, True), STILL, time.monotonic_ns() + 500_000_000)
        return has_failed(driver)

    wait_until(fails, 60.0)
    if body == 'fault':
        with pytest.raises(TurretError, match='the camera refuses: no right to move'):
            driver.read()
    driver.close()


@pytest.mark.parametrize('delay_s', [0.15, 5.0])
def test_a_slow_camera_is_waited_for_no_longer_than_the_time_out(
        device: OnvifDevice, tmp_path: Path, delay_s: float) -> None:
    driver = powered(device, tmp_path, state_timeout_s=4.0, request_timeout_s=2.0)
    device.delay_s = delay_s
    if delay_s < 2.0:
        wait_until(lambda: abs(steer(driver, 0.4) - 0.4) < 0.05, 60.0)
    else:
        wait_until(lambda: has_failed(driver), 60.0)
        with pytest.raises(TurretError, match=r'does not answer within 2 s'):
            driver.read()
    driver.close()


@pytest.mark.parametrize(('ranges', 'usable'), [
    ({}, True), ({'X': ('0', '1'), 'Y': ('0', '1')}, True), ({'X': ('-180', '180'), 'Y': ('-90', '90')}, True),
    ({'X': ('nan', '1'), 'Y': ('-1', '1')}, False), ({'X': ('-inf', 'inf'), 'Y': ('-1', '1')}, False),
    ({'X': ('1', '-1'), 'Y': ('-1', '1')}, False), ({'X': ('1', '1'), 'Y': ('-1', '1')}, False),
    ({'X': ('', ''), 'Y': ('-1', '1')}, False)])
def test_a_range_that_is_missing_is_the_normal_one_and_an_impossible_space_is_not_used(
        device: OnvifDevice, ranges: dict[str, tuple[str, str]], usable: bool) -> None:
    device.absolute = (Space(GENERIC.uri, ranges),)
    camera = connect(device)
    assert camera.absolute is usable
    assert camera.reach[0] == pytest.approx((-math.pi, math.pi), abs=1e-6)
    if usable:
        camera.go((math.pi / 2.0, -math.pi / 4.0), (1.0, 1.0))
        low, high = ranges.get('X', ('-1', '1'))
        x = float(low) + 0.75 * (float(high) - float(low))
        assert f'x="{x}"' in device.texts[-1]
    camera.close()


@pytest.mark.parametrize('ranges', [
    {'X': ('0', '1'), 'Y': ('-1', '1')}, {'X': ('-1', '0'), 'Y': ('-1', '1')}, {'X': ('nan', '1'), 'Y': ('-1', '1')}])
def test_a_camera_that_cannot_be_moved_both_ways_is_refused(
        device: OnvifDevice, ranges: dict[str, tuple[str, str]]) -> None:
    device.continuous = (Space(VELOCITY.uri, ranges), Space('VelocitySpaceFOV'))
    with pytest.raises(TurretError, match='neither continuous nor absolute moves'):
        connect(device)


def test_a_position_in_an_unknown_space_is_refused(device: OnvifDevice) -> None:
    device.default = 'DigitalPositionSpace'
    with pytest.raises(TurretError, match=r'reports its position in the space .*/DigitalPositionSpace'):
        connect(device)


def test_a_position_without_a_space_is_in_the_default_one(device: OnvifDevice) -> None:
    device.default, device.without_space, device.degrees = DEGREES.uri, True, [90.0, 30.0]
    camera = connect(device)
    assert camera.status().positions == pytest.approx((math.pi / 2.0, math.pi / 6.0))
    camera.close()


def test_pan_from_0_to_360_degrees_is_left_and_right_of_zero(device: OnvifDevice) -> None:
    device.default = DEGREES.uri
    device.absolute = (Space(DEGREES.uri, {'X': ('0', '360'), 'Y': ('-90', '90')}),)
    camera = connect(device)
    device.reported = ('350', '0')
    assert camera.status().positions[0] == pytest.approx(math.radians(-10.0))
    camera.go((math.radians(-10.0), 0.0), (1.0, 1.0))
    assert 'x="350.0"' in device.texts[-1]
    camera.go((math.radians(10.0), 0.0), (1.0, 1.0))
    assert 'x="10.0"' in device.texts[-1]
    assert camera.reach[0] == pytest.approx((-math.pi, math.pi))
    camera.close()


@pytest.mark.parametrize('answer', ['<tds:SystemDateAndTime/>', 'Hour>25<', 'Month>0<', 'Year>0<'])
def test_a_camera_without_a_usable_clock_is_asked_with_ours(
        device: OnvifDevice, answer: str) -> None:
    name, _, _ = answer.partition('>')
    device.date = answer if answer.startswith('<') else re.sub(rf'{name}>\d+<', answer, device.date)
    device.year = time.strftime('%Y-', time.gmtime())
    connect(device).close()


def test_soft_limits_beyond_the_camera_are_refused(device: OnvifDevice) -> None:
    device.absolute, device.default = (DEGREES,), DEGREES.uri
    axis = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.7, upper=0.7)
    onvif = OnvifParameters(url=f'{device.address}/onvif/device_service', user='', request_timeout_s=5.0)
    device.user = ''
    gimbal = GimbalParameters(driver='onvif', pan=axis, tilt=axis, onvif=onvif)  # type: ignore[call-arg]
    with pytest.raises(TurretError, match=r'reaches -30 to 90 degrees of tilt, and the soft limits are -40 to 40'):
        OnvifDriver.make(gimbal, 'turret').open()


def connect(device: OnvifDevice) -> OnvifCamera:
    camera = OnvifCamera(
        f'{device.address}/onvif/device_service', 'admin', 'secret', 5.0,
        (OnvifAxis(range=math.tau, max_speed=math.pi / 2.0), OnvifAxis(range=math.pi, max_speed=math.pi / 4.0)))
    camera.connect()
    return camera

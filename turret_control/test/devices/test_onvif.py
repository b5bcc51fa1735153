# SPDX-License-Identifier: Apache-2.0
"""What the numbers of an ONVIF camera mean: ranges, degrees, whole turns, and ranges that cannot be."""

from __future__ import annotations

import asyncio
import datetime
import math
from types import SimpleNamespace
from typing import Any

import pytest

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.devices.onvif import (
    OnvifCamera,
    Scale,
    Space,
    _name,
    _position,
    _range,
    _spaces,
    _speed,
    _velocity,
)
from turret_control.drivers.onvif import OnvifAxis

DEGREE = math.pi / 180.0
AXIS = OnvifAxis(range=4.0, max_speed=1.5)
HALF = Scale(-1.0, 1.0, 2.0)


def test_numbers_are_the_nearest_in_the_range() -> None:
    assert [HALF.number(angle) for angle in (0.0, 1.0, -1.0, 2.0, 3.0, -3.0)] == [0.0, 0.5, -0.5, 1.0, 1.0, -1.0]
    assert HALF.number(0.0000123456) == 0.00001
    assert Scale(0.0, 10.0, 0.5, 5.0).number(1.0) == 7.0


@pytest.mark.parametrize('scale', [HALF, Scale(0.0, 10.0, 0.5, 5.0), Scale(-90.0, 20.0, DEGREE)])
def test_a_number_gives_the_angle_that_it_was_made_of(scale: Scale) -> None:
    low, high = scale.ends
    for share in (0.0, 0.3, 1.0):
        angle = low + share * (high - low)
        assert scale.value(scale.number(angle)) == pytest.approx(angle, abs=1e-4)


def test_ends_are_angles() -> None:
    assert HALF.ends == (-2.0, 2.0)
    assert Scale(0.0, 10.0, 0.5, 5.0).ends == (-2.5, 2.5)
    assert Scale(-90.0, 20.0, DEGREE).ends == (pytest.approx(-math.pi / 2), pytest.approx(20 * DEGREE))


@pytest.mark.parametrize('number', [1.021, -1.021, math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_in_the_range_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match='is not between -1 and 1'):
        HALF.value(number)


@pytest.mark.parametrize('number', [1.02, -1.02, 1.0, 0.0])
def test_a_hundredth_of_the_range_beyond_its_end_is_rounding(number: float) -> None:
    assert HALF.value(number) == pytest.approx(2.0 * number)


@pytest.mark.parametrize(('scale', 'turns'), [
    (Scale(0.0, 360.0, DEGREE), True), (Scale(0.0, 357.0, DEGREE), True), (Scale(0.0, 356.0, DEGREE), False),
    (Scale(-180.0, 180.0, DEGREE), False), (Scale(0.0, 360.0, DEGREE, 180.0), False),
    (Scale(1.0, 361.0, DEGREE), False),
    (Scale(0.0, 1.0, math.tau), True)])
def test_a_revolution_that_begins_at_0_reaches_both_ways(scale: Scale, turns: bool) -> None:
    if not turns:
        assert scale.ends == ((scale.low - scale.middle) * scale.unit, (scale.high - scale.middle) * scale.unit)
        return
    assert scale.ends == (-math.pi, math.pi)
    assert scale.value(0.75 * math.tau / scale.unit) == pytest.approx(-0.5 * math.pi)
    assert scale.value(0.25 * math.tau / scale.unit) == pytest.approx(0.5 * math.pi)
    assert scale.number(-0.5 * math.pi) == pytest.approx(0.75 * math.tau / scale.unit, abs=1e-5)
    assert scale.number(0.5 * math.pi) == pytest.approx(0.25 * math.tau / scale.unit, abs=1e-5)
    assert scale.number(0.0) == 0.0


def test_a_vector_has_a_number_for_each_axis() -> None:
    space = Space('uri', (HALF, Scale(-1.0, 1.0, 4.0)))
    assert space.vector((1.0, 1.0)) == {'PanTilt': {'x': 0.5, 'y': 0.25, 'space': 'uri'}}


def test_generic_positions_are_shares_of_the_angle_in_the_data_sheet() -> None:
    assert _position(-1.0, 1.0, False, AXIS) == Scale(-1.0, 1.0, 2.0, 0.0)
    assert _position(0.0, 8.0, False, AXIS) == Scale(0.0, 8.0, 0.5, 4.0)
    assert _position(-90.0, 30.0, True, AXIS) == Scale(-90.0, 30.0, DEGREE)


def test_generic_velocities_are_shares_of_the_speed_in_the_data_sheet() -> None:
    assert _velocity(-1.0, 1.0, False, AXIS) == Scale(-1.0, 1.0, 1.5)
    assert _velocity(-2.0, 2.0, False, AXIS) == Scale(-2.0, 2.0, 0.75)
    assert _velocity(-100.0, 100.0, True, AXIS) == Scale(-100.0, 100.0, DEGREE)
    assert _speed(-1.0, 2.0, False, AXIS) == Scale(0.0, 2.0, 0.75)
    assert _speed(0.25, 2.0, False, AXIS) == Scale(0.25, 2.0, 0.75)
    assert _speed(0.0, 100.0, True, AXIS) == Scale(0.0, 100.0, DEGREE)


@pytest.mark.parametrize(('low', 'high'), [(0.0, 1.0), (-1.0, 0.0), (0.5, 1.0), (-2.0, -1.0)])
def test_velocities_that_go_one_way_are_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match='cannot move both ways'):
        _velocity(low, high, False, AXIS)


@pytest.mark.parametrize('high', [0.0, -1.0])
def test_speeds_that_do_not_move_are_refused(high: float) -> None:
    with pytest.raises(ValueError, match='cannot move'):
        _speed(-2.0, high, False, AXIS)


def described(low: Any, high: Any) -> Any:
    return SimpleNamespace(Min=low, Max=high)


def test_a_range_is_that_of_the_camera_or_the_normal_one() -> None:
    assert _range(described('-2', 3), (-1.0, 1.0)) == (-2.0, 3.0)
    assert _range(None, (-1.0, 1.0)) == (-1.0, 1.0)


@pytest.mark.parametrize('given', [
    None, described(None, 1.0), described('x', 1.0), described(1.0, 1.0), described(1.0, -1.0),
    described(-math.inf, 1.0), described(-1.0, math.inf), described(math.nan, 1.0), described(-1.0, math.nan)])
def test_a_range_that_cannot_be_is_refused(given: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        _range(given, None)


def test_the_name_of_a_space_is_the_end_of_its_address() -> None:
    assert _name(' http://a/b/Space \n') == 'Space'


def test_spaces_in_degrees_come_before_generic_ones_and_others_are_left_out() -> None:
    def offer(name: str, **ranges: Any) -> Any:
        return SimpleNamespace(URI=f' http://x/{name} ', **{'XRange': described(-1.0, 1.0), **ranges})

    offered = [
        offer('Other', YRange=None), offer('Generic', YRange=described(-2.0, 2.0)),
        offer('Degrees', XRange=described(-90.0, 90.0), YRange=described(-30.0, 30.0)),
        offer('Degrees', XRange=None, YRange=described(-30.0, 30.0)),  # no normal range
        offer('Generic', XRange=described(1.0, 1.0)), offer('Generic', XRange=None, YRange=None), offer('Generic')]
    axes = (AXIS, OnvifAxis(range=2.0))
    found = _spaces(offered, ('Degrees',), 'Generic', (-1.0, 1.0), _position, axes)
    pan, tilt = Scale(-1.0, 1.0, 2.0), Scale(-1.0, 1.0, 1.0)
    assert found == [
        Space('http://x/Degrees', (Scale(-90.0, 90.0, DEGREE), Scale(-30.0, 30.0, DEGREE))),
        Space('http://x/Generic', (pan, Scale(-2.0, 2.0, 0.5))), Space('http://x/Generic', (pan, tilt)),
        Space('http://x/Generic', (pan, tilt))]


def test_a_camera_that_is_not_connected_is_a_driver_fault() -> None:
    camera = OnvifCamera('http://camera/onvif/device_service', '', '', 1.0, (AXIS, AXIS))
    assert [camera.continuous, camera.absolute, camera.limits_speed] == [False, False, False]
    assert camera.reach == ((-math.inf, math.inf), (-math.inf, math.inf))
    camera.close()


def test_every_request_of_a_connection_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('onvif')  # of onvif-zeep-async, which is optional
    camera = OnvifCamera('http://camera/onvif/device_service', '', '', 1.5, (AXIS, AXIS))
    times_s: list[float] = []

    def run(request: Any, timeout_s: float = 0.0) -> None:
        request.close()
        times_s.append(timeout_s)
    monkeypatch.setattr(camera, '_run', run)
    camera.connect()
    assert times_s == [30.0, 12.0]
    camera.close()


SPACES = 'http://www.onvif.org/ver10/tptz/PanTiltSpaces/'
GENERIC = SPACES + 'PositionGenericSpace'


def space(name: str, low: float = -1.0, high: float = 1.0) -> Any:
    return SimpleNamespace(URI=SPACES + name, XRange=described(low, high), YRange=described(low, high))


def connected(monkeypatch: pytest.MonkeyPatch, answer: Any = None, default: str | None = None, **offered: Any) -> Any:
    """Return a camera that offers these spaces, and whose requests have this answer; they are in its list ``asked``."""
    camera: Any = OnvifCamera('http://camera/onvif/device_service', '', '', 1.0, (AXIS, AXIS))
    camera.asked = []
    camera._profile = 'profile'  # noqa: SLF001  as its services say
    camera._ptz = SimpleNamespace(**{  # noqa: SLF001  as above
        name: lambda request, name=name: camera.asked.append((name, request))
        for name in ('GetStatus', 'ContinuousMove', 'AbsoluteMove', 'Stop')})
    monkeypatch.setattr(camera, '_run', lambda request: answer)
    camera._take_spaces(default, SimpleNamespace(**offered) if offered else None)  # noqa: SLF001  as above
    return camera


MOVES = {'ContinuousPanTiltVelocitySpace': [space('VelocityGenericSpace')]}


def status(x: Any, y: Any, uri: str | None = None, move: Any = None) -> Any:
    moves = None if move is None else SimpleNamespace(PanTilt=move)
    return SimpleNamespace(Position=SimpleNamespace(PanTilt=SimpleNamespace(x=x, y=y, space=uri)), MoveStatus=moves)


@pytest.mark.parametrize(('answer', 'positions', 'moving'), [
    (status(0.5, -0.25), (1.0, -0.5), None), (status('0.5', 0, GENERIC, 'MOVING'), (1.0, 0.0), True),
    (status(90.0, -45.0, SPACES + 'SphericalPositionSpaceDegrees', 'IDLE'), (math.pi / 2, -math.pi / 4), False),
    (status(0.0, 0.0, move='UNKNOWN'), (0.0, 0.0), None)])
def test_a_position_is_in_the_space_that_it_names(
        monkeypatch: pytest.MonkeyPatch, answer: Any, positions: tuple[float, float], moving: bool | None) -> None:
    camera = connected(monkeypatch, answer, **MOVES)
    found = camera.status()
    assert found.positions == pytest.approx(positions)
    assert found.moving is moving
    assert camera.asked == [('GetStatus', {'ProfileToken': 'profile'})]


@pytest.mark.parametrize(('answer', 'why'), [
    (None, 'does not report its position'), (SimpleNamespace(), 'does not report its position'),
    (SimpleNamespace(Position=None), 'does not report its position'),
    (SimpleNamespace(Position=SimpleNamespace(PanTilt=None)), 'does not report its position'),
    (status(0.0, 0.0, SPACES + 'Other'), 'reports its position in the space .*Other'),
    (status(2.0, 0.0), r'the position \(2.0, 0.0\): 2 is not between -1 and 1'),
    (status(0.0, math.nan), 'is not between'), (status(None, 0.0), r'the position \(None, 0.0\)'),
    (status(0.0, 'x'), r'the position \(0.0, x\)')])
def test_a_position_that_cannot_be_is_a_driver_fault(monkeypatch: pytest.MonkeyPatch, answer: Any, why: str) -> None:
    with pytest.raises(TurretError, match=why) as fault:
        connected(monkeypatch, answer, **MOVES).status()
    assert fault.value.code is ReasonCode.DRIVER_FAULT


def test_moves_are_in_the_numbers_of_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = connected(
        monkeypatch, **MOVES, AbsolutePanTiltPositionSpace=[space('PositionGenericSpace')],
        PanTiltSpeedSpace=[space('GenericSpeedSpace', 0.0)])
    assert [camera.continuous, camera.absolute, camera.limits_speed] == [True, True, True]
    assert camera.reach == ((-2.0, 2.0), (-2.0, 2.0))
    camera.move((0.75, -1.5), 0.5)
    camera.go((1.0, -2.0), (0.75, 1.5))
    camera.stop()

    def vector(x: float, y: float, name: str) -> Any:
        return {'PanTilt': {'x': x, 'y': y, 'space': SPACES + name}}
    assert camera.asked == [
        ('ContinuousMove', {
            'ProfileToken': 'profile', 'Velocity': vector(0.5, -1.0, 'VelocityGenericSpace'),
            'Timeout': datetime.timedelta(seconds=0.5)}),
        ('AbsoluteMove', {
            'ProfileToken': 'profile', 'Position': vector(0.5, -1.0, 'PositionGenericSpace'),
            'Speed': vector(0.5, 1.0, 'GenericSpeedSpace')}),
        ('Stop', {'ProfileToken': 'profile', 'PanTilt': True, 'Zoom': True})]


def test_a_camera_without_speeds_is_sent_none(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = connected(monkeypatch, AbsolutePanTiltPositionSpace=[space('PositionGenericSpace')])
    assert [camera.continuous, camera.absolute, camera.limits_speed] == [False, True, False]
    camera.go((0.0, 0.0), (1.0, 1.0))
    assert set(camera.asked[0][1]) == {'ProfileToken', 'Position'}


def test_moves_are_in_the_space_in_which_it_reports_where_it_offers_that(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [space('PositionGenericSpace'), space('SphericalPositionSpaceDegrees', -90.0, 90.0)]
    for default, name, reach in (
            (GENERIC, 'PositionGenericSpace', 2.0), (None, 'PositionGenericSpace', 2.0),
            (SPACES + 'SphericalPositionSpaceDegrees', 'SphericalPositionSpaceDegrees', math.pi / 2)):
        camera = connected(monkeypatch, default=default, AbsolutePanTiltPositionSpace=both)
        camera.go((0.0, 0.0), (1.0, 1.0))
        assert camera.asked[0][1]['Position']['PanTilt']['space'] == SPACES + name
        assert camera.reach == ((pytest.approx(-reach), pytest.approx(reach)),) * 2


@pytest.mark.parametrize(('default', 'offered', 'why'), [
    (SPACES + 'Other', MOVES, 'reports its position in the space .*Other'), (None, {}, 'neither continuous nor'),
    (None, {'ContinuousPanTiltVelocitySpace': [space('VelocityGenericSpace', 0.0)]}, 'neither continuous nor')])
def test_a_camera_that_cannot_be_guided_is_a_driver_fault(
        monkeypatch: pytest.MonkeyPatch, default: str | None, offered: Any, why: str) -> None:
    with pytest.raises(TurretError, match=why) as fault:
        connected(monkeypatch, default=default, **offered)
    assert fault.value.code is ReasonCode.DRIVER_FAULT


@pytest.mark.parametrize('answers', [True, False])
def test_closing_ends_the_connections_and_their_loop(answers: bool) -> None:
    closed: list[None] = []

    class Library:
        async def close(self) -> None:
            closed.append(None)
            if not answers:
                raise OSError('gone')

    camera: Any = OnvifCamera('http://camera/onvif/device_service', '', '', 1.0, (AXIS, AXIS))
    loop = camera._loop = asyncio.new_event_loop()  # noqa: SLF001  as connect() does
    camera._camera = Library()  # noqa: SLF001  as above
    for _ in range(2):
        camera.close()
        assert loop.is_closed()
        assert (camera._loop, camera._camera, closed) == (None, None, [None])  # noqa: SLF001  as above


def test_a_connection_that_was_not_made_is_closed() -> None:
    camera: Any = OnvifCamera('http://camera/onvif/device_service', '', '', 1.0, (AXIS, AXIS))
    loop = camera._loop = asyncio.new_event_loop()  # noqa: SLF001  as connect() does before the library is loaded
    camera.close()
    assert loop.is_closed()

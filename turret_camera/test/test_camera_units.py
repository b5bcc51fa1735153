# SPDX-License-Identifier: Apache-2.0
"""The small parts of the camera."""

from __future__ import annotations

import dataclasses
import errno
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_camera.camera_parameters import CameraParameters
from turret_camera.capture_parameters import WHITE_BALANCE_K
from turret_camera.frame import Frame, encode_jpeg, jpeg_size
from turret_camera.lens.calibration_file import calibration_path, load_calibration
from turret_camera.orientation import Orientation
from turret_camera.simulation.auto_exposure import AutoExposure
from turret_camera.simulation.white_balance import gains_for, neutral_gains
from turret_camera.sources.pacing import Pacer
from turret_camera.sources.v4l2_controls import Control, Range, V4l2Controls
from turret_common import params
from turret_common.errors import TurretError
from turret_common.geometry import EQUIDISTANT, PLUMB_BOB, RATIONAL, PinholeCamera
from turret_common.reason_codes import ReasonCode

CALIBRATION = '''
image_width: 640
image_height: 480
camera_name: narrow
camera_matrix: {rows: 3, cols: 3, data: [500.0, 0, 320.5, 0, 501.0, 239.5, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0.001, 0.002, 0.0]}
'''


@given(st.lists(st.integers(0, 400), min_size=1, max_size=50), st.integers(10, 100), st.integers(0, 200))
def test_a_pacer_counts_every_instant_once(delays: list[int], period: int, lag: int) -> None:
    """Instants stay on one grid, are never skipped without being counted, and the newest that is due is taken."""
    pacer, now = Pacer(), 1000
    due, missed = pacer.next(now, period, lag)
    assert (due, missed) == (1000, 0)
    for delay in delays:
        now += delay
        before = due
        due, missed = pacer.next(now, period, lag)
        assert due == before + period * (1 + missed)
        assert missed == 0 or due <= now - lag < due + period


def test_auto_exposure_prefers_time_to_gain_and_settles() -> None:
    exposure = AutoExposure()

    def mean(light: float) -> float:
        return min(255.0, 150.0 * (light * exposure.exposure_us * exposure.gain / 10000.0) ** (1 / 2.2))
    for light, time_us, gain in ((10.0, 1000.0, 1.0), (1.0, 10000.0, 1.0), (0.25, 10000.0, 4.0)):
        for _ in range(100):
            exposure.update(mean(light), 33333.0)
        assert exposure.exposure_us == pytest.approx(time_us, rel=0.8)
        assert exposure.gain == pytest.approx(gain, rel=0.5)
        assert 110.0 < mean(light) < 190.0
    exposure.update(100.0, 5000.0)
    assert exposure.exposure_us <= 5000.0  # never longer than a frame


def test_white_balance_modes_go_from_warm_to_cold() -> None:
    reds, blues = zip(*(gains_for(mode, (9.0, 9.0)) for mode in WHITE_BALANCE_K), strict=True)
    assert list(reds) == sorted(reds)
    assert list(blues) == sorted(blues, reverse=True)
    assert gains_for('manual', (1.2, 2.3)) == (1.2, 2.3)
    assert neutral_gains(100.0) == neutral_gains(2700.0)


def test_a_calibration_is_read_as_camera_calibration_writes_it(tmp_path: Path) -> None:
    path = tmp_path / 'camera.yaml'
    path.write_text(CALIBRATION)
    camera = load_calibration(path)
    assert (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy) == (
        640, 480, 500.0, 501.0, 320.5, 239.5)
    assert camera.distortion == (0.1, -0.2, 0.001, 0.002, 0.0)


@pytest.mark.parametrize('change', [
    ('0.1, -0.2', '5.0, -90.0'), ('500.0', '.nan'), ('500.0', '0'), ('image_width: 640', ''), ('501.0', 'x'),
    ('{', '['), ('640', '640.5'), ('640', 'true'), ('640', '.inf'), ('640', '0'), ('plumb_bob', '[plumb_bob]'),
    ('plumb_bob', ''), ('500.0', '[500.0]'), ('500.0', 'true'), ('image_width', 'image_height: 1\nimage_width')])
def test_a_calibration_that_is_none_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / 'camera.yaml'
    path.write_text(CALIBRATION.replace(*change))
    with pytest.raises(TurretError) as refusal:
        load_calibration(path)
    assert refusal.value.code is ReasonCode.INVALID_ARGUMENT


@pytest.mark.parametrize(('model', 'numbers', 'read'), [
    ('rational_polynomial', [0.1, -0.2, 0.0, 0.0, 0.0, 0.05, 0.0, 0.0], RATIONAL),
    ('rational_polynomial', [0.1, -0.2, 0.0, 0.0, 0.0, 0.05, 0.0, 0.0] + [0.0] * 6, RATIONAL),
    ('equidistant', [0.02, -0.01, 0.0, 0.0], EQUIDISTANT), ('fisheye', [0.02, -0.01, 0.0, 0.0], EQUIDISTANT),
    ('plumb_bob', [0.1, -0.2, 0.0, 0.0], PLUMB_BOB),
])
def test_the_lens_models_of_ros_are_read(model: str, numbers: list[float], read: str, tmp_path: Path) -> None:
    path = tmp_path / 'camera.yaml'
    path.write_text(CALIBRATION.replace('plumb_bob', model).replace('[0.1, -0.2, 0.001, 0.002, 0.0]', str(numbers)))
    camera = load_calibration(path)
    assert camera.model == read
    assert camera.project(camera.ray(630.0, 470.0)) == pytest.approx((630.0, 470.0), abs=0.01)


@pytest.mark.parametrize(('change', 'reason'), [
    (('plumb_bob', 'thin_prism'), 'lens model "thin_prism" is not one of'),
    (('0.002, 0.0', '0.002, 0.0, 0.0, 0.3'), 'are not zero'),
    (('\nimage_width', '%YAML:1.0\n---\nimage_width'), 'file of OpenCV'),
    (('camera_matrix:', 'camera_matrix: !!opencv-matrix'), 'file of OpenCV'),
    (('500.0, 0', '500.0, 1'), 'not of the form fx 0 cx'), (('0, 0, 1]', '0, 0, 2]'), 'not of the form fx 0 cx'),
])
def test_what_cannot_be_used_is_refused_with_the_reason(change: tuple[str, str], reason: str, tmp_path: Path) -> None:
    path = tmp_path / 'camera.yaml'
    path.write_text(CALIBRATION.replace(*change))
    with pytest.raises(TurretError, match=reason) as refusal:
        load_calibration(path)
    assert refusal.value.code is ReasonCode.NOT_SUPPORTED


def test_a_calibration_is_named_as_drivers_of_ros_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', '/home/me')
    assert calibration_path('a/b.yaml') == Path('a/b.yaml')
    assert calibration_path('~/b.yaml') == calibration_path('file://~/b.yaml') == Path('/home/me/b.yaml')
    assert calibration_path('file:///a/b.yaml') == Path('/a/b.yaml')
    with pytest.raises(TurretError, match='no package "nothing"'):
        calibration_path('package://nothing/a.yaml')
    with pytest.raises(TurretError, match='home of "~no-such-user/'):
        calibration_path('~no-such-user/b.yaml')
    with pytest.raises(TurretError, match='not a path'):
        calibration_path('https://example.org/a.yaml')


def test_a_number_without_a_point_before_its_exponent_is_read(tmp_path: Path) -> None:
    path = tmp_path / 'camera.yaml'
    path.write_text(CALIBRATION.replace('0.001', '1e-03'))  # as C++ writes it; a text in YAML 1.1
    assert load_calibration(path).distortion[2] == 0.001


def test_a_calibration_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TurretError) as refusal:
        load_calibration(tmp_path / 'none.yaml')
    assert refusal.value.code is ReasonCode.NOT_FOUND


def test_parameters_that_do_not_go_together_are_refused() -> None:
    for changes in ({'color_gains': (1.0,)}, {'source': 'file', 'video_fov': 0.5}):
        with pytest.raises(params.ParameterError):
            params.build(CameraParameters, changes)
    dataclasses.replace(CameraParameters(), video_fov=0.5)  # matters to footage only


def test_only_whole_jpegs_have_a_size() -> None:
    jpeg = encode_jpeg(np.zeros((30, 50, 3), np.uint8), 80)
    assert jpeg_size(jpeg) == (50, 30)
    assert jpeg_size(jpeg + bytes(10)) == (50, 30)  # some cameras fill up
    for damaged in (b'', jpeg[:-20], jpeg[5:], b'\xff\xd8\xff\xd9', bytes(100)):
        assert jpeg_size(damaged) is None


@given(st.binary(max_size=300))
def test_bytes_that_are_no_jpeg_do_no_harm(data: bytes) -> None:
    jpeg_size(b'\xff\xd8' + data + b'\xff\xd9')


@given(st.integers(-1000, 1000), st.integers(1, 3000), st.integers(0, 7), st.floats(0, 1), st.floats(-1, 1))
def test_control_values_are_allowed_ones(minimum: int, span: int, step: int, where: float, share: float) -> None:
    found = Range(minimum, minimum + span, step, minimum + round(where * span))
    for value in (found.around_default(share), found.along(abs(share)), found.nearest(1e6 * share)):
        assert found.minimum <= value <= found.maximum
    assert found.along(0.0) == found.minimum
    assert found.maximum - found.along(1.0) <= step
    assert abs(found.around_default(0.0) - found.default) <= max(step, 1) / 2


class FakeDevice:
    """Answers the three calls as a driver does that knows brightness only."""

    def __init__(self) -> None:
        self.value = 5

    def ioctl(self, file: int, request: int, data: bytearray) -> int:
        number = struct.unpack_from('=I', data)[0]
        if number != Control.BRIGHTNESS:
            raise OSError(errno.EINVAL, 'Invalid argument')
        if request & 0xFF == 36:  # QUERYCTRL: struct v4l2_queryctrl of 68 bytes
            assert len(data) == request >> 16 & 0x3FFF == 68
            data[:] = struct.pack('=II32siiiiI8x', number, 1, b'Brightness', -64, 64, 1, 5, 0)
        elif request & 0xFF == 27:
            data[:] = struct.pack('=Ii', number, self.value)
        else:
            assert request & 0xFF == 28
            self.value = struct.unpack('=Ii', data)[1]
        return 0


def test_controls_speak_as_the_kernel_does(tmp_path: Path) -> None:
    path = tmp_path / 'video0'
    path.touch()
    device = FakeDevice()
    controls = V4l2Controls(path, device.ioctl)
    assert controls.range(Control.BRIGHTNESS) == Range(-64, 64, 1, 5)
    assert controls.range(Control.GAIN) is None
    controls.set(Control.BRIGHTNESS, -3)
    assert controls.get(Control.BRIGHTNESS) == -3
    controls.close()


LENSES = [
    (PLUMB_BOB, (0.1, 0.0, 0.01, 0.02, 0.0)), (RATIONAL, (0.1, 0.0, 0.01, 0.02, 0.0, 0.05, 0.01, 0.0)),
    (EQUIDISTANT, (0.02, 0.01, 0.0, 0.0))]


@pytest.mark.parametrize(('model', 'distortion'), LENSES)
@pytest.mark.parametrize('flip', ['none', 'horizontal', 'vertical', 'both'])
@pytest.mark.parametrize('rotate', ['none', 'clockwise', 'half', 'counterclockwise'])
def test_an_image_and_its_camera_are_turned(
        rotate: str, flip: str, model: str, distortion: tuple[float, ...]) -> None:
    lens = PinholeCamera(64, 48, 60.0, 55.0, 30.0, 20.0, distortion, model=model)
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[10, 40] = 255
    orientation = Orientation(rotate, flip)
    frame = orientation.frame(Frame(5, lens, pixels=pixels, dropped=2))
    (row, column), = np.argwhere(frame.pixels()[..., 0] == 255)
    assert (frame.stamp_ns, frame.dropped) == (5, 2)
    assert (frame.camera.width, frame.camera.height) == frame.pixels().shape[1::-1]
    ray = lens.ray(40.0, 10.0)
    turned = {'none': ray, 'clockwise': (-ray[1], ray[0], ray[2]), 'half': (-ray[0], -ray[1], ray[2]),
              'counterclockwise': (ray[1], -ray[0], ray[2])}[rotate]
    across, up = (-1.0 if flip in axes else 1.0 for axes in (('horizontal', 'both'), ('vertical', 'both')))
    assert frame.camera.ray(column, row) == pytest.approx(np.array(turned) * (across, up, 1.0), abs=1e-9)
    again = orientation.original(frame.camera)
    assert dataclasses.replace(again, distortion=()) == dataclasses.replace(lens, distortion=())
    assert again.distortion == pytest.approx(distortion)


def test_a_frame_that_is_not_turned_stays_as_it_is() -> None:
    frame = Frame(5, PinholeCamera.from_field_of_view(64, 48, 1.0), pixels=np.zeros((48, 64, 3), np.uint8))
    assert Orientation().frame(frame) is frame

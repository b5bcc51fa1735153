# SPDX-License-Identifier: Apache-2.0
"""Geometry: the signs and frames of the design, and round trips of all conversions."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_common.geometry import (
    EQUIDISTANT,
    RATIONAL,
    Bearing,
    PinholeCamera,
    angle_between,
    base_from_head,
    bearing_of,
    bearing_to_pixel,
    direction,
    lens_camera,
    pixel_to_bearing,
    quaternion,
    wrap_angle,
)

CAMERA = PinholeCamera.from_field_of_view(640, 480, math.radians(60.0))
DISTORTED = PinholeCamera(640, 480, 550.0, 552.0, 322.0, 238.0, (-0.12, 0.05, 0.001, -0.0008, -0.01))
angles = st.floats(-1.2, 1.2)


def test_a_level_head_sees_its_own_direction_in_the_middle() -> None:
    assert pixel_to_bearing(CAMERA, 319.5, 239.5, 0.3, -0.2) == pytest.approx((0.3, -0.2), abs=1e-12)


def test_left_of_the_middle_is_positive_azimuth_and_above_it_positive_elevation() -> None:
    azimuth, elevation = pixel_to_bearing(CAMERA, 100.0, 100.0, 0.0, 0.0)
    assert azimuth > 0.0
    assert elevation > 0.0


def test_the_edge_of_the_image_is_half_the_field_of_view_away() -> None:
    assert pixel_to_bearing(CAMERA, 639.5, 239.5, 0.0, 0.0).azimuth == pytest.approx(-math.radians(30.0))


@settings(deadline=None)
@given(st.floats(-5.0, 645.0), st.floats(-5.0, 485.0), angles, angles, st.sampled_from([CAMERA, DISTORTED]))
def test_pixel_to_bearing_and_back(x: float, y: float, pan: float, tilt: float, camera: PinholeCamera) -> None:
    pixel = bearing_to_pixel(camera, pixel_to_bearing(camera, x, y, pan, tilt), pan, tilt)
    assert pixel == pytest.approx((x, y), abs=1e-5)


def test_a_bearing_behind_the_camera_has_no_pixel() -> None:
    assert bearing_to_pixel(CAMERA, Bearing(math.pi, 0.0), 0.0, 0.0) is None


@settings(deadline=None)
@given(st.floats(-math.pi, math.pi, exclude_max=True), st.floats(-1.5, 1.5))
def test_bearing_to_vector_and_back(azimuth: float, elevation: float) -> None:
    assert bearing_of(3.0 * direction(Bearing(azimuth, elevation))) == pytest.approx((azimuth, elevation), abs=1e-9)


@settings(deadline=None)
@given(angles, angles)
def test_a_head_at_a_bearing_looks_along_it(pan: float, tilt: float) -> None:
    rotation = base_from_head(pan, tilt)
    assert rotation[:, 0] == pytest.approx(direction(Bearing(pan, tilt)))
    assert rotation @ rotation.T == pytest.approx(np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_small_angles_are_exact() -> None:
    assert angle_between(Bearing(0.1, 0.2), Bearing(0.1, 0.2 + 1e-9)) == pytest.approx(1e-9, rel=1e-6)


@settings(deadline=None)
@given(st.floats(-50.0, 50.0))
def test_wrapped_angles_are_the_same_angle(angle: float) -> None:
    wrapped = wrap_angle(angle)
    assert -math.pi <= wrapped < math.pi
    assert math.sin(wrapped) == pytest.approx(math.sin(angle), abs=1e-9)
    assert math.cos(wrapped) == pytest.approx(math.cos(angle), abs=1e-9)


def test_a_resized_image_keeps_its_bearings() -> None:
    small = DISTORTED.scaled(320, 240)
    full = pixel_to_bearing(DISTORTED, 101.0, 41.0, 0.1, 0.1)
    assert pixel_to_bearing(small, 50.25, 20.25, 0.1, 0.1) == pytest.approx(full, abs=1e-9)


@settings(deadline=None)
@given(angles, st.floats(-3.1, 3.1), st.floats(-3.1, 3.1))
def test_a_quaternion_rotates_like_its_matrix(roll: float, pan: float, tilt: float) -> None:
    about_x = np.array([
        [1.0, 0.0, 0.0], [0.0, math.cos(roll), -math.sin(roll)], [0.0, math.sin(roll), math.cos(roll)]])
    matrix = base_from_head(pan, tilt) @ about_x
    *v, w = quaternion(matrix)
    u = np.array(v)
    vector = np.array([0.3, -0.5, 0.8])
    turned = vector + 2.0 * np.cross(u, np.cross(u, vector) + w * vector)
    assert turned == pytest.approx(matrix @ vector, abs=1e-9)


@pytest.mark.parametrize(('size', 'scale'), [
    ((1280, 720), 2.0), ((1920, 1080), 3.0), ((320, 240), 0.5), ((480, 480), 1.0)])
def test_images_of_another_aspect_ratio_are_cropped_and_never_stretched(size: tuple[int, int], scale: float) -> None:
    camera = PinholeCamera(640, 480, 600.0, 606.0, 319.5, 239.5).scaled(*size)
    assert (camera.width, camera.height) == size
    assert (camera.fx, camera.fy) == pytest.approx((600.0 * scale, 606.0 * scale))
    assert (camera.cx, camera.cy) == pytest.approx((0.5 * (size[0] - 1), 0.5 * (size[1] - 1)))


FISHEYE = PinholeCamera(640, 480, 280.0, 282.0, 322.0, 238.0, (-0.02, 0.01, -0.003, 0.0005), model=EQUIDISTANT)
RATIONAL_LENS = PinholeCamera(
    640, 480, 400.0, 410.0, 330.0, 250.0, (0.5, -0.2, 0.001, 0.002, 0.05, 0.6, -0.1, 0.03), model=RATIONAL)


@pytest.mark.parametrize('camera', [FISHEYE, RATIONAL_LENS])
def test_wide_lenses_project_as_opencv_does(camera: PinholeCamera) -> None:
    points = np.array([[x, y, 1.0] for x in (-0.7, 0.0, 0.75) for y in (-0.5, 0.0, 0.55)])
    matrix = np.array([[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])
    none, numbers = np.zeros(3), np.array(camera.distortion)
    if camera.model == EQUIDISTANT:
        expected = cv2.fisheye.projectPoints(points[np.newaxis], none, none, matrix, numbers)[0][0]
    else:
        expected = cv2.projectPoints(points, none, none, matrix, numbers)[0][:, 0]
    for point, pixel in zip(points, expected, strict=True):
        assert camera.project(point) == pytest.approx(pixel, abs=1e-6)
        assert camera.ray(*pixel) == pytest.approx(point / np.linalg.norm(point), abs=1e-6)
    assert camera.is_consistent()


def test_a_wrong_fit_is_not_the_calibration_of_a_lens() -> None:
    for coefficients in ([5.0, -90.0, 0.0, 0.0, 40.0], [-3.0, 0.0, 0.0, 0.0, 0.0]):
        with pytest.raises(TurretError, match='not that of a lens'):
            lens_camera(640, 480, [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0], 'plumb_bob', coefficients)

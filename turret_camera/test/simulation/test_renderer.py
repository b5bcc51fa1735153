# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from turret_camera.simulation.panorama import Panorama
from turret_camera.simulation.renderer import REFERENCE_EXPOSURE_US, Renderer, Shot, smear
from turret_camera.simulation.room import paint_room
from turret_camera.simulation.scene import Scene, SceneObject
from turret_common.geometry import Bearing, PinholeCamera, bearing_to_pixel
from turret_common.pose_history import Pose

FOV = 1.047
QUIET = Shot(noise=0.0)
GRAY = Panorama.plain(40.0, (128, 128, 128))
DARK = Panorama.plain(40.0, (0, 0, 0))


def scene(pan: float = 0.0, tilt: float = 0.0, **changes: Any) -> Scene:
    return dataclasses.replace(Scene(Pose(pan, tilt), FOV), **changes)


def balloon(bearing: Bearing, **changes: Any) -> SceneObject:
    return dataclasses.replace(SceneObject('balloon', 'balloon', bearing, 3.0, 0.3, 0.3), **changes)


def red_middle(image: Any) -> tuple[float, float]:
    """Return the center of gravity of what is red on gray."""
    weight = np.clip(image[..., 2].astype(float) - image[..., 0] - 20.0, 0.0, None) > 0
    rows, columns = np.nonzero(weight)
    return columns.mean(), rows.mean()


def renderer(panorama: Panorama = GRAY, seed: int = 1) -> Renderer:
    return Renderer(640, 480, panorama, seed)


@pytest.fixture(scope='module')
def room() -> Panorama:
    return paint_room(1, 300.0)


@settings(max_examples=25, deadline=None)
@given(st.floats(-1.2, 1.2), st.floats(-0.6, 0.6), st.floats(-0.25, 0.25), st.floats(-0.2, 0.2))
def test_the_laser_dot_is_where_geometry_says(pan: float, tilt: float, left: float, up: float) -> None:
    beam = Bearing(pan + left, tilt + up)
    expected = bearing_to_pixel(PinholeCamera.from_field_of_view(640, 480, FOV), beam, pan, tilt)
    assert expected is not None
    seen = scene(pan, tilt, beam=beam, beam_power=0.5)
    image = renderer(DARK).render(seen, QUIET)[..., 1].astype(float)
    assume(12 < expected[0] < 628 and 12 < expected[1] < 468)
    rows, columns = np.mgrid[:480, :640]
    assert (columns * image).sum() / image.sum() == pytest.approx(expected[0], abs=0.15)
    assert (rows * image).sum() / image.sum() == pytest.approx(expected[1], abs=0.15)


@pytest.mark.parametrize('bearing', [(0.0, 0.0), (0.3, 0.15), (-0.35, -0.2)])
def test_a_target_is_seen_where_geometry_says(bearing: tuple[float, float]) -> None:
    """The outline of a small ball projects to a small ellipse around the pixel of its center."""
    item = balloon(Bearing(*bearing), range_m=6.0)
    image = renderer().render(scene(objects=(item,)), QUIET)
    expected = bearing_to_pixel(PinholeCamera.from_field_of_view(640, 480, FOV), item.bearing, 0.0, 0.0)
    assert expected is not None
    x, y = red_middle(image)
    assert x == pytest.approx(expected[0], abs=0.5)
    assert y == pytest.approx(expected[1], abs=1.5)  # the knot pulls it down


def test_the_room_turns_as_the_head_does(room: Panorama) -> None:
    """What is seen at a bearing stays at the pixel of that bearing when the head moves."""
    camera = PinholeCamera.from_field_of_view(640, 480, FOV)
    draw = renderer(room)
    before = draw.render(scene(0.5, -0.05), QUIET)
    after = draw.render(scene(0.6, 0.0), QUIET)
    corner = Bearing(0.55, 0.02)
    (x0, y0), (x1, y1) = (bearing_to_pixel(camera, corner, *pose) for pose in ((0.5, -0.05), (0.6, 0.0)))
    patch = before[round(y0) - 20:round(y0) + 21, round(x0) - 20:round(x0) + 21]
    found = cv2.minMaxLoc(cv2.matchTemplate(after, patch, cv2.TM_SQDIFF))[2]
    assert found[0] + 20 == pytest.approx(x1, abs=1.5)
    assert found[1] + 20 == pytest.approx(y1, abs=1.5)


def test_hidden_lens_and_roll_move_what_is_off_center_only() -> None:
    item = balloon(Bearing(-0.35, 0.0))
    level = red_middle(renderer().render(scene(objects=(item,)), QUIET))
    bent = red_middle(renderer().render(scene(objects=(item,), distortion=(-0.2, 0.0, 0.0, 0.0, 0.0)), QUIET))
    rolled = red_middle(renderer().render(scene(objects=(item,), roll=0.1), QUIET))
    assert bent[0] < level[0] - 3.0  # barrel distortion pulls inwards
    assert rolled[1] < level[1] - 10.0  # the right side hangs down: what is right is seen higher
    dot = scene(beam=Bearing(0.0, 0.0), beam_power=1.0, distortion=(-0.2, 0.0, 0.0, 0.0, 0.0), roll=0.1)
    y, x = np.unravel_index(int(renderer().render(dot, QUIET)[..., 1].argmax()), (480, 640))
    assert abs(x - 319.5) <= 2.0
    assert abs(y - 239.5) <= 2.0


def test_exposure_and_gain_brighten_alike(room: Panorama) -> None:
    def mean(**changes: Any) -> float:
        return float(renderer(room).render(scene(), dataclasses.replace(QUIET, **changes)).mean())
    dark, normal = mean(exposure_us=REFERENCE_EXPOSURE_US / 4), mean()
    assert dark == pytest.approx(normal * 0.25 ** (1 / 2.2), rel=0.02)
    assert mean(exposure_us=REFERENCE_EXPOSURE_US / 4, gain=4.0) == pytest.approx(normal, rel=0.02)


def test_gain_makes_noise() -> None:
    def deviation(**changes: Any) -> float:
        shot = Shot(exposure_us=2500.0, **changes)
        return float(renderer().render(scene(), shot).std())
    quiet, loud = deviation(gain=1.0), deviation(gain=9.0)
    assert quiet == pytest.approx(1.0, abs=0.3)
    assert loud == pytest.approx(3.0 * quiet, rel=0.2)
    assert deviation(noise=0.0) == 0.0


def test_color_controls_act() -> None:
    def pixel(**changes: Any) -> list[int]:
        shot = dataclasses.replace(QUIET, **changes)
        return [int(v) for v in renderer(Panorama.plain(40.0, (60, 120, 180))).render(scene(), shot)[240, 320]]
    assert pixel() == [60, 120, 180]
    assert pixel(saturation=0.0) == pytest.approx([131] * 3, abs=2)
    assert pixel(contrast=0.0) == pytest.approx([128] * 3, abs=1)
    assert pixel(brightness=0.1) == pytest.approx([85, 145, 205], abs=1)
    blue, green, red = pixel(red=0.5, blue=2.0)
    assert (blue > 60, green, red < 180) == (True, 120, True)


def test_the_same_seed_gives_the_same_images(room: Panorama) -> None:
    shown = scene(0.2, -0.1, objects=(balloon(Bearing(0.1, 0.0)),))
    one, other, third = renderer(room), renderer(room), renderer(room, seed=2)
    for _ in range(3):
        first, same, different = (r.render(shown, Shot()) for r in (one, other, third))
        assert np.array_equal(first, same)
        assert not np.array_equal(first, different)
    assert np.array_equal(paint_room(1, 60.0).image, paint_room(1, 60.0).image)
    assert not np.array_equal(paint_room(1, 60.0).image, paint_room(2, 60.0).image)


@pytest.mark.parametrize(('rate', 'exposure_us'), [(0.5, 10000.0), (1.0, 10000.0), (2.0, 20000.0)])
def test_a_turning_head_blurs_by_rate_times_exposure(rate: float, exposure_us: float) -> None:
    """A hard edge becomes a ramp as long as the way that its image moves during the exposure."""
    panorama = Panorama.plain(2000.0, (0, 0, 0))
    panorama.image[:, panorama.image.shape[1] // 2:] = 255
    turning = dataclasses.replace(scene(), pose=Pose(0.0, 0.0, rate, 0.0))
    row = renderer(panorama).render(turning, Shot(noise=0.0, exposure_us=exposure_us, gain=1e4 / exposure_us))[240]
    ramp = np.count_nonzero((row[..., 0] > 6) & (row[..., 0] < 249))
    focal = 320 / math.tan(FOV / 2)
    assert ramp == pytest.approx(focal * rate * exposure_us * 1e-6, abs=1.6)


def test_a_followed_target_is_sharp_and_a_passing_one_is_not() -> None:
    def width(**changes: Any) -> int:
        item = balloon(Bearing(0.0, 0.0), azimuth_rate=2.0)
        image = renderer().render(dataclasses.replace(scene(objects=(item,)), **changes), QUIET)
        return int(np.count_nonzero(image[240, :, 2].astype(int) - image[240, :, 0] > 10))
    passing, followed = width(), width(pose=Pose(0.0, 0.0, 2.0, 0.0))
    assert passing > followed + 6


def test_smear_keeps_the_center_of_gravity_and_the_light() -> None:
    spot = np.zeros((61, 61, 3), np.uint8)
    spot[30, 30] = 255
    spot = cv2.GaussianBlur(spot, (0, 0), 3.0) * 20
    rows, columns = np.mgrid[:61, :61]
    for dx, dy in ((3.3, 0.0), (0.0, -6.5), (7.0, 5.0), (16.0, -9.0), (24.0, 0.0)):
        blurred = smear(spot, dx, dy)[..., 0].astype(float)
        assert blurred.sum() == pytest.approx(float(spot[..., 0].sum()), rel=0.05)
        assert (columns * blurred).sum() / blurred.sum() == pytest.approx(30.0, abs=0.2)
        assert (rows * blurred).sum() / blurred.sum() == pytest.approx(30.0, abs=0.2)


def test_nearer_things_hide_farther_ones() -> None:
    target = balloon(Bearing(0.0, 0.0))
    pillar = SceneObject('pillar', 'occluder', Bearing(0.0, 0.0), 2.0, 0.5, 2.4)
    hidden = renderer().render(scene(objects=(pillar, target)), QUIET)
    behind = renderer().render(scene(objects=(dataclasses.replace(pillar, range_m=4.0), target)), QUIET)
    assert int(hidden[240, 320, 2]) - hidden[240, 320, 0] < 40
    assert int(behind[240, 320, 2]) - behind[240, 320, 0] > 100


def test_what_is_behind_the_camera_is_not_drawn() -> None:
    item = balloon(Bearing(math.pi, 0.0))
    shown = scene(objects=(item,), beam=Bearing(math.pi, 0.0), beam_power=1.0)
    assert np.array_equal(renderer().render(shown, QUIET), renderer().render(scene(), QUIET))


@pytest.mark.parametrize('range_m', [2.0, 3.5, 5.5])
def test_a_person_has_a_face_that_a_detector_finds(room: Panorama, range_m: float) -> None:
    person = SceneObject('p', 'person', Bearing(0.1, math.atan2(-0.33, range_m)), range_m, 0.5, 1.75, 0.6)
    image = renderer(room).render(scene(0.1, 0.0, objects=(person,)), Shot())
    data = cv2.data.haarcascades if hasattr(cv2, 'data') else '/usr/share/opencv4/haarcascades/'  # of a distribution
    cascade = cv2.CascadeClassifier(data + 'haarcascade_frontalface_default.xml')
    faces = cascade.detectMultiScale(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 1.1, 4)
    assert len(faces) == 1
    x, y, w, h = faces[0]
    assert abs(x + w / 2 - 319.5) < 0.3 * w
    assert y + h / 2 < 240

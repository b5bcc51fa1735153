# SPDX-License-Identifier: Apache-2.0
"""Where the laser lands, and how that is found."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_common.geometry import Bearing, PinholeCamera, angle_between
from turret_control.boresight.boresight import Boresight, Dot, Sight, fit_boresight
from turret_control.boresight.laser_dot import find_dot

CAMERA = PinholeCamera.from_field_of_view(640, 480, math.radians(60.0))
TRUE = Boresight(0.015, -0.02, 0.03, -0.05)


ON_BASE = dataclasses.replace(CAMERA, on_base=True)
CAMERA_AT = (0.02, 0.05, -0.12)


@given(st.floats(-1.2, 1.2), st.floats(-0.6, 0.8), st.floats(0.5, 20.0), st.sampled_from([None, CAMERA_AT]))
def test_the_pose_for_a_target_puts_the_dot_on_it(
        azimuth: float, elevation: float, range_m: float, camera_at: tuple[float, float, float] | None) -> None:
    target, sight = Bearing(azimuth, elevation), Sight(TRUE, camera_at)
    pose = sight.pose_for(target, range_m)
    assert angle_between(sight.spot(*pose, range_m), target) < 1e-9


def test_the_crosshair_stands_on_a_camera_that_turns_and_moves_on_one_that_does_not() -> None:
    on_head, on_base = Sight(TRUE), Sight(TRUE, CAMERA_AT)
    assert on_head.pixel(CAMERA, 0.3, 0.1, 3.0) == pytest.approx(on_head.pixel(CAMERA, 0.0, 0.0, 3.0))
    there, here = on_base.pixel(ON_BASE, 0.3, 0.1, 3.0), on_base.pixel(ON_BASE, 0.0, 0.0, 3.0)
    assert there is not None
    assert here is not None
    assert there[0] < here[0] - 100.0
    assert there[1] < here[1] - 30.0


def dots(boresight: Boresight, ranges: tuple[float, ...], noise_px: float = 0.0, camera: PinholeCamera = CAMERA,
         camera_at: tuple[float, float, float] | None = None, pose: tuple[float, float] = (0.0, 0.0)) -> list[Dot]:
    rng = np.random.default_rng(1)
    result = []
    for range_m in ranges:
        pixel = Sight(boresight, camera_at).pixel(camera, *pose, range_m)
        assert pixel is not None
        result.append(Dot(*(float(v + rng.normal(0.0, noise_px)) for v in pixel), range_m, *pose))
    return result


def test_a_camera_on_the_base_finds_the_laser_in_any_pose() -> None:
    seen = dots(TRUE, (1.0, 2.0, 4.0), 0.0, ON_BASE, CAMERA_AT, pose=(0.25, -0.1))
    fitted = fit_boresight(seen, ON_BASE, camera_at=CAMERA_AT)
    assert (fitted.azimuth, fitted.elevation) == (pytest.approx(0.015, abs=1e-6), pytest.approx(-0.02, abs=1e-6))
    assert (fitted.offset_y, fitted.offset_z) == (pytest.approx(0.03, abs=1e-6), pytest.approx(-0.05, abs=1e-6))


def test_a_fit_over_distances_holds_from_1_to_5_m() -> None:
    fitted = fit_boresight(dots(TRUE, (1.0, 1.5, 2.5, 4.0, 5.0), noise_px=0.3), CAMERA)
    assert fitted.calibrated
    assert fitted.residual < math.radians(0.1)
    for range_m in (1.0, 2.0, 3.0, 5.0):
        spots = [Sight(boresight).spot(0.0, 0.0, range_m) for boresight in (fitted, TRUE)]
        assert angle_between(*spots) < math.radians(0.1)


def test_one_distance_keeps_the_offset_that_is_known() -> None:
    fitted = fit_boresight(dots(TRUE, (3.0,)), CAMERA, offset=(0.03, -0.05))
    assert (fitted.offset_y, fitted.offset_z) == (0.03, -0.05)
    assert angle_between(Sight(fitted).spot(0.0, 0.0, 1.0), Sight(TRUE).spot(0.0, 0.0, 1.0)) < math.radians(0.1)


@pytest.mark.parametrize('bad', [[], [Dot(math.nan, 1.0, 1.0)], [Dot(1.0, 1.0, 0.0)], [Dot(-5.0, 1.0, 1.0)]])
def test_dots_that_make_no_sense_are_refused(bad: list[Dot]) -> None:
    with pytest.raises(TurretError):
        fit_boresight(bad, CAMERA)


def test_the_dot_is_found_to_a_fraction_of_a_pixel_or_not_at_all() -> None:
    rng = np.random.default_rng(2)
    off = [rng.integers(60, 70, (120, 160, 3), dtype=np.uint8) for _ in range(4)]
    rows, columns = np.indices((120, 160))
    spot = 180.0 * np.exp(-((columns - 80.4) ** 2 + (rows - 50.7) ** 2) / 4.0)
    on = [image.copy() for image in off]
    for image in on:
        image[:, :, 2] = np.minimum(255.0, image[:, :, 2] + spot)
    assert find_dot(off, on) == (pytest.approx(80.4, abs=0.3), pytest.approx(50.7, abs=0.3))
    assert find_dot(off, off) is None
    assert find_dot(off, [np.full_like(off[0], 250)]) is None

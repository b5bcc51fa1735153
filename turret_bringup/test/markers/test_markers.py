# SPDX-License-Identifier: Apache-2.0
"""What is drawn lies where the turret's own geometry says."""

import dataclasses
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_bringup.markers import image, markers
from turret_bringup.markers.markers import Kind, TrackView
from turret_common.geometry import Bearing, PinholeCamera, angle_between, bearing_of, pixel_to_bearing
from turret_control.boresight.boresight import Boresight
from turret_control.safety.zones import Zone, ZoneKind

CAMERA = PinholeCamera.from_field_of_view(640, 480, math.radians(60.0))
finite = st.floats(-10.0, 10.0)


def test_the_frustum_goes_through_the_corners_of_the_image() -> None:
    points = markers.frustum(CAMERA, 0.3, -0.2, 4.0).points
    corners = {tuple(np.round(bearing_of(point), 9)) for point in points if np.linalg.norm(point) > 0.1}
    expected = {tuple(np.round(pixel_to_bearing(CAMERA, x, y, 0.3, -0.2), 9)) for x in (0, 639) for y in (0, 479)}
    assert corners == expected


def test_what_a_camera_on_the_base_sees_does_not_turn_with_the_head() -> None:
    fixed = dataclasses.replace(CAMERA, on_base=True)
    turned, ahead = markers.frustum(fixed, 0.3, -0.2, 4.0).points, markers.frustum(CAMERA, 0.0, 0.0, 4.0).points
    assert np.allclose(turned, ahead)


def test_the_aim_ray_starts_at_the_laser_and_follows_its_boresight() -> None:
    boresight = Boresight(azimuth=0.1, offset_y=0.05)
    start, end = markers.aim_ray(boresight, 0.5, 0.0, False, 2.0).points
    assert np.linalg.norm(start) == pytest.approx(0.05)
    assert bearing_of(end - start).azimuth == pytest.approx(0.6)
    assert np.linalg.norm(end - start) == pytest.approx(2.0)


def test_light_shows() -> None:
    dark, lit = (markers.aim_ray(Boresight(), 0.0, 0.0, emitting, 2.0) for emitting in (False, True))
    assert lit.size > dark.size
    assert lit.color[3] > dark.color[3]


def view(**changes: object) -> TrackView:
    return TrackView('t1', markers.GREEN, 0.4, 0.1, 0.2, 0.0, 0.2, 0.1)._replace(**changes)


def test_a_track_is_outlined_about_its_bearing_and_shows_where_it_goes() -> None:
    outline, course, label = markers.track(view(), 3.0)
    away = [angle_between(Bearing(0.4, 0.1), bearing_of(point)) for point in outline.points]
    assert max(away) == pytest.approx(0.1, abs=0.002)
    assert min(away) == pytest.approx(0.05, abs=0.002)
    assert bearing_of(course.points[0]) == pytest.approx((0.4, 0.1))
    assert bearing_of(course.points[-1]) == pytest.approx((0.5, 0.1))
    assert (label.kind, label.text) == (Kind.TEXT_VIEW_FACING, 't1')
    assert bearing_of(label.points[0]).elevation > 0.15


@pytest.mark.parametrize('field', ['azimuth', 'elevation', 'azimuth_rate', 'elevation_rate'])
def test_a_track_without_a_bearing_is_not_drawn(field: str) -> None:
    assert not list(markers.track(view(**{field: math.nan}), 3.0))


def test_a_track_of_unknown_size_is_drawn_small() -> None:
    outline = next(markers.track(view(width=math.nan, height=math.nan), 3.0))
    assert np.isfinite(outline.points).all()


def test_no_prediction_is_drawn_without_a_target() -> None:
    assert not list(markers.prediction(Bearing(math.nan, 0.0), 3.0))
    (ball,) = markers.prediction(Bearing(0.3, 0.2), 3.0)
    assert bearing_of(ball.points[0]) == pytest.approx((0.3, 0.2))


def test_a_zone_is_drawn_in_its_place_in_the_color_of_its_kind() -> None:
    for kind, color in ((ZoneKind.NO_FIRE, markers.RED), (ZoneKind.ALLOWED, markers.GREEN)):
        surface, outline, label = markers.zone(Zone('sofa', kind, -0.2, 0.4, -0.3, 0.1), 2.0)
        bearings = np.array([bearing_of(point) for point in surface.points])
        assert bearings.min(axis=0) == pytest.approx((-0.2, -0.3))
        assert bearings.max(axis=0) == pytest.approx((0.4, 0.1))
        assert outline.points[0] == pytest.approx(outline.points[-1])
        assert surface.color[:3] == outline.color[:3] == color[:3]
        assert surface.color[3] < 1.0
        assert label.text == 'sofa'


@given(low=finite, width=st.floats(0.0, 13.0), bottom=finite, height=st.floats(0.0, 13.0))
def test_every_zone_that_can_be_set_can_be_drawn(low: float, width: float, bottom: float, height: float) -> None:
    area = Zone('x', ZoneKind.NO_FIRE, low, low + width, bottom, bottom + height)
    for shape in markers.zone(area, 3.0):
        assert np.isfinite(shape.points).all()
        assert len(shape.points) <= 6 * 36 * 18
        if shape.kind is Kind.TRIANGLE_LIST:
            assert len(shape.points) % 3 == 0


def test_an_image_shows_every_kind_of_marker(tmp_path: Path) -> None:
    """Markers by their shape alone, as messages have it; each of them changes the image."""
    def marker(kind: int, points: object = ((1, 0, 0), (1, 1, 0), (1, 0, 1), (1, 1, 1), (1, 0, 0), (1, 1, 1))) -> Any:
        named = [SimpleNamespace(**dict(zip('xyz', point, strict=True))) for point in points]  # type: ignore[call-overload]
        pose = SimpleNamespace(
            position=SimpleNamespace(x=1.0, y=0.0, z=0.5), orientation=SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0))
        return SimpleNamespace(
            type=kind, points=named, pose=pose, color=SimpleNamespace(r=1.0, g=0.5, b=0.0, a=1.0), text='t1',
            scale=SimpleNamespace(x=0.3, y=0.3, z=0.3))
    path = tmp_path / 'view.png'
    images = set()
    for markers_ in ([], *([marker(kind)] for kind in (1, 2, 3, 4, 5, 9, 11))):
        image.draw(markers_, path, 3.0)
        images.add(path.read_bytes())
    assert len(images) == 8

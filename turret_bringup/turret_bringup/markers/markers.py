# SPDX-License-Identifier: Apache-2.0
"""What the turret knows as lines, surfaces and labels in ``base_link``, for rviz, Foxglove and images.

Bearings have no distance: everything is drawn on a sphere about the head, whose radius the caller chooses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from turret_common.geometry import Array, Bearing, PinholeCamera, base_from_head, base_from_optical, direction
from turret_control.boresight.boresight import Boresight
from turret_control.safety.zones import Zone, ZoneKind

Color = tuple[float, float, float, float]

GREEN: Color = (0.2, 0.8, 0.3, 1.0)
AMBER: Color = (1.0, 0.7, 0.1, 1.0)
GRAY: Color = (0.6, 0.6, 0.6, 1.0)
BLUE: Color = (0.25, 0.55, 1.0, 1.0)
RED: Color = (0.95, 0.15, 0.15, 1.0)

#: Maximum angle [rad] between two points of a curve, and of a surface.
_STEP = math.radians(4.0)
_COARSE_STEP = math.radians(10.0)
_FRUSTUM_SHARE = 0.5
_RATE_SHOWN_S = 0.5
_THIN, _THICK = 0.008, 0.02
#: Opacity of surfaces.
_SHEER = 0.2


class Kind(IntEnum):
    """How points are joined: the constants of ``visualization_msgs/Marker``."""

    SPHERE = 2
    LINE_STRIP = 4
    LINE_LIST = 5
    TEXT_VIEW_FACING = 9
    TRIANGLE_LIST = 11


@dataclass(frozen=True)
class Shape:
    """One drawing.

    Attributes:
        layer: what it belongs to; viewers switch layers on and off.
        kind: how the points are joined.
        points: in ``base_link``, shape (n, 3), in m. One for a sphere or a text.
        color: red, green, blue and opacity, each 0 to 1.
        size: width of lines, diameter of a sphere or height of a text, in m.
        text: of a label.
    """

    layer: str
    kind: Kind
    points: Array
    color: Color
    size: float = _THIN
    text: str = ''


class TrackView(NamedTuple):
    """What is drawn of a track: its id, whether it is confirmed and seen, bearing, rates and apparent size in rad."""

    id: str
    color: Color
    azimuth: float
    elevation: float
    azimuth_rate: float
    elevation_rate: float
    width: float
    height: float


def frustum(camera: PinholeCamera, pan: float, tilt: float, distance_m: float) -> Shape:
    """Return the edges of what the camera sees at a pose of the head in rad, out to half of the distance."""
    turn = base_from_optical(camera, pan, tilt)
    corners = [
        turn @ camera.ray(x, y) * distance_m * _FRUSTUM_SHARE
        for x, y in ((0.0, 0.0), (camera.width - 1.0, 0.0), (camera.width - 1.0, camera.height - 1.0),
                     (0.0, camera.height - 1.0))]
    origin = np.zeros(3)
    edges = [point for k in range(4) for point in (origin, corners[k], corners[k], corners[(k + 1) % 4])]
    return Shape('camera', Kind.LINE_LIST, np.array(edges), GRAY)


def aim_ray(boresight: Boresight, pan: float, tilt: float, emitting: bool, distance_m: float) -> Shape:
    """Return the ray along which the laser points at a pose in rad: bright and thick while emission is on."""
    turn = base_from_head(pan, tilt)
    start = turn @ np.array([0.0, boresight.offset_y, boresight.offset_z])
    end = start + turn @ direction(Bearing(boresight.azimuth, boresight.elevation)) * distance_m
    color, size = (RED, _THICK) if emitting else ((*RED[:3], 0.35), _THIN)
    return Shape('aim', Kind.LINE_LIST, np.array([start, end]), color, size)


def track(view: TrackView, distance_m: float) -> Iterator[Shape]:
    """Give a track's outline, its path in half a second, and its id."""
    if not all(map(math.isfinite, view[2:6])):
        return
    width, height = (max(size, _STEP) if math.isfinite(size) else _STEP for size in (view.width, view.height))
    turns = np.linspace(0.0, 2.0 * math.pi, 33)
    outline = _on_sphere(view.azimuth + 0.5 * width * np.cos(turns), view.elevation + 0.5 * height * np.sin(turns))
    yield Shape('tracks', Kind.LINE_STRIP, outline * distance_m, view.color)
    ahead_s = np.linspace(0.0, _RATE_SHOWN_S, 9)
    course = _on_sphere(view.azimuth + view.azimuth_rate * ahead_s, view.elevation + view.elevation_rate * ahead_s)
    yield Shape('tracks', Kind.LINE_STRIP, course * distance_m, view.color)
    above = _on_sphere(np.array([view.azimuth]), np.array([view.elevation + 0.5 * height + 0.5 * _STEP]))
    yield Shape('labels', Kind.TEXT_VIEW_FACING, above * distance_m, view.color, 0.05 * distance_m, view.id)


def prediction(aim: Bearing, distance_m: float) -> Iterator[Shape]:
    """Give the point that is aimed at, after prediction."""
    if all(map(math.isfinite, aim)):
        yield Shape('prediction', Kind.SPHERE, direction(aim)[np.newaxis] * distance_m, BLUE, 0.04 * distance_m)


def zone(area: Zone, distance_m: float) -> Iterator[Shape]:
    """Give a zone as a sheer surface with an outline and its name."""
    color = RED if area.kind is ZoneKind.NO_FIRE else GREEN
    pan_max = min(area.pan_max, area.pan_min + 2.0 * math.pi)
    tilt_min, tilt_max = (min(max(tilt, -0.5 * math.pi), 0.5 * math.pi) for tilt in (area.tilt_min, area.tilt_max))
    rows, columns = _steps(tilt_min, tilt_max, _COARSE_STEP), _steps(area.pan_min, pan_max, _COARSE_STEP)
    grid = _on_sphere(columns[np.newaxis, :], rows[:, np.newaxis]) * distance_m
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]
    triangles = np.stack([a, b, d, a, d, c], axis=2).reshape(-1, 3)
    yield Shape('zones', Kind.TRIANGLE_LIST, triangles, (*color[:3], _SHEER), 1.0)
    yield rectangle('zones', (area.pan_min, pan_max), (tilt_min, tilt_max), color, distance_m)
    middle = _on_sphere(np.array([0.5 * (area.pan_min + pan_max)]), np.array([0.5 * (tilt_min + tilt_max)]))
    yield Shape('labels', Kind.TEXT_VIEW_FACING, middle * distance_m, color, 0.05 * distance_m, area.name)


def rectangle(
        layer: str, pan: Sequence[float], tilt: Sequence[float], color: Color, distance_m: float) -> Shape:
    """Return the outline of an area in pan and tilt, given as (lowest, highest) in rad."""
    columns, rows = _steps(*pan), _steps(*tilt)
    pans = np.concatenate([columns, np.full(len(rows), pan[1]), columns[::-1], np.full(len(rows), pan[0])])
    tilts = np.concatenate([np.full(len(columns), tilt[0]), rows, np.full(len(columns), tilt[1]), rows[::-1]])
    return Shape(layer, Kind.LINE_STRIP, _on_sphere(pans, tilts) * distance_m, color)


def _steps(low: float, high: float, step: float = _STEP) -> Array:
    return np.linspace(low, high, max(2, math.ceil((high - low) / step) + 1))


def _on_sphere(azimuth: Array, elevation: Array) -> Array:
    """Return the unit vectors, shape (..., 3), of bearings in rad."""
    azimuth, elevation = np.broadcast_arrays(azimuth, elevation)
    level = np.cos(elevation)
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=-1)

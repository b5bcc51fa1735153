# SPDX-License-Identifier: Apache-2.0
"""An image of markers for where there is no viewer: what rviz would show, drawn with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

from turret_bringup.markers.markers import Kind
from turret_common.geometry import Array

_BACKGROUND = '#202124'
_CUBE, _CYLINDER = 1, 3
_SIDES = 24
_POINTS_PER_M = 160.0


def draw(markers: Iterable[Any], path: Path, distance_m: float, title: str = '') -> None:
    """Write a PNG.

    Args:
        markers: messages of the kind ``visualization_msgs/Marker``, all in one frame.
        path: of the image.
        distance_m: what lies farther away is cut off.
        title: written above.

    Raises:
        OSError: it cannot be written.
    """
    with mpl.rc_context({'text.color': 'white', 'font.size': 9.0}):
        figure = Figure(figsize=(9.6, 6.4), facecolor=_BACKGROUND)
        # The axes reach beyond the edges, because nothing is drawn outside of them.
        axes: Any = figure.add_axes((-0.3, -0.6, 1.6, 2.2), projection='3d', facecolor=_BACKGROUND)
        axes.set_axis_off()
        axes.set_proj_type('persp', focal_length=0.9)
        axes.view_init(elev=24.0, azim=-152.0)
        _ground(axes, distance_m)
        for marker in markers:
            _add(axes, marker)
        axes.set_xlim(-0.1 * distance_m, 1.0 * distance_m)
        axes.set_ylim(-0.7 * distance_m, 0.7 * distance_m)
        axes.set_zlim(-0.35 * distance_m, 0.6 * distance_m)
        axes.set_box_aspect((1.1, 1.4, 0.95), zoom=1.0)
        figure.text(0.02, 0.95, title)
        figure.savefig(path, dpi=110)


def _ground(axes: Any, distance_m: float) -> None:
    reach, level = np.linspace(-distance_m, distance_m, 13), -0.12
    lines = [[(x, -distance_m, level), (x, distance_m, level)] for x in reach]
    lines += [[(-distance_m, y, level), (distance_m, y, level)] for y in reach]
    axes.add_collection3d(Line3DCollection(lines, colors='#3c4043', linewidths=0.5))


def _add(axes: Any, marker: Any) -> None:
    color = tuple(getattr(marker.color, name) for name in 'rgba')
    points = np.array([(point.x, point.y, point.z) for point in marker.points]).reshape(-1, 3)
    position = np.array([marker.pose.position.x, marker.pose.position.y, marker.pose.position.z])
    width = max(0.8, marker.scale.x * _POINTS_PER_M)
    if marker.type == Kind.LINE_STRIP:
        axes.add_collection3d(Line3DCollection([points], colors=[color], linewidths=width))
    elif marker.type == Kind.LINE_LIST:
        axes.add_collection3d(Line3DCollection(points.reshape(-1, 2, 3), colors=[color], linewidths=width))
    elif marker.type == Kind.TRIANGLE_LIST:
        axes.add_collection3d(Poly3DCollection(points.reshape(-1, 3, 3), facecolors=[color], edgecolors='none'))
    elif marker.type == Kind.SPHERE:
        axes.scatter(*position, color=color, s=(0.5 * width) ** 2, depthshade=False)
    elif marker.type == Kind.TEXT_VIEW_FACING:
        axes.text(*position, marker.text, color=color, ha='center')
    elif marker.type in (_CUBE, _CYLINDER):
        corners = _corners(4 if marker.type == _CUBE else _SIDES)
        scale = np.array([marker.scale.x, marker.scale.y, marker.scale.z])
        placed = (corners * scale) @ _rotation(marker.pose.orientation).T + position
        lower, upper = placed[: len(placed) // 2], placed[len(placed) // 2:]
        sides = [
            [lower[k], lower[k - 1], upper[k - 1], upper[k]] for k in range(len(lower))]
        axes.add_collection3d(Poly3DCollection(
            [lower, upper, *sides], facecolors=[color], edgecolors=[(0.0, 0.0, 0.0, 0.35)], linewidths=0.3))


def _corners(sides: int) -> Array:
    """Return the corners of a prism that fills a unit cube, those of the lower face first, shape (2 * sides, 3)."""
    turns = (np.arange(sides) + 0.5) * 2.0 * math.pi / sides
    radius = 0.5 if sides > 4 else math.sqrt(0.5)
    face = radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    return np.concatenate([np.column_stack([face, np.full(sides, z)]) for z in (-0.5, 0.5)])


def _rotation(q: Any) -> Array:
    """Return a unit quaternion as a matrix, shape (3, 3)."""
    v = np.array([q.x, q.y, q.z])
    cross = np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])
    turn: Array = np.eye(3) + 2.0 * q.w * cross + 2.0 * cross @ cross
    return turn

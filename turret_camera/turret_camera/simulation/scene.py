# SPDX-License-Identifier: Apache-2.0
"""What the simulated camera has in front of it, as the simulated hardware describes it."""

from __future__ import annotations

import dataclasses
from typing import Any

from turret_common.geometry import Bearing
from turret_common.pose_history import Pose


@dataclasses.dataclass(frozen=True)
class SceneObject:
    """A target or an obstacle, standing upright and turned to the camera.

    Attributes:
        kind: "balloon", "cat", "person" or "occluder".
        bearing: of its center.
        range_m: distance of its center.
        width_m, height_m: size in m.
        hue: of a balloon, 0 to 1.
        azimuth_rate, elevation_rate: rad/s.
    """

    name: str
    kind: str
    bearing: Bearing
    range_m: float
    width_m: float
    height_m: float
    hue: float = 0.0
    azimuth_rate: float = 0.0
    elevation_rate: float = 0.0


@dataclasses.dataclass(frozen=True)
class Scene:
    """Everything that one image shows, at the midpoint of its exposure.

    Attributes:
        pose: the true pose of the head.
        horizontal_fov: of the real camera, in rad.
        distortion: k1, k2, p1, p2, k3 of the real lens.
        roll: of the real camera about its view in rad, positive when its right side hangs down.
        objects: targets and obstacles.
        beam: where the laser beam lands; None while it is off.
        beam_power: 0 to 1.
    """

    pose: Pose
    horizontal_fov: float
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    roll: float = 0.0
    objects: tuple[SceneObject, ...] = ()
    beam: Bearing | None = None
    beam_power: float = 0.0


def scene_from_answer(answer: dict[str, Any]) -> Scene:
    """Return the scene in the answer of the plant's operation ``scene`` (see ``turret_control/plant/server.py``)."""
    camera, laser = answer['camera'], answer['laser']
    objects = [_object(item, item['kind']) for item in answer['targets']]
    objects += [_object(item, 'occluder') for item in answer['occluders']]
    return Scene(
        Pose(answer['pan'], answer['tilt'], answer['pan_rate'], answer['tilt_rate']),
        camera['horizontal_fov'], tuple(camera['distortion']), camera['roll'], tuple(objects),
        Bearing(laser['azimuth'], laser['elevation']) if laser['on'] else None, laser['power'])


def _object(item: dict[str, Any], kind: str) -> SceneObject:
    return SceneObject(
        item['name'], kind, Bearing(item['azimuth'], item['elevation']), item['range'], item['width_m'],
        item['height_m'], item.get('hue', 0.0), item.get('azimuth_rate', 0.0), item.get('elevation_rate', 0.0))

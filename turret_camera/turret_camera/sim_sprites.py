"""The targets and obstacles of the simulated room, painted once and kept in several sizes."""

from __future__ import annotations

import colorsys
import functools

import cv2
import numpy as np

from turret_camera.frame import Pixels
from turret_camera.sim_scene import SceneObject


class Sprites:
    """Pictures of objects with transparency: BGRA, colours multiplied by alpha."""

    def get(self, item: SceneObject, t_s: float, height_px: float) -> Pixels:
        """Return the picture of an object.

        Args:
            item: the object.
            t_s: time in s, for those that walk.
            height_px: how tall it will be shown; the picture is as small as it may be for that.
        """
        levels = _levels(item.kind, round(item.hue, 2))
        return next((level for level in reversed(levels) if level.shape[0] >= height_px), levels[0])


@functools.lru_cache(maxsize=16)
def _levels(kind: str, hue: float) -> list[Pixels]:
    levels = [_balloon(hue)]
    while min(levels[-1].shape[:2]) > 8:
        h, w = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (w // 2, h // 2), interpolation=cv2.INTER_AREA))
    return levels


def _balloon(hue: float) -> Pixels:
    h, w = 288, 240
    y, x = np.mgrid[:h, :w]
    r = np.hypot((x - w / 2) / (w / 2), (y - h / 2) / (h / 2))
    colour = np.array(colorsys.hsv_to_rgb(hue, 0.9, 0.9))[::-1]
    image = np.zeros((h, w, 4))
    image[..., :3] = 255 * colour * (1 - 0.5 * r[..., None])
    image[..., 3] = 255
    return (image * (np.clip((1 - r) * 80, 0, 1))[..., None]).astype(np.uint8)

# SPDX-License-Identifier: Apache-2.0
"""How the images of a camera are turned upright: a rotation by quarters of a revolution, then a flip."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from turret_camera.frame import Frame
from turret_common.geometry import EQUIDISTANT, PinholeCamera

_ROTATIONS = {'none': 0, 'counterclockwise': 1, 'half': 2, 'clockwise': 3}  # in quarters, counterclockwise
_FLIPS = {'horizontal': 1, 'vertical': 0, 'both': -1}  # codes of OpenCV


@dataclasses.dataclass(frozen=True)
class Orientation:
    """A rotation of images and then a flip, as the parameters ``rotate`` and ``flip`` name them."""

    rotation: str = 'none'
    flip: str = 'none'

    def frame(self, frame: Frame) -> Frame:
        """Return a frame with image and camera turned."""
        if self == Orientation():
            return frame
        pixels = np.ascontiguousarray(np.rot90(frame.pixels(), _ROTATIONS[self.rotation]))
        if self.flip != 'none':
            pixels = np.asarray(cv2.flip(pixels, _FLIPS[self.flip]))
        return Frame(frame.stamp_ns, self.camera(frame.camera), frame.settings, pixels=pixels, dropped=frame.dropped)

    def camera(self, camera: PinholeCamera) -> PinholeCamera:
        """Return the camera of the turned images of a camera."""
        for _ in range(_ROTATIONS[self.rotation]):
            camera = _quarter(camera)
        return _flipped(camera, self.flip)

    def original(self, camera: PinholeCamera) -> PinholeCamera:
        """Return the camera whose turned images have this camera."""
        camera = _flipped(camera, self.flip)
        for _ in range(-_ROTATIONS[self.rotation] % 4):
            camera = _quarter(camera)
        return camera


def _quarter(camera: PinholeCamera) -> PinholeCamera:
    """Return the camera of images that were rotated counterclockwise by a quarter of a revolution."""
    return dataclasses.replace(
        camera, width=camera.height, height=camera.width, fx=camera.fy, fy=camera.fx, cx=camera.cy,
        cy=camera.width - 1.0 - camera.cx, distortion=_tangential(camera, lambda p1, p2: (-p2, p1)))


def _flipped(camera: PinholeCamera, flip: str) -> PinholeCamera:
    cx, cy, across, up = camera.cx, camera.cy, 1.0, 1.0
    if flip in ('horizontal', 'both'):
        cx, across = camera.width - 1.0 - cx, -1.0
    if flip in ('vertical', 'both'):
        cy, up = camera.height - 1.0 - cy, -1.0
    return dataclasses.replace(
        camera, cx=cx, cy=cy, distortion=_tangential(camera, lambda p1, p2: (up * p1, across * p2)))


def _tangential(
        camera: PinholeCamera, change: Callable[[float, float], tuple[float, float]]) -> tuple[float, ...]:
    """Return the distortion with changed tangential coefficients; a fisheye lens has none."""
    if camera.model == EQUIDISTANT:
        return camera.distortion
    k1, k2, p1, p2, *others = camera.distortion
    return (k1, k2, *change(p1, p2), *others)

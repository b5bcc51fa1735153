# SPDX-License-Identifier: Apache-2.0
"""The simulated camera's optics and sensor: an image of a scene through a pinhole camera with a lens.

Nothing here knows time or the simulated hardware: an image follows from a
:class:`~turret_camera.simulation.scene.Scene`, a :class:`Shot` and the seed alone.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from turret_camera.frame import Pixels
from turret_camera.simulation.panorama import Panorama, over
from turret_camera.simulation.ray_sampler import View, base_from_camera
from turret_camera.simulation.scene import Scene, SceneObject
from turret_camera.simulation.sprites import sprite
from turret_common.geometry import (
    Array,
    Bearing,
    PinholeCamera,
    direction,
    wrap_angle,
)

#: Exposure time times gain at which the room is shown as it is painted, in us.
REFERENCE_EXPOSURE_US = 10000.0
_GAMMA = 2.2
_NOISE_TILE = 16.0  # standard deviation of the stored noise, in gray levels
_READ_NOISE = 1.0  # standard deviation at gain 1, in gray levels
_DOT_RADIUS = 0.003  # rad
_STEPS_PER_PX = 8  # to which the length of a smear is rounded


@dataclasses.dataclass(frozen=True)
class Shot:
    """How one image is taken.

    Attributes:
        exposure_us: exposure time in us.
        gain: analog gain, linear.
        red, blue: color gains over the ones at which white is white.
        brightness, contrast, saturation: as in :class:`~turret_camera.camera_parameters.CameraParameters`.
        noise: sensor noise, 1 = a good small sensor.
    """

    exposure_us: float = REFERENCE_EXPOSURE_US
    gain: float = 1.0
    red: float = 1.0
    blue: float = 1.0
    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    noise: float = 1.0


class _Views(NamedTuple):
    """Rotations, shape (3, 3), from ``base_link`` to the optical frame during an exposure of ``s`` seconds."""

    s: float
    begin: Array
    middle: Array
    end: Array


class Renderer:
    """Renders images of one size. Not for several threads at once."""

    def __init__(self, width: int, height: int, panorama: Panorama, seed: int) -> None:
        self._size = (width, height)
        self._panorama = panorama
        self._random = np.random.default_rng(seed)
        self._noise = _noise_tile(width + 64, height + 64, self._random)
        self._lens: object = None
        self._view: View
        self._toned: Shot | None = None
        self._tone: Pixels

    def render(self, scene: Scene, shot: Shot, t_s: float = 0.0) -> Pixels:
        """Return the image as BGR, shape (height, width, 3).

        Args:
            scene: what is to be seen, at the midpoint of the exposure.
            shot: how the image is taken.
            t_s: any growing time in s; living targets walk by it.
        """
        self._set_lens(scene)
        views = _views(scene, shot.exposure_us * 1e-6)
        center = Bearing(scene.pose.pan, scene.pose.tilt)
        image = smear(self._background(scene), *self._motion(views, center, (0.0, 0.0)))
        for item in sorted(scene.objects, key=lambda o: -o.range_m):
            self._draw(image, views, item, t_s)
        image = self._expose(image, shot)
        if scene.beam is not None:
            self._draw_dot(image, scene, views, shot)
        return image

    def _set_lens(self, scene: Scene) -> None:
        lens = (scene.horizontal_fov, scene.distortion)
        if lens != self._lens:
            self._lens = lens
            ideal = PinholeCamera.from_field_of_view(*self._size, scene.horizontal_fov)
            self._view = View(dataclasses.replace(ideal, distortion=scene.distortion))

    def _background(self, scene: Scene) -> Pixels:
        rays = self._view.rays @ base_from_camera(0.0, scene.pose.tilt, scene.roll).T
        x, y, z = np.moveaxis(rays, -1, 0)
        columns, rows = self._panorama.pixel(np.arctan2(y, x) + wrap_angle(scene.pose.pan), np.arcsin(z))
        return self._view.sample(self._panorama.image, columns, rows, cv2.BORDER_WRAP)

    def _motion(self, views: _Views, bearing: Bearing, rates: tuple[float, float]) -> tuple[float, float]:
        """Return how far in px the image of something moves during the exposure; (0, 0) where it cannot be seen."""
        start, end = (
            self._view.camera.project(
                view @ direction(Bearing(bearing.azimuth + dt * rates[0], bearing.elevation + dt * rates[1])))
            for view, dt in ((views.begin, -0.5 * views.s), (views.end, 0.5 * views.s)))
        return (0.0, 0.0) if start is None or end is None else (end[0] - start[0], end[1] - start[1])

    def _draw(self, image: Pixels, views: _Views, item: SceneObject, t_s: float) -> None:
        corners = [self._view.camera.project(corner) for corner in _corners(item) @ views.middle.T]
        if any(corner is None for corner in corners):
            return
        quad = np.array(corners, np.float32)
        dx, dy = self._motion(views, item.bearing, (item.azimuth_rate, item.elevation_rate))
        margin = 2 + math.ceil(max(abs(dx), abs(dy)) / 2)
        x0, y0 = np.maximum(np.floor(quad.min(axis=0)) - margin, 0).astype(int)
        x1, y1 = np.minimum(np.ceil(quad.max(axis=0)) + margin, self._size).astype(int)
        if x0 >= x1 or y0 >= y1:
            return
        drawn = sprite(item, t_s, float(np.linalg.norm(quad[3] - quad[0])))
        h, w = drawn.shape[:2]
        left, right = (-0.5, w - 0.5) if item.azimuth_rate <= 0.0 else (w - 0.5, -0.5)  # it looks where it goes
        source = np.array([(left, -0.5), (right, -0.5), (right, h - 0.5), (left, h - 0.5)], np.float32)
        warp = cv2.getPerspectiveTransform(source, quad - np.array([x0, y0], np.float32))
        patch = smear(cv2.warpPerspective(drawn, warp, (int(x1 - x0), int(y1 - y0))), dx, dy)
        region = image[y0:y1, x0:x1]
        region[:] = over(region, patch)

    def _expose(self, image: Pixels, shot: Shot) -> Pixels:
        """Return what the sensor makes of an image, noise included; what it is given may be changed."""
        if shot.saturation != 1.0:
            image = cv2.transform(image, _saturation_matrix(shot.saturation))
        level = _brightness(shot)  # where the tone curves are but this factor, it goes in one pass with the noise
        if (shot.red, shot.blue, shot.brightness, shot.contrast) != (1.0, 1.0, 0.0, 1.0):
            if shot != self._toned:
                self._toned, self._tone = shot, _tone_curves(shot)
            image, level = cv2.LUT(image, self._tone), 1.0
        width, height = self._size
        x, y = self._random.integers(0, 64, 2)
        scale = shot.noise * _READ_NOISE * math.sqrt(shot.gain) / _NOISE_TILE
        tile = self._noise[y:y + height, x:x + width]
        return cv2.addWeighted(image, level, tile, scale, -128.0 * scale, dst=image)

    def _draw_dot(self, image: Pixels, scene: Scene, views: _Views, shot: Shot) -> None:
        assert scene.beam is not None
        pixel = self._view.camera.project(views.middle @ direction(scene.beam))
        if pixel is None:
            return
        radius = max(self._view.camera.fx * _DOT_RADIUS, 1.0)
        reach = math.ceil(8 * radius)
        x0, y0 = (max(round(p) - reach, 0) for p in pixel)
        x1, y1 = (min(round(p) + reach + 1, n) for p, n in zip(pixel, self._size, strict=True))
        if x0 >= x1 or y0 >= y1:
            return
        r2 = ((np.arange(x0, x1) - pixel[0]) ** 2 + (np.arange(y0, y1)[:, None] - pixel[1]) ** 2) / radius**2
        core, halo = np.exp(-0.5 * r2), np.exp(-0.06 * r2)
        strength = 255.0 * math.sqrt(scene.beam_power) * _brightness(shot)
        # Red, and white where it is too bright.
        glow = strength * np.dstack([1.2 * core, 1.2 * core, 3.0 * core + 0.5 * halo])
        region = image[y0:y1, x0:x1]
        cv2.add(region, np.minimum(glow, 255.0).astype(np.uint8), region)


def smear(image: Pixels, dx: float, dy: float) -> Pixels:
    """Return an image blurred along a straight line of (dx, dy) px, its center of gravity unmoved."""
    length = max(abs(dx), abs(dy))
    if length < 0.5:
        return image
    if length > 10.0:  # a line is two lines of half its length; long kernels are slow
        half = smear(image, 0.5 * dx, 0.5 * dy)
        ends = [cv2.warpAffine(half, np.array([[1, 0, s * dx], [0, 1, s * dy]], np.float64), half.shape[1::-1],
                               borderMode=cv2.BORDER_REPLICATE) for s in (-0.25, 0.25)]
        return cv2.addWeighted(ends[0], 0.5, ends[1], 0.5, 0.0)
    return cv2.filter2D(
        image, -1, _line(round(_STEPS_PER_PX * dx), round(_STEPS_PER_PX * dy)), borderType=cv2.BORDER_REPLICATE)


@functools.lru_cache(1024)
def _line(dx_steps: int, dy_steps: int) -> npt.NDArray[np.float32]:
    """Return the kernel that smears along a line; a head that turns steadily needs the same one again and again."""
    dx, dy = dx_steps / _STEPS_PER_PX, dy_steps / _STEPS_PER_PX
    n = 2 * math.ceil(0.5 * max(abs(dx), abs(dy))) + 1
    kernel = np.zeros((n, n))
    steps = 4 * n
    for s in (np.arange(steps) + 0.5) / steps - 0.5:
        x, y = n // 2 + s * dx, n // 2 + s * dy
        i, j = math.floor(x), math.floor(y)
        for jj, wy in ((j, 1 - (y - j)), (j + 1, y - j)):
            for ii, wx in ((i, 1 - (x - i)), (i + 1, x - i)):
                if wx * wy > 0.0:
                    kernel[jj, ii] += wx * wy
    rows, columns = kernel.any(axis=1).nonzero()[0], kernel.any(axis=0).nonzero()[0]
    trim = max(rows[-1] - n // 2, 0), max(columns[-1] - n // 2, 0)
    kernel = kernel[n // 2 - trim[0]:n // 2 + trim[0] + 1, n // 2 - trim[1]:n // 2 + trim[1] + 1]
    line: npt.NDArray[np.float32] = (kernel / kernel.sum()).astype(np.float32)
    return line


def _views(scene: Scene, exposure_s: float) -> _Views:
    pose = scene.pose
    return _Views(exposure_s, *(
        base_from_camera(pose.pan + dt * pose.pan_rate, pose.tilt + dt * pose.tilt_rate, scene.roll).T
        for dt in (-0.5 * exposure_s, 0.0, 0.5 * exposure_s)))


def _corners(item: SceneObject) -> Array:
    """Return the corners of an object in ``base_link``, shape (4, 3), clockwise from the top left as seen."""
    azimuth, elevation = item.bearing
    center = item.range_m * direction(item.bearing)
    right = 0.5 * item.width_m * np.array([math.sin(azimuth), -math.cos(azimuth), 0.0])
    if item.kind == 'balloon':  # round from everywhere; the others stand on the floor
        up = 0.5 * item.height_m * direction(Bearing(azimuth, elevation + 0.5 * math.pi))
    else:
        up = np.array([0.0, 0.0, 0.5 * item.height_m])
    return np.array([center + up - right, center + up + right, center - up + right, center - up - right])


def _brightness(shot: Shot) -> float:
    return float((shot.exposure_us * shot.gain / REFERENCE_EXPOSURE_US) ** (1.0 / _GAMMA))


def _tone_curves(shot: Shot) -> Pixels:
    """Return what becomes of each gray level in blue, green and red: shape (1, 256, 3), or (1, 256) for all alike."""
    level = np.arange(256)[:, None] / 255.0
    gains = np.array([shot.blue, 1.0, shot.red]) ** (1.0 / _GAMMA)
    exposed = np.clip(level * _brightness(shot) * gains, 0.0, 1.0)
    shown = (exposed - 0.5) * shot.contrast + 0.5 + shot.brightness
    curves: Pixels = np.rint(np.clip(shown, 0.0, 1.0) * 255.0).astype(np.uint8).reshape(1, 256, 3)
    gray = (curves == curves[..., :1]).all()  # one curve for all colors takes half the time
    return np.ascontiguousarray(curves[..., 0]) if gray else curves


def _saturation_matrix(saturation: float) -> Array:
    gray = np.array([0.114, 0.587, 0.299])  # of blue, green and red in luminance (BT.601)
    matrix: Array = saturation * np.eye(3) + (1.0 - saturation) * np.tile(gray, (3, 1))
    return matrix


def _noise_tile(width: int, height: int, random: np.random.Generator) -> Pixels:
    noise = random.standard_normal((height, width, 3), np.float32) * _NOISE_TILE + 128.5
    tile: Pixels = np.clip(noise, 0, 255).astype(np.uint8)
    return tile

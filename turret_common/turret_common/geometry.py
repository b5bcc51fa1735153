# SPDX-License-Identifier: Apache-2.0
"""Conversions between bearings, pixels and poses of the head.

Frames (REP 103): ``base_link`` is x forward, y left, z up. The camera's optical frame is z forward, x right, y down.
Pan is positive to the left, tilt positive up, both zero when the head looks along ``base_link``'s x axis. A bearing is
(azimuth, elevation) in rad in ``base_link`` with the signs of pan and tilt: a head at pan = azimuth and tilt =
elevation looks exactly along it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

Array = npt.NDArray[np.float64]
_FloatT = TypeVar('_FloatT', float, Array)

#: Lens models by their names in ``sensor_msgs/CameraInfo``, with their numbers of coefficients.
PLUMB_BOB, RATIONAL, EQUIDISTANT = 'plumb_bob', 'rational_polynomial', 'equidistant'
LENS_MODELS = {PLUMB_BOB: 5, RATIONAL: 8, EQUIDISTANT: 4}
_FISHEYE_LIMIT = math.radians(89.0)  # from the optical axis; rays further out are those of the limit
_ITERATIONS = 30       # of undistortion; enough for every lens whose image is not folded
_SAME_SHAPE = 0.02     # relative difference of two aspect ratios that is rounding
_CHECKED = 9           # px in each direction in which a lens is checked ...
_CHECKED_PX = 0.5      # ... to project each ray to its pixel within this
#: Columns: the optical frame's x, y, z in a body frame that is x forward, y left, z up.
BODY_FROM_OPTICAL: Array = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
#: Frame of a camera on the head, and of one that is fixed to the base and looks along its x axis.
HEAD_CAMERA_FRAME, BASE_CAMERA_FRAME = 'camera_optical_frame', 'base_camera_optical_frame'


class Bearing(NamedTuple):
    """A direction in ``base_link``: azimuth and elevation in rad, positive left and up."""

    azimuth: float
    elevation: float


def wrap_angle(angle: float) -> float:
    """Return the same angle in [-pi, pi), in rad."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


def direction(bearing: Bearing) -> Array:
    """Return the unit vector of a bearing in ``base_link``, shape (3,)."""
    ce = math.cos(bearing.elevation)
    return np.array([ce * math.cos(bearing.azimuth), ce * math.sin(bearing.azimuth), math.sin(bearing.elevation)])


def bearing_of(vector: Array) -> Bearing:
    """Return the bearing of a vector in ``base_link``, shape (3,), of any length but zero."""
    x, y, z = (float(v) for v in vector)
    return Bearing(math.atan2(y, x), math.atan2(z, math.hypot(x, y)))


def angle_between(a: Bearing, b: Bearing) -> float:
    """Return the angle between two bearings in rad, accurate for tiny angles too (Vincenty's formula on the sphere)."""
    sin_a, cos_a = math.sin(a.elevation), math.cos(a.elevation)
    sin_b, cos_b = math.sin(b.elevation), math.cos(b.elevation)
    across, along = math.sin(b.azimuth - a.azimuth), math.cos(b.azimuth - a.azimuth)
    return math.atan2(
        math.hypot(cos_b * across, cos_a * sin_b - sin_a * cos_b * along), sin_a * sin_b + cos_a * cos_b * along)


def base_from_head(pan: float, tilt: float) -> Array:
    """Return the rotation, shape (3, 3), from the head (x along the view) to ``base_link`` for a pose in rad."""
    cp, sp, ct, st = math.cos(pan), math.sin(pan), math.cos(tilt), math.sin(tilt)
    return np.array([[cp * ct, -sp, -cp * st], [sp * ct, cp, -sp * st], [st, 0.0, ct]])


def quaternion(rotation: Array) -> tuple[float, float, float, float]:
    """Return a rotation matrix, shape (3, 3), as a unit quaternion x, y, z, w.

    The sums and differences of the matrix are four times the products of the quaternion's elements; the row
    with the largest square has the smallest error.
    """
    (xx, yy, zz), sums, differences = np.diag(rotation), rotation + rotation.T, rotation - rotation.T
    products = np.array([
        [1.0 + xx - yy - zz, sums[0, 1], sums[0, 2], differences[2, 1]],
        [sums[0, 1], 1.0 - xx + yy - zz, sums[1, 2], differences[0, 2]],
        [sums[0, 2], sums[1, 2], 1.0 - xx - yy + zz, differences[1, 0]],
        [differences[2, 1], differences[0, 2], differences[1, 0], 1.0 + xx + yy + zz]])
    row = products[np.argmax(np.diag(products))]
    x, y, z, w = (row / np.linalg.norm(row)).tolist()
    return x, y, z, w


@dataclasses.dataclass(frozen=True)
class PinholeCamera:
    """A camera as ``sensor_msgs/CameraInfo`` describes it.

    Attributes:
        width, height: image size in px.
        fx, fy, cx, cy: focal lengths and principal point in px.
        distortion: coefficients of the model: k1, k2, p1, p2, k3 of ``plumb_bob`` (Brown-Conrady), these and k4, k5, k6
            of ``rational_polynomial``, or k1 to k4 of ``equidistant`` (fisheye).
        model: name of the lens model, one of :data:`LENS_MODELS`.
        on_base: whether it is fixed to the base and looks along its x axis; otherwise it looks along the head.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    on_base: bool = False
    model: str = PLUMB_BOB

    @classmethod
    def from_field_of_view(cls, width: int, height: int, horizontal_fov: float) -> PinholeCamera:
        """Return an ideal camera with square pixels from its horizontal field of view in rad."""
        f = 0.5 * width / math.tan(0.5 * horizontal_fov)
        return cls(width, height, f, f, 0.5 * (width - 1), 0.5 * (height - 1))

    def scaled(self, width: int, height: int) -> PinholeCamera:
        """Return the same camera for images of another size.

        Images of another aspect ratio are cropped around their center, as sensors do; none is stretched.
        """
        if (width, height) == (self.width, self.height):
            return self
        sx, sy = width / self.width, height / self.height
        if abs(sx / sy - 1.0) > _SAME_SHAPE:
            sx = sy = max(sx, sy)
        left, top = 0.5 * (self.width * sx - width), 0.5 * (self.height * sy - height)
        return dataclasses.replace(
            self, width=width, height=height, fx=self.fx * sx, fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5 - left, cy=(self.cy + 0.5) * sy - 0.5 - top)

    def is_consistent(self) -> bool:
        """Return whether the ray of each pixel projects to that pixel, as is not so for a wrong fit of the lens.

        The corners of a fisheye image may show nothing and are not checked.
        """
        across, down = np.meshgrid(np.linspace(-1.0, 1.0, _CHECKED), np.linspace(-1.0, 1.0, _CHECKED))
        if self.model == EQUIDISTANT:
            seen = np.hypot(across, down) <= 1.0
            across, down = across[seen], down[seen]
        x, y = 0.5 * (self.width - 1) * (1.0 + across), 0.5 * (self.height - 1) * (1.0 + down)
        with np.errstate(all='ignore'):
            xd, yd = (x - self.cx) / self.fx, (y - self.cy) / self.fy
            again = self._distort(*self._undistort(xd, yd))
            errors = np.hypot((again[0] - xd) * self.fx, (again[1] - yd) * self.fy)
        return bool((errors <= _CHECKED_PX).all())

    def ray(self, x: float, y: float) -> Array:
        """Return the unit vector, shape (3,), in the optical frame through a pixel."""
        xn, yn = self._undistort((x - self.cx) / self.fx, (y - self.cy) / self.fy)
        return np.array([xn, yn, 1.0]) / math.sqrt(xn * xn + yn * yn + 1.0)

    def rays(self, x: Array, y: Array) -> Array:
        """Return the unit vectors, shape (..., 3), in the optical frame through pixels, shape (...)."""
        xn, yn = self._undistort((x - self.cx) / self.fx, (y - self.cy) / self.fy)
        rays = np.stack([xn, yn, np.ones_like(xn)], axis=-1)
        unit: Array = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
        return unit

    def project(self, point: Array) -> tuple[float, float] | None:
        """Return the pixel of a point in the optical frame, shape (3,); None when it is not in front of the camera.

        The pixel may lie outside the image.
        """
        x, y, z = (float(v) for v in point)
        if z <= 1e-9:
            return None
        xd, yd = self._distort(x / z, y / z)
        return self.fx * xd + self.cx, self.fy * yd + self.cy

    def _distort(self, x: _FloatT, y: _FloatT) -> tuple[_FloatT, _FloatT]:
        r2 = x * x + y * y
        if self.model == EQUIDISTANT:
            angle = np.arctan(np.sqrt(r2))
            scale = (self._bent(angle) + 1e-12) / (np.tan(angle) + 1e-12)  # 1 on the optical axis
            return x * scale, y * scale
        k1, k2, p1, p2, k3, *more = self.distortion
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        if more:
            k4, k5, k6 = more
            radial = radial / (1.0 + r2 * (k4 + r2 * (k5 + r2 * k6)))
        return (x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
                y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y)

    def _undistort(self, xd: _FloatT, yd: _FloatT) -> tuple[_FloatT, _FloatT]:
        if self.model == EQUIDISTANT:
            return self._straightened(xd, yd)
        if not any(self.distortion):
            return xd, yd
        x, y = xd, yd
        for _ in range(_ITERATIONS):  # fixed-point iteration
            ex, ey = self._distort(x, y)
            x, y = x + (xd - ex), y + (yd - ey)
        return x, y

    def _bent(self, angle: _FloatT) -> _FloatT:
        """Return the distance from the principal point, in focal lengths, of a ray at an angle to the optical axis."""
        k1, k2, k3, k4 = self.distortion
        square = angle * angle
        return angle * (1.0 + square * (k1 + square * (k2 + square * (k3 + square * k4))))

    def _straightened(self, xd: _FloatT, yd: _FloatT) -> tuple[_FloatT, _FloatT]:
        """Undo the distortion of a fisheye lens by Newton's method, up to nearly 90 degrees from the optical axis."""
        k1, k2, k3, k4 = self.distortion
        bent = np.sqrt(xd * xd + yd * yd)
        angle = np.minimum(bent, _FISHEYE_LIMIT)
        for _ in range(_ITERATIONS):
            square = angle * angle
            slope = 1.0 + square * (3.0 * k1 + square * (5.0 * k2 + square * (7.0 * k3 + square * 9.0 * k4)))
            angle = np.clip(angle - (self._bent(angle) - bent) / np.maximum(slope, 1e-3), 0.0, _FISHEYE_LIMIT)
        scale = (np.tan(angle) + 1e-12) / (bent + 1e-12)  # 1 on the optical axis
        return xd * scale, yd * scale


def lens_camera(
        width: int, height: int, matrix: Sequence[float], model: str, coefficients: Sequence[float]) -> PinholeCamera:
    """Return the camera of a calibration in the terms of ``sensor_msgs/CameraInfo``.

    Args:
        width: of the images in px.
        height: of the images in px.
        matrix: K, row by row.
        model: of the lens; "fisheye" is another name of ``equidistant``.
        coefficients: of the model; missing ones are zero, and further ones must be.

    Raises:
        TurretError: NOT_SUPPORTED for another model or a skewed image, INVALID_ARGUMENT for numbers that no lens has.
    """
    model = EQUIDISTANT if model == 'fisheye' else model
    if model not in LENS_MODELS:
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, f'the lens model "{model}" is not one of {", ".join(LENS_MODELS)}')
    if len(matrix) != 9 or not all(map(math.isfinite, (*matrix, *coefficients))):
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, 'the camera matrix is not of 9 numbers, or a number of the lens is not finite')
    if matrix[1] or matrix[3] or any(matrix[6:8]) or matrix[8] != 1.0:
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, 'the camera matrix is not of the form fx 0 cx, 0 fy cy, 0 0 1')
    if min(width, height, matrix[0], matrix[4]) <= 0:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'a size or focal length is not positive')
    count = LENS_MODELS[model]
    if any(coefficients[count:]):
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, f'the lens has {len(coefficients)} coefficients, of which those after the '
            f'{count} of {model} are not zero')
    padded = (*(float(value) for value in coefficients[:count]), *[0.0] * count)[:count]
    camera = PinholeCamera(width, height, matrix[0], matrix[4], matrix[2], matrix[5], padded, model=model)
    if not camera.is_consistent():
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, 'the calibration is not that of a lens: pixels of the image have no ray, or '
            'it sees 178 degrees or more')
    return camera


def base_from_optical(camera: PinholeCamera, pan: float, tilt: float) -> Array:
    """Return the rotation, shape (3, 3), from a camera's optical frame to ``base_link``; pose in rad."""
    return BODY_FROM_OPTICAL if camera.on_base else base_from_head(pan, tilt) @ BODY_FROM_OPTICAL


def pixel_to_bearing(camera: PinholeCamera, x: float, y: float, pan: float, tilt: float) -> Bearing:
    """Return the bearing, from the camera, of a pixel for a pose of the head in rad."""
    return bearing_of(base_from_optical(camera, pan, tilt) @ camera.ray(x, y))


def bearing_to_pixel(
        camera: PinholeCamera, bearing: Bearing, pan: float, tilt: float) -> tuple[float, float] | None:
    """Return the pixel of a bearing from the camera for a pose of the head in rad; None behind the camera."""
    return camera.project(base_from_optical(camera, pan, tilt).T @ direction(bearing))

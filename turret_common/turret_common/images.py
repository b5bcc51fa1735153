# SPDX-License-Identifier: Apache-2.0
"""Image encodings as arrays. The results equal those of ``cv_bridge`` for the encodings that the turret uses."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

# Encoding (as in sensor_msgs/image_encodings): element type and channels.
ENCODINGS: dict[str, tuple[str, int]] = {
    'mono8': ('u1', 1), '8UC1': ('u1', 1), 'mono16': ('u2', 1), '16UC1': ('u2', 1),
    'bgr8': ('u1', 3), 'rgb8': ('u1', 3), '8UC3': ('u1', 3), 'bgra8': ('u1', 4), 'rgba8': ('u1', 4),
    'yuv422_yuy2': ('u1', 2),
}


def as_array(
        data: memoryview, height: int, width: int, encoding: str, step: int, big_endian: bool = False,
) -> npt.NDArray[np.generic]:
    """Return the bytes of an image as an array without copying.

    Args:
        data: the pixels, at least ``height * step`` bytes.
        height: in px.
        width: in px.
        encoding: one of :data:`ENCODINGS`.
        step: bytes from one row to the next.
        big_endian: byte order of 16 bit elements.

    Returns:
        Shape (height, width) for one channel, else (height, width, channels).

    Raises:
        TurretError: NOT_SUPPORTED for another encoding, INVALID_ARGUMENT when size, step and data do not match.
    """
    if encoding not in ENCODINGS:
        raise TurretError(ReasonCode.NOT_SUPPORTED, f'image encoding "{encoding}" is not supported')
    kind, channels = ENCODINGS[encoding]
    dtype = np.dtype(('>' if big_endian else '<') + kind)
    row = width * channels * dtype.itemsize
    halved = encoding == 'yuv422_yuy2' and width % 2  # two pixels share their color
    if halved or height <= 0 or width <= 0 or step < row or len(data) < height * step or step % dtype.itemsize:
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT,
            f'{len(data)} bytes with step {step} are not a {width}x{height} {encoding} image')
    rows = np.frombuffer(data, dtype, height * step // dtype.itemsize).reshape(height, -1)
    pixels = rows[:, :width * channels]
    return pixels if channels == 1 else pixels.reshape(height, width, channels)


def to_bgr(image: npt.NDArray[Any], encoding: str) -> npt.NDArray[np.uint8]:
    """Return an image of any supported encoding as BGR, shape (height, width, 3); a BGR image is returned as it is."""
    import cv2  # slow to import; not needed by processes without images

    if encoding in ('bgr8', '8UC3'):
        return image
    if encoding in ('mono16', '16UC1'):
        image = (image >> 8).astype(np.uint8)
    conversions = {
        'rgb8': cv2.COLOR_RGB2BGR, 'bgra8': cv2.COLOR_BGRA2BGR, 'rgba8': cv2.COLOR_RGBA2BGR,
        'yuv422_yuy2': cv2.COLOR_YUV2BGR_YUY2,
    }
    return cast('npt.NDArray[np.uint8]', cv2.cvtColor(image, conversions.get(encoding, cv2.COLOR_GRAY2BGR)))

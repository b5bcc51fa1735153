# SPDX-License-Identifier: Apache-2.0
"""JPEG encoding of images. Imports OpenCV, so it is imported only when needed."""

from __future__ import annotations

import textwrap
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from turret_common.errors import TurretError
from turret_common.images import as_array, decoded, to_bgr
from turret_common.reason_codes import ReasonCode

#: Maximum width and height of a scaled image [px].
_MAX_SIDE = 4096


def from_jpeg(data: bytes, width: int, height: int, quality: int) -> bytes:
    """Return a JPEG image in another size or quality.

    Args:
        data: the JPEG image.
        width: [px]; 0 = unchanged, or by the aspect ratio if the height is given.
        height: [px]; likewise.
        quality: JPEG quality of the result, 1 to 100.

    Raises:
        TurretError: INVALID_ARGUMENT, the data is not a valid image.
    """
    return _encode(decoded(data), width, height, quality)


def from_image(
        data: bytes, size: tuple[int, int], encoding: str, step: int, big_endian: bool, width: int, height: int,
        quality: int) -> bytes:
    """Return the pixels of an image message as a JPEG image.

    Args:
        data: the pixels.
        size: width and height of the image [px].
        encoding: pixel encoding (sensor_msgs/image_encodings).
        step: bytes from one row to the next.
        big_endian: byte order of 16 bit pixels.
        width: as in :func:`from_jpeg`.
        height: as in :func:`from_jpeg`.
        quality: as in :func:`from_jpeg`.

    Raises:
        TurretError: see :func:`turret_common.images.as_array`.
    """
    pixels = as_array(memoryview(data), size[1], size[0], encoding, step, big_endian)
    return _encode(to_bgr(pixels, encoding), width, height, quality)


def notice(title: str, text: str) -> bytes:
    """Return a 640x480 JPEG image with a title and a wrapped text on a dark background."""
    image = np.full((480, 640, 3), 32, np.uint8)
    cv2.rectangle(image, (0, 0), (639, 479), (60, 160, 240), 6)
    lines = textwrap.wrap(text.encode('ascii', 'replace').decode(), 44)[:6]
    for line, scale, y in ((title, 1.6, 200), *((line, 0.7, 260 + 32 * i) for i, line in enumerate(lines))):
        (width, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
        cv2.putText(image, line, ((640 - width) // 2, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (230, 230, 230), 2,
                    cv2.LINE_AA)
    return _encode(image, 0, 0, 85)


def _encode(image: npt.NDArray[Any], width: int, height: int, quality: int) -> bytes:
    rows, columns = image.shape[:2]
    if width or height:
        width = width or max(1, round(columns * height / rows))
        height = height or max(1, round(rows * width / columns))
        if max(width, height) > _MAX_SIDE:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'{width}x{height} is larger than {_MAX_SIDE} pixels')
    if (width or columns, height or rows) != (columns, rows):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise TurretError(ReasonCode.INTERNAL_ERROR, 'the image could not be encoded')
    return data.tobytes()

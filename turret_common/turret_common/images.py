# SPDX-License-Identifier: Apache-2.0
"""Image encodings as arrays. The results equal those of ``cv_bridge`` for the encodings that the turret uses.

Images of other nodes are also shown: with a Bayer pattern, with 16 bits per color, and images of depths, whose range is
scaled to the range from black to white.
"""

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
_BAYER = ('rggb', 'bggr', 'gbrg', 'grbg')
_FOREIGN: dict[str, tuple[str, int]] = {
    **{f'bayer_{pattern}8': ('u1', 1) for pattern in _BAYER}, **{f'bayer_{pattern}16': ('u2', 1) for pattern in _BAYER},
    'yuyv': ('u1', 2), 'uyvy': ('u1', 2), 'yuv422': ('u1', 2), 'nv12': ('u1', 1), 'nv21': ('u1', 1), '8UC4': ('u1', 4),
    'bgr16': ('u2', 3), 'rgb16': ('u2', 3), 'bgra16': ('u2', 4), 'rgba16': ('u2', 4), '16UC3': ('u2', 3),
    '16UC4': ('u2', 4), '8SC1': ('i1', 1), '16SC1': ('i2', 1), '32SC1': ('i4', 1), '32FC1': ('f4', 1),
    '64FC1': ('f8', 1),
}
_ALL = ENCODINGS | _FOREIGN
#: Encodings with one value per pixel whose range is not known.
_SCALED = ('16UC1', '8SC1', '16SC1', '32SC1', '32FC1', '64FC1')
_PLANES = ('nv12', 'nv21')  # color in additional rows below the image, half as many as the image has
_PAIRS = ('yuv422_yuy2', 'yuyv', 'uyvy', 'yuv422', *_PLANES)  # two pixels share their color


def as_array(
        data: memoryview, height: int, width: int, encoding: str, step: int, big_endian: bool = False,
) -> npt.NDArray[np.generic]:
    """Return the bytes of an image as an array without copying.

    Args:
        data: the pixels, at least ``height * step`` bytes.
        height: in px.
        width: in px.
        encoding: one of sensor_msgs/image_encodings.
        step: bytes from one row to the next.
        big_endian: byte order of 16 bit elements.

    Returns:
        Shape (height, width) for one channel, with the rows of color for nv12 and nv21; else (height, width, channels).

    Raises:
        TurretError: NOT_SUPPORTED for another encoding, INVALID_ARGUMENT when size, step and data do not match.
    """
    if encoding not in _ALL:
        raise TurretError(ReasonCode.NOT_SUPPORTED, f'image encoding "{encoding}" is not supported')
    kind, channels = _ALL[encoding]
    dtype = np.dtype(('>' if big_endian else '<') + kind)
    row = width * channels * dtype.itemsize
    is_halved = (encoding in _PAIRS and width % 2) or (encoding in _PLANES and height % 2)
    rows_of_data = height + height // 2 if encoding in _PLANES else height
    if is_halved or height <= 0 or width <= 0 or step < row or step % dtype.itemsize or len(data) < rows_of_data * step:
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT,
            f'{len(data)} bytes with step {step} are not a {width}x{height} {encoding} image')
    rows = np.frombuffer(data, dtype, rows_of_data * step // dtype.itemsize).reshape(rows_of_data, -1)
    pixels = rows[:, :width * channels]
    return pixels if channels == 1 else pixels.reshape(height, width, channels)


def decoded(data: Any) -> npt.NDArray[np.uint8]:
    """Return a compressed image, such as a JPEG, as BGR, shape (height, width, 3).

    Raises:
        TurretError: INVALID_ARGUMENT, the data is not an image of a known format, or too large a one.
    """
    import cv2  # slow to import; not needed by processes without images

    buffer = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(buffer, cv2.IMREAD_COLOR) if buffer.size else None
    except cv2.error:  # larger than OPENCV_IO_MAX_IMAGE_PIXELS, which the nodes get from their launcher
        image = None
    if image is None:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{buffer.size} bytes are not a compressed image')
    return cast('npt.NDArray[np.uint8]', image)


def to_bgr(image: npt.NDArray[Any], encoding: str) -> npt.NDArray[np.uint8]:
    """Return an image of any supported encoding as BGR, shape (height, width, 3); a BGR image is returned as it is."""
    import cv2  # slow to import; not needed by processes without images

    if encoding in ('bgr8', '8UC3'):
        return image
    if encoding in _SCALED:
        image = _scaled(image)
    elif image.dtype.itemsize == 2:
        image = (image >> 8).astype(np.uint8)
    if encoding in ('bgr16', '16UC3'):
        return image
    return cast('npt.NDArray[np.uint8]', cv2.cvtColor(image, getattr(cv2, _conversion(encoding))))


def _conversion(encoding: str) -> str:
    """Return the name of OpenCV's conversion to BGR, after images of 16 bits have been reduced to 8."""
    if encoding.startswith('bayer_'):  # OpenCV names a pattern by its second row: its BG is RGGB
        return f'COLOR_Bayer{ {"rggb": "BG", "bggr": "RG", "gbrg": "GR", "grbg": "GB"}[encoding[6:10]] }2BGR'
    return {
        'rgb8': 'COLOR_RGB2BGR', 'bgra8': 'COLOR_BGRA2BGR', 'rgba8': 'COLOR_RGBA2BGR', '8UC4': 'COLOR_BGRA2BGR',
        'rgb16': 'COLOR_RGB2BGR', 'bgra16': 'COLOR_BGRA2BGR', 'rgba16': 'COLOR_RGBA2BGR', '16UC4': 'COLOR_BGRA2BGR',
        'yuv422_yuy2': 'COLOR_YUV2BGR_YUY2', 'yuyv': 'COLOR_YUV2BGR_YUY2', 'uyvy': 'COLOR_YUV2BGR_UYVY',
        'yuv422': 'COLOR_YUV2BGR_UYVY', 'nv12': 'COLOR_YUV2BGR_NV12', 'nv21': 'COLOR_YUV2BGR_NV21',
    }.get(encoding, 'COLOR_GRAY2BGR')


def _scaled(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return values with their range scaled to 0..255. Values that are not finite become 0."""
    values = image.astype(np.float64)
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(image.shape, np.uint8)
    low, high = values[known].min(), values[known].max()
    span = high - low if high > low else 1.0
    return np.where(known, (values - low) / span * 255.0, 0.0).astype(np.uint8)

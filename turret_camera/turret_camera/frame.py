# SPDX-License-Identifier: Apache-2.0
"""One frame as a source delivers it."""

from __future__ import annotations

import dataclasses
import math
from enum import IntEnum
from typing import Any

import cv2
import numpy.typing as npt

from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.images import decoded
from turret_common.reason_codes import ReasonCode

#: A BGR image: uint8, shape (height, width, 3). Typed loosely because OpenCV returns what it calls MatLike.
Pixels = npt.NDArray[Any]
#: What ROS calls it.
ENCODING = 'bgr8'


class StampSource(IntEnum):
    """How a frame's stamp was found; the numbers of ``CameraState.STAMP_*``."""

    UNKNOWN = 0
    SENSOR = 1
    ARRIVAL = 2
    SIMULATED = 3


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a frame was taken. NaN: unknown, or not adjustable."""

    exposure_us: float = math.nan
    analog_gain: float = math.nan
    digital_gain: float = math.nan
    color_gains: tuple[float, float] = (math.nan, math.nan)
    lux: float = math.nan
    brightness: float = math.nan
    contrast: float = math.nan
    saturation: float = math.nan


class Frame:
    """A BGR image, a JPEG or both; the missing one is made on first use.

    Attributes:
        stamp_ns: when its light was collected, on CLOCK_MONOTONIC: the midpoint of the exposure where that is known.
        camera: the camera that took it, with the image's size.
        settings: how it was taken.
        dropped: frames that were lost since the previous one.
    """

    def __init__(
            self, stamp_ns: int, camera: PinholeCamera, settings: Settings = Settings(), *,
            pixels: Pixels | None = None, jpeg: bytes | None = None, dropped: int = 0) -> None:
        self.stamp_ns = stamp_ns
        self.camera = camera
        self.settings = settings
        self.dropped = dropped
        self._pixels = pixels
        self._jpeg = jpeg

    def pixels(self) -> Pixels:
        """Return the image as BGR, shape (height, width, 3); not to be written to.

        Raises:
            TurretError: IO_ERROR when the device gave a JPEG that cannot be read.
        """
        if self._pixels is None:
            try:
                self._pixels = decoded(self._jpeg or b'')
            except TurretError as error:
                raise TurretError(ReasonCode.IO_ERROR, 'the camera delivered a damaged JPEG') from error
        return self._pixels

    def jpeg(self, quality: int) -> bytes:
        """Return the image as JPEG: the device's own, or encoded once with ``quality`` (1 to 100)."""
        if self._jpeg is None:
            self._jpeg = encode_jpeg(self.pixels(), quality)
        return self._jpeg


def encode_jpeg(pixels: Pixels, quality: int) -> bytes:
    """Return a BGR image as JPEG."""
    _, buffer = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return buffer.tobytes()


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG in px, from its frame header; None when ``data`` is not a complete JPEG."""
    if not data.startswith(b'\xff\xd8') or b'\xff\xd9' not in data[-64:]:  # some cameras add a few bytes
        return None
    i = 2
    while i + 9 <= len(data) and data[i] == 0xFF:
        kind, length = data[i + 1], int.from_bytes(data[i + 2:i + 4], 'big')
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # SOFn
            return int.from_bytes(data[i + 7:i + 9], 'big'), int.from_bytes(data[i + 5:i + 7], 'big')
        i += 2 + length
    return None

# SPDX-License-Identifier: Apache-2.0
"""Detection of balloons: round blobs of a saturated, a taught or a dark color."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, NamedTuple

import cv2
import numpy as np

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Box, Detection, Image, View
from turret_vision.detectors.detector import Detector, width_param

_HUE_STEPS = 180.0  # OpenCV's 8 bit hue counts half degrees
_KERNEL = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


@dataclasses.dataclass(frozen=True)
class BalloonParameters:
    """Detection of round blobs of one color."""

    width: int = width_param(320)
    color: str = param(
        'saturated', 'Color that is detected: any saturated color, the taught color, or any dark color', live=True,
        choices=('saturated', 'taught', 'dark'))
    hue: float = param(
        0.0, 'Center of the taught hue; 0 = red, 1/3 = green, 2/3 = blue', minimum=0.0, maximum=1.0, live=True)
    saturation: float = param(0.8, 'Center of the taught saturation', minimum=0.0, maximum=1.0, live=True)
    value: float = param(0.6, 'Center of the taught brightness', minimum=0.0, maximum=1.0, live=True)
    hue_range: float = param(0.05, 'Half width of the taught hue', minimum=0.0, maximum=0.5, live=True)
    saturation_range: float = param(0.3, 'Half width of the taught saturation', minimum=0.0, maximum=1.0, live=True)
    value_range: float = param(0.4, 'Half width of the taught brightness', minimum=0.0, maximum=1.0, live=True)
    min_saturation: float = param(
        0.5, 'Minimum saturation of the color "saturated"', minimum=0.0, maximum=1.0, live=True)
    min_value: float = param(0.2, 'Minimum brightness of the color "saturated"', minimum=0.0, maximum=1.0, live=True)
    max_dark_value: float = param(0.24, 'Maximum brightness of the color "dark"', minimum=0.0, maximum=1.0, live=True)
    min_area: int = param(
        120, 'Minimum area of a blob, in pixels of the full image', unit='px^2', minimum=1, maximum=1_000_000,
        live=True)
    min_aspect: float = param(0.6, 'Minimum width divided by height', minimum=0.05, maximum=1.0, live=True)
    max_aspect: float = param(1.6, 'Maximum width divided by height', minimum=1.0, maximum=20.0, live=True)
    min_circularity: float = param(
        0.55, 'Minimum circularity, 4 pi area / perimeter^2; 1 = disc', minimum=0.0, maximum=1.0, live=True)
    min_fill: float = param(
        0.5, 'Minimum fraction of its bounding box that a blob covers; disc = 0.785', minimum=0.0, maximum=1.0,
        live=True)


class BalloonDetector(Detector[BalloonParameters]):
    """Finds blobs of a color whose outline is about round.

    Center and size come from the blob's moments, which makes them several times finer than its pixels.
    """

    name: ClassVar = 'balloon'
    groups: ClassVar = {name: BalloonParameters}
    has_mask: ClassVar = True

    def __init__(self, parameters: BalloonParameters) -> None:
        super().__init__(parameters)
        self._mask: Image | None = None

    @property
    def mode(self) -> str:
        """The color that is looked for."""
        return self._parameters.color

    def detect(self, view: View) -> list[Detection]:
        """Return the balloons in a view; the confidence is how well the outline agrees with an ellipse."""
        mask = cv2.morphologyEx(self._in_color(view.image), cv2.MORPH_OPEN, _KERNEL)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _KERNEL)
        self._mask = mask  # type: ignore[assignment]
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        min_area = view.area(self._parameters.min_area)
        found = (self._balloon(contour, min_area) for contour in contours)  # type: ignore[arg-type]
        return [detection for detection in found if detection is not None]

    def mask(self) -> Image | None:
        """Return where the last view has the color, as :meth:`Detector.mask` does."""
        return self._mask

    def _in_color(self, image: Image) -> Image:
        p = self._parameters
        hsv: Image = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)  # type: ignore[assignment]
        if p.color == 'saturated':
            return _in_range(hsv, (0.0, 1.0), (p.min_saturation, 1.0), (p.min_value, 1.0))
        if p.color == 'dark':
            return _in_range(hsv, (0.0, 1.0), (0.0, 1.0), (0.0, p.max_dark_value))
        return _in_range(
            hsv, (p.hue - p.hue_range, p.hue + p.hue_range),
            (p.saturation - p.saturation_range, p.saturation + p.saturation_range),
            (p.value - p.value_range, p.value + p.value_range))

    def _balloon(self, contour: Image, min_area: float) -> Detection | None:
        p = self._parameters
        moments = cv2.moments(contour)
        if moments['m00'] <= 0.0:
            return None
        # The contour runs through the centers of the border pixels: half a pixel is missing all round.
        perimeter = cv2.arcLength(contour, closed=True)
        area = moments['m00'] + 0.5 * perimeter + 1.0
        _, _, rect_width, rect_height = cv2.boundingRect(contour)
        # Axes of the ellipse with the same second moments.
        box = Box(
            moments['m10'] / moments['m00'], moments['m01'] / moments['m00'],
            4.0 * math.sqrt(max(moments['mu20'], 0.0) / moments['m00']) + 1.0,
            4.0 * math.sqrt(max(moments['mu02'], 0.0) / moments['m00']) + 1.0)
        circularity = min(1.0, 4.0 * math.pi * moments['m00'] / perimeter**2)
        fill = area / (rect_width * rect_height)
        if (area < min_area or circularity < p.min_circularity or fill < p.min_fill
                or not p.min_aspect <= rect_width / rect_height <= p.max_aspect):
            return None
        return Detection('balloon', box, circularity * min(1.0, 4.0 * fill / math.pi))


def _in_range(
        hsv: Image, hue: tuple[float, float], saturation: tuple[float, float], value: tuple[float, float]) -> Image:
    """Return the mask of a box in HSV whose hue may wrap round; all limits are parts of 1."""
    def between(low: float, high: float) -> Image:
        return cv2.inRange(  # type: ignore[return-value]
            hsv, (low * _HUE_STEPS, 255.0 * saturation[0], 255.0 * value[0]),
            (high * _HUE_STEPS, 255.0 * saturation[1], 255.0 * value[1]))

    low, high = hue
    if high - low >= 1.0:
        return between(0.0, 1.0)
    low, high = low % 1.0, high % 1.0
    if low <= high:
        return between(low, high)
    return cv2.bitwise_or(between(low, 1.0), between(0.0, high))  # type: ignore[return-value]


class Color(NamedTuple):
    """A color that was taught: hue, saturation and value as parts of 1, and the half width of each."""

    center: tuple[float, float, float]
    half_width: tuple[float, float, float]


def sample_color(image: Image, x: float, y: float, radius: int) -> Color:
    """Return the color of a disc in an image, with ranges that allow for its spread and for a change of light.

    Args:
        image: BGR.
        x: center of the disc in px.
        y: center of the disc in px.
        radius: of the disc in px.

    Raises:
        TurretError: OUT_OF_RANGE where the point is outside the image; INVALID_ARGUMENT where the disc has no color to
            speak of (gray, black or white).
    """
    height, width = image.shape[:2]
    if not (0.0 <= x <= width - 1 and 0.0 <= y <= height - 1):
        raise TurretError(ReasonCode.OUT_OF_RANGE, f'({x:g}, {y:g}) is outside the {width}x{height} image')
    mask = np.zeros((height, width), np.uint8)
    cv2.circle(mask, (round(x), round(y)), radius, 255, cv2.FILLED)
    pixels = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)[mask > 0].astype(np.float64)
    angle = pixels[:, 0] * (2.0 * math.pi / _HUE_STEPS)
    saturation, value = pixels[:, 1] / 255.0, pixels[:, 2] / 255.0
    weight = saturation * value  # a dark or pale pixel says little about the hue
    mean_angle = math.atan2(float(weight @ np.sin(angle)), float(weight @ np.cos(angle)))
    if float(np.median(weight)) < 0.08:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'there is no color at ({x:g}, {y:g})')
    off_hue = np.abs((angle - mean_angle + math.pi) % (2.0 * math.pi) - math.pi) / (2.0 * math.pi)
    center = (mean_angle / (2.0 * math.pi) % 1.0, float(np.median(saturation)), float(np.median(value)))
    return Color(center, (
        min(0.5, max(0.03, 2.0 * float(np.percentile(off_hue, 90)))),
        min(1.0, 0.2 + 2.0 * float(np.percentile(np.abs(saturation - center[1]), 90))),
        min(1.0, 0.35 + 2.0 * float(np.percentile(np.abs(value - center[2]), 90)))))

# SPDX-License-Identifier: Apache-2.0
"""An image scaled in proportion into the size that a network takes, and the way back."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from turret_vision.detectors.detection import Box, Image

_GRAY = 114  # around an image whose shape is not the network's, as YOLO is trained with


@dataclasses.dataclass(frozen=True)
class Letterbox:
    """An image in the size of a network.

    Attributes:
        image: BGR, of the network's size.
        scale: px of ``image`` per px of the original.
        left: gray columns before the original.
        top: gray rows above the original.
    """

    image: Image
    scale: float
    left: int
    top: int

    @classmethod
    def around(cls, image: Image, width: int, height: int) -> Letterbox:
        """Fit a BGR image into a size."""
        rows, columns = image.shape[:2]
        scale = min(width / columns, height / rows)
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        left, top = (width - size[0]) // 2, (height - size[1]) // 2
        canvas = np.full((height, width, 3), _GRAY, np.uint8)
        canvas[top:top + size[1], left:left + size[0]] = cv2.resize(
            image, size, interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR)
        return cls(canvas, scale, left, top)

    def original(self, box: Box) -> Box:
        """Return a box of ``image`` in px of the original."""
        return Box((box.x + 0.5 - self.left) / self.scale - 0.5, (box.y + 0.5 - self.top) / self.scale - 0.5,
                   box.width / self.scale, box.height / self.scale)

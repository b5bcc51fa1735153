# SPDX-License-Identifier: Apache-2.0
"""From decoded boxes to detections: thresholds, class names, and one box per object."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from turret_vision.detectors.detection import Box, Detection
from turret_vision.models.families import FAMILIES, Layout, Outputs, refused

_FEW_DETECTIONS = 100
_MAX_CENTER = 1.0  # distance of a box from the middle, as a fraction of the image


def detections(
        family: str, outputs: Outputs, classes: Sequence[str], width: int, height: int, confidence: float,
        overlap: float) -> list[Detection]:
    """Return the detections of a network.

    Args:
        family: name of one of :data:`FAMILIES`.
        outputs: arrays by name, in the network's order.
        classes: names by number; where there are none, numbers are names.
        width: of the network's input in px.
        height: of the network's input in px.
        confidence: minimum score.
        overlap: maximum intersection over union of two boxes of one class.

    Raises:
        TurretError: DETECTOR_FAILED where the outputs are not those of the family.
    """
    boxes, numbers, scores = FAMILIES[family].decode(outputs, Layout(len(classes), width, height))
    usable = (scores >= confidence) & np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0.0).all(axis=1)
    boxes, numbers, scores = boxes[usable], numbers[usable], scores[usable]
    if not len(boxes):
        return []
    if (np.abs(boxes[:, :2] / np.array([width, height], np.float32) - 0.5) > _MAX_CENTER).any():
        raise refused('gives boxes far outside of the image: it is of another family than '
                      f'{family} ({FAMILIES[family].title})')
    corners = np.concatenate([boxes[:, :2] - 0.5 * boxes[:, 2:], boxes[:, 2:]], axis=1)
    # Boxes of different classes are moved apart, so that only boxes of one class suppress each other.
    corners[:, :2] += numbers[:, None] * (2.0 * np.abs(corners).max() + 1.0)
    kept = np.ravel(cv2.dnn.NMSBoxes(corners.tolist(), scores.tolist(), confidence, overlap))
    return [
        Detection(_name(int(numbers[i]), classes), Box(*(float(v) for v in boxes[i])), float(min(scores[i], 1.0)))
        for i in kept[:_FEW_DETECTIONS]]


def _name(number: int, classes: Sequence[str]) -> str:
    return classes[number] if 0 <= number < len(classes) else f'class {number}'

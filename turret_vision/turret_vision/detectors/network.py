# SPDX-License-Identifier: Apache-2.0
"""What goes into a neural network for detection and what its outputs mean. No network library is used here."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Box, Detection, Image

Array = npt.NDArray[np.float32]

_GRAY = 114           # around an image whose shape is not the network's, as YOLO is trained with
_NORMALIZED = 2.0     # coordinates up to this are parts of the image, not pixels
_FEW_DETECTIONS = 100
_NORMALIZED_SSD = 4.0
_MAX_QUERIES = 1000    # boxes of an end-to-end model; YOLO 5 has more
_QUERIES = 300         # boxes of an RT-DETR
_STRIDES = (8, 16, 32)
_SCORE_TOLERANCE = 0.01
_FARTHEST_CENTER = 1.0  # distance of a box from the middle, as a fraction of the image


@dataclasses.dataclass(frozen=True)
class Letterbox:
    """An image scaled in proportion into the size that a network wants, and the way back.

    Attributes:
        image: RGB, of the network's size.
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
        resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR)
        canvas[top:top + size[1], left:left + size[0]] = cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)
        return cls(canvas, scale, left, top)

    def original(self, box: Box) -> Box:
        """Return a box of ``image`` in px of the original."""
        return Box((box.x + 0.5 - self.left) / self.scale - 0.5, (box.y + 0.5 - self.top) / self.scale - 0.5,
                   box.width / self.scale, box.height / self.scale)


def read_classes(model: Path) -> tuple[str, ...]:
    """Return the class names beside a model, one per line; none without such a file.

    Raises:
        TurretError: DETECTOR_FAILED where the file cannot be read.
    """
    file = model.with_suffix('.txt')
    if not file.is_file():
        return ()
    try:
        return tuple(line.strip() for line in file.read_text(encoding='utf-8').splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise TurretError(ReasonCode.DETECTOR_FAILED, f'{file} cannot be read: {error}') from error


def is_ssd(shapes: Sequence[Sequence[Any]]) -> bool:
    """Return whether outputs of these shapes are boxes, classes and scores apart, as of SSD; else they are YOLO's."""
    return len(shapes) >= 3


def decode(
        outputs: Mapping[str, npt.NDArray[Any]], classes: Sequence[str], width: int, height: int,
        confidence: float, overlap: float) -> list[Detection]:
    """Return the detections of a network.

    Args:
        outputs: by name, in the network's order: one array of YOLO version 5, 8 or 11, of an end-to-end YOLO (version
            10 or 26, or exported with NMS), of YOLOX or of an RT-DETR, or those of an SSD.
        classes: names by number; where there are none, numbers are names.
        width: of the network's input in px.
        height: of the network's input in px.
        confidence: minimum score.
        overlap: maximum intersection over union of two boxes of one class.

    Raises:
        TurretError: DETECTOR_FAILED where the outputs are of neither kind, or their values are not those of scores,
            class numbers or boxes.
    """
    if len(outputs) == 2:
        raise _strange(*(array.shape for array in outputs.values()))
    if is_ssd([array.shape for array in outputs.values()]):
        boxes, numbers, scores = _decode_ssd(outputs, width, height)
    else:
        boxes, numbers, scores = _decode_yolo(next(iter(outputs.values())), len(classes), width, height)
    usable = (scores >= confidence) & np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0.0).all(axis=1)
    boxes, numbers, scores = boxes[usable], numbers[usable], scores[usable]
    beyond = np.abs(boxes[:, :2] / np.array([width, height], np.float32) - 0.5) > _FARTHEST_CENTER
    if beyond.any():
        raise _refused('gives boxes far outside of the image: the layout of its outputs is not supported')
    corners = np.concatenate([boxes[:, :2] - 0.5 * boxes[:, 2:], boxes[:, 2:]], axis=1)
    if len(boxes):
        # Boxes of different classes are moved apart, so that only boxes of one class suppress each other.
        corners[:, :2] += numbers[:, None] * (2.0 * np.abs(corners).max() + 1.0)
    kept = np.ravel(cv2.dnn.NMSBoxes(corners.tolist(), scores.tolist(), confidence, overlap)) if len(boxes) else ()
    return [
        Detection(_name(int(numbers[i]), classes), Box(*(float(v) for v in boxes[i])), float(min(scores[i], 1.0)))
        for i in list(kept)[:_FEW_DETECTIONS]]


def _name(number: int, classes: Sequence[str]) -> str:
    return classes[number] if 0 <= number < len(classes) else f'class {number}'


def _decode_yolo(
        output: npt.NDArray[Any], count: int, width: int, height: int) -> tuple[Array, npt.NDArray[np.int64], Array]:
    """Return boxes (center x, y, width, height in px), class numbers and scores.

    Versions 8 and 11 give (1, 4 + classes, boxes), RT-DETR the transpose of that; version 5 and YOLOX give
    (1, boxes, 5 + classes) with the objectness fifth; end-to-end versions give (1, boxes, 6): corners, score and class.
    """
    if output.ndim != 3 or output.shape[0] != 1 or min(output.shape[1:]) < 5:
        raise _strange(output.shape)
    rows = np.asarray(output[0], np.float32)
    if rows.shape[1] == 6 and len(rows) <= _MAX_QUERIES and bool((rows[:, 5] == np.round(rows[:, 5])).all()):
        return _decode_end_to_end(rows, count, width, height)
    if count:
        channels_first = rows.shape[0] == 4 + count
        has_objectness = not channels_first and rows.shape[1] == 5 + count
        if not channels_first and rows.shape[1] not in (4 + count, 5 + count):
            raise _refused(
                f'has outputs of shape {output.shape}, which do not match the {count} classes that were given for it')
    else:
        channels_first = rows.shape[0] < rows.shape[1]
        has_objectness = not channels_first
        if has_objectness and len(rows) == _QUERIES:
            raise _refused(f'has outputs of shape {output.shape}, of YOLO 5 or of RT-DETR: give its classes')
    if channels_first:
        rows = rows.T
    boxes, scores = rows[:, :4].copy(), rows[:, 4:]
    _check_scores(scores)
    if has_objectness:
        scores = scores[:, 1:] * scores[:, :1]
        _from_cells(boxes, width, height)
    numbers = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), numbers]
    if boxes.size and float(np.abs(boxes).max()) <= _NORMALIZED:
        boxes *= np.array([width, height, width, height], np.float32)
    boxes[:, :2] -= 0.5  # from corners of pixels to their centers
    return boxes, numbers, np.asarray(best, np.float32)


def _decode_end_to_end(
        rows: Array, count: int, width: int, height: int) -> tuple[Array, npt.NDArray[np.int64], Array]:
    """Return the same from rows of left, top, right, bottom, score and class number."""
    _check_scores(rows[:, 4])
    numbers = rows[:, 5].astype(np.int64)
    if numbers.size and (numbers.min() < 0 or (count and numbers.max() >= count)):
        raise _refused(f'gives class number {numbers.max()}, beyond the {count} classes that were given for it')
    corners = rows[:, :4].copy()
    if corners.size and float(np.abs(corners).max()) <= _NORMALIZED:
        corners *= np.array([width, height, width, height], np.float32)
    boxes = np.concatenate([0.5 * (corners[:, :2] + corners[:, 2:]) - 0.5, corners[:, 2:] - corners[:, :2]], axis=1)
    return boxes, numbers, rows[:, 4]


def _from_cells(boxes: Array, width: int, height: int) -> None:
    """Decode the boxes of YOLOX in place, one per cell of its grids: offset in cells, logarithm of the size."""
    grids = [(height // stride, width // stride, stride) for stride in _STRIDES]
    if len(boxes) != sum(rows * columns for rows, columns, _ in grids):
        return  # YOLO 5 has three per cell
    cells = np.concatenate([
        np.stack([*np.meshgrid(np.arange(columns), np.arange(rows))], axis=2).reshape(-1, 2)
        for rows, columns, _ in grids])
    strides = np.concatenate([np.full((rows * columns, 1), stride) for rows, columns, stride in grids])
    boxes[:, :2] = (boxes[:, :2] + cells) * strides
    boxes[:, 2:] = np.exp(np.minimum(boxes[:, 2:], 20.0)) * strides


def _check_scores(scores: npt.NDArray[Any]) -> None:
    """Refuse numbers that cannot be scores.

    Raises:
        TurretError: DETECTOR_FAILED.
    """
    finite = scores[np.isfinite(scores)]
    if finite.size and (finite.min() < -_SCORE_TOLERANCE or finite.max() > 1.0 + _SCORE_TOLERANCE):
        raise _refused(
            f'gives scores from {finite.min():.3g} to {finite.max():.3g}: it is not a detection model with scores from'
            ' 0 to 1, but perhaps one for poses, segmentation or oriented boxes')


def _decode_ssd(
        outputs: Mapping[str, npt.NDArray[Any]], width: int, height: int,
) -> tuple[Array, npt.NDArray[np.int64], Array]:
    """Return the same from boxes (top, left, bottom, right as parts of the image), classes and scores.

    Their order differs between exporters, so they are identified by shape, then by name, then by content.
    """
    boxes = next((a for a in outputs.values() if a.ndim == 3 and a.shape[2] == 4), None)
    lists = {name: a for name, a in outputs.items() if a.ndim == 2 and a.shape[1] > 0}
    if boxes is None or len(lists) < 2:
        raise _strange(*(array.shape for array in outputs.values()))
    lists = {name: array for name, array in lists.items() if array.shape[1] == boxes.shape[1]}
    scores = next((a for name, a in lists.items() if 'score' in name.lower()), None)
    classes = next((a for name, a in lists.items() if 'class' in name.lower()), None)
    if scores is None or classes is None:
        first, second = list(lists.values())[:2]
        whole_first = bool((first == np.round(first)).all())
        classes, scores = (first, second) if whole_first else (second, first)
    top, left, bottom, right = (np.asarray(boxes[0, :, i], np.float32) for i in range(4))
    _check_scores(scores)
    if np.abs(boxes[np.isfinite(boxes)]).max(initial=0.0) > _NORMALIZED_SSD:
        raise _refused('gives boxes that are not fractions of the image: its outputs are not those of an SSD')
    result = np.stack([
        0.5 * (left + right) * width - 0.5, 0.5 * (top + bottom) * height - 0.5,
        (right - left) * width, (bottom - top) * height], axis=1)
    return result, np.asarray(classes[0]).astype(np.int64), np.asarray(scores[0], np.float32)


def _strange(*shapes: tuple[int, ...]) -> TurretError:
    return _refused(f'has outputs of shape {", ".join(map(str, shapes))}, which are neither of YOLO nor of SSD')


def _refused(reason: str) -> TurretError:
    return TurretError(ReasonCode.DETECTOR_FAILED, f'the model {reason}')


def classes_of_metadata(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the class names that an exporter wrote into a model; none without such.

    Raises:
        TurretError: DETECTOR_FAILED where the metadata describes a model for something other than detection.
    """
    task = metadata.get('task', 'detect')
    if task != 'detect':
        raise _refused(f'is for the task "{task}", not for detection')
    try:
        names = ast.literal_eval(metadata.get('names', '()'))
        ordered = [names[i] for i in range(len(names))]
    except (ValueError, SyntaxError, KeyError, TypeError):
        return ()
    return tuple(map(str, ordered))

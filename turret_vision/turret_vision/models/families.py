# SPDX-License-Identifier: Apache-2.0
"""Families of detection networks: how each encodes its boxes, which input it expects, and how to recognize it.

A family decodes the outputs of a network, arrays by name in the network's order, into boxes (center x, y, width, height
in px of the network's input), class numbers and scores. Numbers that cannot be what the family says are refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

Array = npt.NDArray[np.float32]
Outputs = Mapping[str, npt.NDArray[Any]]

_NORMALIZED = 2.0       # coordinates up to this are fractions of the image, not px
_STRIDES = (8, 16, 32)  # px per cell of the grids of YOLO; large models have one more
_LARGE_STRIDES = (*_STRIDES, 64)
_ANCHORS = 3            # boxes per cell of YOLO 5
_MAX_QUERIES = 1000     # boxes of a network without grids
_DETR_QUERIES = 300     # boxes of an RT-DETR
_SCORE_TOLERANCE = 0.01
_CELLS = 32.0           # offsets in cells are smaller than this, centers in px are not
_MAX_EXPONENT = 20.0
_BLAZEFACE_GRIDS = {896: ((16, 2), (8, 6)), 2304: ((48, 1),)}  # cells per side and boxes per cell, by boxes in total
_COCO_CLASSES = 80      # of most networks with objectness
_KEYPOINT_VALUES = 51   # of the poses of COCO: 17 points of three values


class Decoded(NamedTuple):
    """Boxes as center x, y, width and height in px of the network's input, class numbers and scores."""

    boxes: Array
    numbers: npt.NDArray[np.int64]
    scores: Array


class Layout(NamedTuple):
    """What the outputs do not say by themselves: number of classes (0 = unknown) and input size in px."""

    classes: int
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class Family:
    """A family of networks.

    Attributes:
        title: for messages.
        decode: outputs to boxes.
        color: order of the channels of its input, "rgb" or "bgr".
        values: what black and white are in its input.
        classes: names of its classes where all networks of the family have the same.
    """

    title: str
    decode: Callable[[Outputs, Layout], Decoded]
    color: str = 'rgb'
    values: tuple[float, float] = (0.0, 1.0)
    classes: tuple[str, ...] = ()


def refused(reason: str) -> TurretError:
    """Return the error for a model that cannot be used; ``reason`` continues "the model"."""
    return TurretError(ReasonCode.DETECTOR_FAILED, f'the model {reason}')


def _shapes(outputs: Outputs) -> str:
    return ', '.join('x'.join(map(str, array.shape)) for array in outputs.values())


def _strange(outputs: Outputs) -> TurretError:
    return refused(
        f'has outputs of shape {_shapes(outputs)}, which are not those of a supported family: {", ".join(FAMILIES)}')


def _rows(outputs: Outputs) -> Array:
    """Return the first output of three dimensions, without that of the batch."""
    array = next((a for a in outputs.values() if a.ndim == 3 and a.shape[0] == 1), None)
    if array is None or min(array.shape[1:]) < 5:
        raise _strange(outputs)
    return np.asarray(array[0], np.float32)


def check_scores(scores: npt.NDArray[Any]) -> None:
    """Refuse numbers that cannot be scores.

    Raises:
        TurretError: DETECTOR_FAILED.
    """
    finite = scores[np.isfinite(scores)]
    if finite.size and (finite.min() < -_SCORE_TOLERANCE or finite.max() > 1.0 + _SCORE_TOLERANCE):
        poses = scores.ndim == 2 and scores.shape[1] == _KEYPOINT_VALUES + 1
        raise refused(
            f'gives scores from {finite.min():.3g} to {finite.max():.3g}, not from 0 to 1: it is perhaps one for '
            + ('poses (family yolo_pose)' if poses else
               'poses, segmentation or oriented boxes; state its family (yolo_pose, yolo_segment, yolo_oriented)'))


def _in_pixels(boxes: Array, layout: Layout) -> Array:
    if boxes.size and float(np.abs(boxes).max()) <= _NORMALIZED:
        boxes = boxes * np.array([layout.width, layout.height] * 2, np.float32)
    return boxes


def _centered(boxes: Array, layout: Layout) -> Array:
    """Return boxes in px from boxes in px or fractions, from corners of pixels to their centers."""
    boxes = _in_pixels(boxes.copy(), layout)
    boxes[:, :2] -= 0.5
    return boxes


def _from_corners(corners: Array, layout: Layout) -> Array:
    corners = _in_pixels(corners, layout)
    return np.concatenate(
        [0.5 * (corners[:, :2] + corners[:, 2:]) - 0.5, corners[:, 2:] - corners[:, :2]], axis=1)


def _best(boxes: Array, scores: Array) -> Decoded:
    check_scores(scores)
    numbers = scores.argmax(axis=1)
    return Decoded(boxes, numbers, scores[np.arange(len(scores)), numbers])


def _yolo8(outputs: Outputs, layout: Layout, extra: int = 0) -> Decoded:
    """Decode YOLO 8 to 12: (1, 4 + classes + extra, boxes) or its transpose, without objectness."""
    rows = _rows(outputs)
    columns = 4 + layout.classes + extra
    if layout.classes and columns not in rows.shape:
        raise refused(f'has outputs of shape {_shapes(outputs)}, which {_mismatch(rows.shape, layout.classes)}')
    if rows.shape[0] == columns if layout.classes and rows.shape[1] != columns else rows.shape[0] < rows.shape[1]:
        rows = rows.T
    return _best(_centered(rows[:, :4], layout), rows[:, 4:rows.shape[1] - extra])


def _mismatch(shape: tuple[int, ...], count: int) -> str:
    """Return in which way a shape does not match a number of classes; it continues "which"."""
    more = min(shape) - 4 - count
    hint = {1: 'or it is a model for oriented boxes (family yolo_oriented)',
            32: 'or it is a model for segmentation without its masks'}.get(more, '')
    if more == _KEYPOINT_VALUES or min(shape) == 5 + _KEYPOINT_VALUES:
        hint = 'or it is a model for poses (family yolo_pose)'
    hint = hint and f': the classes are wrong, {hint}'
    return f'do not match the {count} classes that were given for it{hint}'


def _yolo5(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode YOLO 5 to 7: (1, boxes, 5 + classes), the objectness fifth."""
    rows = _objects(outputs, layout)
    check_scores(rows[:, 4:])
    return _best(_centered(rows[:, :4], layout), rows[:, 5:] * rows[:, 4:5])


def _objects(outputs: Outputs, layout: Layout) -> Array:
    rows = _rows(outputs)
    if rows.shape[1] < 6 or (layout.classes and rows.shape[1] != 5 + layout.classes):
        raise refused(f'has outputs of shape {_shapes(outputs)}, which {_mismatch(rows.shape[1:], layout.classes)}')
    return rows


def _yolox(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode YOLOX: (1, cells, 5 + classes) with the offset from the cell and the logarithm of the size, in cells."""
    rows = _objects(outputs, layout)
    check_scores(rows[:, 4:])
    cells, strides = _grid(len(rows), layout)
    boxes = np.concatenate(
        [(rows[:, :2] + cells) * strides - 0.5, np.exp(np.minimum(rows[:, 2:4], _MAX_EXPONENT)) * strides], axis=1)
    return _best(boxes, rows[:, 5:] * rows[:, 4:5])


def _grid(count: int, layout: Layout) -> tuple[Array, Array]:
    """Return column and row, and the stride, of each cell of the grids that have so many cells."""
    for strides in (_STRIDES, _LARGE_STRIDES):
        if count == _cells(layout, strides):
            sizes = [(layout.height // stride, layout.width // stride, stride) for stride in strides]
            return (
                np.concatenate([np.stack(np.meshgrid(np.arange(w), np.arange(h)), axis=2).reshape(-1, 2)
                                for h, w, _ in sizes]).astype(np.float32),
                np.concatenate([np.full((h * w, 1), stride, np.float32) for h, w, stride in sizes]))
    raise refused(f'gives {count} boxes; an input of {layout.width}x{layout.height} has another number of cells')


def _cells(layout: Layout, strides: tuple[int, ...]) -> int:
    return sum((layout.width // stride) * (layout.height // stride) for stride in strides)


def _end_to_end(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode end-to-end YOLO: rows of left, top, right, bottom, score and class number; more columns are ignored."""
    rows = _rows(outputs)
    if rows.shape[1] < 6:
        raise _strange(outputs)
    check_scores(rows[:, 4])
    if not _whole(rows[:, 5]):
        raise refused('gives class numbers that are not whole: it is not an end-to-end model')
    numbers = rows[:, 5].astype(np.int64)
    _check_numbers(numbers, layout)
    return Decoded(_from_corners(rows[:, :4], layout), numbers, rows[:, 4])


def _whole(values: Array) -> bool:
    return bool(np.isfinite(values).all() and (values >= 0.0).all() and (values == np.round(values)).all())


def _check_numbers(numbers: npt.NDArray[np.int64], layout: Layout) -> None:
    if layout.classes and numbers.size and numbers.max() >= layout.classes:
        raise refused(f'gives class number {numbers.max()}, beyond the {layout.classes} classes that were given for it')


def _segment(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode the boxes of YOLO 8 to 12 for segmentation, whose second output are the masks' prototypes."""
    masks = next((a.shape[1] for a in outputs.values() if a.ndim == 4), 32)
    return _yolo8(outputs, layout, masks)


def _pose(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode the boxes of YOLO 8 to 12 for poses; without classes it has one."""
    count = layout.classes or 1
    return _yolo8(outputs, layout._replace(classes=count), min(_rows(outputs).shape) - 4 - count)


def _oriented(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode YOLO 8 to 12 for oriented boxes, with the angle last, into the upright boxes around them."""
    rows = _rows(outputs)
    angle = rows[-1] if rows.shape[0] < rows.shape[1] else rows[:, -1]
    decoded = _yolo8(outputs, layout, 1)
    cosine, sine = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    width, height = decoded.boxes[:, 2].copy(), decoded.boxes[:, 3].copy()
    decoded.boxes[:, 2], decoded.boxes[:, 3] = width * cosine + height * sine, width * sine + height * cosine
    return decoded


def _rtdetr(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode RT-DETR as Ultralytics exports it: (1, queries, 4 + classes)."""
    rows = _rows(outputs)
    if layout.classes and rows.shape[1] != 4 + layout.classes:
        raise refused(f'has outputs of shape {_shapes(outputs)}, which {_mismatch(rows.shape[1:], layout.classes)}')
    return _best(_centered(rows[:, :4], layout), rows[:, 4:])


def _lists(outputs: Outputs) -> tuple[Array, dict[str, npt.NDArray[Any]]]:
    """Return boxes, shape (n, 4), and the lists of as many values by name."""
    boxes = next((a for a in outputs.values() if a.ndim == 3 and a.shape[0] == 1 and a.shape[2] == 4), None)
    if boxes is None:
        raise _strange(outputs)
    lists = {name: a[0] for name, a in outputs.items() if a.ndim == 2 and a.shape == boxes.shape[:2]}
    if len(lists) < 2:
        raise _strange(outputs)
    return np.asarray(boxes[0], np.float32), lists


def _classes_and_scores(lists: Mapping[str, npt.NDArray[Any]]) -> tuple[npt.NDArray[np.int64], Array]:
    """Return class numbers and scores, whose order differs between exporters: by name, by type, then by content."""
    scores = next((a for name, a in lists.items() if 'score' in name.lower()), None)
    classes = next((a for name, a in lists.items() if 'class' in name.lower() or 'label' in name.lower()), None)
    if scores is None or classes is None:
        first, second = list(lists.values())[:2]
        whole = np.issubdtype(first.dtype, np.integer) or (
            not np.issubdtype(second.dtype, np.integer) and bool((first == np.round(first)).all()))
        classes, scores = (first, second) if whole else (second, first)
    check_scores(scores)
    return np.asarray(classes).astype(np.int64), np.asarray(scores, np.float32)


def _ssd(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode SSD with its post-processing: boxes (top, left, bottom, right as fractions), classes and scores."""
    boxes, lists = _lists(outputs)
    numbers, scores = _classes_and_scores(lists)
    if np.abs(boxes[np.isfinite(boxes)]).max(initial=0.0) > 2.0 * _NORMALIZED:
        raise refused('gives boxes that are not fractions of the image: its outputs are not those of an SSD')
    top, left, bottom, right = boxes.T
    corners = np.stack([left * layout.width, top * layout.height, right * layout.width, bottom * layout.height], axis=1)
    return Decoded(
        np.concatenate([0.5 * (corners[:, :2] + corners[:, 2:]) - 0.5, corners[:, 2:] - corners[:, :2]], axis=1),
        numbers, scores)


def _dfine(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode RT-DETR and D-FINE as their authors export them: labels, boxes (left, top, right, bottom), scores."""
    boxes, lists = _lists(outputs)
    numbers, scores = _classes_and_scores(lists)
    _check_numbers(numbers, layout)
    return Decoded(_from_corners(boxes, layout), numbers, scores)


def _yunet(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode YuNet: of each of three grids class score, objectness and box as of YOLOX."""
    boxes, scores = [], []
    for stride in _STRIDES:
        try:
            cls, obj, box = (np.asarray(outputs[f'{part}_{stride}'][0], np.float32) for part in ('cls', 'obj', 'bbox'))
        except (KeyError, IndexError) as error:
            raise _strange(outputs) from error
        columns, rows = layout.width // stride, layout.height // stride
        if len(box) != columns * rows:
            raise _strange(outputs)
        check_scores(cls)
        check_scores(obj)
        cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=2).reshape(-1, 2)
        boxes.append(np.concatenate([
            (box[:, :2] + cells) * stride - 0.5, np.exp(np.minimum(box[:, 2:4], _MAX_EXPONENT)) * stride], axis=1))
        scores.append(np.sqrt(np.clip(cls[:, 0], 0.0, 1.0) * np.clip(obj[:, 0], 0.0, 1.0)))
    joined = np.concatenate(scores)
    return Decoded(np.concatenate(boxes).astype(np.float32), np.zeros(len(joined), np.int64), joined)


def _blazeface(outputs: Outputs, layout: Layout) -> Decoded:
    """Decode BlazeFace: boxes and keypoints in px from the center of a cell, and logits."""
    boxes = next((a[0] for a in outputs.values() if a.ndim == 3 and a.shape[2] == 16), None)
    logits = next((a[0] for a in outputs.values() if a.ndim == 3 and a.shape[2] == 1), None)
    if boxes is None or logits is None or len(boxes) not in _BLAZEFACE_GRIDS or len(boxes) != len(logits):
        raise _strange(outputs)
    centers = np.concatenate([
        np.repeat(np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=2).reshape(-1, 2) + 0.5, times, axis=0)
        / side for side, times in _BLAZEFACE_GRIDS[len(boxes)]])
    middle = boxes[:, :2] + centers * np.array([layout.width, layout.height]) - 0.5
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits[:, 0], -80.0, 80.0)))
    return Decoded(
        np.concatenate([middle, boxes[:, 2:4]], axis=1).astype(np.float32), np.zeros(len(boxes), np.int64),
        scores.astype(np.float32))


_BYTES, _SIGNED = (0.0, 255.0), (-1.0, 1.0)
FAMILIES: Mapping[str, Family] = {
    'yolo8': Family('YOLO 8 to 12, detection', _yolo8),
    'yolo5': Family('YOLO 5 to 7', _yolo5),
    'end_to_end': Family('end-to-end YOLO (10, 26, exports with NMS)', _end_to_end),
    'yolo_pose': Family('YOLO for poses, its boxes', _pose),
    'yolo_segment': Family('YOLO for segmentation, its boxes', _segment),
    'yolo_oriented': Family('YOLO for oriented boxes, the upright boxes around them', _oriented),
    'yolox': Family('YOLOX', _yolox, 'bgr', _BYTES),
    'rtdetr': Family('RT-DETR exported by Ultralytics', _rtdetr),
    'dfine': Family('RT-DETR or D-FINE with labels, boxes and scores', _dfine),
    'ssd': Family('SSD with its post-processing', _ssd, values=_SIGNED),
    'yunet': Family('YuNet', _yunet, 'bgr', _BYTES, ('face',)),
    'blazeface': Family('BlazeFace', _blazeface, values=_SIGNED, classes=('face',)),
}
_TASKS = {'pose': 'yolo_pose', 'segment': 'yolo_segment', 'obb': 'yolo_oriented'}


def recognize(outputs: Outputs, metadata: Mapping[str, str], layout: Layout) -> str:
    """Return the name of the family of a network.

    Args:
        outputs: of the network for a black image.
        metadata: that an exporter wrote into its file.
        layout: number of classes that are known for it, and its input size.

    Raises:
        TurretError: DETECTOR_FAILED, the network is of no supported family, or the family cannot be determined.
    """
    task = metadata.get('task', 'detect')
    if task != 'detect' and task not in _TASKS:
        raise refused(f'is for the task "{task}", not for detection')
    names = {name.lower() for name in outputs}
    if {'cls_8', 'obj_8', 'bbox_8'} <= names:
        return 'yunet'
    if len(outputs) >= 3:
        boxes, lists = _lists(outputs)
        labeled = any('label' in name for name in names) or (
            len(outputs) == 3 and any(np.issubdtype(a.dtype, np.integer) for a in lists.values()))
        return 'dfine' if labeled or np.abs(boxes).max(initial=0.0) > 2.0 * _NORMALIZED else 'ssd'
    if len(outputs) == 2:
        return _of_two(outputs, metadata)
    rows = _rows(outputs)
    if task != 'detect':
        if metadata.get('end2end', '').lower() == 'true' or "'nms': True" in metadata.get('args', ''):
            if task == 'obb':
                raise refused('is an end-to-end model for oriented boxes, which is not supported')
            return 'end_to_end'
        return _TASKS[task]
    return _of_one(rows, outputs, layout)


def _of_two(outputs: Outputs, metadata: Mapping[str, str]) -> str:
    ranks = sorted(array.ndim for array in outputs.values())
    widths = sorted(array.shape[-1] for array in outputs.values())
    if ranks == [3, 3] and widths == [1, 16]:
        return 'blazeface'
    if ranks == [3, 4]:
        rows, masks = _rows(outputs), next(a.shape[1] for a in outputs.values() if a.ndim == 4)
        if rows.shape[1] == 6 + masks and rows.shape[0] <= _MAX_QUERIES:
            return 'end_to_end'
        if min(rows.shape) > 4 + masks:
            return 'yolo_segment'
    if ranks == [3, 3] and 4 in widths:
        raise refused(
            f'has outputs of shape {_shapes(outputs)}: boxes and scores without post-processing (SSD, DETR, RF-DETR, '
            'YOLO-NAS), which is not supported' + (f'; its task is "{metadata["task"]}"' if 'task' in metadata else ''))
    raise _strange(outputs)


def _of_one(rows: Array, outputs: Outputs, layout: Layout) -> str:
    """Recognize the layout of one output, by the number of its boxes and then by its class columns."""
    boxes, columns = rows.shape
    cells = [_cells(layout, strides) for strides in (_STRIDES, _LARGE_STRIDES)]
    if boxes in [_ANCHORS * n for n in cells] and columns > 5:
        return 'yolo5'
    if columns == 6 and boxes <= _MAX_QUERIES and _whole(rows[:, 5]):
        return 'end_to_end'
    count = layout.classes
    if columns in cells or (boxes < columns and boxes not in cells):
        return 'yolo8'
    if count:
        if columns == 4 + count:
            return 'rtdetr' if boxes <= _MAX_QUERIES and boxes not in cells else 'yolo8'
        if columns == 5 + count:
            return 'yolox' if boxes in cells and np.abs(rows[:, :2]).max(initial=0.0) < _CELLS else 'yolo5'
        raise refused(f'has outputs of shape {_shapes(outputs)}, which {_mismatch((columns,), count)}')
    if boxes == _DETR_QUERIES and boxes not in cells:
        return 'rtdetr'
    if boxes in cells and columns == 5 + _COCO_CLASSES:
        return 'yolox' if np.abs(rows[:, :2]).max(initial=0.0) < _CELLS else 'yolo5'
    raise refused(
        f'has outputs of shape {_shapes(outputs)}, of YOLO 5 or 8 or of RT-DETR: give its classes or state its family')

# SPDX-License-Identifier: Apache-2.0
"""Outputs of networks mean what their exporters say, and boxes come back to the original image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_vision.detectors.detection import Box, Detection
from turret_vision.models.description import classes_of_metadata, read_classes, size_of_metadata
from turret_vision.models.detections import detections
from turret_vision.models.families import Layout, recognize
from turret_vision.models.letterbox import Letterbox

CLASSES = ('cat', 'dog', 'person')
SIZE = (160, 160)


def decode(
        outputs: dict[str, np.ndarray], classes: tuple[str, ...], width: int, height: int, confidence: float = 0.5,
        overlap: float = 0.45, metadata: dict[str, str] | None = None) -> list[Detection]:
    """Recognize the family of outputs and return their detections."""
    family = recognize(outputs, metadata or {}, Layout(len(classes), width, height))
    return detections(family, outputs, classes, width, height, confidence, overlap)


def yolo8(*rows: tuple[float, ...], count: int = 525) -> np.ndarray:
    """Return (1, 4 + classes, boxes) from rows of x, y, w, h and a score per class."""
    output = np.zeros((1, 7, count), np.float32)
    for i, row in enumerate(rows):
        output[0, :, i] = row
    return output


def yolo5(*rows: tuple[float, ...], count: int = 1575) -> np.ndarray:
    """Return (1, boxes, 5 + classes) with the objectness fifth."""
    output = np.zeros((1, count, 8), np.float32)
    for i, row in enumerate(rows):
        output[0, i] = row
    return output


def test_yolo_8_and_11() -> None:
    (found,) = decode({'output0': yolo8((80, 40, 20, 10, 0.1, 0.8, 0.2))}, CLASSES, *SIZE, 0.5, 0.45)
    assert found.class_id == 'dog'
    assert found.confidence == pytest.approx(0.8)
    assert found.box == pytest.approx((79.5, 39.5, 20.0, 10.0))


def test_yolo_5_multiplies_by_the_objectness() -> None:
    output = {'output': yolo5((80, 40, 20, 10, 0.9, 0.0, 0.0, 0.8), (20, 20, 9, 9, 0.4, 1.0, 0.0, 0.0))}
    (found,) = decode(output, CLASSES, *SIZE, 0.5, 0.45)
    assert (found.class_id, found.confidence) == ('person', pytest.approx(0.72))


def test_without_classes_the_shape_gives_the_layout() -> None:
    (found,) = decode({'o': yolo8((80, 40, 20, 10, 0.0, 0.9, 0.0))}, (), *SIZE, 0.5, 0.45)
    assert found.class_id == 'class 1'
    (found,) = decode({'o': yolo5((80, 40, 20, 10, 1.0, 0.0, 0.0, 0.9))}, (), *SIZE, 0.5, 0.45)
    assert found.class_id == 'class 2'


def test_coordinates_may_be_parts_of_the_image() -> None:
    (found,) = decode({'o': yolo8((0.5, 0.25, 0.125, 0.0625, 0.9, 0.0, 0.0))}, CLASSES, *SIZE, 0.5, 0.45)
    assert found.box == pytest.approx((79.5, 39.5, 20.0, 10.0))


def test_overlapping_boxes_of_one_class_are_one_and_of_two_classes_two() -> None:
    same = yolo8((80, 40, 20, 20, 0.9, 0, 0), (81, 40, 20, 20, 0.8, 0, 0), (20, 100, 20, 20, 0.7, 0, 0))
    assert sorted(d.confidence for d in decode({'o': same}, CLASSES, *SIZE, 0.5, 0.45)) == pytest.approx([0.7, 0.9])
    two = yolo8((80, 40, 20, 20, 0.9, 0, 0), (81, 40, 20, 20, 0, 0.8, 0))
    assert {d.class_id for d in decode({'o': two}, CLASSES, *SIZE, 0.5, 0.45)} == {'cat', 'dog'}


@pytest.mark.parametrize('names', [
    ('boxes', 'classes', 'scores'), ('boxes', 'scores', 'classes'), ('out:0', 'out:1', 'out:2'),
])
def test_ssd_in_any_order(names: tuple[str, str, str]) -> None:
    boxes = np.array([[[0.1, 0.2, 0.3, 0.6], [0.5, 0.5, 0.9, 0.9]]], np.float32)
    numbers, scores = np.array([[2.0, 0.0]], np.float32), np.array([[0.9, 0.2]], np.float32)
    parts = {'boxes': boxes, 'classes': numbers, 'scores': scores}
    order = ('boxes', 'scores', 'classes') if names[0] != 'boxes' else names
    outputs = {name: parts[part] for name, part in zip(names, order, strict=True)}
    outputs['count'] = np.array([2.0], np.float32)
    (found,) = decode(outputs, CLASSES, 100, 200, 0.5, 0.45)
    assert (found.class_id, found.confidence) == ('person', pytest.approx(0.9))
    assert found.box == pytest.approx((39.5, 39.5, 40.0, 40.0))


@pytest.mark.parametrize('shapes', [[(1, 10)], [(2, 7, 20)], [(1, 3, 20)], [(1, 5), (1, 5), (1, 5)], [(1, 7, 20, 20)]])
def test_strange_outputs_are_refused(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(TurretError, match='not those of a supported family'):
        decode({str(i): np.zeros(s, np.float32) for i, s in enumerate(shapes)}, (), *SIZE, 0.5, 0.45)


def test_a_wrong_class_file_is_named() -> None:
    with pytest.raises(TurretError, match='4 classes'):
        decode({'o': yolo8()}, (*CLASSES, 'horse'), *SIZE, 0.5, 0.45)


def test_nan_gives_no_detection() -> None:
    bad = yolo8((float('nan'), 40, 20, 10, 0.9, 0, 0), (80, 40, -5, 10, 0.9, 0, 0), (1, 1, float('inf'), 1, 0.9, 0, 0))
    assert decode({'o': bad}, CLASSES, *SIZE, 0.5, 0.45) == []


@given(st.integers(20, 800), st.integers(20, 800), st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_a_box_comes_back_from_the_letterbox(width: int, height: int, fx: float, fy: float) -> None:
    fitted = Letterbox.around(np.zeros((height, width, 3), np.uint8), 320, 320)
    original = Box(fx * width, fy * height, 0.2 * width, 0.2 * height)
    x, y = (original.x + 0.5) * fitted.scale + fitted.left - 0.5, (original.y + 0.5) * fitted.scale + fitted.top - 0.5
    inside = Box(x, y, original.width * fitted.scale, original.height * fitted.scale)
    assert fitted.original(inside) == pytest.approx(original)
    assert fitted.image.shape == (320, 320, 3)


def test_the_letterbox_puts_the_image_in_the_middle() -> None:
    image = np.zeros((50, 100, 3), np.uint8)
    image[:] = (255, 0, 0)  # blue
    fitted = Letterbox.around(image, 64, 64)
    assert tuple(fitted.image[32, 32]) == (255, 0, 0)
    assert tuple(fitted.image[2, 32]) == (114, 114, 114)


def test_classes_are_beside_the_model(tmp_path: Path) -> None:
    (tmp_path / 'model.txt').write_text('cat\n\ndog\n')
    assert read_classes(tmp_path / 'model.txt') == ('cat', 'dog')
    (tmp_path / 'model.txt').write_bytes(b'\xff\xfe\xff')
    with pytest.raises(TurretError):
        read_classes(tmp_path / 'model.txt')


LARGE = (640, 640)
COCO = tuple(f'class {i}' for i in range(80))
PERSON = (150.0, 300.0, 100.0, 200.0)  # center and size in px: the ground truth in each layout below


def one_row(shape: tuple[int, int], row: list[float], transposed: bool = False) -> np.ndarray:
    """Return an output of a shape (boxes, values) whose first box is a row and whose others are zero."""
    output = np.zeros((1, *shape), np.float32)
    output[0, 0, :len(row)] = row
    return output.transpose(0, 2, 1) if transposed else output


LAYOUTS = {
    'yolo8, 1 class': (one_row((8400, 5), [*PERSON, 0.9], True), 1),
    'yolo8, 80 classes': (one_row((8400, 84), [*PERSON, 0.9], True), 80),
    'yolo5, 1 class': (one_row((25200, 6), [*PERSON, 0.95, 0.95]), 1),
    'yolo5, 80 classes': (one_row((25200, 85), [*PERSON, 0.95, 0.95]), 80),
    'yolo10, yolo26, nms': (one_row((300, 6), [100.0, 200.0, 200.0, 400.0, 0.9, 0.0]), 80),
    'rt-detr': (one_row((300, 84), [*(v / 640.0 for v in PERSON), 0.9]), 80),
}


@pytest.mark.parametrize('given', [True, False])
@pytest.mark.parametrize('layout', LAYOUTS)
def test_each_layout_gives_the_person(layout: str, given: bool) -> None:
    output, count = LAYOUTS[layout]
    (found,) = decode({'o': output}, COCO[:count] if given else (), *LARGE)
    assert (found.class_id, found.confidence) == ('class 0', pytest.approx(0.9, abs=0.01))
    assert found.box == pytest.approx((149.5, 299.5, 100.0, 200.0), abs=0.01)


@pytest.mark.parametrize('classes', [('person',), ('cat', 'dog')])
def test_an_end_to_end_model_with_few_classes_is_right(classes: tuple[str, ...]) -> None:
    output = one_row((300, 6), [100.0, 200.0, 200.0, 400.0, 0.9, 0.0])
    (found,) = decode({'o': output}, classes, *LARGE)
    assert found.class_id == classes[0]
    with pytest.raises(TurretError, match='beyond the'):
        decode({'o': one_row((300, 6), [100.0, 200.0, 200.0, 400.0, 0.9, 7.0])}, classes, *LARGE)


CELL = 37 * 80 + 18  # of the finest grid of an input of 640x640: row 37, column 18


@pytest.mark.parametrize('classes', [(), COCO])
def test_yolox_is_decoded_from_its_cells(classes: tuple[str, ...]) -> None:
    output = np.zeros((1, 8400, 85), np.float32)
    output[0, CELL] = [0.75, 0.5, np.log(100 / 8), np.log(200 / 8), 0.95, 0.95, *np.zeros(79)]
    (found,) = decode({'o': output}, classes, *LARGE)
    assert found.box == pytest.approx((149.5, 299.5, 100.0, 200.0), abs=0.01)


@pytest.mark.parametrize('classes', [(), COCO])
def test_boxes_per_cell_that_are_decoded_already_stay_as_they_are(classes: tuple[str, ...]) -> None:
    output = one_row((8400, 85), [*PERSON, 1.0, 0.9])  # YOLO 6, and YOLOX exported with its decoding
    (found,) = decode({'o': output}, classes, *LARGE)
    assert found.box == pytest.approx((149.5, 299.5, 100.0, 200.0), abs=0.01)


POSE = one_row((8400, 56), [*PERSON, 0.9, *(300.0 for _ in range(51))], True)
ORIENTED = one_row((8400, 85), [*PERSON, 0.9, *np.zeros(79), 1.5708], True)
SEGMENT = {'o': one_row((8400, 116), [*PERSON, 0.9], True), 'p': np.zeros((1, 32, 160, 160), np.float32)}


@pytest.mark.parametrize(('outputs', 'classes', 'named'), [
    ({'o': POSE}, (), 'yolo_pose'), ({'o': POSE}, COCO, 'yolo_pose'), ({'o': POSE}, ('person',), 'yolo_pose'),
    ({'o': ORIENTED}, (), 'yolo_oriented'), ({'o': ORIENTED}, COCO, 'yolo_oriented'),
    ({'o': SEGMENT['o']}, COCO, 'segmentation'),
])
def test_models_for_other_tasks_are_refused_by_name(
        outputs: dict[str, np.ndarray], classes: tuple[str, ...], named: str) -> None:
    with pytest.raises(TurretError, match=named):
        decode(outputs, classes, *LARGE)


@pytest.mark.parametrize(('outputs', 'metadata', 'classes', 'size'), [
    ({'o': POSE}, {'task': 'pose'}, ('person',), (100.0, 200.0)),
    ({'o': ORIENTED}, {'task': 'obb'}, COCO, (200.0, 100.0)),
    (SEGMENT, {}, COCO, (100.0, 200.0)),
    (SEGMENT, {'task': 'segment'}, (), (100.0, 200.0)),
    ({'o': one_row((300, 57), [100.0, 200.0, 200.0, 400.0, 0.9, 0.0, *np.full(51, 7.0)])},
     {'task': 'pose', 'end2end': 'True'}, ('person',), (100.0, 200.0)),
    ({'o': one_row((300, 38), [100.0, 200.0, 200.0, 400.0, 0.9, 0.0, *np.full(32, -0.7)]), 'p': SEGMENT['p']},
     {}, COCO, (100.0, 200.0)),
])
def test_the_boxes_of_models_for_other_tasks(
        outputs: dict[str, np.ndarray], metadata: dict[str, str], classes: tuple[str, ...],
        size: tuple[float, float]) -> None:
    (found,) = decode(outputs, classes, *LARGE, metadata=metadata)
    assert found.box == pytest.approx((149.5, 299.5, *size), abs=0.01)
    assert found.class_id == (classes[0] if classes else 'class 0')


@pytest.mark.parametrize('task', ['classify', 'depth'])
def test_a_model_without_boxes_is_refused_by_its_task(task: str) -> None:
    with pytest.raises(TurretError, match=task):
        decode({'o': np.zeros((1, 1000), np.float32)}, (), *LARGE, metadata={'task': task})


@pytest.mark.parametrize('names', [('labels', 'boxes', 'scores'), ('a', 'b', 'c')])
def test_rt_detr_and_d_fine_of_their_authors(names: tuple[str, str, str]) -> None:
    labels, boxes, scores = np.zeros((1, 300), np.int64), np.zeros((1, 300, 4), np.float32), np.zeros((1, 300), 'f4')
    boxes[0, 0], scores[0, 0], labels[0, 0] = (100.0, 200.0, 200.0, 400.0), 0.9, 1
    (found,) = decode(dict(zip(names, (labels, boxes, scores), strict=True)), COCO, *LARGE)
    assert (found.class_id, found.box) == ('class 1', pytest.approx((149.5, 299.5, 100.0, 200.0)))


def test_raw_boxes_and_scores_are_refused_with_the_reason() -> None:
    for columns in (80, 91):
        outputs = {'dets': np.zeros((1, 300, 4), np.float32), 'labels': np.zeros((1, 300, columns), np.float32)}
        with pytest.raises(TurretError, match='without post-processing'):
            decode(outputs, (), *LARGE)


def test_yunet_gives_faces() -> None:
    outputs = {}
    for part, columns in (('cls', 1), ('obj', 1), ('bbox', 4), ('kps', 10)):
        for stride in (8, 16, 32):
            outputs[f'{part}_{stride}'] = np.zeros((1, (640 // stride) ** 2, columns), np.float32)
    outputs['cls_8'][0, CELL] = outputs['obj_8'][0, CELL] = 0.9
    outputs['bbox_8'][0, CELL] = [0.75, 0.5, np.log(100 / 8), np.log(200 / 8)]
    (found,) = decode(outputs, ('face',), *LARGE)
    assert (found.class_id, found.confidence) == ('face', pytest.approx(0.9))
    assert found.box == pytest.approx((149.5, 299.5, 100.0, 200.0), abs=0.01)


def test_blazeface_gives_faces() -> None:
    regressors, logits = np.zeros((1, 896, 16), np.float32), np.full((1, 896, 1), -50.0, np.float32)
    first = 2 * (16 * 4 + 3)  # of the two boxes of the cell in row 4, column 3
    regressors[0, first, :4], logits[0, first] = (2.0, 1.0, 30.0, 40.0), 4.0
    (found,) = decode({'r': regressors, 'c': logits}, ('face',), 128, 128)
    assert found.box == pytest.approx((29.5, 36.5, 30.0, 40.0))
    assert found.confidence == pytest.approx(0.982, abs=0.001)


def test_classes_and_size_are_read_from_the_metadata_of_a_model() -> None:
    assert classes_of_metadata({'names': "{0: 'person', 1: 'cat'}"}) == ('person', 'cat')
    assert classes_of_metadata({}) == ()
    assert classes_of_metadata({'names': 'nonsense('}) == ()
    assert size_of_metadata({'imgsz': '[320, 416]'}) == (416, 320)
    assert size_of_metadata({'imgsz': '[0]'}) == size_of_metadata({}) == (0, 0)

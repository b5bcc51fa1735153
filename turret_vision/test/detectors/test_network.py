# SPDX-License-Identifier: Apache-2.0
"""Outputs of networks mean what their exporters say, and boxes come back to the original image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_vision.detectors.detection import Box
from turret_vision.detectors.network import Letterbox, classes_of_metadata, decode, read_classes

CLASSES = ('cat', 'dog', 'person')
SIZE = (160, 160)


def yolo8(*rows: tuple[float, ...], count: int = 20) -> np.ndarray:
    """Return (1, 4 + classes, boxes) from rows of x, y, w, h and a score per class."""
    output = np.zeros((1, 7, count), np.float32)
    for i, row in enumerate(rows):
        output[0, :, i] = row
    return output


def yolo5(*rows: tuple[float, ...], count: int = 20) -> np.ndarray:
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
    with pytest.raises(TurretError, match='neither'):
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


def test_the_letterbox_gives_rgb_in_the_middle() -> None:
    image = np.zeros((50, 100, 3), np.uint8)
    image[:] = (255, 0, 0)  # blue
    fitted = Letterbox.around(image, 64, 64)
    assert tuple(fitted.image[32, 32]) == (0, 0, 255)
    assert tuple(fitted.image[2, 32]) == (114, 114, 114)


def test_classes_are_beside_the_model(tmp_path: Path) -> None:
    assert read_classes(tmp_path / 'model.onnx') == ()
    (tmp_path / 'model.txt').write_text('cat\n\ndog\n')
    assert read_classes(tmp_path / 'model.onnx') == ('cat', 'dog')
    (tmp_path / 'model.txt').write_bytes(b'\xff\xfe\xff')
    with pytest.raises(TurretError):
        read_classes(tmp_path / 'model.onnx')


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
def test_each_layout_gives_the_person_or_is_refused(layout: str, given: bool) -> None:
    output, count = LAYOUTS[layout]
    if layout == 'rt-detr' and not given:
        with pytest.raises(TurretError, match='give its classes'):
            decode({'o': output}, (), *LARGE, 0.5, 0.45)
        return
    (found,) = decode({'o': output}, COCO[:count] if given else (), *LARGE, 0.5, 0.45)
    assert (found.class_id, found.confidence) == ('class 0', pytest.approx(0.9, abs=0.01))
    assert found.box == pytest.approx((149.5, 299.5, 100.0, 200.0), abs=0.01)


@pytest.mark.parametrize('classes', [('person',), ('cat', 'dog')])
def test_an_end_to_end_model_with_few_classes_is_right(classes: tuple[str, ...]) -> None:
    output = one_row((300, 6), [100.0, 200.0, 200.0, 400.0, 0.9, 0.0])
    (found,) = decode({'o': output}, classes, *LARGE, 0.5, 0.45)
    assert found.class_id == classes[0]
    with pytest.raises(TurretError, match='beyond the'):
        decode({'o': one_row((300, 6), [100.0, 200.0, 200.0, 400.0, 0.9, 7.0])}, classes, *LARGE, 0.5, 0.45)


def test_yolox_is_decoded_from_its_cells() -> None:
    output = np.zeros((1, 8400, 85), np.float32)
    cell = 37 * 80 + 18  # of the finest grid: row 37, column 18
    output[0, cell] = [0.75, 0.5, np.log(100 / 8), np.log(200 / 8), 0.95, 0.95, *np.zeros(79)]
    (found,) = decode({'o': output}, COCO, *LARGE, 0.5, 0.45)
    assert found.box == pytest.approx((149.5, 299.5, 100.0, 200.0), abs=0.01)


@pytest.mark.parametrize('classes', [(), COCO])
def test_models_for_other_tasks_are_refused(classes: tuple[str, ...]) -> None:
    pose = one_row((8400, 56), [*PERSON, 0.9, *(300.0 for _ in range(51))], True)
    oriented = one_row((8400, 85), [*PERSON, 0.9, *np.zeros(79), 1.4], True)
    masks = {'o': one_row((8400, 116), [*PERSON, 0.9], True), 'p': np.zeros((1, 32, 160, 160), np.float32)}
    for outputs in ({'o': pose}, {'o': oriented}, masks):
        with pytest.raises(TurretError):
            decode(outputs, classes, *LARGE, 0.5, 0.45)


def test_boxes_that_are_no_fractions_are_not_of_an_ssd() -> None:
    outputs = {
        'labels': np.zeros((1, 300), np.float32), 'boxes': np.full((1, 300, 4), 200.0, np.float32),
        'scores': np.full((1, 300), 0.9, np.float32)}
    with pytest.raises(TurretError, match='fractions'):
        decode(outputs, COCO, *LARGE, 0.5, 0.45)


def test_metadata_of_a_model_gives_its_classes_and_its_task() -> None:
    assert classes_of_metadata({'task': 'detect', 'names': "{0: 'person', 1: 'cat'}"}) == ('person', 'cat')
    assert classes_of_metadata({}) == ()
    assert classes_of_metadata({'names': 'nonsense('}) == ()
    with pytest.raises(TurretError, match='"pose"'):
        classes_of_metadata({'task': 'pose', 'names': "{0: 'person'}"})

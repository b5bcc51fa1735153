# SPDX-License-Identifier: Apache-2.0
"""Tiny models with known outputs, generated here, run with the actual libraries."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import make_view
from turret_vision.detectors.onnx import OnnxDetector, OnnxParameters
from turret_vision.detectors.person import find_people, people_detectors, require_sight
from turret_vision.detectors.tflite import TfliteDetector, TfliteParameters
from turret_vision.exclusion_parameters import ExclusionParameters
from turret_vision.models.description import ModelDescription, description_file

SIZE = 64


def onnx_model(path: Path) -> Path:
    """Write a YOLO-8-like model: one box in the middle whose scores are the mean red, green and blue of the image."""
    onnx = pytest.importorskip('onnx', reason='pip install onnx')
    helper, kinds = onnx.helper, onnx.TensorProto
    box = np.tile(np.array([[32.0], [16.0], [20.0], [10.0]], np.float32), (1, 9))[np.newaxis]
    nodes = [
        helper.make_node('ReduceMean', ['image', 'axes'], ['means'], keepdims=0),
        helper.make_node('Unsqueeze', ['means', 'last'], ['column']),
        helper.make_node('Expand', ['column', 'shape'], ['scores']),
        helper.make_node('Concat', ['box', 'scores'], ['output0'], axis=1),
    ]
    constants = {
        'axes': np.array([2, 3]), 'last': np.array([2]), 'shape': np.array([1, 3, 9]), 'box': box,
    }
    graph = helper.make_graph(
        nodes, 'means', [helper.make_tensor_value_info('image', kinds.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info('output0', kinds.FLOAT, [1, 7, 9])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)])
    model.ir_version = 9
    onnx.save(model, str(path))
    return path


def tflite_model(path: Path) -> Path:
    """Write the same model for LiteRT, with its outputs as (1, 9, 5 + 3): box, objectness 1 and the mean colors."""
    pytest.importorskip('ai_edge_litert', reason='pip install ai-edge-litert')
    flatbuffers = pytest.importorskip('flatbuffers')
    from ai_edge_litert import schema_py_generated as schema

    def tensor(shape: list[int], name: str, buffer: int, kind: int = schema.TensorType.FLOAT32) -> Any:
        made = schema.TensorT()
        made.shape, made.name, made.buffer, made.type = shape, name.encode(), buffer, kind
        return made

    def buffer(values: np.ndarray | None = None) -> Any:
        made = schema.BufferT()
        if values is not None:
            made.data = np.frombuffer(values.tobytes(), np.uint8)
        return made

    def operator(code: int, inputs: list[int], outputs: list[int], kind: int = 0, options: Any = None) -> Any:
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = code, inputs, outputs
        made.builtinOptionsType, made.builtinOptions = kind, options
        return made

    def code(builtin: int) -> Any:
        made = schema.OperatorCodeT()
        made.builtinCode = made.deprecatedBuiltinCode = builtin
        made.version = 1
        return made

    box = np.tile(np.array([0.5, 0.25, 0.3125, 0.15625, 1.0], np.float32), (9, 1))[np.newaxis]
    mean, tile, concat = schema.ReducerOptionsT(), schema.TileOptionsT(), schema.ConcatenationOptionsT()
    mean.keepDims, concat.axis = True, 2
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor([1, SIZE, SIZE, 3], 'image', 0), tensor([2], 'axes', 1, schema.TensorType.INT32),
        tensor([1, 1, 1, 3], 'means', 0), tensor([3], 'flat', 2, schema.TensorType.INT32), tensor([1, 1, 3], 'row', 0),
        tensor([3], 'times', 3, schema.TensorType.INT32), tensor([1, 9, 3], 'scores', 0), tensor([1, 9, 5], 'box', 4),
        tensor([1, 9, 8], 'output', 0)]
    graph.inputs, graph.outputs = [0], [8]
    options = schema.BuiltinOptions
    graph.operators = [
        operator(0, [0, 1], [2], options.ReducerOptions, mean), operator(1, [2, 3], [4]),
        operator(2, [4, 5], [6], options.TileOptions, tile),
        operator(3, [7, 6], [8], options.ConcatenationOptions, concat)]
    model = schema.ModelT()
    model.version, model.subgraphs = 3, [graph]
    operators = schema.BuiltinOperator
    used = (operators.MEAN, operators.RESHAPE, operators.TILE, operators.CONCATENATION)
    model.operatorCodes = [code(builtin) for builtin in used]
    model.buffers = [
        buffer(), buffer(np.array([1, 2], np.int32)), buffer(np.array([1, 1, 3], np.int32)),
        buffer(np.array([1, 9, 1], np.int32)), buffer(box)]
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), file_identifier=b'TFL3')
    path.write_bytes(bytes(builder.Output()))
    return path


MODELS = pytest.mark.parametrize(('method', 'make'), [('onnx', onnx_model), ('tflite', tflite_model)])


def make_detector(method: str, **parameters: Any) -> Any:
    if method == 'onnx':
        return OnnxDetector(OnnxParameters(**parameters))
    return TfliteDetector(TfliteParameters(**parameters))


@MODELS
def test_a_model_finds_its_box_in_the_right_color_order(method: str, make: Any, tmp_path: Path) -> None:
    pytest.importorskip({'onnx': 'onnxruntime', 'tflite': 'ai_edge_litert'}[method])
    model = make(tmp_path / f'colors.{method}')
    model.with_suffix('.txt').write_text('red\ngreen\nblue\n')
    detector = make_detector(method, model=str(model), confidence=0.3)
    assert (detector.name, detector.mode) == (method, f'colors ({"yolo8" if method == "onnx" else "yolo5"}, cpu)')
    for color, name in (((0, 0, 255), 'red'), ((0, 255, 0), 'green'), ((255, 0, 0), 'blue')):
        image = np.zeros((2 * SIZE, 2 * SIZE, 3), np.uint8)
        image[:] = color
        (found,) = detector.detect(make_view(image, 0.0))
        assert found.class_id == name
        assert found.confidence == pytest.approx(1.0, abs=0.01)
        assert found.box == pytest.approx((63.5, 31.5, 40.0, 20.0), abs=0.05)
    assert detector.detect(make_view(np.zeros((SIZE, SIZE, 3), np.uint8), 0.0)) == []


@MODELS
def test_a_threshold_is_tuned_and_a_new_model_needs_a_new_detector(
        method: str, make: Any, tmp_path: Path) -> None:
    pytest.importorskip({'onnx': 'onnxruntime', 'tflite': 'ai_edge_litert'}[method])
    model = str(make(tmp_path / f'colors.{method}'))
    Path(model).with_suffix('.txt').write_text('red\ngreen\nblue\n')
    detector = make_detector(method, model=model, confidence=0.3)
    image = np.full((SIZE, SIZE, 3), (0, 0, 128), np.uint8)
    assert len(detector.detect(make_view(image, 0.0))) == 1
    assert detector.tune(type(detector).groups[method](model=model, confidence=0.9))
    assert detector.detect(make_view(image, 0.0)) == []
    assert not detector.tune(type(detector).groups[method](model=model + 'x', confidence=0.9))


@pytest.mark.parametrize('method', ['onnx', 'tflite'])
def test_an_unusable_model_is_reported_with_the_reason(method: str, tmp_path: Path) -> None:
    pytest.importorskip({'onnx': 'onnxruntime', 'tflite': 'ai_edge_litert'}[method])
    garbage = tmp_path / f'garbage.{method}'
    garbage.write_bytes(b'not a model')
    for model, why in (('', f'{method}.model'), (str(tmp_path / 'none'), 'no model'), (str(garbage), 'cannot be used')):
        with pytest.raises(TurretError, match=why) as refused:
            make_detector(method, model=model)
        assert refused.value.code == ReasonCode.DETECTOR_FAILED


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    (tmp_path / 'm.onnx').touch()
    with pytest.raises(TurretError, match='cannot run here'):
        make_detector('onnx', model=str(tmp_path / 'm.onnx'))


def constant_model(path: Path, output: np.ndarray, metadata: dict[str, str] | None = None, size: int = SIZE) -> Path:
    """Write a model whose one output is the same for every image."""
    onnx = pytest.importorskip('onnx', reason='pip install onnx')
    pytest.importorskip('onnxruntime')
    constant = onnx.helper.make_node(
        'Constant', [], ['output0'], value=onnx.numpy_helper.from_array(np.ascontiguousarray(output), 'value'))
    kinds = onnx.TensorProto
    graph = onnx.helper.make_graph(
        [constant], 'constant', [onnx.helper.make_tensor_value_info('image', kinds.FLOAT, [1, 3, size, size])],
        [onnx.helper.make_tensor_value_info('output0', kinds.FLOAT, output.shape)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 18)])
    model.ir_version = 9
    onnx.helper.set_model_props(model, metadata or {})
    onnx.save(model, str(path))
    return path


def people_output(classes: int = 1) -> np.ndarray:
    """Return an output of YOLO 8 with one person."""
    output = np.zeros((1, 4 + classes, 84), np.float32)
    output[0, :5, 0] = (32.0, 32.0, 20.0, 40.0, 0.9)
    return output


@pytest.mark.parametrize(('classes', 'refused'), [
    (None, 'its classes: none'), ('Person\n', 'its classes: Person'), ('person\n', None)])
def test_an_exclusion_model_that_cannot_report_people_is_refused(
        classes: str | None, refused: str | None, tmp_path: Path) -> None:
    path = constant_model(tmp_path / 'people.onnx', people_output())
    if classes is not None:
        path.with_suffix('.txt').write_text(classes)
    parameters = ExclusionParameters(model=str(path))
    if refused is not None:
        with pytest.raises(TurretError, match=refused):
            people_detectors(parameters)
        return
    image = np.full((SIZE, SIZE, 3), 128, np.uint8)
    assert 'person' in {person.class_id for person in find_people(people_detectors(parameters), image, 0.0, None, None)}


def test_the_classes_that_are_people_can_be_chosen(tmp_path: Path) -> None:
    path = constant_model(tmp_path / 'people.onnx', people_output(2), {'names': "{0: 'pedestrian', 1: 'rider'}"})
    image = np.full((SIZE, SIZE, 3), 128, np.uint8)
    for chosen, found in ((('pedestrian', 'rider'), {'pedestrian'}), (('rider',), set())):
        detectors = people_detectors(ExclusionParameters(model=str(path), model_classes=chosen))
        assert {person.class_id for person in find_people(detectors, image, 0.0, None, None)} == found
        if found:
            require_sight(detectors)
        else:
            with pytest.raises(TurretError, match=r'exclusion\.model did not find'):
                require_sight(detectors)
    with pytest.raises(TurretError, match='no class "human"'):
        people_detectors(ExclusionParameters(model=str(path), model_classes=('pedestrian', 'human')))


def test_a_model_is_described_by_its_metadata_and_by_the_file_beside_it(tmp_path: Path) -> None:
    metadata = {'task': 'detect', 'names': "{0: 'person'}", 'imgsz': '[64, 64]'}
    path = constant_model(tmp_path / 'people.onnx', people_output(), metadata)
    described = OnnxDetector(OnnxParameters(model=str(path))).description
    assert described == ModelDescription('yolo8', ('person',), 'rgb', '0..1', SIZE, SIZE)
    description_file(path).save(ModelDescription(family='yolo8', classes=('human',), color='bgr', values='0..255'))
    described = OnnxDetector(OnnxParameters(model=str(path))).description
    assert (described.classes, described.color, described.values) == (('human',), 'bgr', '0..255')
    description_file(path).save(ModelDescription(classes=('a', 'b')))
    with pytest.raises(TurretError, match='1 classes by its metadata'):
        OnnxDetector(OnnxParameters(model=str(path)))
    path.with_suffix('.json').write_text('{"version": 1, "data": {"classes": 7}}')
    with pytest.raises(TurretError, match='not valid'):
        OnnxDetector(OnnxParameters(model=str(path)))


def test_a_family_is_stated_where_it_cannot_be_known(tmp_path: Path) -> None:
    path = constant_model(tmp_path / 'people.onnx', people_output().transpose(0, 2, 1))
    with pytest.raises(TurretError, match='give its classes or state its family'):
        OnnxDetector(OnnxParameters(model=str(path)))
    stated = OnnxDetector(OnnxParameters(model=str(path)), ModelDescription(family='yolo8'))
    (found,) = stated.detect(make_view(np.zeros((SIZE, SIZE, 3), np.uint8), 0.0))
    assert found.class_id == 'class 0'
    with pytest.raises(TurretError, match='"yolo9000" is not one of'):
        ModelDescription(family='yolo9000')


def test_a_provider_that_cannot_run_here_is_refused_and_the_one_in_use_is_shown(tmp_path: Path) -> None:
    path = constant_model(tmp_path / 'people.onnx', people_output())
    import onnxruntime

    if 'CUDAExecutionProvider' not in onnxruntime.get_available_providers():
        with pytest.raises(TurretError, match='cuda is not in this onnxruntime'):
            OnnxDetector(OnnxParameters(model=str(path), provider='cuda'))
        assert OnnxDetector(OnnxParameters(model=str(path))).mode == 'people (yolo8, cpu)'


class Confident(OnnxDetector):
    """A network that finds objects everywhere, whatever the image."""

    def load(self, model: Path, parameters: OnnxParameters) -> Any:
        output = np.zeros((1, 5, 200), np.float32)
        output[0, 0] = np.arange(200) % 20 * 30.0
        output[0, 1] = np.arange(200) // 20 * 30.0
        output[0, 2:4], output[0, 4] = 20.0, 1.0
        return SimpleNamespace(width=640, height=640, metadata={}, provider='cpu', run=lambda *_: {'o': output})


def test_a_model_that_finds_objects_in_images_without_any_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'm.onnx').touch()
    with pytest.raises(TurretError, match='black image'):
        Confident(OnnxParameters(model=str(tmp_path / 'm.onnx')))

# SPDX-License-Identifier: Apache-2.0
"""``./turret model``: what it shows of a model, what it draws, and what it stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from turret_bringup import cli
from turret_vision.models.description import ModelDescription, description_file

onnx = pytest.importorskip('onnx', reason='pip install onnx')
pytest.importorskip('onnxruntime')


def model(path: Path, output: np.ndarray) -> Path:
    """Write a model with one output, the same for every image."""
    helper, kinds = onnx.helper, onnx.TensorProto
    constant = helper.make_node('Constant', [], ['o'], value=onnx.numpy_helper.from_array(output, 'value'))
    graph = helper.make_graph(
        [constant], 'constant', [helper.make_tensor_value_info('image', kinds.FLOAT, [1, 3, 'h', 'w'])],
        [helper.make_tensor_value_info('o', kinds.FLOAT, output.shape)])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)])
    made.ir_version = 9
    onnx.save(made, str(path))
    return path


def one_box(boxes: int = 84) -> np.ndarray:
    output = np.zeros((1, 6, boxes), np.float32)
    output[0, :, 0] = (32.0, 32.0, 20.0, 40.0, 0.1, 0.9)
    return output


def test_inspect_shows_the_family_the_input_and_what_the_model_finds(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, drawn = model(tmp_path / 'm.onnx', one_box()), tmp_path / 'found.png'
    (tmp_path / 'names.txt').write_text('cat\nperson\n')
    code = cli.main(['model', 'inspect', str(path), '--size', '64', '64', '--classes', str(tmp_path / 'names.txt'),
                     '--output', str(drawn)])
    text = capsys.readouterr().out
    assert code == 0
    assert 'yolo8 (YOLO 8 to 12, detection), recognized' in text
    assert 'input: 64x64, rgb, 0..1; run by: cpu' in text
    assert 'classes: 2: cat, person' in text
    assert 'person.jpg: 1 objects\n  person 0.90 at x' in text
    assert drawn.stat().st_size > 1000


def test_add_stores_the_model_with_its_description(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 'state'))
    path = model(tmp_path / 'm.onnx', one_box().transpose(0, 2, 1))
    assert cli.main(['model', 'add', str(path), '--name', 'people', '--family', 'yolo8', '--size', '64', '64']) == 0
    stored = tmp_path / 'state' / 'turret' / 'turret' / 'models' / 'people.onnx'
    assert f'vision.onnx.model={stored}' in capsys.readouterr().out
    assert stored.read_bytes() == path.read_bytes()
    assert description_file(stored).load() == ModelDescription('yolo8', (), 'rgb', '0..1', 64, 64)
    assert cli.main(['model', 'add', str(path), '--name', 'people', '--family', 'yolo8']) == cli.WRONG_INPUT
    assert cli.main(['model', 'add', str(path), '--name', '../x', '--family', 'yolo8']) == cli.WRONG_INPUT


@pytest.mark.parametrize(('words', 'reason'), [
    (['m.onnx'], 'state its family'),
    (['m.onnx', '--family', 'yolo1'], '"yolo1" is not one of yolo8'),
    (['m.onnx', '--family', 'yolo8', '--image', 'm.onnx'], 'is not an image'),
    (['m.onnx', '--family', 'yolo8', '--output', 'x.unknown'], 'ends in .png'),
    (['m.pt'], 'not a model in ONNX'),
    (['none.onnx'], 'there is no model'),
])
def test_a_refusal_gives_the_reason(
        words: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model(tmp_path / 'm.onnx', one_box().transpose(0, 2, 1))
    assert cli.main(['model', 'inspect', *words, '--size', '64', '64']) == cli.WRONG_INPUT
    assert reason in capsys.readouterr().err

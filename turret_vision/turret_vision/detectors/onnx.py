# SPDX-License-Identifier: Apache-2.0
"""Detection with a neural network in an ONNX file, run by onnxruntime."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from turret_common.params import param
from turret_vision.detectors.detection import Image
from turret_vision.detectors.model import Engine, ModelDetector, ModelParameters
from turret_vision.models.families import Outputs

#: Names of the providers in onnxruntime.
_PROVIDERS = {
    'cpu': 'CPUExecutionProvider', 'cuda': 'CUDAExecutionProvider', 'tensorrt': 'TensorrtExecutionProvider',
    'openvino': 'OpenVINOExecutionProvider', 'coreml': 'CoreMLExecutionProvider'}
#: What "auto" uses where it is there, best first. TensorRT compiles a model for minutes and is used only when chosen.
_AUTOMATIC = ('cuda', 'openvino', 'coreml', 'cpu')


@dataclasses.dataclass(frozen=True)
class OnnxParameters(ModelParameters):
    """Detection with a neural network of your own, run by onnxruntime."""

    provider: str = param(
        'auto', 'Processor that runs the model; auto = the first of cuda, openvino, coreml and cpu that works',
        choices=('auto', *_PROVIDERS), live=True)


class OnnxEngine:
    """A model run by onnxruntime."""

    def __init__(self, model: Path, threads: int, provider: str) -> None:
        runtime = importlib.import_module('onnxruntime')
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session, self.provider = _session(runtime, model, options, provider)
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        images = [entry for entry in self._session.get_inputs() if len(entry.shape) == 4]
        if len(images) != 1:
            raise ValueError(f'it has {len(images)} inputs for images')
        entry = images[0]
        sizes = [size if isinstance(size, int) else 0 for size in entry.shape]
        self._name = entry.name
        self._type: type[np.generic] = np.uint8 if 'uint8' in entry.type else (
            np.float16 if 'float16' in entry.type else np.float32)
        if 3 not in (sizes[1], sizes[3]):
            raise ValueError(f'its input of shape {entry.shape} is not a color image')
        if sizes[0] > 1:
            raise ValueError(f'it takes {sizes[0]} images at a time; export it for one')
        self._channels_first = sizes[1] == 3
        self.height, self.width = sizes[2:] if self._channels_first else sizes[1:3]
        self._sizes = [other.name for other in self._session.get_inputs() if other is not entry]
        for other in self._session.get_inputs():
            if other is not entry and not ('int64' in other.type and list(other.shape)[1:] == [2]):
                raise ValueError(f'its input "{other.name}" of shape {other.shape} is unknown')
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, image: Image, values: tuple[float, float]) -> Outputs:
        """Return the outputs by name."""
        fed: Any = (image.transpose(2, 0, 1) if self._channels_first else image)[np.newaxis]
        if self._type is not np.uint8:
            black, white = values
            fed = (fed.astype(np.float32) * ((white - black) / 255.0) + black).astype(self._type)
        inputs = {self._name: np.ascontiguousarray(fed)}
        for name in self._sizes:  # in which RT-DETR and D-FINE give their boxes
            inputs[name] = np.array([[image.shape[1], image.shape[0]]], np.int64)
        return dict(zip(self._outputs, self._session.run(None, inputs), strict=True))


def _session(runtime: Any, model: Path, options: Any, provider: str) -> tuple[Any, str]:
    """Return a session for a model, and the provider that runs it."""
    offered = runtime.get_available_providers()
    reasons = []
    for name in _AUTOMATIC if provider == 'auto' else (provider,):
        if _PROVIDERS[name] not in offered:
            reasons.append(f'{name} is not in this onnxruntime')
            continue
        session = runtime.InferenceSession(str(model), options, providers=[_PROVIDERS[name]])
        if session.get_providers()[0] == _PROVIDERS[name]:  # onnxruntime falls back to the CPU by itself
            return session, name
        reasons.append(f'{name} cannot be started here')
    raise ValueError('; '.join(reasons))


class OnnxDetector(ModelDetector):
    """Finds what a network in an ONNX file was trained for."""

    name: ClassVar = 'onnx'
    groups: ClassVar = {name: OnnxParameters}

    @classmethod
    def missing(cls) -> str:
        """Return what this machine lacks."""
        return '' if importlib.util.find_spec('onnxruntime') else 'onnxruntime is not installed'

    def load(self, model: Path, parameters: OnnxParameters) -> Engine:
        """Return the loaded model."""
        return OnnxEngine(model, parameters.threads, parameters.provider)

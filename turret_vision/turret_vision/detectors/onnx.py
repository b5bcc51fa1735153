# SPDX-License-Identifier: Apache-2.0
"""Detection with a neural network in an ONNX file, run by onnxruntime."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from turret_vision.detectors.detection import Image
from turret_vision.detectors.model import Engine, ModelDetector, ModelParameters, Outputs

_USUAL_SIZE = 640  # of the input where the model leaves it open


@dataclasses.dataclass(frozen=True)
class OnnxParameters(ModelParameters):
    """Detection with a neural network of your own, run by onnxruntime."""


class OnnxEngine:
    """A model run by onnxruntime on the processor."""

    def __init__(self, model: Path, threads: int) -> None:
        runtime = importlib.import_module('onnxruntime')
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = runtime.InferenceSession(str(model), options, providers=['CPUExecutionProvider'])
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        if len(self._session.get_inputs()) != 1:
            raise ValueError('it has more than one input')
        entry = self._session.get_inputs()[0]
        sizes = [size if isinstance(size, int) else 0 for size in entry.shape]
        self._name = entry.name
        self._type: type[np.generic] = np.uint8 if 'uint8' in entry.type else (
            np.float16 if 'float16' in entry.type else np.float32)
        if len(sizes) != 4 or 3 not in (sizes[1], sizes[3]):
            raise ValueError(f'its input of shape {entry.shape} is not a color image')
        self._channels_first = sizes[1] == 3
        height, width = sizes[2:] if self._channels_first else sizes[1:3]
        self.width, self.height = width or _USUAL_SIZE, height or _USUAL_SIZE
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, image: Image) -> Outputs:
        """Return the outputs by name."""
        values = image.transpose(2, 0, 1) if self._channels_first else image
        fed = values[np.newaxis].astype(self._type)
        if self._type is not np.uint8:
            fed = fed / self._type(255.0)
        results = self._session.run(None, {self._name: np.ascontiguousarray(fed)})
        return dict(zip(self._outputs, results, strict=True))


class OnnxDetector(ModelDetector):
    """Finds what a network in an ONNX file was trained for."""

    name: ClassVar = 'onnx'
    groups: ClassVar = {name: OnnxParameters}

    @classmethod
    def missing(cls) -> str:
        """Return what this machine lacks."""
        return '' if importlib.util.find_spec('onnxruntime') else 'onnxruntime is not installed'

    def load(self, model: Path, threads: int) -> Engine:
        """Return the loaded model."""
        return OnnxEngine(model, threads)

# SPDX-License-Identifier: Apache-2.0
"""Detection with a neural network in a TFLite file, run by LiteRT."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from turret_vision.detectors.detection import Image
from turret_vision.detectors.model import Engine, ModelDetector, ModelParameters, Outputs
from turret_vision.detectors.network import is_ssd

#: The modules that can run a .tflite model, best first.
_MODULES = ('ai_edge_litert.interpreter', 'tflite_runtime.interpreter')
_NOT_INSTALLED = 'neither ai-edge-litert nor tflite-runtime is installed'


@dataclasses.dataclass(frozen=True)
class TfliteParameters(ModelParameters):
    """Detection with a neural network of your own, run by LiteRT."""


class TfliteEngine:
    """A model run by LiteRT, formerly TensorFlow Lite, on the processor."""

    def __init__(self, model: Path, threads: int) -> None:
        self.metadata: Mapping[str, str] = {}
        self._interpreter = _tflite_module().Interpreter(model_path=str(model), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        shape = [int(size) for size in self._input['shape']]
        if len(shape) != 4 or shape[3] != 3:
            raise ValueError(f'its input of shape {shape} is not a color image')
        self.height, self.width = shape[1:3]
        self._outputs = self._interpreter.get_output_details()
        self._ssd = is_ssd([output['shape'] for output in self._outputs])

    def run(self, image: Image) -> Outputs:
        """Return the outputs by name."""
        self._interpreter.set_tensor(self._input['index'], self._fed(image)[np.newaxis])
        self._interpreter.invoke()
        return {output['name']: self._dequantized(output) for output in self._outputs}

    def _fed(self, image: Image) -> npt.NDArray[Any]:
        kind = self._input['dtype']
        if kind == np.uint8:
            return image
        # Networks of the SSD family are trained on -1..1, those of the YOLO family on 0..1.
        values = image.astype(np.float32) / 127.5 - 1.0 if self._ssd else image.astype(np.float32) / 255.0
        if kind == np.float32:
            return values
        scale, zero = self._input['quantization']
        limits = np.iinfo(kind)
        levels: npt.NDArray[Any] = np.clip(np.round(values / scale) + zero, limits.min, limits.max).astype(kind)
        return levels

    def _dequantized(self, output: dict[str, Any]) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = self._interpreter.get_tensor(output['index'])
        scale, zero = output['quantization']
        return values if scale == 0.0 else (values.astype(np.float32) - zero) * scale


def _tflite_module() -> Any:
    for name in _MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImportError(_NOT_INSTALLED)


class TfliteDetector(ModelDetector):
    """Finds what a network in a TFLite file was trained for."""

    name: ClassVar = 'tflite'
    groups: ClassVar = {name: TfliteParameters}

    @classmethod
    def missing(cls) -> str:
        """Return what this machine lacks."""
        return '' if any(importlib.util.find_spec(name.split('.')[0]) for name in _MODULES) else _NOT_INSTALLED

    def load(self, model: Path, threads: int) -> Engine:
        """Return the loaded model."""
        return TfliteEngine(model, threads)

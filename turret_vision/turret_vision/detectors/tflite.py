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

from turret_common.params import param
from turret_vision.detectors.detection import Image
from turret_vision.detectors.model import Engine, ModelDetector, ModelParameters
from turret_vision.models.families import Outputs

#: The modules that can run a .tflite model, best first.
_MODULES = ('ai_edge_litert.interpreter', 'tflite_runtime.interpreter')
_NOT_INSTALLED = 'neither ai-edge-litert nor tflite-runtime is installed'
_CORAL_LIBRARY = 'libedgetpu.so.1'


@dataclasses.dataclass(frozen=True)
class TfliteParameters(ModelParameters):
    """Detection with a neural network of your own, run by LiteRT."""

    provider: str = param(
        'cpu', 'Processor that runs the model; coral = Edge TPU, for a model compiled for it', choices=('cpu', 'coral'),
        live=True)


class TfliteEngine:
    """A model run by LiteRT, formerly TensorFlow Lite."""

    def __init__(self, model: Path, threads: int, provider: str) -> None:
        self.metadata: Mapping[str, str] = {}
        self.provider = provider
        library = tflite_module()
        delegates = [_coral(library)] if provider == 'coral' else None
        self._interpreter = library.Interpreter(
            model_path=str(model), num_threads=threads, experimental_delegates=delegates)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        shape = [int(size) for size in self._input['shape']]
        if len(shape) != 4 or shape[3] != 3:
            raise ValueError(f'its input of shape {shape} is not a color image')
        if shape[0] > 1:
            raise ValueError(f'it takes {shape[0]} images at a time; export it for one')
        self.height, self.width = shape[1:3]
        self._outputs = self._interpreter.get_output_details()

    def run(self, image: Image, values: tuple[float, float]) -> Outputs:
        """Return the outputs by name."""
        self._interpreter.set_tensor(self._input['index'], self._fed(image, values)[np.newaxis])
        self._interpreter.invoke()
        return {output['name']: self._dequantized(output) for output in self._outputs}

    def _fed(self, image: Image, values: tuple[float, float]) -> npt.NDArray[Any]:
        kind = self._input['dtype']
        if kind == np.uint8:
            return image
        black, white = values
        fed: npt.NDArray[Any] = image.astype(np.float32) * np.float32((white - black) / 255.0) + np.float32(black)
        if kind == np.float32:
            return fed
        scale, zero = self._input['quantization']
        limits = np.iinfo(kind)
        levels: npt.NDArray[Any] = np.clip(np.round(fed / scale) + zero, limits.min, limits.max).astype(kind)
        return levels

    def _dequantized(self, output: dict[str, Any]) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = self._interpreter.get_tensor(output['index'])
        scale, zero = output['quantization']
        return values if scale == 0.0 else (values.astype(np.float32) - zero) * scale


def tflite_module() -> Any:
    """Return the module that runs models.

    Raises:
        ImportError: none is installed.
    """
    for name in _MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImportError(_NOT_INSTALLED)


def _coral(library: Any) -> Any:
    try:
        return library.load_delegate(_CORAL_LIBRARY)
    except (OSError, ValueError) as error:
        raise ValueError(f'coral cannot be started here: {_CORAL_LIBRARY}: {error or "no Edge TPU"}') from error


class TfliteDetector(ModelDetector):
    """Finds what a network in a TFLite file was trained for."""

    name: ClassVar = 'tflite'
    groups: ClassVar = {name: TfliteParameters}

    @classmethod
    def missing(cls) -> str:
        """Return what this machine lacks."""
        return '' if any(importlib.util.find_spec(name.split('.')[0]) for name in _MODULES) else _NOT_INSTALLED

    def load(self, model: Path, parameters: TfliteParameters) -> Engine:
        """Return the loaded model."""
        return TfliteEngine(model, parameters.threads, parameters.provider)

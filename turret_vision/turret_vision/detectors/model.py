"""Detection with a neural network from a file, run by onnxruntime or by LiteRT."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Detection, Image, View
from turret_vision.detectors.network import Letterbox, decode, is_ssd, read_classes
from turret_vision.vision_parameters import ModelParameters

Outputs = dict[str, npt.NDArray[Any]]

_USUAL_SIZE = 640  # of the input where the model leaves it open
#: The modules that can run a .tflite model, best first.
TFLITE_MODULES = ('ai_edge_litert.interpreter', 'tflite_runtime.interpreter')


class Engine(Protocol):
    """A loaded model."""

    width: int
    height: int

    def run(self, image: Image) -> Outputs:
        """Return the outputs by name for an RGB image of the model's size."""


class OnnxEngine:
    """A model run by onnxruntime on the processor."""

    def __init__(self, model: Path, threads: int) -> None:
        runtime = importlib.import_module('onnxruntime')
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = runtime.InferenceSession(str(model), options, providers=['CPUExecutionProvider'])
        entry = self._session.get_inputs()[0]
        sizes = [size if isinstance(size, int) else 0 for size in entry.shape]
        self._name = entry.name
        self._type: type[np.generic] = np.uint8 if 'uint8' in entry.type else (
            np.float16 if 'float16' in entry.type else np.float32)
        if len(sizes) != 4 or 3 not in (sizes[1], sizes[3]):
            raise ValueError(f'its input of shape {entry.shape} is no color image')
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


class TfliteEngine:
    """A model run by LiteRT, formerly TensorFlow Lite, on the processor."""

    def __init__(self, model: Path, threads: int) -> None:
        self._interpreter = _tflite_module().Interpreter(model_path=str(model), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        shape = [int(size) for size in self._input['shape']]
        if len(shape) != 4 or shape[3] != 3:
            raise ValueError(f'its input of shape {shape} is no color image')
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
    for name in TFLITE_MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImportError('neither ai-edge-litert nor tflite-runtime is installed')


class ModelDetector:
    """Finds what a network was trained for.

    Raises:
        TurretError: DETECTOR_FAILED where the library is missing or the model cannot be used, saying why.
    """

    def __init__(self, method: str, parameters: ModelParameters, load: Callable[[Path, int], Engine]) -> None:
        self.method = method
        self._parameters = parameters
        model = Path(parameters.model).expanduser()
        if not parameters.model:
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{method} needs a model: set {method}.model to its file')
        if not model.is_file():
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'there is no model {model}')
        self._classes = read_classes(model)
        try:
            self._engine = load(model, parameters.threads)
            self._look(np.zeros((self._engine.height, self._engine.width, 3), np.uint8))
        except TurretError:
            raise
        except ImportError as error:
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{method} cannot run here: {error}') from error
        except Exception as error:  # each library has errors of its own; none may stop vision
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{model.name} cannot be used: {error}') from error

    @property
    def mode(self) -> str:
        """The name of the model's file."""
        return Path(self._parameters.model).stem

    @property
    def width(self) -> int:
        """It takes the image as it is and scales it itself."""
        return 0

    def tune(self, parameters: ModelParameters) -> bool:
        """Take changed thresholds; another model needs a new detector."""
        kept = dataclasses.replace(
            self._parameters, confidence=parameters.confidence, overlap=parameters.overlap)
        if parameters != kept:
            return False
        self._parameters = parameters
        return True

    def detect(self, view: View) -> list[Detection]:
        """Return what the network sees in a view."""
        return self._look(view.image)

    def _look(self, image: Image) -> list[Detection]:
        engine, p = self._engine, self._parameters
        fitted = Letterbox.around(image, engine.width, engine.height)
        found = decode(
            engine.run(fitted.image), self._classes, engine.width, engine.height, p.confidence, p.overlap)
        return [dataclasses.replace(d, box=fitted.original(d.box)) for d in found]

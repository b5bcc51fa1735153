# SPDX-License-Identifier: Apache-2.0
"""What detectors with a neural network from a file have in common."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Detection, Image, View
from turret_vision.detectors.detector import Detector, confidence_param
from turret_vision.detectors.network import Letterbox, classes_of_metadata, decode, read_classes

Outputs = dict[str, npt.NDArray[Any]]

_SURE = 0.9      # confidence of a detection that no image without objects may show ...
_MAX_SURE = 5    # ... more often than this


class Engine(Protocol):
    """A loaded model."""

    width: int
    height: int
    metadata: Mapping[str, str]

    def run(self, image: Image) -> Outputs:
        """Return the outputs by name for an RGB image of the model's size."""


@dataclasses.dataclass(frozen=True)
class ModelParameters:
    """Detection with a neural network of your own."""

    model: str = param(
        '', 'Model file; its classes are in the .txt file of the same name, or in the metadata of the model', live=True)
    confidence: float = confidence_param(0.5)
    overlap: float = param(
        0.45, 'Maximum intersection over union of two objects of one class; boxes that overlap more are merged',
        minimum=0.0, maximum=1.0, live=True)
    threads: int = param(1, 'Number of processor cores the model may use', minimum=1, maximum=16, live=True)


class ModelDetector(Detector[ModelParameters]):
    """Finds what a network was trained for.

    Attributes:
        classes: its class names; empty = unknown.

    Raises:
        TurretError: DETECTOR_FAILED where the library is missing or the model cannot be used; the message gives the
            reason.
    """

    def __init__(self, parameters: ModelParameters) -> None:
        super().__init__(parameters)
        method = self.name
        model = Path(parameters.model).expanduser()
        if not parameters.model:
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{method} needs a model: set {method}.model to its file')
        if not model.is_file():
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'there is no model {model}')
        self.classes = read_classes(model)
        try:
            self._engine = self.load(model, parameters.threads)
            self.classes = self.classes or classes_of_metadata(self._engine.metadata)
            self._probe()
        except TurretError:
            raise
        except ImportError as error:
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{method} cannot run here: {error}') from error
        except Exception as error:  # each library has errors of its own; none may stop vision
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{model.name} cannot be used: {error}') from error

    @abstractmethod
    def load(self, model: Path, threads: int) -> Engine:
        """Return the loaded model; any exception refuses it."""

    @property
    def mode(self) -> str:
        """The name of the model's file."""
        return Path(self._parameters.model).stem

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

    def _probe(self) -> None:
        """Run the network on images that show nothing, to refuse one whose outputs mean something else."""
        shape = (self._engine.height, self._engine.width, 3)
        noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        for name, image in (('black', np.zeros(shape, np.uint8)), ('white', np.full(shape, 255, np.uint8)),
                            ('noisy', noise)):
            sure = sum(detection.confidence >= _SURE for detection in self._look(image))
            if sure > _MAX_SURE:
                raise TurretError(
                    ReasonCode.DETECTOR_FAILED, f'the model finds {sure} objects in a {name} image: its outputs are '
                    'not those of a detection model, or it is of a family that is not supported')

    def _look(self, image: Image) -> list[Detection]:
        engine, p = self._engine, self._parameters
        fitted = Letterbox.around(image, engine.width, engine.height)
        found = decode(
            engine.run(fitted.image), self.classes, engine.width, engine.height, p.confidence, p.overlap)
        return [dataclasses.replace(d, box=fitted.original(d.box)) for d in found]

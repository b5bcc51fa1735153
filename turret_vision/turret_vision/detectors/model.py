# SPDX-License-Identifier: Apache-2.0
"""What detectors with a neural network from a file have in common."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Detection, Image, View
from turret_vision.detectors.detector import Detector, confidence_param
from turret_vision.models.description import (
    VALUES,
    ModelDescription,
    check_classes,
    classes_of_metadata,
    describe,
    size_of_metadata,
)
from turret_vision.models.detections import detections
from turret_vision.models.families import FAMILIES, Layout, Outputs, recognize
from turret_vision.models.letterbox import Letterbox

_USUAL_SIZE = 640  # px, of the input where neither model nor description state it
_SURE = 0.5        # confidence of a detection that no image without objects may show ...
_MAX_SURE = 5      # ... more often than this


class Engine(Protocol):
    """A loaded model.

    Attributes:
        width: of its input in px; 0 = any.
        height: of its input in px; 0 = any.
        metadata: that its exporter wrote into the file.
        provider: what runs it, for example "cpu".
    """

    width: int
    height: int
    metadata: Mapping[str, str]
    provider: str

    def run(self, image: Image, values: tuple[float, float]) -> Outputs:
        """Return the outputs by name.

        Args:
            image: of the model's size, its channels in the model's order.
            values: what black and white are in its input.
        """


@dataclasses.dataclass(frozen=True)
class ModelParameters:
    """Detection with a neural network of your own."""

    model: str = param(
        '', 'Model file; what the file does not state is in the .json file of the same name, which '
        '"./turret model add" writes, or its classes in a .txt file', live=True)
    confidence: float = confidence_param(0.5)
    overlap: float = param(
        0.45, 'Maximum intersection over union of two objects of one class; boxes that overlap more are merged',
        minimum=0.0, maximum=1.0, live=True)
    threads: int = param(1, 'Number of processor cores the model may use', minimum=1, maximum=16, live=True)


class ModelDetector(Detector[ModelParameters]):
    """Finds what a network was trained for.

    Attributes:
        description: of the model, with everything that was determined from it.
        provider: what runs the model.

    Raises:
        TurretError: DETECTOR_FAILED where the library is missing or the model cannot be used; the message gives the
            reason.
    """

    def __init__(self, parameters: ModelParameters, stated: ModelDescription | None = None) -> None:
        """Load and check a model.

        Args:
            parameters: with its file.
            stated: about the model; None = what is beside its file.
        """
        super().__init__(parameters)
        method = self.name
        model = Path(parameters.model).expanduser()
        if not parameters.model:
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{method} needs a model: set {method}.model to its file')
        if not model.is_file():
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'there is no model {model}')
        stated = describe(model) if stated is None else stated
        try:
            self._engine = self.load(model, parameters)
            self.provider = self._engine.provider
            self.description = self._described(stated)
            self._probe()
        except TurretError:
            raise
        except ImportError as error:
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{method} cannot run here: {error}') from error
        except Exception as error:  # each library has errors of its own; none may stop vision
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{model.name} cannot be used: {error}') from error

    @abstractmethod
    def load(self, model: Path, parameters: Any) -> Engine:
        """Return the loaded model; any exception refuses it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes of the model; empty = unknown."""
        return self.description.classes

    @property
    def mode(self) -> str:
        """The name of the model's file, its family and what runs it."""
        return f'{Path(self._parameters.model).stem} ({self.description.family}, {self.provider})'

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

    def _described(self, stated: ModelDescription) -> ModelDescription:
        """Return the description with what the model itself states or shows."""
        engine, metadata = self._engine, self._engine.metadata
        check_classes(stated.classes, metadata)
        classes = stated.classes or classes_of_metadata(metadata)
        width, height = size_of_metadata(metadata)
        engine.width = engine.width or stated.width or width or _USUAL_SIZE
        engine.height = engine.height or stated.height or height or _USUAL_SIZE
        black = np.zeros((engine.height, engine.width, 3), np.uint8)
        family = stated.family or recognize(
            engine.run(black, (0.0, 1.0)), metadata, Layout(len(classes), engine.width, engine.height))
        known = FAMILIES[family]
        values = next(name for name, span in VALUES.items() if span == known.values)
        return ModelDescription(
            family, classes or known.classes, stated.color or known.color, stated.values or values, engine.width,
            engine.height)

    def _probe(self) -> None:
        """Run the network on images that show nothing, to refuse one whose outputs mean something else."""
        for name, image in blank_images(self.description.width, self.description.height).items():
            sure = sum(detection.confidence >= _SURE for detection in self._look(image))
            if sure > _MAX_SURE:
                raise TurretError(
                    ReasonCode.DETECTOR_FAILED, f'the model finds {sure} objects in a {name} image: its outputs are '
                    f'not those of a detection model, or not of the family {self.description.family}')

    def _look(self, image: Image) -> list[Detection]:
        d, p = self.description, self._parameters
        fitted = Letterbox.around(image, d.width, d.height)
        pixels = fitted.image if d.color == 'bgr' else np.ascontiguousarray(fitted.image[..., ::-1])
        found = detections(
            d.family, self._engine.run(pixels, VALUES[d.values]), d.classes, d.width, d.height, p.confidence, p.overlap)
        return [dataclasses.replace(found_one, box=fitted.original(found_one.box)) for found_one in found]


def blank_images(width: int, height: int) -> dict[str, Image]:
    """Return images without objects by name."""
    shape = (height, width, 3)
    return {'black': np.zeros(shape, np.uint8), 'white': np.full(shape, 255, np.uint8),
            'noisy': np.random.default_rng(0).integers(0, 256, shape, np.uint8)}

# SPDX-License-Identifier: Apache-2.0
"""The base class of every detector, and parameters that several of them declare."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from turret_common.params import param
from turret_vision.detectors.detection import Detection, Image, View

ParametersT = TypeVar('ParametersT')


class Detector(ABC, Generic[ParametersT]):
    """Finds objects in images, one image after the other.

    A detector is a part of the registry: a class with a name and a parameter group of the same name, in one file.

    Raises:
        TurretError: DETECTOR_FAILED where it cannot start; the message gives the reason.

    Attributes:
        name: value of the parameter ``method`` that chooses it.
        groups: its parameter dataclass, under its name.
    """

    name: ClassVar[str]
    #: Whether images are reduced to just ``width``; else by the nearest whole factor, which is cheaper.
    exact_width: ClassVar[bool] = False
    #: Whether it judges single pixels, see :meth:`mask`.
    has_mask: ClassVar[bool] = False
    groups: ClassVar[Mapping[str, type]]

    def __init__(self, parameters: ParametersT) -> None:
        self._parameters = parameters

    @classmethod
    def missing(cls) -> str:
        """Return what this machine lacks to run it; empty = nothing."""
        return ''

    @property
    def mode(self) -> str:
        """Variant of the method; empty = none."""
        return str(getattr(self._parameters, 'mode', ''))

    @property
    def width(self) -> int:
        """Width in px to which the whole image is to be reduced; 0 = full resolution."""
        return int(getattr(self._parameters, 'width', 0))

    def tune(self, parameters: ParametersT) -> bool:
        """Take changed parameters; return False where they need a new detector, as another mode does."""
        if getattr(parameters, 'mode', '') != getattr(self._parameters, 'mode', ''):
            return False
        self._parameters = parameters
        return True

    @abstractmethod
    def detect(self, view: View) -> list[Detection]:
        """Return the objects in a view, boxes in px of ``view.image``."""

    def mask(self) -> Image | None:
        """Return which pixels of the last view it takes for parts of objects: 255, the others 0; None = no view yet."""
        return None

    def update(self) -> None:
        """Update its model from the last view, which can wait until the detections are published."""


def width_param(default: int) -> Any:
    """Declare the parameter ``width`` of a detector."""
    return param(
        default, 'Approximate image width for detection, reached by an integer factor; 0 = unscaled', unit='px',
        minimum=0, maximum=4096, live=True)


def confidence_param(default: float) -> Any:
    """Declare the parameter ``confidence`` of a detector whose model gives scores."""
    return param(default, 'Minimum score of the model', minimum=0.0, maximum=1.0, live=True)

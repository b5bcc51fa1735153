# SPDX-License-Identifier: Apache-2.0
"""The description of a model: what its file says, and what its user states where the file does not say it."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from turret_common.errors import TurretError
from turret_common.json_file import JsonFile
from turret_common.reason_codes import ReasonCode
from turret_vision.models.families import FAMILIES, refused

_VERSION = 1
COLORS = ('rgb', 'bgr')
#: What black and white are in the input of a network, by name.
VALUES = {'0..1': (0.0, 1.0), '0..255': (0.0, 255.0), '-1..1': (-1.0, 1.0)}


@dataclasses.dataclass(frozen=True)
class ModelDescription:
    """What is known about a model; empty and 0 = not stated, determined from the model.

    Attributes:
        family: name of one of :data:`FAMILIES`.
        classes: names by number.
        color: order of the channels of the input, one of :data:`COLORS`.
        values: what black and white are in the input, one of :data:`VALUES`.
        width: of the input in px, where the model leaves it open.
        height: likewise.
    """

    family: str = ''
    classes: tuple[str, ...] = ()
    color: str = ''
    values: str = ''
    width: int = 0
    height: int = 0

    def __post_init__(self) -> None:
        for name, choices in (('family', FAMILIES), ('color', COLORS), ('values', VALUES)):
            value = getattr(self, name)
            if value and value not in choices:
                raise TurretError(
                    ReasonCode.INVALID_ARGUMENT, f'{name} "{value}" is not one of {", ".join(choices)}')
        if not (0 <= self.width <= 8192 and 0 <= self.height <= 8192):
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{self.width}x{self.height} is not an input size')


def description_file(model: Path) -> JsonFile[ModelDescription]:
    """Return the file that describes a model, beside it."""
    return JsonFile(model.with_suffix('.json'), _VERSION, _parse, dataclasses.asdict)


def _parse(data: Any) -> ModelDescription:
    if not all(isinstance(name, str) for name in data['classes']):
        raise ValueError('classes must be names')
    return ModelDescription(**{**data, 'classes': tuple(data['classes'])})


def describe(model: Path) -> ModelDescription:
    """Return what is stated about a model: in the ``.json`` file beside it, or its classes in a ``.txt`` file.

    Raises:
        TurretError: a file beside it cannot be used.
    """
    described = description_file(model).load()
    if described is not None:
        return described
    file = model.with_suffix('.txt')
    return ModelDescription(classes=read_classes(file)) if file.is_file() else ModelDescription()


def read_classes(file: Path) -> tuple[str, ...]:
    """Return the class names in a file, one per line.

    Raises:
        TurretError: DETECTOR_FAILED where the file cannot be read.
    """
    try:
        return tuple(line.strip() for line in file.read_text(encoding='utf-8').splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise TurretError(ReasonCode.DETECTOR_FAILED, f'{file} cannot be read: {error}') from error


def classes_of_metadata(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the class names that an exporter wrote into a model; none without such."""
    try:
        names = ast.literal_eval(metadata.get('names', '()'))
        return tuple(str(names[i]) for i in range(len(names)))
    except (ValueError, SyntaxError, KeyError, TypeError):
        return ()


def size_of_metadata(metadata: Mapping[str, str]) -> tuple[int, int]:
    """Return width and height in px that an exporter wrote into a model of any size; 0, 0 without such."""
    try:
        height, width = (int(size) for size in ast.literal_eval(metadata.get('imgsz', '()')))
    except (ValueError, SyntaxError, TypeError):
        return 0, 0
    return (width, height) if 0 < width <= 8192 and 0 < height <= 8192 else (0, 0)


def check_classes(classes: tuple[str, ...], metadata: Mapping[str, str]) -> None:
    """Refuse classes whose number contradicts the metadata of the model.

    Raises:
        TurretError: DETECTOR_FAILED.
    """
    own = classes_of_metadata(metadata)
    if classes and own and len(classes) != len(own):
        raise refused(f'has {len(own)} classes by its metadata, and {len(classes)} were given for it')

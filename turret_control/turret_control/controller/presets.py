# SPDX-License-Identifier: Apache-2.0
"""Presets: named directions of the head, kept over restarts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from turret_common.errors import TurretError
from turret_common.json_file import JsonFile
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_finite

_VERSION = 1
_MAX_NAME = 40
_MAX_COUNT = 200


class Preset(NamedTuple):
    """A direction of the head, in rad."""

    pan: float
    tilt: float


class PresetStore:
    """Presets by name, in the order in which they were first saved, in one JSON file."""

    def __init__(self, path: Path, report: Callable[[TurretError], None]) -> None:
        """Load the file, if there is one; one that cannot be used is set aside and passed to ``report``."""
        self._file = JsonFile(path, _VERSION, _parse, _dump)
        self._presets = self._file.load_or_set_aside(report) or {}

    def all(self) -> dict[str, Preset]:
        """Return a copy of all presets by name."""
        return dict(self._presets)

    def get(self, name: str) -> Preset:
        """Return one preset.

        Raises:
            TurretError: NOT_FOUND.
        """
        if name not in self._presets:
            raise TurretError(ReasonCode.NOT_FOUND, f'preset "{name}" does not exist')
        return self._presets[name]

    def save(self, name: str, preset: Preset) -> None:
        """Save a preset, replacing one of the same name.

        Raises:
            TurretError: INVALID_ARGUMENT for an invalid name, NOT_FINITE, STORAGE_FULL, IO_ERROR.
        """
        _check(name, preset)
        if name not in self._presets and len(self._presets) >= _MAX_COUNT:
            raise TurretError(ReasonCode.STORAGE_FULL, f'there are {_MAX_COUNT} presets already')
        self._save({**self._presets, name: preset})

    def delete(self, name: str) -> None:
        """Delete a preset.

        Raises:
            TurretError: NOT_FOUND, IO_ERROR.
        """
        self.get(name)
        self._save({n: p for n, p in self._presets.items() if n != name})

    def _save(self, presets: dict[str, Preset]) -> None:
        self._file.save(presets)
        self._presets = presets


def _parse(data: Any) -> dict[str, Preset]:
    presets = {str(name): Preset(float(p['pan']), float(p['tilt'])) for name, p in data.items()}
    for name, preset in presets.items():
        _check(name, preset)
    return presets


def _dump(presets: dict[str, Preset]) -> dict[str, Any]:
    return {name: preset._asdict() for name, preset in presets.items()}


def _check(name: str, preset: Preset) -> None:
    if not 1 <= len(name) <= _MAX_NAME or name != name.strip() or not name.isprintable():
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'the name of a preset must be 1 to {_MAX_NAME} printable characters')
    require_finite(pan=preset.pan, tilt=preset.tilt)

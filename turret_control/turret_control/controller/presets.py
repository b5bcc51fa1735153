"""Named directions of the head that survive a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.paths import write_atomically
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_finite

_MAX_NAME = 40
_MAX_COUNT = 200


class Preset(NamedTuple):
    """A direction of the head, in rad."""

    pan: float
    tilt: float


class PresetStore:
    """Presets by name, in the order in which they were first saved, kept in one JSON file.

    Args:
        path: of the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._presets: dict[str, Preset] = {}

    def load(self) -> None:
        """Read the file; no file means no presets.

        Raises:
            TurretError: IO_ERROR when it cannot be read or makes no sense.
        """
        try:
            data = json.loads(self._path.read_bytes())
            presets = {str(name): Preset(float(p['pan']), float(p['tilt'])) for name, p in data.items()}
            for name, preset in presets.items():
                _check(name, preset)
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, AttributeError, TurretError) as error:
            raise TurretError(ReasonCode.IO_ERROR, f'presets in {self._path} cannot be read: {error}') from error
        self._presets = presets

    def all(self) -> dict[str, Preset]:
        """Return a copy of every preset by name."""
        return dict(self._presets)

    def get(self, name: str) -> Preset:
        """Return one preset.

        Raises:
            TurretError: NOT_FOUND.
        """
        if name not in self._presets:
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no preset "{name}"')
        return self._presets[name]

    def save(self, name: str, preset: Preset) -> None:
        """Keep a preset, replacing one of the same name.

        Raises:
            TurretError: INVALID_ARGUMENT for a bad name, NOT_FINITE, STORAGE_FULL, IO_ERROR.
        """
        _check(name, preset)
        if name not in self._presets and len(self._presets) >= _MAX_COUNT:
            raise TurretError(ReasonCode.STORAGE_FULL, f'there are {_MAX_COUNT} presets already')
        self._write({**self._presets, name: preset})

    def delete(self, name: str) -> None:
        """Forget a preset.

        Raises:
            TurretError: NOT_FOUND, IO_ERROR.
        """
        self.get(name)
        self._write({n: p for n, p in self._presets.items() if n != name})

    def _write(self, presets: dict[str, Preset]) -> None:
        text = json.dumps({name: preset._asdict() for name, preset in presets.items()}, indent=2)
        try:
            write_atomically(self._path, text.encode())
        except OSError as error:
            raise TurretError(ReasonCode.IO_ERROR, f'presets cannot be saved: {error}') from error
        self._presets = presets


def _check(name: str, preset: Preset) -> None:
    if not 1 <= len(name) <= _MAX_NAME or name != name.strip() or not name.isprintable():
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'a preset\'s name is 1 to {_MAX_NAME} printable characters')
    require_finite(pan=preset.pan, tilt=preset.tilt)

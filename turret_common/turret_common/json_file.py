# SPDX-License-Identifier: Apache-2.0
"""Saved JSON files of one version each: written atomically, checked when read, kept when they cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from turret_common.errors import TurretError
from turret_common.paths import write_atomically
from turret_common.reason_codes import ReasonCode

ValueT = TypeVar('ValueT')


class JsonFile(Generic[ValueT]):
    """A value in a file ``{"version": 1, "data": ...}``.

    Attributes:
        path: of the file; it need not exist.
    """

    def __init__(
            self, path: Path, version: int, parse: Callable[[Any], ValueT], dump: Callable[[ValueT], Any],
            migrate: Mapping[int, Callable[[Any], Any]] | None = None) -> None:
        """Describe the file; nothing is read.

        Args:
            path: of the file.
            version: of the data that ``parse`` accepts, from 1.
            parse: data to value; it raises ``ValueError``, ``TypeError``, ``LookupError``, ``AttributeError`` or
                :class:`TurretError` when the data is not valid.
            dump: value to data (JSON types, finite numbers).
            migrate: functions from data of the version that is their key to data of the next version.
        """
        self.path = path
        self._version, self._parse, self._dump, self._migrate = version, parse, dump, migrate or {}

    def load(self) -> ValueT | None:
        """Return the value; None where there is no file.

        Raises:
            TurretError: IO_ERROR when the file cannot be read, DAMAGED when it is not valid, NOT_SUPPORTED when its
                version cannot be migrated. The file stays as it is.
        """
        try:
            document = json.loads(self.path.read_bytes())
            version, data = document['version'], document['data']
            while version != self._version and version in self._migrate:
                data, version = self._migrate[version](data), version + 1
            if version != self._version:
                raise TurretError(
                    ReasonCode.NOT_SUPPORTED, f'{self.path} is of version {version}, not {self._version}')
            return self._parse(data)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TurretError(ReasonCode.IO_ERROR, f'{self.path} cannot be read: {error.strerror}') from error
        except (
                ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
                TurretError) as error:
            code = error.code if isinstance(error, TurretError) and error.code is ReasonCode.NOT_SUPPORTED else (
                ReasonCode.DAMAGED)
            raise TurretError(code, f'{self.path} is not valid: {type(error).__name__}: {error}') from error

    def load_or_set_aside(self, report: Callable[[TurretError], None]) -> ValueT | None:
        """Return the value as :meth:`load`; a file that cannot be used is renamed, reported and counts as no file.

        Not for files whose absence permits more than their content.
        """
        try:
            return self.load()
        except TurretError as error:
            report(TurretError(error.code, f'{error.message}; {self._set_aside()}'))
            return None

    def _set_aside(self) -> str:
        aside = next(
            path for number in range(1, 1_000_000)
            if not (path := self.path.with_name(f'{self.path.name}.unusable-{number}')).exists())
        try:
            self.path.rename(aside)
        except OSError as error:
            return f'it could not be renamed: {error.strerror}'
        return f'it was renamed to {aside.name}'

    def save(self, value: ValueT) -> None:
        """Write the value atomically, mode 600.

        Raises:
            TurretError: IO_ERROR.
        """
        document = {'version': self._version, 'data': self._dump(value)}
        try:
            write_atomically(self.path, json.dumps(document, indent=1, allow_nan=False).encode())
        except OSError as error:
            raise TurretError(ReasonCode.IO_ERROR, f'{self.path} cannot be saved: {error.strerror}') from error

    def remove(self) -> None:
        """Delete the file if it exists.

        Raises:
            TurretError: IO_ERROR.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise TurretError(ReasonCode.IO_ERROR, f'{self.path} cannot be deleted: {error.strerror}') from error

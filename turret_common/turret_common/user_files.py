# SPDX-License-Identifier: Apache-2.0
"""Text files that users write: read within bounds, and refused in words instead of an exception of a library."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import yaml

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_MAX_BYTES = 1_000_000
#: Values within values. The loader in C of Debian 12 (PyYAML 6.0) recurses without a limit, until the process dies.
_MAX_DEPTH = 100


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, without a byte order mark.

    Raises:
        TurretError: NOT_FOUND; IO_ERROR, it cannot be read; TOO_LARGE, more than 1 MB; INVALID_ARGUMENT, it is not a
            text, or a pipe or device, which may never end. The message is the reason, without the path.
    """
    try:
        with open(path, 'rb', opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TurretError(ReasonCode.INVALID_ARGUMENT, 'not a regular file')
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        code = ReasonCode.NOT_FOUND if isinstance(error, FileNotFoundError) else ReasonCode.IO_ERROR
        raise TurretError(code, os.strerror(error.errno or 0)) from error
    except ValueError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'not the name of a file') from error
    if len(data) > _MAX_BYTES:
        raise TurretError(ReasonCode.TOO_LARGE, f'larger than {_MAX_BYTES / 1e6:g} MB')
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'not a text file in UTF-8') from error


class _Loader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):  # type: ignore[misc]  # that in C is ten times faster
    """Refuses a key that is there twice, of which YAML would drop the first value without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            twice = next((i for i, key in enumerate(keys) if key in keys[:i]), 0)
            raise yaml.constructor.ConstructorError(
                None, None, f'"{keys[twice]}" is there twice', node.value[twice][0].start_mark)
        return mapping


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML document.

    Aliases are refused: with them a short text becomes a value of any size. ROS parameter files have none either.

    Raises:
        TurretError: INVALID_ARGUMENT. The message is the reason, with the line.
    """
    try:
        depth = 0
        for event in yaml.parse(text, _Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                raise yaml.MarkedYAMLError(
                    problem=f'more than {_MAX_DEPTH} values within each other', problem_mark=event.start_mark)  # type: ignore[arg-type]
            if isinstance(event, yaml.AliasEvent):
                raise yaml.MarkedYAMLError(
                    problem=f'the alias "*{event.anchor}" is not supported', problem_mark=event.start_mark)  # type: ignore[arg-type]
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark  # libyaml counts a line behind the last one
        where = f' in line {min(mark.line + 1, len(text.splitlines()))}' if mark else ''
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'no valid YAML{where}: {error.problem}') from error
    except (AttributeError, LookupError) as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'no valid YAML: a value does not fit its tag') from error
    except (yaml.YAMLError, ValueError, ArithmeticError, RecursionError) as error:
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'no valid YAML: {str(error).partition(chr(10))[0]}') from error

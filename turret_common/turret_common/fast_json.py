# SPDX-License-Identifier: Apache-2.0
"""JSON as bytes: by orjson where it is installed, else by the standard library with the same behavior.

Values that are not finite are written as null, and are refused when read, as are texts with half of a surrogate pair.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

JSONDecodeError = json.JSONDecodeError

#: Integers that may not fit into 64 bits, numbers that may be infinite, and surrogates.
_SUSPECT = re.compile(r'[eE]\+?[0-9]{3}|[0-9]{19}|\\u[dD][89a-fA-F]')

try:
    from orjson import dumps, loads
except ImportError:
    def dumps(value: Any, /) -> bytes:  # type: ignore[misc]
        """Return a value as UTF-8 JSON without white space."""
        try:
            text = json.dumps(value, allow_nan=False, separators=(',', ':'), ensure_ascii=False)
        except ValueError:
            text = json.dumps(_finite(value), allow_nan=False, separators=(',', ':'), ensure_ascii=False)
        return text.encode()

    def loads(data: bytes | bytearray | memoryview | str, /) -> Any:
        """Return the value of a JSON text.

        Raises:
            JSONDecodeError: not UTF-8, not JSON, nested too deeply, NaN, infinity, or half of a surrogate pair.
        """
        try:
            text = data if isinstance(data, str) else bytes(data).decode()
            if not _SUSPECT.search(text):
                return json.loads(text, parse_constant=_refuse)
            value = json.loads(text, parse_constant=_refuse, parse_int=_integer)
            json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
            return value
        except JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise JSONDecodeError(str(error), '', 0) from error


def _integer(text: str) -> int | float:
    number = int(text)
    return number if -2**63 <= number < 2**64 else float(text)


def _refuse(name: str) -> Any:
    raise ValueError(f'{name} is not JSON')


def _finite(value: Any) -> Any:
    """Return a copy of a value in which numbers that are not finite are None."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


__all__ = ['JSONDecodeError', 'dumps', 'loads']

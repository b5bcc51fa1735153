# SPDX-License-Identifier: Apache-2.0
"""Limits on what clients send."""

from __future__ import annotations

import re
from typing import Any

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.web_parameters import LimitParameters

#: Size of a message that costs as much of the allowance as one message of any size [bytes].
_BYTES_PER_MESSAGE = 8 * 1024
#: Arrays and objects, and values, in one message. More cost tens of milliseconds to parse, check and convert. Brackets
#: and commas are counted, also those in texts.
_MAX_CONTAINERS = 10_000
_MAX_VALUES = 100_000
#: Length of each end of a message that is searched for the members that its answer needs [characters].
_PEEKED = 1000
_MEMBER = re.compile(r'"(op|id|service|action)"\s*:\s*("[^"\\\x00-\x1f]{0,300}"|(?:0|[1-9]\d{0,14})(?=\s*[,}]))')


class Allowance:
    """Rate limit with bursts of up to one second. Large messages cost more than small ones."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._left = rate_hz
        self._spent_at: float | None = None

    def spend(self, now_s: float, size: int = 0) -> float:
        """Take a message of a size [bytes]; return how long to wait before the next one [s], 0 within the rate."""
        if self._spent_at is not None:
            self._left = min(self._rate_hz, self._left + (now_s - self._spent_at) * self._rate_hz)
        self._spent_at = now_s
        self._left -= 1.0 + size / _BYTES_PER_MESSAGE
        return max(0.0, -self._left / self._rate_hz)


def peek(data: str | bytes) -> dict[str, Any]:
    """Return the short members at both ends of a message that is too large to parse: what its answer needs."""
    text = data if isinstance(data, str) else data.decode(errors='replace')
    members: dict[str, Any] = {}
    for name, value in _MEMBER.findall(f'{text[:_PEEKED]}\n{text[-_PEEKED:]}'):
        members.setdefault(name, fast_json.loads(value))
    return members


def parse_json(data: str | bytes, limits: LimitParameters) -> Any:
    """Return JSON from a client as values. Its size in arrays and objects is checked before it is parsed.

    Raises:
        TurretError: INVALID_ARGUMENT, the data is not JSON; TOO_LARGE.
    """
    text = data.encode(errors='replace') if isinstance(data, str) else data
    opening = text.count(b'[') + text.count(b'{')
    if opening > _MAX_CONTAINERS:
        raise TurretError(ReasonCode.TOO_LARGE, f'more than {_MAX_CONTAINERS} arrays and objects in one message')
    if text.count(b',') > _MAX_VALUES:
        raise TurretError(ReasonCode.TOO_LARGE, f'more than {_MAX_VALUES} values in one message')
    try:
        value = fast_json.loads(data)
    except fast_json.JSONDecodeError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'not valid JSON: {error}') from None
    if opening > limits.json_depth:  # fewer cannot be nested deeper
        _check_depth(value, limits.json_depth)
    return value


def _check_depth(value: Any, limit: int) -> None:
    """Refuse JSON that is nested deeper than ``limit`` (TOO_LARGE)."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(limit):
        level = [
            inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))]
        if not level:
            return
    raise TurretError(ReasonCode.TOO_LARGE, f'nested deeper than {limit}')

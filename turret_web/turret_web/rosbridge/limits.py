# SPDX-License-Identifier: Apache-2.0
"""Limits on what clients send."""

from __future__ import annotations

from typing import Any

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.web_parameters import LimitParameters

#: Size of a message that costs as much of the allowance as one message of any size [bytes].
_BYTES_PER_MESSAGE = 8 * 1024
#: Arrays and objects in one message. More cost tens of milliseconds to parse and check.
_MAX_CONTAINERS = 10_000


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


def parse_json(data: str | bytes, limits: LimitParameters) -> Any:
    """Return JSON from a client as values. Its size in arrays and objects is checked before it is parsed.

    Raises:
        TurretError: INVALID_ARGUMENT, the data is not JSON; TOO_LARGE.
    """
    opening = (data.count('[') + data.count('{')) if isinstance(data, str) else (data.count(b'[') + data.count(b'{'))
    if opening > _MAX_CONTAINERS:
        raise TurretError(ReasonCode.TOO_LARGE, f'more than {_MAX_CONTAINERS} arrays and objects in one message')
    try:
        value = fast_json.loads(data)
    except fast_json.JSONDecodeError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'not valid JSON: {error}') from None
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

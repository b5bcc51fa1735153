# SPDX-License-Identifier: Apache-2.0
"""Answers to wrong tokens: delayed, and recorded in the audit log."""

from __future__ import annotations

import asyncio
import logging

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

audit = logging.getLogger('turret_web.audit')

#: Delay of the answer to a wrong token [s], and maximum number of delayed answers at the same time.
_DELAY_S = 1.0
_DELAYED = 20


class WrongTokens:
    """Slows down clients that try tokens, wherever they present them."""

    def __init__(self) -> None:
        self._delayed = 0

    async def delay(self, address: str) -> None:
        """Record a wrong token and delay its answer.

        Raises:
            TurretError: RATE_LIMITED, too many answers are delayed already.
        """
        audit.warning('wrong token from %s', address)
        if self._delayed >= _DELAYED:
            raise TurretError(ReasonCode.RATE_LIMITED, 'too many wrong tokens; try again later')
        self._delayed += 1
        try:
            await asyncio.sleep(_DELAY_S)
        finally:
            self._delayed -= 1

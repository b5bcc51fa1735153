# SPDX-License-Identifier: Apache-2.0
"""Translation of errors into answers for clients: expected errors as they are, others as one line in the log."""

from __future__ import annotations

import logging
import secrets

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

log = logging.getLogger(__name__)


def as_refusal(error: Exception) -> TurretError:
    """Return the refusal that a client gets for an error.

    An unexpected error becomes INTERNAL_ERROR with an id, under which one line in the log describes it.
    """
    if isinstance(error, TurretError):
        return error
    number = secrets.token_hex(4)
    log.error('internal error %s: %s: %.300r', number, type(error).__name__, str(error))
    log.debug('internal error %s', number, exc_info=error)
    return TurretError(ReasonCode.INTERNAL_ERROR, f'internal error {number}; the log of the node web describes it')

# SPDX-License-Identifier: Apache-2.0
"""The operator secret: a file that only the user of the turret can read, required to acquire the operator lease."""

from __future__ import annotations

import secrets
from pathlib import Path

from turret_common.errors import TurretError
from turret_common.paths import state_dir, write_atomically
from turret_common.reason_codes import ReasonCode


def secret_file(namespace: str) -> Path:
    """Return the path of the operator secret of a turret."""
    return state_dir(namespace) / 'operator.secret'


def obtain_secret(namespace: str) -> str:
    """Return the operator secret of a turret; create it when there is none.

    Raises:
        TurretError: NOT_ALLOWED when other users can read the file, IO_ERROR when it cannot be read, is empty or is
            not a text.
    """
    path = secret_file(namespace)
    try:
        if not path.exists():
            write_atomically(path, secrets.token_urlsafe(32).encode(), mode=0o600)
        if path.stat().st_mode & 0o077:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'{path} can be read by other users: chmod 600 it, or delete it')
        secret = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TurretError(
            ReasonCode.IO_ERROR, f'the operator secret {path} cannot be read or created: {error}') from error
    if not secret:
        raise TurretError(ReasonCode.IO_ERROR, f'{path} is empty: delete it')
    return secret

# SPDX-License-Identifier: Apache-2.0
"""The key of a run, with which the safety node authenticates its permits and fire grants.

It is a file of mode 600 in the turret's runtime folder. Each start of a turret renews it; the first node that needs it
creates it where nothing did.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from turret_common.errors import TurretError
from turret_common.paths import runtime_dir, write_atomically
from turret_common.reason_codes import ReasonCode

_LENGTH = 32


def key_file(namespace: str) -> Path:
    """Return the path of the key of a turret's run."""
    return runtime_dir(namespace) / 'run.key'


def renew_run_key(namespace: str) -> None:
    """Begin a new run: messages of processes that were started before are rejected.

    Raises:
        TurretError: IO_ERROR.
    """
    try:
        write_atomically(key_file(namespace), secrets.token_bytes(_LENGTH))
    except OSError as error:
        raise TurretError(ReasonCode.IO_ERROR, f'the key of the run cannot be written: {error}') from error


def run_key(namespace: str) -> bytes:
    """Return the key of the present run; create it where there is none.

    Raises:
        TurretError: NOT_ALLOWED when others may read the file, IO_ERROR when it cannot be used.
    """
    path = key_file(namespace)
    try:
        if not path.exists():
            own = path.with_name(f'.{path.name}.{os.getpid()}.{secrets.token_hex(4)}')
            write_atomically(own, secrets.token_bytes(_LENGTH))
            with contextlib.suppress(FileExistsError):  # another node was faster: its key counts
                path.hardlink_to(own)
            own.unlink()
        if path.stat().st_mode & 0o077:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'{path} can be read by others: delete it and start again')
        key = path.read_bytes()
    except OSError as error:
        raise TurretError(ReasonCode.IO_ERROR, f'the key of the run cannot be used: {error}') from error
    if len(key) != _LENGTH:
        raise TurretError(ReasonCode.IO_ERROR, f'{path} is damaged: delete it and start again')
    return key


def run_id(key: bytes) -> str:
    """Return a name of the run that does not disclose its key."""
    return hashlib.sha256(b'run' + key).hexdigest()[:16]


def mac(key: bytes, kind: str, values: Sequence[bool | int | str]) -> str:
    """Return the message authentication code of a message's values: HMAC-SHA256, the first 32 hex digits.

    Args:
        key: key of the run.
        kind: name of the message type, so that a code of one type is not valid for another.
        values: all other fields of the message.
    """
    text = repr((kind, *values)).encode()
    return hmac.digest(key, text, 'sha256').hex()[:32]


def mac_valid(given: str, key: bytes, kind: str, values: Sequence[bool | int | str]) -> bool:
    """Return whether a message's authentication code is right."""
    return hmac.compare_digest(given.encode(), mac(key, kind, values).encode())

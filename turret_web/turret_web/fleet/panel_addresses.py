# SPDX-License-Identifier: Apache-2.0
"""Addresses of the panels of this user's turrets on this host: each web gateway locks a file with it while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import time
from typing import TextIO

from turret_common.errors import TurretError
from turret_common.paths import state_dir, state_root
from turret_web.access.access import load_tokens, tokens_path
from turret_web.fleet.fleet_file import FleetEntry

_FILE = 'panel.url'
#: Time after which a lock counts as taken, and polling period [s].
_TAKEN_S, _POLL_S = 1.0, 0.02


async def publish_panel(namespace: str, url: str, fingerprint: str) -> TextIO:
    """Write address and certificate of a panel (OSError); they are valid until the returned file is closed."""
    file = (state_dir(namespace) / _FILE).open('a+')
    deadline = time.monotonic() + _TAKEN_S
    while not _lock(file, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            file.close()
            raise BlockingIOError(f'another web gateway runs in the namespace "{namespace}"')
        await asyncio.sleep(_POLL_S)  # another process looks at it right now
    file.truncate(0)
    file.write(f'{url}\n{fingerprint}\n')
    file.flush()
    return file


def _lock(file: TextIO, how: int) -> bool:
    """Lock a file; return whether that was possible now."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def panels() -> dict[str, FleetEntry]:
    """Return the panels of this host that run, with their viewer tokens, by namespace without slashes at its ends."""
    root = state_root()
    found: dict[str, FleetEntry] = {}
    for path in sorted(root.rglob(_FILE)) if root.is_dir() else ():
        namespace = str(path.parent.relative_to(root))
        with contextlib.suppress(OSError, UnicodeDecodeError, TurretError, ValueError), path.open() as file:
            if not _lock(file, fcntl.LOCK_SH):
                url, fingerprint = file.read().splitlines()
                token = load_tokens(tokens_path(namespace)).viewer if tokens_path(namespace).exists() else ''
                found[namespace] = FleetEntry(f'/{namespace}', url, token, fingerprint=fingerprint)
    return found

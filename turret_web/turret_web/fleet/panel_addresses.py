# SPDX-License-Identifier: Apache-2.0
"""Addresses of the panels of this user's turrets on this host: each web gateway writes its own while it runs."""

from __future__ import annotations

import contextlib
from pathlib import Path

from turret_common.paths import state_dir, state_root, write_atomically

_FILE = 'panel.url'


def write_panel_address(namespace: str, url: str) -> None:
    """Write the address of a panel (OSError)."""
    write_atomically(state_dir(namespace) / _FILE, url.encode())


def remove_panel_address(namespace: str) -> None:
    """Remove the address of a panel that ends."""
    with contextlib.suppress(OSError):
        (state_dir(namespace) / _FILE).unlink()


def panel_addresses() -> dict[str, str]:
    """Return the addresses by namespace, without slashes at its ends. A gateway that was killed leaves its own."""
    root = state_root()
    found: dict[str, str] = {}
    for path in sorted(root.rglob(_FILE)) if root.is_dir() else ():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found[str(Path(path.parent).relative_to(root))] = path.read_text()
    return found

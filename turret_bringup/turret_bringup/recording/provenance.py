# SPDX-License-Identifier: Apache-2.0
"""Where a recording comes from: version of the code, host and hardware."""

from __future__ import annotations

import functools
import platform
import socket
import subprocess
from importlib import metadata
from pathlib import Path

_MODEL = Path('/proc/device-tree/model')
_TIMEOUT_S = 5.0


@functools.cache
def provenance() -> dict[str, str]:
    """Return entries for ``custom_data`` of a bag's metadata."""
    return {
        'turret.version': _version(), 'turret.host': socket.gethostname(), 'turret.hardware': _hardware(),
        'turret.system': platform.platform()}


def _version() -> str:
    """Return the version of the package, and the commit where it runs from a repository."""
    try:
        version = metadata.version('turret_bringup')
    except metadata.PackageNotFoundError:
        version = 'unknown'
    try:
        described = subprocess.run(
            ['git', '-C', str(Path(__file__).parent), 'describe', '--always', '--dirty', '--abbrev=12'],
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return version
    return f'{version} ({described})'


def _hardware() -> str:
    """Return the model of the board, or the architecture."""
    try:
        return _MODEL.read_text().rstrip('\0\n')
    except (OSError, UnicodeDecodeError):
        return platform.machine()

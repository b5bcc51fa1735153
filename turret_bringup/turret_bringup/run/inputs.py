# SPDX-License-Identifier: Apache-2.0
"""Checks of the image sources that a user names, before anything starts."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode


def require_footage(path: Path) -> None:
    """Refuse a file that is not a playable video, and a folder without playable images.

    Raises:
        TurretError: NOT_FOUND or INVALID_ARGUMENT.
    """
    if not path.exists():
        raise TurretError(ReasonCode.NOT_FOUND, f'video file {path} does not exist')
    # In a process of its own, because of the memory that decoding takes; with the code that plays it.
    probe = 'import sys; from turret_camera.sources.footage import check; sys.exit(check(sys.argv[1]) or 0)'
    ended = subprocess.run([sys.executable, '-c', probe, path], capture_output=True, text=True, check=False)
    if ended.returncode:
        lines = ended.stderr.strip().splitlines()
        raise TurretError(ReasonCode.INVALID_ARGUMENT, lines[-1] if lines else f'{path} is not a playable video')


def require_camera(path: Path) -> None:
    """Refuse a device that is not a usable camera.

    Raises:
        TurretError: CAMERA_ABSENT, or IO_ERROR without the permission to use it.
    """
    if not (path.exists() and stat.S_ISCHR(path.stat().st_mode)):
        raise TurretError(ReasonCode.CAMERA_ABSENT, f'camera {path} does not exist')
    if not os.access(path, os.R_OK | os.W_OK):
        raise TurretError(
            ReasonCode.IO_ERROR, f'no permission to use {path}. Join its group, then sign in again: '
            f'sudo usermod -aG {path.group()} $USER')

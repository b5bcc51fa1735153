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


def require_video(path: Path) -> None:
    """Refuse a file that is not a playable video.

    Raises:
        TurretError: NOT_FOUND or INVALID_ARGUMENT.
    """
    if not path.is_file():
        raise TurretError(ReasonCode.NOT_FOUND, f'video file {path} does not exist')
    # In a process of its own, because of the memory that decoding takes.
    probe = 'import av, sys; next(av.open(sys.argv[1]).decode(video=0))'
    if subprocess.run([sys.executable, '-c', probe, path], stderr=subprocess.DEVNULL, check=False).returncode:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{path} is not a playable video')


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

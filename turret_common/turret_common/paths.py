# SPDX-License-Identifier: Apache-2.0
"""Folders of a turret (state, sockets, cache), and atomic writing of files."""

from __future__ import annotations

import hashlib
import os
import pwd
import tempfile
from pathlib import Path

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Folders within the state folder of a turret. A namespace ``turret/run`` would share one with the turret ``turret``.
_FOLDERS = frozenset({
    'bags', 'calibration', 'effective_parameters', 'media', 'models', 'parameters', 'run', 'view'})
#: The kernel limits the path of a socket to 107 bytes; the file name takes some of them.
_MAX_SOCKET_FOLDER = 90


def state_root() -> Path:
    """Return ``$XDG_STATE_HOME/turret``, the folder with the state folders of all turrets. It may not exist."""
    return _base_folder('XDG_STATE_HOME', '.local/state') / 'turret'


def state_dir(namespace: str) -> Path:
    """Return (and make) ``$XDG_STATE_HOME/turret/<namespace>``, mode 700.

    Args:
        namespace: of the turret, with or without slashes at the ends; inner slashes make sub-folders.

    Raises:
        TurretError: INVALID_ARGUMENT, the folder would be within one that belongs to another turret.
    """
    name = namespace.strip('/') or 'turret'
    shared = _FOLDERS.intersection(name.split('/')[1:])
    if shared:
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'"{name}" cannot be a namespace: "{min(shared)}" is a folder of the turret '
            f'"{name.partition("/")[0]}"')
    folder = state_root() / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def runtime_dir(namespace: str) -> Path:
    """Return (and make) the folder for the sockets of a running turret, mode 700.

    It depends on the state folder only, so every process finds the same one, however it was started: it is ``run`` in
    the state folder or, where that path is too long for a socket, a folder of this user in ``/tmp``.

    Raises:
        TurretError: NOT_ALLOWED, another user owns the folder in ``/tmp``.
    """
    folder = state_dir(namespace) / 'run'
    if len(os.fsencode(folder)) > _MAX_SOCKET_FOLDER:
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        folder = Path('/tmp', f'turret-{os.getuid()}', name)  # not $TMPDIR, which differs between shells
        folder.parent.mkdir(exist_ok=True, mode=0o700)
        if folder.parent.lstat().st_uid != os.getuid():
            raise TurretError(ReasonCode.NOT_ALLOWED, f'{folder.parent} belongs to another user')
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def cache_dir() -> Path:
    """Return ``$XDG_CACHE_HOME/turret``, the folder for reproducible files. It may not exist."""
    return _base_folder('XDG_CACHE_HOME', '.cache') / 'turret'


def _base_folder(variable: str, default: str) -> Path:
    """Return a folder of the XDG specification, which ignores relative paths: they differ between shells."""
    folder = Path(os.environ.get(variable, ''))
    if folder.is_absolute():
        return folder
    home = Path(os.environ.get('HOME', ''))
    if not home.is_absolute():
        try:
            home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        except KeyError:
            raise TurretError(
                ReasonCode.NOT_ALLOWED, f'user {os.getuid()} has no home folder: set HOME or {variable}') from None
    return home / default


def write_atomically(path: Path, data: bytes | memoryview, mode: int = 0o600) -> None:
    """Replace a file so that a reader, or a power cut, sees either the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    try:
        with os.fdopen(handle, 'wb') as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise

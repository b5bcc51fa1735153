"""Where a turret keeps what must survive a restart, and how it is written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def state_dir(namespace: str) -> Path:
    """Return (and make) ``$XDG_STATE_HOME/turret/<namespace>``, mode 700.

    Args:
        namespace: of the turret, with or without slashes at the ends; inner slashes make sub-folders.
    """
    base = Path(os.environ.get('XDG_STATE_HOME') or Path.home() / '.local' / 'state')
    folder = base / 'turret' / (namespace.strip('/') or 'turret')
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def runtime_dir(namespace: str) -> Path:
    """Return (and make) the folder for sockets and locks of a running turret, mode 700.

    It is under ``$XDG_RUNTIME_DIR`` where there is one, else in the state folder. Socket paths are limited to about
    100 bytes by the kernel, so it is kept short.
    """
    runtime = os.environ.get('XDG_RUNTIME_DIR')
    if runtime and os.access(runtime, os.W_OK):
        folder = Path(runtime) / 'turret' / (namespace.strip('/') or 'turret')
    else:
        folder = state_dir(namespace) / 'run'
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def cache_dir() -> Path:
    """Return ``$XDG_CACHE_HOME/turret``, for what can be made again. It may not exist."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'turret'


def write_atomically(path: Path, data: bytes | memoryview, mode: int = 0o600) -> None:
    """Replace a file so that a reader, or a power cut, sees the old or the new content and nothing between."""
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

# SPDX-License-Identifier: Apache-2.0
"""What several turrets of one host must not share: each namespace gets a port of its panel, each turret its devices.

Within a ROS domain each namespace belongs to one turret, also to that of another user or with another state folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from turret_bringup.run import panel_address
from turret_bringup.settings.configuration import Configuration
from turret_bringup.settings.graph import DEFAULT_NAMESPACE, Group
from turret_common.errors import TurretError
from turret_common.json_file import JsonFile
from turret_common.paths import state_root
from turret_common.reason_codes import ReasonCode
from turret_control import wiring
from turret_control.devices.gpio_pins import GPIO_DEVICES

_LAST_PORT = 8999
_LOOPBACK = '127.0.0.1'
#: Folders for locks that all users share, best first.
_LOCK_FOLDERS = (Path('/run/lock'), Path(tempfile.gettempdir()))


def panel_port(namespace: str) -> int:
    """Return the port of a namespace's panel: always the same one, and another one for each namespace of this user.

    Raises:
        TurretError: NOT_READY, no port is left; DAMAGED or IO_ERROR, the file of ports cannot be used.
    """
    if namespace == DEFAULT_NAMESPACE:
        return panel_address.FIRST_PORT
    folder = state_root()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file: JsonFile[dict[str, int]] = JsonFile(folder / 'ports.json', 1, _parse, dict)
    with (folder / 'ports.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ports = file.load() or {}
        if namespace not in ports:
            ports[namespace] = _free_port(ports.values())
            file.save(ports)
        return ports[namespace]


def _parse(data: Any) -> dict[str, int]:
    return {str(name): int(port) for name, port in data.items()}


def _free_port(taken: Iterable[int]) -> int:
    used = {panel_address.FIRST_PORT, *taken}
    for port in range(panel_address.FIRST_PORT, _LAST_PORT + 1):
        if port not in used:
            with contextlib.suppress(TurretError):
                panel_address.require_free(_LOOPBACK, port)
                return port
    raise TurretError(
        ReasonCode.NOT_READY,
        f'no port from {panel_address.FIRST_PORT} to {_LAST_PORT} is free: choose one with --port')


@contextlib.contextmanager
def devices_held(config: Configuration) -> Iterator[None]:
    """Hold the GPIO lines and devices of a turret's hardware until the ``with`` block ends. Raises as :func:`hold`."""
    with hold_devices(config):
        yield


def hold_devices(config: Configuration) -> contextlib.ExitStack:
    """Take the locks of the GPIO lines and devices that a configuration uses on this host, without touching them.

    Returns:
        Holds the locks until it is closed, or the process ends.

    Raises:
        TurretError: BUSY, another turret uses one of them.
    """
    with contextlib.ExitStack() as locks:
        for name, purpose in _devices(config).items():
            _lock(locks, name, f'{name} ({purpose})', config.namespace)
        return locks.pop_all()


def hold_namespace(namespace: str, groups: Sequence[Group]) -> contextlib.ExitStack:
    """Take the locks of the names that groups of nodes have in the ROS domain, on this host and for all users.

    Returns and raises as :func:`hold_devices`.
    """
    domain = os.environ.get('ROS_DOMAIN_ID', '').strip() or '0'
    with contextlib.ExitStack() as locks:
        for group in groups:
            _lock(
                locks, f'domain {domain} {namespace} {group.name}',
                f'the namespace "{namespace}" of ROS domain {domain} (group {group.name})', namespace,
                '; choose another one with --namespace, or another ROS_DOMAIN_ID')
        return locks.pop_all()


def _devices(config: Configuration) -> dict[str, str]:
    """Return the purpose of each device that only one turret may use, by the device's name."""
    if not config.starts('gimbal'):
        return {}
    found = {f'GPIO {pin}': name for pin, name in wiring.pins(*config.hardware()).items()}
    devices = [(name, device) for name, device in wiring.devices(*config.hardware()) if device != GPIO_DEVICES]
    camera = config.effective['camera']
    if camera.source == 'v4l2':
        devices.append(('camera.device', camera.device))
    # By what links such as those in /dev/serial/by-id lead to.
    return found | {str(Path(device).resolve()): name for name, device in devices}


def _lock(locks: contextlib.ExitStack, name: str, what: str, namespace: str, remedy: str = '') -> None:
    file_name = f'turret-{name.strip("/").replace("/", "-").replace(" ", "-")}.lock'
    file = locks.enter_context(os.fdopen(_opened(file_name), 'r+'))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = file.read().strip() or 'another turret'
        raise TurretError(ReasonCode.BUSY, f'{what} is in use by {owner}{remedy}') from None
    file.truncate(0)
    file.write(f'the turret "{namespace}" (process {os.getpid()})\n')
    file.flush()


def _opened(name: str) -> int:
    """Open a lock file that turrets of all users can lock; return its descriptor."""
    folder = next(folder for folder in _LOCK_FOLDERS if os.access(folder, os.W_OK))
    path = folder / name
    try:
        return os.open(path, os.O_RDWR)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            created = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR)
            os.fchmod(created, 0o666)
            return created
        return os.open(path, os.O_RDWR)

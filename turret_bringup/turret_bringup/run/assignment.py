# SPDX-License-Identifier: Apache-2.0
"""What several turrets of one host must not share: each namespace gets a port of its panel, each turret its devices.

Within a ROS domain each namespace belongs to one turret, also to that of another user or with another state folder.
A domain is large enough for two turrets on a host, see docs/several.md; the next one gets the next domain.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from turret_bringup.run import instance, panel_address
from turret_bringup.settings.configuration import Configuration
from turret_bringup.settings.environment import domain_number, shell_domain, stays_on_this_host, turret_domain
from turret_bringup.settings.graph import DEFAULT_NAMESPACE, Group
from turret_common.errors import TurretError
from turret_common.json_file import JsonFile
from turret_common.paths import state_root
from turret_common.reason_codes import ReasonCode
from turret_common.ros.domains import ANNOUNCED_TO, DOMAINS, participants
from turret_control import wiring
from turret_control.devices.gpio_pins import GPIO_DEVICES

_LAST_PORT = 8999
_LOOPBACK = '127.0.0.1'
#: Folders for locks that all users share, best first.
_LOCK_FOLDERS = (Path('/run/lock'), Path(tempfile.gettempdir()))
#: Variable with the ROS domains that are chosen from, best first, separated by commas.
DOMAINS_VARIABLE = 'TURRET_DOMAINS'
#: Participants of a turret and some tools, and the time after which those of a turret that has started exist [s].
_SPARE, _STARTING_S = ANNOUNCED_TO // 2, 60.0


def panel_port(namespace: str) -> int:
    """Return the port of a namespace's panel: always the same one, and another one for each namespace of this user.

    Raises:
        TurretError: BUSY, no port is left; DAMAGED or IO_ERROR, the file of ports cannot be used.
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
            taken = {panel_address.FIRST_PORT, *ports.values()}
            ports[namespace] = panel_address.first_free(
                _LOOPBACK, [port for port in range(panel_address.FIRST_PORT, _LAST_PORT + 1) if port not in taken])
            file.save(ports)
        return ports[namespace]


def _parse(data: Any) -> dict[str, int]:
    return {str(name): int(port) for name, port in data.items()}


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


class JoinedDomain(NamedTuple):
    """The ROS domain of a turret that starts: its number, lines for the user, and locks of the turret's names in it.

    The locks are held until they are closed, or the process ends.
    """

    number: int
    notes: list[str]
    locks: contextlib.ExitStack


def join_domain(namespace: str, groups: Sequence[Group], base: Mapping[str, str] = os.environ) -> JoinedDomain:
    """Choose the ROS domain of groups that start, and take the locks of their names there, for all users of this host.

    The shell decides, then groups of the turret that run already. Otherwise it is the first domain with free
    capacity. Where other hosts take part it is domain 0: they could not know another one.

    Raises:
        TurretError: BUSY, another turret has the namespace in this domain, or no domain has free capacity;
            INVALID_ARGUMENT, the shell sets what is not a domain.
    """
    with os.fdopen(_opened('turret-domains.lock'), 'r+') as choosing, contextlib.ExitStack() as locks:
        fcntl.flock(choosing, fcntl.LOCK_EX)
        asked = shell_domain(base)
        joins = not set(instance.running(namespace)) <= set(groups)
        if asked is not None or joins:
            domain = turret_domain(namespace, base)
        else:
            domain = _with_capacity(_candidates(base)) if stays_on_this_host(base) else 0
        taken = _taken(domain)
        for group in groups:
            _lock(
                locks, f'domain {domain} {namespace} {group.name}',
                f'the namespace "{namespace}" of ROS domain {domain} (group {group.name})', namespace,
                '; choose another one with --namespace, or another ROS_DOMAIN_ID', str(0 if joins else taken + _SPARE))
        notes = []
        if asked is None and domain:
            notes.append(
                f'ROS_DOMAIN_ID {domain}: the first domain with enough free places; ./turret knows it, other '
                'programs need this setting')
        elif taken > ANNOUNCED_TO - _SPARE and stays_on_this_host(base) and not joins:
            notes.append(
                f'ROS_DOMAIN_ID {domain}: {taken} programs of this host are in this ROS domain, so some nodes may be '
                f'discovered late or never; unset ROS_DOMAIN_ID, or choose another')
        return JoinedDomain(domain, notes, locks.pop_all())


def _candidates(base: Mapping[str, str]) -> list[int]:
    numbers = [domain_number(DOMAINS_VARIABLE, word) for word in base.get(DOMAINS_VARIABLE, '').split(',')]
    return [number for number in numbers if number is not None] or [0, *DOMAINS]


def _with_capacity(domains: Sequence[int]) -> int:
    """Return the first domain with free capacity; later ones only with turrets or without any program."""
    for domain in domains:
        if _taken(domain) <= (ANNOUNCED_TO - _SPARE if domain == domains[0] or _promises(domain) else 0):
            return domain
    raise TurretError(
        ReasonCode.BUSY, f'none of the ROS domains {domains[0]} to {domains[-1]} has enough free places on this '
        'host: stop a turret, or choose one with ROS_DOMAIN_ID')


def _taken(domain: int) -> int:
    """Return how many participants a domain has, or will have when the turrets in it have started."""
    return max([participants(domain), *_promises(domain)])


def _promises(domain: int) -> list[int]:
    """Return how many participants each turret of a domain has announced there will be; 0 when it has started."""
    found = []
    for path in lock_folder().glob(f'turret-domain-{domain}-*.lock'):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                promise = file.read().partition('\n')[2].strip()
                starts = time.time() - path.stat().st_mtime < _STARTING_S
                found.append(int(promise) if starts and promise.isdecimal() else 0)
    return found


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


def _lock(
        locks: contextlib.ExitStack, name: str, what: str, namespace: str, remedy: str = '', note: str = '') -> None:
    """Take a lock; its file shows others the owner in its first line and the note in the second."""
    file_name = f'turret-{name.strip("/").replace("/", "-").replace(" ", "-")}.lock'
    file = locks.enter_context(os.fdopen(_opened(file_name), 'r+'))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = file.readline().strip() or 'another turret'
        raise TurretError(ReasonCode.BUSY, f'{what} is in use by {owner}{remedy}') from None
    file.truncate(0)
    file.write(f'the turret "{namespace}" (process {os.getpid()})\n{note}\n')
    file.flush()


def lock_folder() -> Path:
    """Return the folder for locks that turrets of all users share."""
    return next(folder for folder in _LOCK_FOLDERS if os.access(folder, os.W_OK))


def _opened(name: str) -> int:
    """Open a lock file that turrets of all users can lock; return its descriptor."""
    path = lock_folder() / name
    try:
        return os.open(path, os.O_RDWR)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            created = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR)
            os.fchmod(created, 0o666)
            return created
        return os.open(path, os.O_RDWR)

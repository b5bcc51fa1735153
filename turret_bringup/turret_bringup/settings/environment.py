# SPDX-License-Identifier: Apache-2.0
"""The environment variables of the processes of a turret."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from turret_bringup.settings.graph import DEFAULT_NAMESPACE, OPERATOR, Group, NodeSpec
from turret_common.errors import TurretError
from turret_common.paths import state_dir, state_root, write_atomically
from turret_common.reason_codes import ReasonCode

_PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
#: Our profiles, and those of processes that publish raw images.
_FILE, _RAW_IMAGES_FILE = 'fastdds.xml', 'fastdds_shm.xml'
#: Port of a Fast DDS discovery server.
DISCOVERY_PORT = 11811
#: A compressed image of a few bytes can be one of gigabytes: larger ones are refused.
_MAX_PIXELS = '100000000'
#: In the state folder: the variables that the nodes of the turret were started with.
_DISCOVERY_FILE = 'discovery.json'
_PEERS, _SERVER, _SUPER_CLIENT = 'ROS_STATIC_PEERS', 'ROS_DISCOVERY_SERVER', 'ROS_SUPER_CLIENT'
_DOMAIN, _RANGE = 'ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE'
_REMEMBERED = (_DOMAIN, _PEERS, _SERVER, _SUPER_CLIENT)
_MAX_DOMAIN = 232  # of DDSI-RTPS: the ports of later ones would be above 65535
_MIDDLEWARE, _FAST_DDS, _ZENOH = 'RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp', 'rmw_zenoh_cpp'
_SECURITY, _ENCLAVE = 'ROS_SECURITY_ENABLE', 'ROS_SECURITY_ENCLAVE_OVERRIDE'


def discovery(peers: str, server: str, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables with which nodes discover those on other hosts, by ROS 2's own means.

    Without peers and server the range stays as it is: this host, unless the shell says otherwise. Peers are sent the
    announcements that otherwise stay on this host, without multicast, so that discovery also works on Wi-Fi. Clients of
    a server learn of everything in the domain, not only of what they communicate with: the safety node looks for second
    publishers.

    Args:
        peers: other hosts of the turret, names or addresses separated by commas.
        server: host, or host:port, of a Fast DDS discovery server.
        base: the environment of the shell.

    Raises:
        TurretError: INVALID_ARGUMENT, a host name has no IPv4 address, or a port is not one; NOT_SUPPORTED, the
            shell has chosen Zenoh, whose routers discover other hosts.
    """
    variables = {}
    if (peers or server) and base.get(_MIDDLEWARE) == _ZENOH:
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, f'{_ZENOH} reaches other hosts through its routers, see docs/several.md: leave '
            'out peers and discovery server')
    if peers:
        names = [name.strip() for name in peers.split(',') if name.strip()]
        variables[_PEERS] = ';'.join(map(_address, names))
    if server:
        host, port = discovery_server(server)
        variables |= {_SERVER: f'{host}:{port}', _SUPER_CLIENT: 'TRUE'}
    return variables


def discovery_server(text: str) -> tuple[str, int]:
    """Return IPv4 address and port of ``host`` or ``host:port``. Raises as :func:`discovery`."""
    host, _, port = text.partition(':')
    number = port or str(DISCOVERY_PORT)
    if not (number.isascii() and number.isdecimal() and 0 < int(number) < 65536):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{port}" is not the port of a discovery server')
    return _address(host), int(number)


def remember_discovery(namespace: str, base: Mapping[str, str] = os.environ) -> None:
    """Save how the nodes of a turret that starts now discover others, for :func:`environment`."""
    variables = {name: base[name] for name in _REMEMBERED if base.get(name)}
    write_atomically(state_dir(namespace) / _DISCOVERY_FILE, json.dumps(variables).encode())


def _remembered(namespace: str) -> dict[str, str]:
    try:
        found = json.loads((state_root() / namespace.strip('/') / _DISCOVERY_FILE).read_text())
    except (OSError, ValueError):
        found = {}
    values = {name: str(found.get(name, '')) for name in _REMEMBERED} if isinstance(found, dict) else dict.fromkeys(
        _REMEMBERED, '')
    return values if _is_domain(values[_DOMAIN]) else {**values, _DOMAIN: ''}


def _is_domain(text: str) -> bool:
    return text in map(str, range(_MAX_DOMAIN + 1))


def domain_number(variable: str, text: str) -> int | None:
    """Return the number of a ROS domain that a variable contains; None where it contains none.

    Raises:
        TurretError: INVALID_ARGUMENT, it is not the number of a domain.
    """
    text = text.strip()
    if text and not _is_domain(text):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{variable}: "{text}" is not a number from 0 to {_MAX_DOMAIN}')
    return int(text) if text else None


def shell_domain(base: Mapping[str, str] = os.environ) -> int | None:
    """Return the ROS domain that the shell sets; None where it sets none. Raises as :func:`domain_number`."""
    return domain_number(_DOMAIN, base.get(_DOMAIN, ''))


def turret_domain(namespace: str, base: Mapping[str, str] = os.environ) -> int:
    """Return the ROS domain in which programs of this shell look for a turret. Raises as :func:`domain_number`."""
    asked = shell_domain(base)
    return int(_remembered(namespace)[_DOMAIN] or 0) if asked is None else asked


def stays_on_this_host(base: Mapping[str, str] = os.environ) -> bool:
    """Return whether nodes discover those of this host only, and each other without a server or router."""
    return base.get(_RANGE, '') in ('', 'LOCALHOST') and base.get(_MIDDLEWARE) != _ZENOH and not (
        base.get(_PEERS) or base.get(_SERVER))


def _address(host: str) -> str:
    if not host:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'the name of a host is empty')
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'the host "{host}" has no IPv4 address: {error}') from error


def environment(namespace: str, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what a program needs that talks to a turret of this machine, unless ``base`` says otherwise.

    It discovers the turret's nodes as these were started to discover each other. Without a discovery server the
    variable is empty: where it is missing, Fast DDS 2.14 takes the last value that the process had. An empty domain of
    the shell is none.
    """
    kept = {name for name in base if name != _DOMAIN or base[name].strip()}
    remembered = {name: value for name, value in _remembered(namespace).items() if name not in kept}
    return remembered | _common(namespace, OPERATOR, base)


def _common(namespace: str, group: Group, base: Mapping[str, str]) -> dict[str, str]:
    variables = {
        _RANGE: base.get(_RANGE) or 'LOCALHOST',
        'OPENCV_IO_MAX_IMAGE_PIXELS': base.get('OPENCV_IO_MAX_IMAGE_PIXELS') or _MAX_PIXELS}
    if base.get(_SECURITY) == 'true' and _ENCLAVE not in base:
        variables[_ENCLAVE] = enclave(namespace, group)
    return variables if any(base.get(name) for name in _PROFILES) else variables | _profiles(_packaged(_FILE))


def require_supported(base: Mapping[str, str] = os.environ) -> None:
    """Raise TurretError (NOT_SUPPORTED) where the shell demands what the Python packages of ROS 2 do not contain."""
    middleware = base.get(_MIDDLEWARE) or _FAST_DDS
    if middleware != _FAST_DDS:
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, f'{_MIDDLEWARE} is "{middleware}", but the Python packages of ROS 2 contain '
            f'{_FAST_DDS} only: unset {_MIDDLEWARE}, or use a distribution')
    if base.get(_SECURITY) == 'true':
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, f'{_SECURITY} is "true", but the Python packages of ROS 2 contain Fast DDS '
            f'without security: unset {_SECURITY}, or use a distribution')


def enclave(namespace: str, group: Group) -> str:
    """Return the SROS2 enclave of a group of nodes; other programs use that of the group ``operator``."""
    return f'/{namespace.strip("/")}/{group.name}'


def node_environment(
        spec: NodeSpec, namespace: str, folder: Path, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what the process of a node needs.

    Args:
        spec: the node.
        namespace: of the turret.
        folder: where its Fast DDS profiles are written, as topics are named in them.
        base: the environment that it inherits; its values take precedence.
    """
    variables = _common(namespace, spec.group, base)
    if spec.raw_images:
        return variables | _profiles(_for_turret(_RAW_IMAGES_FILE, namespace, folder))
    packaged = _PROFILES[0] in variables
    return variables | (_profiles(_for_turret(_FILE, namespace, folder)) if packaged else {})


def _for_turret(file: str, namespace: str, folder: Path) -> Path:
    """Write one of our files so that the names of its topics begin with a namespace; return its path."""
    path = folder / file
    text = _packaged(file).read_text().replace(f'"/{DEFAULT_NAMESPACE}/', f'"/{namespace.strip("/")}/')
    path.write_text(text)
    return path


def _packaged(file: str) -> Path:
    return Path(str(resources.files('turret_bringup') / 'config' / file))


def _profiles(path: Path) -> dict[str, str]:
    """Return the variables that make Fast DDS read a file: its old name for it and its new one."""
    return dict.fromkeys(_PROFILES, str(path))

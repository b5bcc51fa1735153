# SPDX-License-Identifier: Apache-2.0
"""The environment variables of the processes of a turret."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from turret_bringup.settings.graph import DEFAULT_NAMESPACE, NodeSpec
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
#: Our profiles, and those of processes that publish raw images.
_FILE, _RAW_IMAGES_FILE = 'fastdds.xml', 'fastdds_shm.xml'
#: Port of a Fast DDS discovery server.
_DISCOVERY_PORT = 11811
#: A compressed image of a few bytes can be one of gigabytes: larger ones are refused.
_MAX_PIXELS = '100000000'


def discovery(peers: str, server: str) -> dict[str, str]:
    """Return the variables with which nodes discover those on other hosts, by ROS 2's own means.

    Without peers and server the range stays as it is: this host, unless the shell says otherwise. Peers are sent the
    announcements that otherwise stay on this host, without multicast, so that discovery also works on Wi-Fi.

    Args:
        peers: other hosts of the turret, names or addresses separated by commas.
        server: host, or host:port, of a Fast DDS discovery server.

    Raises:
        TurretError: INVALID_ARGUMENT, a host name has no IPv4 address, or a port is not a number.
    """
    variables = {}
    if peers:
        names = [name.strip() for name in peers.split(',') if name.strip()]
        variables['ROS_STATIC_PEERS'] = ';'.join(map(_address, names))
    if server:
        host, _, port = server.partition(':')
        if not (port or str(_DISCOVERY_PORT)).isdecimal():
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{port}" is not the port of a discovery server')
        variables['ROS_DISCOVERY_SERVER'] = f'{_address(host)}:{port or _DISCOVERY_PORT}'
    return variables


def _address(host: str) -> str:
    if not host:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'the name of a host is empty')
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'the host "{host}" has no IPv4 address: {error}') from error


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what everything needs that talks to a turret on this machine, unless ``base`` says otherwise."""
    variables = {
        'ROS_AUTOMATIC_DISCOVERY_RANGE': base.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or 'LOCALHOST',
        'OPENCV_IO_MAX_IMAGE_PIXELS': base.get('OPENCV_IO_MAX_IMAGE_PIXELS') or _MAX_PIXELS}
    return variables if any(base.get(name) for name in _PROFILES) else variables | _profiles(_packaged(_FILE))


def node_environment(
        spec: NodeSpec, namespace: str, folder: Path, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what the process of a node needs.

    Args:
        spec: the node.
        namespace: of the turret.
        folder: where its Fast DDS profiles are written, as topics are named in them.
        base: the environment that it inherits; its values take precedence.
    """
    variables = environment(base)
    if spec.raw_images:
        return variables | _profiles(_for_namespace(_RAW_IMAGES_FILE, namespace, folder))
    packaged = _PROFILES[0] in variables
    return variables | (_profiles(_for_namespace(_FILE, namespace, folder)) if packaged else {})


def _for_namespace(file: str, namespace: str, folder: Path) -> Path:
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

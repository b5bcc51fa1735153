# SPDX-License-Identifier: Apache-2.0
"""The environment variables of the processes of a turret."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from importlib import resources

from turret_bringup.settings.graph import NodeSpec
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


#: Port of a Fast DDS discovery server.
_DISCOVERY_PORT = 11811


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
    variables = {'ROS_AUTOMATIC_DISCOVERY_RANGE': base.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or 'LOCALHOST'}
    return variables if any(base.get(name) for name in _PROFILES) else variables | _profiles('fastdds.xml')


def node_environment(spec: NodeSpec, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what the process of a node needs."""
    return environment(base) | (_profiles('fastdds_shm.xml') if spec.raw_images else {})


def _profiles(file: str) -> dict[str, str]:
    """Return the variables that make Fast DDS read one of our files: its old name for it and its new one."""
    return dict.fromkeys(_PROFILES, str(resources.files('turret_bringup') / 'config' / file))

# SPDX-License-Identifier: Apache-2.0
"""Run a Fast DDS discovery server, at which the hosts of a turret meet.

Start it on one host, then the groups on every host with ./turret up --discovery-server HOST. It stops with Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import sysconfig
from pathlib import Path

from turret_bringup.settings.environment import DISCOVERY_PORT, discovery_server
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_PROGRAM = 'fast-discovery-server'
#: Where the Python packages of ROS 2 have the libraries that the program needs.
_LIBRARIES = 'ros_rmw_fastrtps_cpp.libs'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        '--host', default='127.0.0.1', metavar='ADDRESS',
        help='address that it listens on; 0.0.0.0: all of this host (default: %(default)s)')
    parser.add_argument(
        '--port', default=str(DISCOVERY_PORT), help='port that it listens on (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Become the server."""
    host, port = discovery_server(f'{args.host}:{args.port}')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            raise TurretError(
                ReasonCode.IO_ERROR, f'cannot listen on {host} port {port}: {error.strerror}') from error
    words = ['-i', '0', '-l', host, '-p', str(port)]
    sys.stdout.write(f'discovery server at {host} port {port}; stop it with Ctrl-C\n')
    sys.stdout.flush()
    if 'ROS_DISTRO' in os.environ:
        os.execvp('fastdds', ['fastdds', 'discovery', *words])
    program = Path(sys.prefix, 'bin', _PROGRAM)
    if not program.exists():
        raise TurretError(ReasonCode.NOT_FOUND, f'{program} is missing: run ./turret setup')
    libraries = f'{sys.prefix}/lib:{sysconfig.get_path("platlib")}/{_LIBRARIES}'
    os.execve(program, [_PROGRAM, *words], {**os.environ, 'LD_LIBRARY_PATH': libraries})

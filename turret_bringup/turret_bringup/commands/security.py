# SPDX-License-Identifier: Apache-2.0
"""Make the keys that protect the ROS domain: an SROS2 keystore with one enclave for each group of nodes.

It needs a ROS distribution. Start the turret with ROS_SECURITY_ENABLE=true, ROS_SECURITY_STRATEGY=Enforce and
ROS_SECURITY_KEYSTORE=FOLDER; each node uses the enclave of its group, and ./turret and other programs that of operator.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from turret_bringup.commands.options import add_namespace
from turret_bringup.settings.environment import enclave
from turret_bringup.settings.graph import GROUPS
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument('action', choices=('create',), help='add what is missing; existing keys stay')
    parser.add_argument('keystore', type=Path, metavar='FOLDER', help='the keystore')
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Create what is missing of the keystore."""
    if not shutil.which('ros2'):
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, 'keys are made by SROS2, which comes with a ROS distribution: install one, '
            'source it, and run this command again. The Python packages of ROS 2 contain Fast DDS without security')
    keystore: Path = args.keystore
    if not (keystore / 'enclaves').is_dir():
        _ros2_security('create_keystore', str(keystore))
    for group in GROUPS:
        name = enclave(args.namespace, group)
        if (keystore / 'enclaves' / name.strip('/') / 'key.pem').exists():
            sys.stdout.write(f'{name}: exists\n')
        else:
            _ros2_security('create_enclave', str(keystore), name)
            sys.stdout.write(f'{name}: made\n')
    return 0


def _ros2_security(*words: str) -> None:
    """Run ``ros2 security``. Raises TurretError (IO_ERROR) with its last line where it fails."""
    done = subprocess.run(
        ['ros2', 'security', *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        reason = done.stdout.strip().rpartition('\n')[2] or f'exit code {done.returncode}'
        raise TurretError(ReasonCode.IO_ERROR, f'ros2 security {words[0]} failed: {reason}')

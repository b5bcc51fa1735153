# SPDX-License-Identifier: Apache-2.0
"""Check this machine for common problems.

Set-up, versions, ports, firewall, network, shared memory, disk, devices and permissions; each problem is printed with
its remedy.
"""

from __future__ import annotations

import argparse
import sys

from turret_bringup.commands.options import add_namespace
from turret_bringup.run import doctor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_namespace(parser)
    parser.add_argument('--port', type=int, default=8000, help='port of the panel (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Print the findings; return 1 when there is a problem."""
    return int(not doctor.report(doctor.examine(args.namespace, args.port), sys.stdout.write))

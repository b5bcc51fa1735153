# SPDX-License-Identifier: Apache-2.0
"""Check this machine for common problems.

Set-up, versions, ports, firewall, network, shared memory, disk, devices and permissions; each problem is printed with
its remedy.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

from turret_bringup.commands.options import add_namespace
from turret_bringup.run import doctor, panel_address


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_namespace(parser)
    parser.add_argument(
        '--params', type=Path, action='append', default=[], metavar='FILE',
        help='parameter file, or name of an example, whose devices are checked as well (repeatable)')
    parser.add_argument('--port', type=int, help='port of the panel (default: that of the namespace)')


def run(args: argparse.Namespace) -> int:
    """Print the findings; return 1 when there is a problem."""
    findings = doctor.examine(args.namespace, args.port or _panel_port(args.namespace))
    if args.params:
        findings = itertools.chain(findings, doctor.hardware(args.namespace, args.params))
    return int(not doctor.report(findings, sys.stdout.write))


def _panel_port(namespace: str) -> int:
    """Return the port that the panel gets, that of the default namespace where the set-up has failed."""
    try:
        from turret_bringup.run.assignment import panel_port
    except ImportError:
        return panel_address.FIRST_PORT
    return panel_port(namespace)

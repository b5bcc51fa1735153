# SPDX-License-Identifier: Apache-2.0
"""Show the newest status of a running turret."""

from __future__ import annotations

import argparse
import json
import sys

from turret_bringup.commands.options import add_namespace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_namespace(parser)
    parser.add_argument('--json', action='store_true', help='print the whole message as JSON')
    parser.add_argument('--watch', action='store_true', help='keep printing each new status until Ctrl-C')


def run(args: argparse.Namespace) -> int:
    """Print the next status, or every one."""
    from turret_bringup.client.ros_client import TurretClient
    from turret_bringup.client.ros_status import lines
    from turret_bringup.client.ros_values import as_values

    with TurretClient(args.namespace) as client:
        for message in client.messages('status'):
            values = as_values(message)
            if args.watch and sys.stdout.isatty():
                sys.stdout.write('\x1b[2J\x1b[H')
            sys.stdout.write((json.dumps(values) if args.json else '\n'.join(lines(values))) + '\n')
            sys.stdout.flush()
            if not args.watch:
                break
    return 0

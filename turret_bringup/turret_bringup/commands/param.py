"""Show or change parameters of a running node.

For example:

  ./turret param get controller
  ./turret param get camera exposure_us
  ./turret param set controller pan.kp 12.5
"""

from __future__ import annotations

import argparse
import sys

from turret_bringup.commands.options import add_namespace
from turret_bringup.graph import GRAPH


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(title='actions', metavar='ACTION', required=True, dest='action')
    get = actions.add_parser('get', help='show one parameter, or all of a node')
    get.add_argument('node', metavar='NODE', choices=[spec.name for spec in GRAPH])
    get.add_argument('name', metavar='NAME', nargs='?')
    change = actions.add_parser('set', help='change one parameter')
    change.add_argument('node', metavar='NODE', choices=[spec.name for spec in GRAPH])
    change.add_argument('name', metavar='NAME')
    change.add_argument('value', metavar='VALUE', help='in YAML, for example 2.5, true, sim or [0.1, 0.2]')
    for action in (get, change):
        add_namespace(action)


def run(args: argparse.Namespace) -> int:
    """Print ``name: value`` lines, or change one."""
    import yaml

    from turret_bringup.configuration import checked_value
    from turret_bringup.ros_client import TurretClient

    if args.action == 'set':
        value = checked_value(args.node, args.name, yaml.safe_load(args.value))
        with TurretClient(args.namespace) as client:
            client.set_parameter(args.node, args.name, value)
        return 0
    with TurretClient(args.namespace) as client:
        values = client.parameters(args.node, [args.name] if args.name else None)
    for name, value in values.items():
        sys.stdout.write(f'{name}: {yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}\n')
    return 0

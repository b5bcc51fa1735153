# SPDX-License-Identifier: Apache-2.0
"""Print or change parameters of a running node.

For example:

  ./turret param get controller
  ./turret param get camera exposure_us
  ./turret param set controller aim.pan.kp 12.5
  ./turret param dump > mine.yaml     # and later: ./turret up --params mine.yaml
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from turret_bringup.commands.options import add_namespace
from turret_bringup.settings.graph import GRAPH, VIEWERS

_NODES = [spec.name for spec in (*GRAPH, *VIEWERS)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(title='actions', metavar='ACTION', required=True, dest='action')
    get = actions.add_parser('get', help='print one parameter, or all of a node')
    get.add_argument('node', metavar='NODE', choices=_NODES)
    get.add_argument('name', metavar='NAME', nargs='?')
    change = actions.add_parser('set', help='change one parameter')
    change.add_argument('node', metavar='NODE', choices=_NODES)
    change.add_argument('name', metavar='NAME')
    change.add_argument('value', metavar='VALUE', help='in YAML, for example 2.5, true, sim or [0.1, 0.2]')
    dump = actions.add_parser('dump', help='print all parameters in the format of --params')
    dump.add_argument('node', metavar='NODE', choices=_NODES, nargs='?', help='only this node')
    for action in (get, change, dump):
        add_namespace(action)


def run(args: argparse.Namespace) -> int:
    """Print parameters, or change one."""
    import yaml

    from turret_bringup.client.ros_client import TurretClient
    from turret_bringup.settings.configuration import checked_value
    from turret_common.user_files import parse_yaml

    if args.action == 'set':
        value = checked_value(args.node, args.name, parse_yaml(args.value))
        with TurretClient(args.namespace) as client:
            client.set_parameter(args.node, args.name, value)
        return 0
    with TurretClient(args.namespace) as client:
        if args.action == 'dump':
            nodes = [args.node] if args.node else client.running(_NODES)
            sys.stdout.write(''.join(dumped(f'/{args.namespace}/{node}', client.parameters(node)) for node in nodes))
        else:
            for name, value in client.parameters(args.node, [args.name] if args.name else None).items():
                sys.stdout.write(f'{name}: {yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}\n')
    return 0


def dumped(node: str, values: Mapping[str, Any]) -> str:
    """Return parameters by dotted name in the form of ``ros2 param dump``."""
    import yaml

    tree: dict[str, Any] = {}
    for name, value in sorted(values.items()):
        *groups, last = name.split('.')
        branch = tree
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[last] = value
    text: str = yaml.safe_dump({node: {'ros__parameters': tree}}, sort_keys=False)
    return text

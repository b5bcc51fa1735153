# SPDX-License-Identifier: Apache-2.0
"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from turret_bringup.settings.graph import DEFAULT_NAMESPACE
from turret_common.paths import state_dir


def add_namespace(parser: argparse.ArgumentParser) -> None:
    """Declare ``--namespace``."""
    parser.add_argument(
        '--namespace', type=namespace, default=DEFAULT_NAMESPACE, metavar='NAME',
        help='ROS namespace of the turret (default: %(default)s)')


def add_bag(parser: argparse.ArgumentParser) -> None:
    """Declare the bag of a command, and ``--namespace``."""
    parser.add_argument(
        'bag', metavar='BAG', nargs='?',
        help='name of a bag, its folder, or an MCAP file (default: the newest bag)')
    add_namespace(parser)


def add_end(parser: argparse.ArgumentParser) -> None:
    """Declare ``--end`` and ``--duration``, of which one may be given beside ``--start``."""
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument('--end', type=float, default=0.0, metavar='S', help='end time in the bag (default: its end)')
    limit.add_argument('--duration', type=float, default=0.0, metavar='S', help='seconds from --start on')


def bags_folder(args: argparse.Namespace) -> Path:
    """Return the folder that bags are in, ``--folder`` or the one in the turret's state."""
    return getattr(args, 'folder', None) or state_dir(args.namespace) / 'bags'


def bag_path(args: argparse.Namespace) -> Path:
    """Return the path of the requested bag; the state folder is read only to find a bag by name.

    Raises:
        BagError: the bag does not exist.
    """
    from turret_bringup.bags.library import BagLibrary
    if args.bag is not None and Path(args.bag).exists():
        return Path(args.bag)
    return BagLibrary(bags_folder(args)).find(args.bag)


def namespace(text: str) -> str:
    """Return a ROS namespace without slashes at its ends."""
    name = text.strip('/')
    if not re.fullmatch(r'[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*', name):
        raise argparse.ArgumentTypeError(
            f'"{text}" is not a ROS namespace: letters, digits and underscores, not beginning with a digit')
    return name

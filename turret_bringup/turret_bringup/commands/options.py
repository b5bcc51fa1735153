"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import re

from turret_bringup.graph import DEFAULT_NAMESPACE


def add_namespace(parser: argparse.ArgumentParser) -> None:
    """Declare ``--namespace``."""
    parser.add_argument(
        '--namespace', type=namespace, default=DEFAULT_NAMESPACE, metavar='NAME',
        help='ROS namespace of the turret (default: %(default)s)')


def namespace(text: str) -> str:
    """Return a ROS namespace without slashes at its ends."""
    name = text.strip('/')
    if not re.fullmatch(r'[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*', name):
        raise argparse.ArgumentTypeError(
            f'"{text}" is no ROS namespace: letters, digits and underscores, not beginning with a digit')
    return name

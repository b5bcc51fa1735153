# SPDX-License-Identifier: Apache-2.0
"""Install and build everything that the turret needs, without starting it.

``./turret up``, ``test`` and ``bench`` do the same first. Steps whose results work and are up to date are skipped.
"""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; the script ``turret`` has acted on them before the program starts."""
    parser.add_argument(
        '--force', action='store_true', help='start over: delete the installed packages and builds first')
    parser.add_argument(
        '--hardware', action='store_true',
        help='also install what only some hardware needs (Dynamixel servos, ONVIF cameras)')


def run(_: argparse.Namespace) -> int:
    """Report that the set-up is complete."""
    sys.stdout.write('The set-up is complete. Start the turret with ./turret up.\n')
    return 0

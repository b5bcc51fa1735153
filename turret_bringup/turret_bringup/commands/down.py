# SPDX-License-Identifier: Apache-2.0
"""Stop a running turret."""

from __future__ import annotations

import argparse
import sys

from turret_bringup.commands.options import add_namespace
from turret_bringup.run import instance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Stop the turret of the namespace; it is not an error if none is running."""
    stopped = instance.stop(args.namespace)
    sys.stdout.write(f'{"stopped the" if stopped else "no"} turret in the namespace "{args.namespace}"\n')
    return 0

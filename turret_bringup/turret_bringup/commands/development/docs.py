# SPDX-License-Identifier: Apache-2.0
"""Build the documentation site; it needs no network.

Without options it is written to build/site, for a web server. To read it here, and rebuild it when a page changes:

  ./turret docs --serve 8080
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from turret_bringup.run.prepared import ROOT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument('--serve', type=int, metavar='PORT', help='serve the site on 127.0.0.1 instead of writing it')


def run(args: argparse.Namespace) -> int:
    """Build or serve the site; a broken link fails."""
    words = ['build', '--strict', '--quiet']
    if args.serve is not None:
        words = ['serve', '--dev-addr', f'127.0.0.1:{args.serve}']
    code = subprocess.run(
        [sys.executable, '-m', 'mkdocs', *words], cwd=ROOT, check=False,
        env={**os.environ, 'NO_MKDOCS_2_WARNING': '1', 'COLUMNS': '120'}).returncode
    if code == 0 and args.serve is None:
        sys.stdout.write(f'The site is in {ROOT / "build" / "site"}; to read it here: ./turret docs --serve 8080\n')
    return code

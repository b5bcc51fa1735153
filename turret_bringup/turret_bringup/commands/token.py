# SPDX-License-Identifier: Apache-2.0
"""Show or rotate the access tokens for remote clients.

Tokens are required where the panel listens on more than this machine (./turret up --host 0.0.0.0). New ones take effect
with the next request and sign every client out; open connections remain until they are closed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from turret_bringup.commands.options import add_namespace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument('action', choices=('show', 'rotate'), help='show the tokens, or replace and show them')
    parser.add_argument('--file', type=Path, help='file of the tokens, where web.tokens_file names one')
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Print the tokens."""
    from turret_web.access.access import load_tokens, rotate_tokens, tokens_path

    path = args.file or tokens_path(args.namespace)
    tokens = rotate_tokens(path) if args.action == 'rotate' else load_tokens(path)
    sys.stdout.write(
        f'operator: {tokens.operator}\nviewer:   {tokens.viewer}\n'
        'Sign in with one of them on the page of the panel, or open /sign-in?token=TOKEN there.\n')
    return 0

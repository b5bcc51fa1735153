# SPDX-License-Identifier: Apache-2.0
"""The command-line program behind ``./turret``."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Sequence

from turret_bringup.bags.libraries import BAG_LIBRARIES, missing_bag_libraries
from turret_bringup.commands import COMMANDS
from turret_common.errors import TurretError

#: Errors of a folder or disk that the user has to correct.
_UNUSABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR)
#: Exit code for wrong input.
WRONG_INPUT = 2


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole program."""
    top = argparse.ArgumentParser(
        prog='./turret', formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Pan-tilt tracking turret on ROS 2. Without hardware it runs in simulation.',
        epilog='"./turret COMMAND --help" describes a command.')
    subparsers = top.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or '').splitlines()[0]
        sub = subparsers.add_parser(
            name, help=summary[0].lower() + summary[1:].rstrip('.'), description=module.__doc__, allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is printed as one sentence and returns 2.

    Arguments after ``--``, and those after the name of a benchmark or a tool, are passed to the command as
    ``args.rest``.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    end = words.index('--') if '--' in words else len(words)
    if words[:1] == ['bench'] or words[:2] in (['hw', 'bus'], ['hw', 'wizard']):
        end = min(end, 2)
    args = parser().parse_args(words[:end])
    args.rest = [word for word in words[end:] if word != '--']
    try:
        code: int = args.run(args)
    except TurretError as error:
        sys.stderr.write(f'turret: {error.message}\n')
        return WRONG_INPUT
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition('.')[0] not in BAG_LIBRARIES:
            raise
        from turret_bringup.settings.configuration import without_bags

        sys.stderr.write(f'turret: {without_bags(missing_bag_libraries())}\n')
        return WRONG_INPUT
    except OSError as error:
        if error.errno not in _UNUSABLE:
            raise
        sys.stderr.write(f'turret: {error.strerror}{": " if error.filename else ""}{error.filename or ""}\n')
        return WRONG_INPUT
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == '__main__':
    raise SystemExit(main())

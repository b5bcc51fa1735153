"""Call a service of a running turret.

Commands that need the operator's lease get it for the duration of the call. For example:

  ./turret call controller/set_mode '{"mode": 2}'
  ./turret call controller/move_to '{"pan": 0.3, "tilt": 0.1}'
  ./turret call safety/stop
"""

from __future__ import annotations

import argparse
import json
import sys

from turret_bringup.commands.options import add_namespace
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument('service', metavar='SERVICE', help='name in the namespace, for example controller/set_mode')
    parser.add_argument('values', metavar='JSON', nargs='?', default='{}', help='fields of the request (default: {})')
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Print the answer as JSON; the exit code is 1 when it is a refusal."""
    try:
        values = json.loads(args.values)
    except ValueError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'the request is no valid JSON: {error}') from error
    if not isinstance(values, dict):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'the request is no JSON object, for example {"mode": 2}')

    from turret_bringup.ros_client import TurretClient
    with TurretClient(args.namespace) as client:
        answer = client.call(args.service, values)
    sys.stdout.write(json.dumps(answer, indent=2) + '\n')
    return int(not answer.get('success', True))

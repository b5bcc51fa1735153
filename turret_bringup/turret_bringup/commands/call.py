# SPDX-License-Identifier: Apache-2.0
"""Call a service, or run an action, of a running turret.

Commands that need the operator lease acquire it for the duration of the call. An action prints its progress; Ctrl-C
cancels it. For example:

  ./turret call controller/set_mode '{"mode": 2}'
  ./turret call controller/move_to '{"pan": 0.3, "tilt": 0.1}'
  ./turret call safety/stop
  ./turret call controller/run_pattern '{"kind": 1, "pan_size": 0.3, "tilt_size": 0.15}'
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from turret_bringup.commands.options import add_namespace
from turret_common.errors import TurretError
from turret_common.interface import ACTIONS
from turret_common.reason_codes import ReasonCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        'service', metavar='SERVICE',
        help='name relative to the namespace, for example controller/set_mode')
    parser.add_argument('values', metavar='JSON', nargs='?', default='{}', help='fields of the request (default: {})')
    add_namespace(parser)


def show(feedback: dict[str, Any]) -> None:
    """Print one line of feedback on standard error."""
    sys.stderr.write(', '.join(f'{name}: {_short(value)}' for name, value in feedback.items() if value != '') + '\n')


def _short(value: Any) -> str:
    return f'{value:.3g}' if isinstance(value, float) else str(value)


def run(args: argparse.Namespace) -> int:
    """Print the response as JSON; return 1 when it is a refusal."""
    try:
        values = json.loads(args.values)
    except ValueError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'the request is not valid JSON: {error}') from error
    if not isinstance(values, dict):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, 'the request is not a JSON object such as {"mode": 2}')

    from turret_bringup.client.ros_client import TurretClient
    is_action = any(action.name == args.service for action in ACTIONS)
    with TurretClient(args.namespace) as client:
        answer = client.run(args.service, values, show) if is_action else client.call(args.service, values)
    sys.stdout.write(json.dumps(answer, indent=2) + '\n')
    return int(not answer.get('success', True))

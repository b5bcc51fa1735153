"""Run perception and control again on a bag, and tell what changed against the recording.

The same bag gives the same result, to the bit: its hash is the last line. Parameters are those that were recorded,
unless --set says otherwise, so a change is judged by running the same bag before and after. The first seconds are not
compared, because what the nodes knew before the recording began is not in the bag.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from turret_bringup.bags.reader import Bag
from turret_bringup.bags.ros_messages import namespace_of, recorded_parameters
from turret_bringup.commands.options import add_bag, bag_path
from turret_bringup.replay import settings
from turret_bringup.rerun import history as replay_history
from turret_bringup.rerun.ros_rerun import Settings, rerun
from turret_common.bench import table, write_json

_SHOWN = 5  # deviations from what was expected


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    add_bag(parser)
    parser.add_argument(
        '--set', action='append', default=[], metavar='NODE.NAME=VALUE', dest='assignments',
        help='one parameter of vision or controller; may be repeated, wins over what was recorded')
    parser.add_argument('--defaults', action='store_true', help='do not use the recorded parameters')
    parser.add_argument('--every-image', action='store_true', help='also look at images that vision had left out')
    parser.add_argument(
        '--skip', type=float, default=2.0, metavar='S', help='seconds that are not compared (default: %(default)s)')
    parser.add_argument('--save', type=Path, metavar='FILE', help='keep what was perceived and decided')
    parser.add_argument(
        '--expect', type=Path, metavar='FILE', help='a file of --save; any deviation from it makes the exit code 1')
    parser.add_argument('--json', type=Path, metavar='FILE', help='also write the rows to a file')


def run(args: argparse.Namespace) -> int:
    """Print the table; the exit code is 1 where something else was expected."""
    with Bag(bag_path(args)) as bag:
        recorded = {} if args.defaults else recorded_parameters(bag, namespace_of(bag))
        parameters, notes = settings.compose(recorded, args.assignments)
        result = rerun(bag, Settings(parameters['vision'], parameters['controller'], args.every_image))
        since_ns = bag.start_ns + round(1e9 * args.skip)
    for note in notes:
        sys.stderr.write(f'turret: {note}\n')
    rows = list(replay_history.compare(_after(result.recorded, since_ns), _after(result.again, since_ns), result.truth))
    sys.stdout.write(f'{table(rows)}hash {result.again.digest()}\n')
    if args.json:
        write_json(args.json, rows)
    if args.save:
        replay_history.save(result.again, args.save)
    if not args.expect:
        return 0
    deviations = replay_history.deviations(replay_history.load(args.expect), result.again)
    for sentence in deviations[:_SHOWN]:
        sys.stdout.write(f'not as expected: {sentence}\n')
    sys.stdout.write(f'{len(deviations)} deviations from {args.expect}\n')
    return int(bool(deviations))


def _after(history: replay_history.History, since_ns: int) -> replay_history.History:
    return replay_history.History(**{
        field.name: {stamp: entry for stamp, entry in getattr(history, field.name).items() if stamp >= since_ns}
        for field in dataclasses.fields(history)})

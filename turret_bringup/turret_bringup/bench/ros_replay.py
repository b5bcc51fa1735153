# SPDX-License-Identifier: Apache-2.0
"""Re-run perception and control on a bag and compare with the recording.

The same bag gives bit-identical results, summarized by the printed hash. Recorded parameters are used unless --set
overrides them, so the effect of a change is measured by running the same bag before and after. The first seconds are
not compared, because the state of the nodes before the recording began is not in the bag.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from turret_bringup.bags.messages import namespace_of
from turret_bringup.bags.reader import Bag
from turret_bringup.commands.options import add_bag, bag_path
from turret_bringup.replay import settings
from turret_bringup.rerun import history
from turret_bringup.rerun.ros_rerun import Settings, rerun
from turret_common.bench import Row, note

_SHOWN = 5  # deviations from what was expected


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    add_bag(parser)
    parser.add_argument(
        '--set', action='append', default=[], metavar='NODE.NAME=VALUE', dest='assignments',
        help='parameter of vision or controller that overrides the recorded value (repeatable)')
    parser.add_argument('--defaults', action='store_true', help='do not use the recorded parameters')
    parser.add_argument('--every-image', action='store_true', help='also process frames that vision had dropped')
    parser.add_argument(
        '--skip', type=float, default=2.0, metavar='S',
        help='seconds at the start that are not compared (default: %(default)s)')
    parser.add_argument(
        '--save', type=Path, metavar='FILE', help='write the detections, tracks and commands of the re-run')
    parser.add_argument(
        '--expect', type=Path, metavar='FILE', help='file written by --save; any deviation from it sets exit code 1')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Yield the differences from the recording, and with --expect the number of deviations, which must be 0."""
    with Bag(bag_path(args)) as bag:
        recorded = {} if args.defaults else settings.recorded_parameters(bag, namespace_of(bag))
        parameters, remarks = settings.compose(recorded, args.assignments)
        result = rerun(bag, Settings(parameters['vision'], parameters['controller'], args.every_image))
        since_ns = bag.start_ns + round(1e9 * args.skip)
    for remark in remarks:
        note(remark)
    yield from history.compare(_after(result.recorded, since_ns), _after(result.again, since_ns), result.truth)
    note(f'hash {result.again.digest()}')
    if args.save:
        history.save(result.again, args.save)
    if args.expect:
        deviations = history.deviations(history.load(args.expect), result.again)
        for sentence in deviations[:_SHOWN]:
            note(f'unexpected: {sentence}')
        yield Row('all', 'expected', 'deviations', len(deviations), '', maximum=0)


def _after(found: history.History, since_ns: int) -> history.History:
    return history.History(**{
        field.name: {stamp: entry for stamp, entry in getattr(found, field.name).items() if stamp >= since_ns}
        for field in dataclasses.fields(found)})

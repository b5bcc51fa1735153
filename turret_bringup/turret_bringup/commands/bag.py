"""Record bags of a running turret, and look at them.

For example:

  ./turret bag start --selection full --label test     ./turret bag stop
  ./turret bag save                                    the last seconds, from the ring buffer
  ./turret bag list
  ./turret bag info                                    of the newest bag
  ./turret bag plot -o plot.html
  ./turret bag video auto_20261125_120000_fire -o shot.mp4
  ./turret bag export --parquet

A BAG is the name of one in the turret's folder, or the path of a folder or of an MCAP file; the newest one without it.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turret_bringup.commands.options import add_end, add_namespace, bag_path, bags_folder
from turret_common.errors import TurretError, printable
from turret_common.reason_codes import ReasonCode

if TYPE_CHECKING:
    from turret_bringup.bags.reader import Bag

_IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
_PLOT_SUFFIXES = ('.png', '.svg', '.pdf', '.html')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(title='actions', metavar='ACTION', required=True, dest='action')

    def action(name: str, summary: str, run_it: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=summary, description=f'{summary[0].upper()}{summary[1:]}.')
        sub.set_defaults(act=run_it)
        add_namespace(sub)
        return sub

    def of_a_bag(
            name: str, summary: str, run_it: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        sub = action(name, summary, run_it)
        sub.add_argument('bag', metavar='BAG', nargs='?', help='name or path (default: the newest)')
        sub.add_argument('--folder', type=Path, metavar='PATH', help='folder of the bags (default: the turret\'s)')
        return sub

    def of_a_part(
            name: str, summary: str, run_it: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        sub = of_a_bag(name, summary, run_it)
        sub.add_argument(
            '--start', type=float, default=0.0, metavar='S', help='start time in the bag (default: its beginning)')
        add_end(sub)
        return sub

    start = action('start', 'record a bag until stopped', _start)
    start.add_argument('--selection', default='', metavar='NAME', help='light, full or all (default: light)')
    start.add_argument('--label', default='', metavar='TEXT', help='part of the name')
    start.add_argument('--seconds', type=float, default=0.0, metavar='S', help='stop after this time')
    action('stop', 'stop recording', _stop)
    save = action('save', 'save the last seconds as a bag', _save)
    save.add_argument('--label', default='', metavar='TEXT', help='part of the name')
    save.add_argument('--seconds', type=float, default=0.0, metavar='S', help='how far back (default: all of it)')
    listing = action('list', 'list the bags', _list)
    listing.add_argument('--folder', type=Path, metavar='PATH', help='folder of the bags (default: the turret\'s)')
    of_a_bag('info', 'show what is in a bag', _info)
    of_a_bag('recover', 'repair a bag whose recording was cut off', _recover)
    plot = of_a_part('plot', 'plot aim error, angles, latencies and states', _plot)
    plot.add_argument(
        '-o', '--output', type=Path, metavar='FILE', help=f'{", ".join(_PLOT_SUFFIXES)} (default: BAG.png here)')
    video = of_a_part('video', 'make a video with detections, tracks and crosshair drawn in', _video)
    video.add_argument('-o', '--output', type=Path, metavar='FILE', help='MP4 (default: BAG.mp4 here)')
    video.add_argument('--topic', metavar='NAME', help='image topic, without namespace (default: the best)')
    export = of_a_part('export', 'write one table for each topic', _export)
    export.add_argument('-o', '--output', type=Path, metavar='FOLDER', help='folder (default: BAG here)')
    export.add_argument(
        '--topics', nargs='+', metavar='NAME', help='with or without namespace (default: all but images)')
    export.add_argument('--parquet', action='store_true', help='Parquet instead of CSV; needs pyarrow')


def run(args: argparse.Namespace) -> int:
    """Run the action."""
    args.act(args)
    return 0


def _print(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f'{printable(line)}\n' for line in lines)


# --- a running turret

def _call(args: argparse.Namespace, service: str, **values: Any) -> dict[str, Any]:
    from turret_bringup.client.ros_client import TurretClient
    with TurretClient(args.namespace, timeout_s=30.0) as client:
        answer = client.call(service, values)
    if not answer['success']:
        raise TurretError(ReasonCode(answer['code']), answer['message'])
    return answer


def _start(args: argparse.Namespace) -> None:
    answer = _call(args, 'bag/start', selection=args.selection, label=args.label, max_s=args.seconds)
    _print([f'recording {answer["name"]}; stop it with: ./turret bag stop'])


def _stop(args: argparse.Namespace) -> None:
    _print([f'recorded {_call(args, "bag/stop")["name"]}'])


def _save(args: argparse.Namespace) -> None:
    _print([f'saved {_call(args, "bag/save_last", label=args.label, duration_s=args.seconds)["name"]}'])


# --- bags on the disk

def _list(args: argparse.Namespace) -> None:
    from turret_bringup.bags.library import BagLibrary
    entries = BagLibrary(bags_folder(args)).entries()
    width = max((len(entry.name) for entry in entries), default=0)
    _print(
        f'{entry.name:{width}}  {entry.duration_s:8.1f} s  {entry.size / 1e6:9.1f} MB  {entry.messages:9} messages'
        f'{"" if entry.complete else "  cut off: ./turret bag recover " + entry.name}' for entry in entries)
    if not entries:
        _print([f'no bags in {bags_folder(args)}'])


def _recover(args: argparse.Namespace) -> None:
    from turret_bringup.bags.recovery import recover
    path = bag_path(args)
    recovery = recover(path)
    _print([
        f'{path.name}: {recovery.messages} messages, '
        f'{"rewrote " + ", ".join(recovery.rewritten) if recovery.rewritten else "every file was whole"}',
        *(f'kept what was damaged as {path / name}' for name in recovery.damaged)])


def _info(args: argparse.Namespace) -> None:
    from turret_bringup.bags import info
    from turret_bringup.bags.reader import Bag
    with Bag(bag_path(args)) as bag:
        _print(info.lines(bag))


def _plot(args: argparse.Namespace) -> None:
    from turret_bringup.bags import info
    from turret_bringup.bags.messages import TurretMessages
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation import plots
    from turret_bringup.evaluation import series as bag_series
    with Bag(bag_path(args)) as bag:
        output = _output(args, bag, '.png')
        if output.suffix not in _PLOT_SUFFIXES:
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'the name {output} must end in one of {", ".join(_PLOT_SUFFIXES)}')
        series = bag_series.Series()
        turret = TurretMessages(bag)
        for topic, stamp_ns, values in turret.values(bag_series.TOPICS, *_range(args, bag)):
            series.add(topic, (stamp_ns - bag.start_ns) * 1e-9, stamp_ns * 1e-9, values)
        _warn(turret.decoder.notes())
        _writing(output, lambda: plots.write(output, bag.path.name, series, info.lines(bag)))


def _video(args: argparse.Namespace) -> None:
    from turret_bringup.bags.messages import TurretMessages
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation import video as bag_video
    with Bag(bag_path(args)) as bag:
        output = _output(args, bag, '.mp4')
        turret = TurretMessages(bag)
        topic = args.topic or bag_video.source(turret.topics)
        if topic not in bag_video.IMAGES:
            raise TurretError(
                ReasonCode.UNKNOWN_NAME, f'"{topic}" is not one of {", ".join(bag_video.IMAGES)}')
        span = _range(args, bag)
        left_out = _writing(
            output, lambda: bag_video.write(output, lambda topics: turret.values(topics, *span, raw=True), topic))
        _warn([f'{left_out} images are left out: damaged, or of another size'] if left_out else [])


def _export(args: argparse.Namespace) -> None:
    from turret_bringup.bags.messages import BagMessages, namespace_of
    from turret_bringup.bags.metadata import BagError
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation import tables
    with Bag(bag_path(args)) as bag:
        decoder = BagMessages(bag)
        try:
            prefix = namespace_of(bag)
        except BagError:  # a bag of something else can be exported too
            prefix = ''
        named = {name if name.startswith('/') else f'{prefix}/{name}' for name in args.topics or ()}
        wanted = named or {name for name, topic in bag.topics.items() if topic.type not in _IMAGE_TYPES}
        unknown = wanted - set(bag.topics)
        if unknown:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'the bag has no topic {", ".join(sorted(unknown))}')
        span = _range(args, bag)

        def messages() -> Iterable[tuple[str, int, dict[str, Any]]]:
            decoder.damaged.clear()
            for message in bag.messages(wanted - set(decoder.left_out), *span):
                values = decoder.values(message)
                if values is not None:
                    yield message.topic, message.stamp_ns, values
        output = _output(args, bag, '')
        write = tables.write_parquet if args.parquet else tables.write_csv
        try:
            _writing(output, lambda: write(output, messages))
        except ImportError:
            raise TurretError(
                ReasonCode.NOT_SUPPORTED, 'Parquet needs the Python package pyarrow: pip install pyarrow') from None
        _warn(decoder.notes())


def _range(args: argparse.Namespace, bag: Bag) -> tuple[int | None, int | None]:
    """Return the stamps that ``--start``, ``--end`` and ``--duration`` mean; None = the whole bag."""
    end = args.start + args.duration if args.duration else args.end
    for name, value in (('--start', args.start), ('--end', end)):
        if not 0.0 <= value <= 1e9:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'{name} {value:g} is not a time in the bag')
    if end and end <= args.start:
        raise TurretError(ReasonCode.OUT_OF_RANGE, f'the end, {end:g} s, is not after --start {args.start:g}')
    return (bag.start_ns + round(1e9 * args.start) if args.start else None,
            bag.start_ns + round(1e9 * end) if end else None)


def _output(args: argparse.Namespace, bag: Bag, suffix: str) -> Path:
    """Return where to write: what was asked for, else a name after the bag that does not exist yet."""
    if args.output is not None:
        return Path(args.output)
    stem = bag.path.resolve().name.removesuffix('.mcap')
    names = itertools.chain([f'{stem}{suffix}'], (f'{stem}_{i}{suffix}' for i in itertools.count(2)))
    return next(path for name in names if not (path := Path(name)).exists())


def _writing(output: Path, write: Callable[[], Any]) -> Any:
    try:
        result = write()
    except OSError as error:
        raise TurretError(ReasonCode.IO_ERROR, f'cannot write {output}: {error.strerror}') from error
    _print([f'wrote {output}'])
    return result


def _warn(notes: Iterable[str]) -> None:
    sys.stderr.writelines(f'{printable(note)}\n' for note in notes)
